"""Whole calls against a tiny server."""

from __future__ import annotations

import asyncio
import base64

import httpx

from callscribe.simulator import signing
from callscribe.simulator.frames import Faults
from callscribe.simulator.run import RestOn, Server, simulate_call, simulate_calls
from callscribe.simulator.script import CallScript, Party
from callscribe.simulator.world import ACCOUNT_SID
from tests.simulator.server import FakeServer, running_server, until

TOKEN = "0123456789abcdef0123456789abcdef"
CALLER = Party("+15005550010", bytes(range(256)) * 30)  # 0.96 s
CALLEE = Party("+15005550020", bytes(range(255, -1, -1)) * 30, rings_s=0.5)
SPEED = 10.0

HOLD = """<?xml version="1.0" encoding="UTF-8"?><Response>
<Start><Stream name="main" url="/media/ticket" track="both_tracks" statusCallback="{url}/stream">
<Parameter name="role" value="caller"/></Stream></Start>
<Say>Hello.</Say><Pause length="60"/></Response>"""


def hold(server: FakeServer) -> str:
    return HOLD.replace("{url}", server.url)


async def test_a_call_is_phoned_in_streamed_and_ended(server: FakeServer) -> None:
    server.answers["/twilio/voice"] = hold(server)
    script = CallScript(CALLER, others=(CALLEE,))
    report = await simulate_call(script, Server(server.url), auth_token=TOKEN, speed=SPEED, seed=1)

    assert report.errors == []
    assert report.status == "completed"
    assert report.ended_by == "caller"
    assert report.verbs == ["Start Stream", "Say", "Pause"]

    voice = server.to("/twilio/voice")[0]
    assert voice.fields["CallStatus"] == "ringing"
    assert voice.headers["user-agent"] == "TwilioProxy/1.1"
    assert voice.headers["x-twilio-signature"] == signing.sign(
        TOKEN, server.url + "/twilio/voice", voice.form
    )
    assert voice.fields["From"] == voice.fields["Caller"] == CALLER.number

    socket = server.sockets[0]
    assert socket.path == "/media/ticket"
    assert socket.headers["user-agent"] == "Twilio.TmeWs/1.0"
    wss = server.url.replace("http://", "wss://") + "/media/ticket"
    assert socket.headers["x-twilio-signature"] == signing.sign(TOKEN, wss)
    assert not {"origin", "sec-websocket-protocol", "sec-websocket-extensions"} & set(
        socket.headers
    )

    events = [m["event"] for m in socket.messages]
    assert events[:2] == ["connected", "start"]
    assert events[-1] == "stop"
    assert set(events[2:-1]) == {"media"}
    numbers = [int(m["sequenceNumber"]) for m in socket.messages[1:]]
    assert numbers == list(range(1, len(numbers) + 1))
    assert socket.messages[1]["start"]["customParameters"] == {"role": "caller"}

    status = server.to("/twilio/status")
    assert [s.fields["CallStatus"] for s in status] == ["completed"]
    assert [s.fields["StreamEvent"] for s in server.to("/stream")] == [
        "stream-started",
        "stream-stopped",
    ]


async def test_both_recordings_arrive_whole_and_where_the_report_says(server: FakeServer) -> None:
    server.answers["/twilio/voice"] = hold(server)
    report = await simulate_call(
        CallScript(CALLER, others=(CALLEE,)), Server(server.url), speed=SPEED, seed=1
    )
    stream = report.streams[0]
    assert stream.conversation_ms is not None
    for track, party in (("inbound", CALLER), ("outbound", CALLEE)):
        line = _line(server.sockets[0].media(track), stream.first_timestamp_ms)
        begin = (stream.conversation_ms - stream.first_timestamp_ms) * 8
        assert line[begin : begin + len(party.audio)] == party.audio


def _line(media: list[dict[str, str]], first_ms: int) -> bytes:
    """A track's audio put back on its line, timestamps rounded to their 20 ms slots."""
    slots = {
        round((int(m["timestamp"]) - first_ms) / 20): base64.b64decode(m["payload"]) for m in media
    }
    return b"".join(slots.get(i, b"\xff" * 160) for i in range(max(slots) + 1))


async def test_a_refused_webhook_is_an_error_that_says_so(server: FakeServer) -> None:
    server.statuses["/twilio/voice"] = 403
    report = await simulate_call(CallScript(CALLER), Server(server.url), speed=SPEED)
    assert [e.code for e in report.errors] == [11200]
    assert "signature" in report.errors[0].message
    assert report.status == "failed"


async def test_nobody_there_is_11205() -> None:
    report = await simulate_call(CallScript(CALLER), Server("http://127.0.0.1:9"), speed=SPEED)
    assert 11205 in [e.code for e in report.errors]


