"""Media sockets against a tiny server: options, faults and a server that misbehaves."""

from __future__ import annotations

import base64

import pytest
from starlette.websockets import WebSocket, WebSocketDisconnect

from callscribe.simulator import signing
from callscribe.simulator.demos import spoken_prompt
from callscribe.simulator.frames import Faults
from callscribe.simulator.run import Server, simulate_call
from callscribe.simulator.script import CallScript, Party
from tests.simulator.server import FakeServer

TOKEN = "0123456789abcdef0123456789abcdef"
CALLER = Party("+15005550010", bytes(range(256)) * 30)
SPEED = 10.0


def hold(attributes: str = 'url="/media"', before: str = "") -> str:
    return (
        f'<Response><Start><Stream {attributes} track="both_tracks"/></Start>{before}'
        '<Pause length="60"/></Response>'
    )


def heard(server: FakeServer, track: str) -> bytes:
    return b"".join(base64.b64decode(m["payload"]) for m in server.sockets[-1].media(track))


async def test_a_public_address_is_signed_and_named_but_not_connected_to(
    server: FakeServer,
) -> None:
    server.answers["/twilio/voice"] = hold('url="wss://calls.example.test/media"')
    report = await simulate_call(
        CallScript(CALLER),
        Server(server.url, "https://calls.example.test"),
        auth_token=TOKEN,
        speed=SPEED,
    )
    assert report.errors == []
    headers = server.sockets[0].headers
    assert headers["host"] == "calls.example.test"
    assert headers["x-forwarded-proto"] == "https"
    signed = signing.sign(TOKEN, "wss://calls.example.test/media")
    assert headers["x-twilio-signature"] == signed
    assert server.to("/twilio/voice")[0].headers["host"] == "calls.example.test"


async def test_the_slash_form_of_the_signature(server: FakeServer) -> None:
    server.answers["/twilio/voice"] = hold()
    await simulate_call(
        CallScript(CALLER),
        Server(server.url),
        auth_token=TOKEN,
        speed=SPEED,
        slash_signature=True,
    )
    wss = server.url.replace("http://", "wss://") + "/media/"
    assert server.sockets[0].headers["x-twilio-signature"] == signing.sign(TOKEN, wss)


async def test_outbound_is_sent_while_there_is_something_or_always(server: FakeServer) -> None:
    server.answers["/twilio/voice"] = hold()
    await simulate_call(CallScript(CALLER), Server(server.url), speed=SPEED)
    assert server.sockets[-1].media("outbound") == []
    await simulate_call(CallScript(CALLER), Server(server.url), speed=SPEED, continuous=True)
    assert len(server.sockets[-1].media("outbound")) == len(server.sockets[-1].media("inbound"))


async def test_a_prompt_can_be_heard(server: FakeServer) -> None:
    server.answers["/twilio/voice"] = hold(before="<Say>Hello, this call is transcribed.</Say>")
    await simulate_call(CallScript(CALLER), Server(server.url), speed=SPEED, prompt=spoken_prompt())
    assert len(set(heard(server, "outbound"))) > 100


async def test_lost_messages_are_missing_and_counted(server: FakeServer) -> None:
    server.answers["/twilio/voice"] = hold()
    script = CallScript(CALLER, faults=Faults(loss=0.3, duplicate=0.2, reorder=0.2))
    report = await simulate_call(script, Server(server.url), speed=SPEED, seed=4)
    sent = report.streams[0].tracks["inbound"]
    arrived = server.sockets[0].media("inbound")
    assert sent.lost > 0
    assert sent.reordered > 0
    assert len(arrived) == sent.frames + sent.duplicated
    assert report.errors == []


async def test_big_frames_carry_the_same_audio(server: FakeServer) -> None:
    server.answers["/twilio/voice"] = hold()
    script = CallScript(CALLER, faults=Faults(frame_ms=100))
    await simulate_call(script, Server(server.url), speed=SPEED)
    media = server.sockets[0].media("inbound")
    assert {len(base64.b64decode(m["payload"])) for m in media} == {800}
    assert CALLER.audio in heard(server, "inbound")


async def test_a_repeated_webhook_opens_one_stream_from_the_last_answer(
    server: FakeServer,
) -> None:
    answers = iter([hold('url="/media/first"'), hold('url="/media/second"')])
    server.answers["/twilio/voice"] = lambda form: next(answers)
    script = CallScript(CALLER, webhook_times=2)
    await simulate_call(script, Server(server.url), speed=SPEED)
    first, second = server.to("/twilio/voice")
    assert first.form == second.form
    token = "i-twilio-idempotency-token"
    assert first.headers[token] == second.headers[token]
    assert [s.path for s in server.sockets] == ["/media/second"]


async def test_a_server_that_talks_back_is_31924(server: FakeServer) -> None:
    async def talk(websocket: WebSocket) -> None:
        await websocket.send_text('{"event":"clear"}')
        try:
            while True:
                await websocket.receive_text()
        except WebSocketDisconnect:
            pass

    server.answers["/twilio/voice"] = hold()
    server.on_socket = talk
    report = await simulate_call(CallScript(CALLER), Server(server.url), speed=SPEED)
    assert [e.code for e in report.errors] == [31924]
    assert report.streams[0].ended == "stop"


async def test_streams_stop_by_name_and_stay_within_the_carriers_limit(
    server: FakeServer,
) -> None:
    one = '<Start><Stream name="{}" url="/media/{}" track="both_tracks"/></Start>'
    starts = "".join(one.format(n, n) for n in ("a", "b", "c", "a"))
    server.answers["/twilio/voice"] = (
        f"<Response>{starts}<Pause length='1'/><Stop><Stream name='a'/></Stop>"
        "<Stop><Stream name='none'/></Stop><Pause length='60'/></Response>"
    )
    report = await simulate_call(CallScript(CALLER), Server(server.url), speed=SPEED)
    assert [e.code for e in report.errors] == [31940, 31940, 12200]
    assert {s.path for s in server.sockets} == {"/media/a", "/media/b"}
    a, b = (next(s for s in server.sockets if s.path.endswith(n)) for n in "ab")
    assert len(a.messages) < len(b.messages)
    assert a.messages[-1]["event"] == b.messages[-1]["event"] == "stop"


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://calls.example.test/media", 31922),
        ("ws://calls.example.test/media", 31922),
        ("ws://127.0.0.1:9/media", 31902),
    ],
)
async def test_addresses_that_cannot_be_streamed_to(
    server: FakeServer, url: str, code: int
) -> None:
    server.answers["/twilio/voice"] = hold(f'url="{url}"')
    report = await simulate_call(CallScript(CALLER), Server(server.url), speed=SPEED)
    assert [e.code for e in report.errors] == [code]
    assert report.status == "completed"


async def test_a_query_in_the_address_is_dropped_with_a_warning(server: FakeServer) -> None:
    server.answers["/twilio/voice"] = hold('url="/media?token=x"')
    report = await simulate_call(CallScript(CALLER), Server(server.url), speed=SPEED)
    assert report.errors == []
    assert [n.level for n in report.notifications] == ["warning"]
    assert server.sockets[0].path == "/media"
