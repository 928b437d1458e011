"""The carrier's routes on a real server, called as the carrier calls them: signed forms and a WebSocket."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from typing import Any
from xml.etree.ElementTree import fromstring

import pytest
import websockets
from structlog.testing import capture_logs

from callscribe.carriers.twilio.routes import LARGE_BODIES, carrier_routes
from callscribe.carriers.twilio.signature import sign
from callscribe.carriers.twilio.socket import SocketLimits
from callscribe.errors import CallscribeError
from callscribe.events import CallEnded, CallStarted, DtmfReceived, FinalTranscript, StreamEnded
from tests.calls.sessions import until
from tests.calls.world import ALICE, CALL, LEG
from tests.carriers.twilio.serving import TOKEN, Server, serving, voice

STREAM = "MZ" + "c3" * 16


def start(sid: str = CALL, stream: str = STREAM, **keys: object) -> str:
    body = {
        "accountSid": "AC1",
        "streamSid": stream,
        "callSid": sid,
        "tracks": ["inbound", "outbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        "customParameters": {},
    }
    return json.dumps({"event": "start", "streamSid": stream, "start": body | keys})


def media(timestamp_ms: int, track: str = "inbound", payload: bytes = b"\x7f" * 160) -> str:
    body = {
        "track": track,
        "chunk": "1",
        "timestamp": str(timestamp_ms),
        "payload": base64.b64encode(payload).decode(),
    }
    return json.dumps({"event": "media", "sequenceNumber": "2", "media": body, "streamSid": STREAM})


CONNECTED = '{"event":"connected","protocol":"Call","version":"1.0.0"}'
STOP = json.dumps({"event": "stop", "streamSid": STREAM, "stop": {"callSid": CALL}})


async def test_a_call_from_webhook_to_end() -> None:
    async with serving() as server:
        url = await server.call()
        assert url.startswith("ws://127.0.0.1:")
        async with server.connect(url) as ws:
            for message in (CONNECTED, start(), *(media(20 * n) for n in range(50)), STOP):
                await ws.send(message)
        await until(lambda: bool(server.of(StreamEnded)))
        answer = await server.post("/twilio/status", {"CallSid": CALL, "CallStatus": "completed"})
        assert answer.status_code == 204
        await until(lambda: bool(server.of(CallEnded)))
        assert len(server.sessions[0].received) == 50
        assert server.sessions[0].closed == "stop"
        assert server.of(CallEnded)[0].duration_ms == 1000
        assert server.of(FinalTranscript)[0].text == "last words"


@pytest.mark.parametrize(
    "path", ["voice", "status", "stream", "leg", "dial", "whisper", "conference"]
)
async def test_every_post_needs_the_signature(path: str) -> None:
    async with serving() as server:
        form = {**voice(), "ConferenceSid": "CF1"}
        for signature in ("", "AAAAAAAAAAAAAAAAAAAAAAAAAAA="):
            with capture_logs() as logs:
                answer = await server.post(f"/twilio/{path}", form, signature=signature)
            assert answer.status_code == 403
            (entry,) = logs
            assert entry["signed_against"] == f"{server.origin}/twilio/{path}"
            assert entry["arrived"] == f"{server.origin}/twilio/{path}"
            assert "public_url" in entry["hint"]
        assert server.events == []
        assert (await server.post(f"/twilio/{path}", form)).status_code in (200, 204)


async def test_other_methods_say_what_to_set() -> None:
    async with serving() as server:
        with capture_logs() as logs:
            for method in ("GET", "PUT", "HEAD"):
                answer = await server.post("/twilio/voice", {}, method=method)
                assert answer.status_code == 405
                assert answer.headers["allow"] == "POST"
        (entry,) = logs
        assert (entry["method"], entry["asked_for"]) == ("GET", "/twilio/voice")
        assert "must be HTTP POST" in (await server.post("/twilio/voice", {}, method="GET")).text


async def test_a_socket_that_a_proxy_has_made_a_plain_request_is_told_and_logged() -> None:
    async with serving() as server:
        with capture_logs() as logs:
            for slash in ("", "/"):
                answer = await server.post(f"/twilio/media/a-ticket{slash}", {}, method="GET")
                assert answer.status_code == 426
                assert answer.headers["upgrade"] == "websocket"
        (entry,) = logs
        assert "pass WebSocket upgrades on" in entry["hint"]
        assert "a-ticket" not in str(entry)


async def test_a_signed_request_about_nothing_is_a_400_and_a_huge_one_a_413() -> None:
    async with serving() as server:
        answer = await server.post("/twilio/voice", {"From": ALICE})
        assert (answer.status_code, answer.text) == (400, "the request has no usable CallSid\n")
        with capture_logs() as logs:
            answer = await server.post("/twilio/voice", {"CallSid": "C" * 100_000})
            assert answer.status_code == 413
        (entry,) = logs
        assert "too large" in entry["event"]
        # What add-ons found out about a number makes requests of some size.
        answer = await server.post("/twilio/voice", {"From": ALICE, "AddOns": "{" * 10_000})
        assert answer.status_code == 400


async def refused(server: Server, url: str, **keys: Any) -> str:
    with pytest.raises(websockets.InvalidStatus) as raised:
        async with server.connect(url, **keys):
            pass
    assert raised.value.response.status_code == 403
    return bytes(raised.value.response.body).decode()


async def test_a_socket_needs_signature_and_ticket_before_it_is_accepted() -> None:
    async with serving() as server:
        url = await server.call()
        with capture_logs() as logs:
            assert "not signed" in await refused(server, url, signature="")
            assert "not signed" in await refused(
                server, url, signature=sign(TOKEN, "http" + url[2:])
            )
            ticket = url.rpartition("/")[2]
            guess = url.replace(ticket, "x" * 32)
            assert "unknown, used or expired" in await refused(server, guess)
        assert ticket not in str(logs)
        assert "<ticket>" in str(logs)
        async with server.connect(url, slash=True) as ws:
            assert "used" in await refused(server, url)
            await ws.send(CONNECTED)


async def test_the_log_names_the_address_whatever_the_ticket() -> None:
    async with serving() as server:
        address = f"ws{server.origin[4:]}/twilio/media/"
        with capture_logs() as logs:
            await refused(server, address + "a", signature="")
        (entry,) = logs
        assert entry["arrived"] == entry["signed_against"] == address + "<ticket>"


async def test_the_address_with_a_slash_behind_it_works_too() -> None:
    async with serving() as server:
        url = await server.call()
        async with server.connect(url + "/") as ws:
            await ws.send(start())
            await ws.send(STOP)


async def closed_with(ws: Any) -> tuple[int, str]:
    async with asyncio.timeout(10):
        await ws.wait_closed()
    return ws.close_code, ws.close_reason


@pytest.mark.parametrize(
    ("frames", "code", "reason"),
    [
        (["hello"], 1003, "not a JSON message"),
        ([CONNECTED, media(0)], 1002, "before 'start'"),
        ([CONNECTED, start(LEG)], 1008, "another call"),
        ([start(mediaFormat={"encoding": "audio/x-l16"})], 1003, "unsupported media format"),
        ([start(), '{"event":'], 1003, "not a JSON message"),
        ([start(), b"\x00\x01"], 1003, "binary"),
        ([start(), media(0, payload=b"\xff" * 300_000)], 1009, "limit"),
        ([start(), start()], 1002, "second 'start'"),
    ],
)
async def test_malformed_input_closes_that_one_socket(
    frames: list[str | bytes], code: int, reason: str
) -> None:
    async with serving() as server:
        good_url = await server.call(LEG)
        async with server.connect(good_url) as good:
            await good.send(start(LEG, "MZgood"))
            async with server.connect(await server.call()) as ws:
                for frame in frames:
                    await ws.send(frame)
                got_code, got_reason = await closed_with(ws)
            assert got_code == code
            assert reason in got_reason
            await good.send(json.dumps({"event": "stop", "streamSid": "MZgood"}))
            await until(lambda: any(e.reason == "stop" for e in server.of(StreamEnded)))


async def test_a_socket_that_never_starts_is_closed() -> None:
    async with (
        serving(limits=SocketLimits(start_s=0.1)) as server,
        server.connect(await server.call()) as ws,
    ):
        await ws.send(CONNECTED)
        assert await closed_with(ws) == (1008, "no 'start' within 0.1 seconds")


async def test_a_flood_is_cut_off() -> None:
    limits = SocketLimits(messages_per_s=10, burst=300)
    async with serving(limits=limits) as server, server.connect(await server.call()) as ws:
        await ws.send(start())
        with contextlib.suppress(websockets.ConnectionClosed):
            for n in range(2000):
                await ws.send(media(20 * n))
        assert await closed_with(ws) == (1008, "more than 10 messages a second")


async def test_a_pressed_key_is_part_of_the_call() -> None:
    pressed = {
        "event": "dtmf",
        "streamSid": STREAM,
        "sequenceNumber": "22",
        "dtmf": {"track": "inbound_track", "digit": "5"},
    }
    async with serving() as server:
        async with server.connect(await server.call()) as ws:
            for message in (CONNECTED, start(), *(media(20 * n) for n in range(20))):
                await ws.send(message)
            await ws.send(json.dumps(pressed))
            await ws.send(STOP)
        await until(lambda: bool(server.of(DtmfReceived)))
        event = server.of(DtmfReceived)[0]
        assert (event.call, event.track, event.digit) == (CALL, "inbound", "5")


async def test_an_abrupt_end_keeps_the_last_words() -> None:
    async with serving() as server:
        ws = await server.connect(await server.call())
        for message in (CONNECTED, start(), *(media(20 * n) for n in range(20))):
            await ws.send(message)
        ws.transport.abort()
        await until(lambda: bool(server.of(CallEnded)))
        assert len(server.sessions[0].received) == 20
        assert server.of(StreamEnded)[0].reason == "socket-lost"
        assert len(server.of(FinalTranscript)) == 1


async def test_a_second_socket_takes_over_and_the_first_is_told() -> None:
    async with serving() as server:
        first, second = await server.call(), await server.call()
        async with server.connect(first) as older, server.connect(second) as newer:
            await older.send(start())
            await older.send(media(0))
            await until(lambda: len(server.sessions) == 1)
            await newer.send(start(stream="MZnew"))
            code, reason = await closed_with(older)
            assert (code, "taken" in reason) == (1000, True)
            frame = media(0).replace(STREAM, "MZnew")
            await newer.send(frame)
            await newer.send(json.dumps({"event": "stop", "streamSid": "MZnew"}))
        await until(lambda: bool(server.of(CallEnded)))
        assert sorted(e.reason for e in server.of(StreamEnded)) == ["stop", "taken-over"]
        assert len(server.of(CallStarted)) == 1


async def test_unsigned_requests_work_only_when_allowed() -> None:
    nothing: Any = None
    with pytest.raises(CallscribeError, match="TWILIO_AUTH_TOKEN"):
        carrier_routes(nothing, None, nothing)
    async with serving(unsigned=True) as server:
        answer = await server.post("/twilio/voice", voice(), signature="")
        assert answer.status_code == 200
        stream = fromstring(answer.text).find("Start/Stream")
        assert stream is not None
        async with server.connect(stream.attrib["url"], signature="") as ws:
            await ws.send(start())
            await ws.send(STOP)
        assert "ticket" in await refused(server, stream.attrib["url"], signature="")


async def test_refusals_do_not_flood_the_log() -> None:
    async with serving() as server:
        with capture_logs() as logs:
            for number in range(60):
                await server.post("/twilio/status", voice(), signature="x")
                chosen = f"key=k{number},algorithm=A{number}"
                await server.client.post(
                    f"{server.origin}/twilio/status",
                    headers={
                        "X-Twilio-Signature": "x",
                        "X-Twilio-Webhooks-Signature-Settings": chosen,
                    },
                )
        assert len(logs) == 2


async def test_a_webhook_does_not_wait_for_many_large_forms() -> None:
    async with serving() as server:
        order: list[str] = []

        async def ask(name: str, form: dict[str, str], signature: str | None) -> None:
            answer = await server.post("/twilio/voice", form, signature=signature)
            order.append(f"{name} {answer.status_code}")

        large = {f"\N{SNOWMAN}{n}": "\N{SNOWMAN}" * 3 for n in range(300)}
        asked = [ask("large", large, "AAAA") for _ in range(80)]
        with capture_logs() as logs:
            await asyncio.gather(*asked, ask("call", voice(), None))
        assert "too many large requests at once" in [entry["event"] for entry in logs]
        assert order.count("call 200") == 1
        assert order[-1] != "call 200"
        assert order.count("large 403") >= LARGE_BODIES
        assert order.count("large 403") + order.count("large 503") == 80
        await ask("large", {**voice(), **{f"X{n}": "x" * 20 for n in range(250)}}, None)
        assert order[-1] == "large 200"


async def test_many_callers_at_once_are_all_answered() -> None:
    async with serving() as server:
        urls = await asyncio.gather(*(server.call(f"CA{n:032x}") for n in range(60)))
        assert len(set(urls)) == 60
        assert len(server.of(CallStarted)) == 60