async def test_a_refused_socket_is_31920_and_the_call_goes_on(server: FakeServer) -> None:
    server.answers["/twilio/voice"] = hold(server)
    server.refuse_socket = True
    report = await simulate_call(CallScript(CALLER), Server(server.url), speed=SPEED)
    assert [e.code for e in report.errors] == [31920]
    assert report.streams[0].http_status == 403
    assert report.verbs == ["Start Stream", "Say", "Pause"]
    assert [s.fields["StreamEvent"] for s in server.to("/stream")] == ["stream-error"]


async def test_a_socket_closed_by_the_server_is_31921(server: FakeServer) -> None:
    async def close(websocket: object) -> None:
        await websocket.receive_text()  # type: ignore[attr-defined]
        await websocket.close(1008, "who are you")  # type: ignore[attr-defined]

    server.answers["/twilio/voice"] = hold(server)
    server.on_socket = close
    report = await simulate_call(CallScript(CALLER), Server(server.url), speed=SPEED)
    assert [e.code for e in report.errors] == [31921]
    assert (report.streams[0].close_code, report.streams[0].close_reason) == (1008, "who are you")


async def test_dial_is_answered_bridged_and_reported(server: FakeServer) -> None:
    server.answers["/twilio/voice"] = """<Response>
        <Start><Stream url="/media" track="both_tracks"/></Start>
        <Dial action="/done" callerId="+15005550006"><Number statusCallback="/leg"
          statusCallbackEvent="initiated ringing answered completed">+15005550020</Number></Dial>
        </Response>"""
    server.answers["/done"] = "<Response><Hangup/></Response>"
    script = CallScript(CALLER, others=(CALLEE,), hangup_by="callee")
    report = await simulate_call(script, Server(server.url), auth_token=TOKEN, speed=SPEED, seed=3)
    assert report.errors == []
    legs = sorted(server.to("/leg"), key=lambda r: int(r.fields["SequenceNumber"]))
    assert [r.fields["CallStatus"] for r in legs] == [
        "initiated",
        "ringing",
        "in-progress",
        "completed",
    ]
    assert {r.fields["ParentCallSid"] for r in legs} == {report.sid}
    done = server.to("/done")[0].fields
    assert (done["DialCallStatus"], done["DialBridged"]) == ("completed", "true")
    assert done["CallSid"] == report.sid
    stream = report.streams[0]
    assert stream.conversation_ms is not None
    line = _line(server.sockets[0].media("outbound"), stream.first_timestamp_ms)
    begin = (stream.conversation_ms - stream.first_timestamp_ms) * 8
    assert line[begin : begin + len(CALLEE.audio)] == CALLEE.audio
    assert report.legs[0].ended_by == "callee"


async def test_dial_busy_falls_through_to_the_action(server: FakeServer) -> None:
    server.answers["/twilio/voice"] = (
        '<Response><Dial action="/done"><Number>+15005550020</Number></Dial></Response>'
    )
    server.answers["/done"] = "<Response><Say>Busy.</Say></Response>"
    for result in ("busy", "no-answer", "failed"):
        callee = Party("+15005550020", result=result)
        report = await simulate_call(
            CallScript(CALLER, others=(callee,)), Server(server.url), speed=100
        )
        assert report.dial_status == result
        assert server.to("/done")[-1].fields["DialCallStatus"] == result


async def test_a_callee_who_could_not_be_reached_is_not_heard_afterwards(
    server: FakeServer,
) -> None:
    server.answers["/twilio/voice"] = (
        '<Response><Start><Stream url="/media" track="both_tracks"/></Start>'
        '<Dial><Number>+15005550020</Number></Dial><Pause length="60"/></Response>'
    )
    callee = Party("+15005550020", b"\x20" * 8000, result="busy")
    report = await simulate_call(
        CallScript(CALLER, others=(callee,)), Server(server.url), speed=SPEED
    )
    assert report.verbs == ["Start Stream", "Dial", "Pause"]
    heard = b"".join(base64.b64decode(m["payload"]) for m in server.sockets[0].media("outbound"))
    assert b"\x20" * 160 not in heard


async def test_the_caller_hanging_up_cancels_a_ringing_leg(server: FakeServer) -> None:
    server.answers["/twilio/voice"] = (
        '<Response><Pause length="1"/><Dial timeout="60"><Number statusCallback="/leg">+15005550020'
        "</Number></Dial></Response>"
    )
    callee = Party("+15005550020", rings_s=50)
    script = CallScript(CALLER, others=(callee,), tail_ms=3000)
    report = await simulate_call(script, Server(server.url), speed=SPEED)
    assert report.ended_by == "caller"
    assert report.legs[0].status == "canceled"
    assert server.to("/leg")[-1].fields["CallStatus"] == "canceled"


