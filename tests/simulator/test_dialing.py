"""`<Dial>` beyond the plain case: who hears what when, and several numbers."""

from __future__ import annotations

import base64

import numpy as np

from callscribe.simulator import mulaw
from callscribe.simulator.run import Server, simulate_call
from callscribe.simulator.script import CallScript, Party
from tests.simulator.server import FakeServer

CALLER = Party("+15005550010", bytes([0x10]) * 8000)
SPEED = 10.0


def dial(attributes: str = "", numbers: str = "<Number>+15005550020</Number>") -> str:
    return (
        '<Response><Start><Stream url="/media" track="both_tracks"/></Start>'
        f"<Dial {attributes}>{numbers}</Dial></Response>"
    )


def outbound(server: FakeServer) -> list[tuple[int, bytes]]:
    return [
        (int(m["timestamp"]), base64.b64decode(m["payload"]))
        for m in server.sockets[0].media("outbound")
    ]


async def test_the_caller_hears_ringback_until_the_callee_answers(server: FakeServer) -> None:
    server.answers["/twilio/voice"] = dial()
    callee = Party("+15005550020", bytes([0x20]) * 8000, rings_s=2.0)
    report = await simulate_call(
        CallScript(CALLER, others=(callee,)), Server(server.url), speed=SPEED
    )
    begin = report.streams[0].conversation_ms
    assert begin is not None
    ringing = b"".join(audio for at, audio in outbound(server) if at < begin - 400)
    spectrum = np.abs(np.fft.rfft(mulaw.decode(ringing)[:8000].astype(float), 8000))
    assert set(np.argsort(spectrum)[-2:].tolist()) == {440, 480}
    after = b"".join(audio for at, audio in outbound(server) if at > begin - 200)
    loud = mulaw.decode(after)
    assert bytes([0x20]) * 8000 in after
    assert not np.any((np.abs(loud) > 1000) & (loud != mulaw.decode(b"\x20")[0]))


async def test_with_answer_on_bridge_nothing_is_heard_before(server: FakeServer) -> None:
    server.answers["/twilio/voice"] = dial('answerOnBridge="true"')
    callee = Party("+15005550020", bytes([0x20]) * 8000, rings_s=2.0)
    report = await simulate_call(
        CallScript(CALLER, others=(callee,)), Server(server.url), speed=SPEED
    )
    begin = report.streams[0].conversation_ms
    assert begin is not None
    first = min(int(m["timestamp"]) for m in server.sockets[0].media("inbound"))
    assert begin - 2000 < first <= begin
    assert report.streams[0].first_timestamp_ms < first - 1500


async def test_the_first_of_several_to_answer_is_connected_and_the_rest_cancelled(
    server: FakeServer,
) -> None:
    numbers = "".join(
        f'<Number statusCallback="/leg/{n}">+1500555002{n}</Number>' for n in range(3)
    )
    server.answers["/twilio/voice"] = dial(numbers=numbers)
    others = (
        Party("+15005550020", result="busy"),
        Party("+15005550021", bytes([0x21]) * 8000, rings_s=1),
        Party("+15005550022", bytes([0x22]) * 8000, rings_s=9),
    )
    report = await simulate_call(CallScript(CALLER, others=others), Server(server.url), speed=SPEED)
    assert [leg.status for leg in report.legs] == ["busy", "completed", "canceled"]
    sip = [server.to(f"/leg/{n}")[0].fields["SipResponseCode"] for n in range(3)]
    assert sip == ["486", "200", "487"]
    heard = b"".join(audio for _, audio in outbound(server))
    assert bytes([0x21]) * 8000 in heard
    assert bytes([0x22]) * 160 not in heard


async def test_a_whisper_is_played_to_the_callee_first_and_may_end_the_leg(
    server: FakeServer,
) -> None:
    server.answers["/twilio/voice"] = dial(
        'action="/done"', '<Number url="/whisper">+15005550020</Number>'
    )
    server.answers["/whisper"] = "<Response><Say>A call for you.</Say></Response>"
    callee = Party("+15005550020", bytes([0x20]) * 4000, rings_s=0.5)
    script = CallScript(CALLER, others=(callee,))
    report = await simulate_call(script, Server(server.url), speed=SPEED)
    assert report.legs[0].verbs[0] == "Say"
    assert server.to("/whisper")[0].fields["ParentCallSid"] == report.sid
    assert report.ended_by == "caller"

    server.answers["/whisper"] = "<Response><Hangup/></Response>"
    report = await simulate_call(script, Server(server.url), speed=SPEED)
    assert report.legs[0].ended_by == "server"
    assert server.to("/done")[-1].fields["DialBridged"] == "false"


async def test_numbers_that_cannot_be_dialled(server: FakeServer) -> None:
    server.answers["/twilio/voice"] = dial(numbers="<Number>12</Number>")
    report = await simulate_call(CallScript(CALLER), Server(server.url), speed=SPEED)
    assert [e.code for e in report.errors] == [13223]
    server.answers["/twilio/voice"] = dial('callerId="me"')
    report = await simulate_call(CallScript(CALLER), Server(server.url), speed=SPEED)
    assert [e.code for e in report.errors] == [13214]
    assert report.dial_status == "failed"