async def test_five_people_in_one_room(server: FakeServer) -> None:
    server.answers["/twilio/voice"] = (
        '<Response><Start><Stream url="/media"/></Start><Dial><Conference '
        'statusCallback="/conf" statusCallbackEvent="start end join leave">room</Conference>'
        "</Dial></Response>"
    )
    people = [Party(f"+1500555003{i}", bytes([i + 1]) * 8000) for i in range(5)]
    script = CallScript(people[0], others=tuple(people[1:]), conference=True)
    report = await simulate_call(script, Server(server.url), speed=SPEED, seed=5)
    assert report.errors == []
    events = [r.fields["StatusCallbackEvent"] for r in server.to("/conf")]
    assert events.count("participant-join") == events.count("participant-leave") == 5
    assert events.count("conference-start") == events.count("conference-end") == 1
    calls = [report, *report.legs]
    assert len(server.sockets) == 5
    for person, call in zip(people, calls, strict=True):
        stream = call.streams[0]
        assert stream.conversation_ms is not None
        found = next(s for s in server.sockets if s.messages[1]["start"]["callSid"] == call.sid)
        line = _line(found.media("inbound"), stream.first_timestamp_ms)
        begin = (stream.conversation_ms - stream.first_timestamp_ms) * 8
        assert line[begin : begin + 8000] == person.audio


async def test_many_calls_at_once_stay_apart(server: FakeServer) -> None:
    server.answers["/twilio/voice"] = hold(server)
    scripts = [CallScript(Party(f"+150055501{i:02}", bytes([i]) * 4000)) for i in range(20)]
    reports = await simulate_calls(scripts, Server(server.url), speed=2.0, seed=1, spread_s=0.01)
    assert len({r.sid for r in reports}) == 20
    for index, report in enumerate(reports):
        assert report.errors == []
        found = next(s for s in server.sockets if s.messages[1]["start"]["callSid"] == report.sid)
        heard = b"".join(base64.b64decode(m["payload"]) for m in found.media("inbound"))
        assert bytes([index]) * 4000 in heard


async def test_abrupt_close_and_no_stop(server: FakeServer) -> None:
    server.answers["/twilio/voice"] = hold(server)
    for faults, ended, codes in (
        (Faults(no_stop=True), "no stop", {1000}),
        (Faults(abrupt_close=True), "cut off", {1005, 1006}),
        (Faults(abrupt_close_at_s=0.5), "cut off", {1005, 1006}),
    ):
        report = await simulate_call(
            CallScript(CALLER, faults=faults), Server(server.url), speed=SPEED
        )
        assert report.streams[0].ended == ended
        assert server.sockets[-1].code in codes
        assert server.sockets[-1].messages[-1]["event"] == "media"


async def test_told_to_stop_all_callers_hang_up(server: FakeServer) -> None:
    server.answers["/twilio/voice"] = hold(server)
    stop = asyncio.Event()
    caller = Party("+15005550010", b"\x01" * 8000 * 60)
    others = (Party("+15005550011"), Party("+15005550012"))
    script = CallScript(caller, others=others, conference=True, stagger_s=30)
    running = asyncio.create_task(simulate_calls([script], Server(server.url), stop=stop))
    await until(lambda: bool(server.sockets and server.sockets[0].messages))
    stop.set()
    (report,) = await running
    assert (report.status, report.ended_by) == ("completed", "caller")
    assert server.sockets[0].messages[-1]["event"] == "stop"
    assert len(server.to("/twilio/voice")) == 1


async def test_a_server_that_is_not_up_yet_is_waited_for() -> None:
    async with running_server() as server:
        url = server.url
    port = int(url.rpartition(":")[2])
    phoning = asyncio.create_task(
        simulate_calls([CallScript(CALLER)], Server(url), speed=SPEED, wait_s=10)
    )
    await asyncio.sleep(0.3)
    assert not phoning.done()
    async with running_server(port) as server:
        server.answers["/twilio/voice"] = "<Response><Reject reason='busy'/></Response>"
        (report,) = await phoning
    assert (report.status, report.errors) == ("busy", [])


async def test_the_rest_api_beside_a_call(server: FakeServer) -> None:
    server.answers["/twilio/voice"] = hold(server)
    found: list[str] = []

    async def ask(url: str) -> None:
        account = f"{url}/2010-04-01/Accounts/{ACCOUNT_SID}"
        async with httpx.AsyncClient(auth=(ACCOUNT_SID, TOKEN)) as client:
            await until(lambda: bool(server.sockets))
            calls = (await client.get(account + "/Calls.json")).json()["calls"]
            found.extend(call["status"] for call in calls)
            await client.post(
                f"{account}/Calls/{calls[0]['sid']}.json", data={"Status": "completed"}
            )

    asking: list[asyncio.Task[None]] = []
    rest = RestOn(0, lambda url: asking.append(asyncio.create_task(ask(url))))
    script = CallScript(Party("+15005550010", b"\x01" * 8000 * 60))
    (report,) = await simulate_calls([script], Server(server.url), rest=rest, auth_token=TOKEN)
    await asking[0]
    assert found == ["in-progress"]
    assert (report.status, report.ended_by) == ("completed", "server")
