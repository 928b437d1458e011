"""What a connection may cost before anyone knows whose it is, tried on a real server."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
import uvicorn
import websockets
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp
from starlette.websockets import WebSocket
from structlog.testing import capture_logs

from callscribe.carriers.texts import CHECKED, TEXTS
from callscribe.web import front
from callscribe.web.beat import Beat
from callscribe.web.front import FrontConfig, FrontLimits, connections_allowed
from callscribe.web.grants import EVERYTHING, Grant, give

LARGE = 20_000_000
"""More than the kernel holds for a peer that does not read."""
GET = b"GET / HTTP/1.1\r\nHost: x\r\n"


async def hello(request: Request) -> Response:
    return PlainTextResponse(f"hello {len(await request.body())}")


async def deaf(request: Request) -> Response:
    """Answers before the body has arrived."""
    return PlainTextResponse("no", status_code=403)


async def large(request: Request) -> Response:
    return PlainTextResponse("x" * LARGE)


async def mine(request: Request) -> Response:
    """As `large`, for one who showed a token."""
    give(request.scope, Grant("page", EVERYTHING))
    return await large(request)


async def stream(request: Request) -> Response:
    async def parts() -> AsyncIterator[str]:
        yield "begun"
        await asyncio.Event().wait()

    return StreamingResponse(parts())


async def watched(request: Request) -> Response:
    """As `stream`, for one who showed a token."""
    give(request.scope, Grant("page", EVERYTHING))
    return await stream(request)


async def checked(request: Request) -> Response:
    """As `stream`, for a carrier whose signature was right."""
    request.scope[CHECKED] = True
    return await stream(request)


async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(text)


async def straight(websocket: WebSocket) -> None:
    """Takes texts as they come, until one of them is "bad"; tells at "done" what it got."""
    await websocket.accept()
    got: list[str] = [await websocket.receive_text()]
    over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def take(message: str | bytes) -> None:
        text = message if isinstance(message, str) else message.decode("ascii")
        if text == "bad":
            raise ValueError(text)
        got.append(text)
        if text == "done":
            over.set_result(None)

    def failed(error: Exception) -> None:
        got.append(repr(error))

    websocket.scope["extensions"][TEXTS]["take"](take, failed)
    await asyncio.wait(
        (over, end := asyncio.ensure_future(websocket.receive())),
        return_when=asyncio.FIRST_COMPLETED,
    )
    if end.done():
        got.append(str(end.result().get("text")))
    end.cancel()
    await websocket.send_text(" ".join(got))


APP = Starlette(
    routes=[
        Route("/", hello, methods=["GET", "POST"]),
        Route("/deaf", deaf, methods=["POST"]),
        Route("/large", large),
        Route("/mine", mine),
        Route("/stream", stream),
        Route("/watched", watched),
        Route("/twilio/checked", checked),
        Route("/twilio/stream", stream),
        WebSocketRoute("/echo", echo),
        WebSocketRoute("/straight", straight),
    ]
)


class Running:
    """A server and raw connections to it."""

    def __init__(self, config: FrontConfig, port: int) -> None:
        self.config, self.port = config, port
        self._writers: list[asyncio.StreamWriter] = []

    async def connect(self, *data: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self._writers.append(writer)
        for part in data:
            writer.write(part)
        return reader, writer

    async def answer(self, *data: bytes) -> bytes:
        """Everything until the server closes; empty when it just closes."""
        reader, writer = await self.connect()
        with contextlib.suppress(OSError):
            for part in data:
                writer.write(part)
                await writer.drain()
        got = b""
        with contextlib.suppress(OSError):
            async with asyncio.timeout(30):
                while part := await reader.read(65536):
                    got += part
        return got

    async def ask(self) -> bytes:
        """A request like Twilio's: whole and at once."""
        return await self.answer(
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc"
        )

    def socket(self, path: str) -> websockets.connect:
        return websockets.connect(f"ws://127.0.0.1:{self.port}{path}", proxy=None)

    async def close(self) -> None:
        for writer in self._writers:
            writer.close()


@contextlib.asynccontextmanager
async def running(app: ASGIApp = APP, **limits: Any) -> AsyncIterator[Running]:
    config = FrontConfig(
        app, limits=FrontLimits(**limits), log_config=None, lifespan="off", access_log=False,
        ws_per_message_deflate=False, timeout_graceful_shutdown=1,
    )  # fmt: skip
    server = uvicorn.Server(config)
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]
    config.host, config.port = "127.0.0.1", 0
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn offers no event
        await asyncio.sleep(0.01)
    served = Running(config, server.servers[0].sockets[0].getsockname()[1])
    try:
        yield served
    finally:
        await served.close()
        server.should_exit = True
        await task


async def until(reader: asyncio.StreamReader, ending: bytes) -> bytes:
    async with asyncio.timeout(30):
        return await reader.readuntil(ending)


async def closed(reader: asyncio.StreamReader) -> bytes:
    """What came before the end, which must come."""
    got = b""
    async with asyncio.timeout(30):
        with contextlib.suppress(OSError):
            while part := await reader.read(65536):
                got += part
    return got


async def test_ordinary_requests_are_answered_on_one_connection() -> None:
    async with running() as server:
        reader, writer = await server.connect()
        for size in (0, 5, 70_000, 3):
            body = b"x" * size
            writer.write(
                b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (size, body)
            )
            assert (await until(reader, b"hello %d" % size)).startswith(b"HTTP/1.1 200 OK")
        writer.write(GET + b"Connection: close\r\n\r\n")
        assert (await closed(reader)).endswith(b"hello 0")
        assert server.config.door.open == 0


async def test_pipelined_requests_are_answered_in_order_and_bounded() -> None:
    async with running() as server:
        ask = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s"
        reader, _ = await server.connect(b"".join(ask % (n, b"x" * n) for n in range(5)))
        for size in range(5):
            await until(reader, b"hello %d" % size)
        assert b"200 OK" not in await server.answer((GET + b"\r\n") * 500 + b"\r\n")
        assert b"hello 3" in await server.ask()


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ((b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n",), 414),
        ((GET + b"A: " + b"a" * 20_000 + b"\r\n\r\n",), 431),
        ((GET + b"A: ", *(b"a" * 65_536,) * 40), 431),
        ((GET + b"".join(b"h%d: 1\r\n" % n for n in range(200)) + b"\r\n",), 431),
        ((GET, *(b"a: b\r\n" * 5_000,) * 40), 431),
        (((b"\r\n" * 50_000,) * 40), 431),
        ((GET + b"\r\n", *(b"\r\n" * 50_000,) * 40), 431),
        ((b"a" * 1_000_000,), 400),
        ((b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",), 400),
        ((b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n",), 413),
        ((b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",), 400),
        (
            (
                b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
                *(b"10000\r\n" + b"a" * 65_536 + b"\r\n",) * 40,
            ),
            413,
        ),
        (
            (
                b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
                *(b"1;" + b"e" * 60_000 + b"\r\na\r\n",) * 40,
            ),
            413,
        ),
        (
            (
                b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
                *(b"trailer: 1\r\n" * 1_000,) * 40,
            ),
            431,
        ),
    ],
)
async def test_what_is_too_large_is_refused_early(parts: tuple[bytes, ...], status: int) -> None:
    async with running() as server:
        with capture_logs() as logs:
            for _ in range(3):
                answer = await server.answer(*parts)
                # A sender that goes on sending may lose the answer with its connection.
                assert answer.startswith(b"HTTP/1.1 %d " % status) or answer == b""
            assert b"hello 3" in await server.ask()
        assert [f"HTTP {status}" in entry["event"] for entry in logs] == [True]


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"G",
        GET,
        GET + b"A: b\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        b"POST /deaf HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc",
        b"GET /echo HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n",
    ],
)
async def test_what_does_not_arrive_in_time_is_closed(
    sent: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(head_s=0.2, body_s=0.2) as server:
        with capture_logs() as logs:
            readers = [(await server.connect(sent))[0] for _ in range(5)]
            for reader in readers:
                await closed(reader)
            assert server.config.door.open == 0
        assert [entry["event"] for entry in logs] == [
            "Closed a connection whose request did not arrive in time."
        ]
    assert [r for r in caplog.records if r.levelno >= logging.WARNING] == []


async def test_a_dripping_sender_earns_no_time() -> None:
    async with running(head_s=0.3, body_s=0.3) as server:
        for begin in (GET + b"A: ", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 999\r\n\r\n"):
            reader, writer = await server.connect(begin)

            async def drip(writer: asyncio.StreamWriter = writer) -> None:
                with contextlib.suppress(OSError):
                    while not writer.is_closing():
                        writer.write(b"a")
                        await writer.drain()
                        await asyncio.sleep(0.02)

            dripping = asyncio.create_task(drip())
            await closed(reader)
            dripping.cancel()
            assert server.config.door.open == 0


async def test_a_whole_request_always_finds_room() -> None:
    async with running(connections=20) as server:
        with capture_logs() as logs:
            for _ in range(5):
                for _ in range(30):
                    await server.connect(GET)
                assert b"hello 3" in await server.ask()
                assert server.config.door.open <= 21
        assert len(logs) == 1
        assert "all places are taken" in logs[0]["event"]


async def being_answered(server: Running, path: bytes, count: int) -> list[asyncio.StreamReader]:
    """Connections that have got the beginning of an answer without an end."""
    readers = [
        (await server.connect(b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % path))[0]
        for _ in range(count)
    ]
    for reader in readers:
        await until(reader, b"begun")
    return readers


async def test_what_is_being_answered_is_never_closed_to_make_room() -> None:
    async with running(connections=12) as server:
        viewers = await being_answered(server, b"/stream", 5)
        async with websockets.connect(f"ws://127.0.0.1:{server.port}/echo") as socket:
            for _ in range(40):
                await server.connect(GET)
            assert b"hello 3" in await server.ask()
            await socket.send("still here")
            assert await socket.recv() == "still here"
        assert not any(viewer.at_eof() for viewer in viewers)


async def unread(server: Running, path: bytes) -> asyncio.StreamReader:
    """Asks for something large and reads none of it, as many times as one connection lets."""
    reader, writer = await server.connect(b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % path * 3)
    cast(asyncio.Transport, writer.transport).pause_reading()
    return reader


async def test_who_does_not_read_the_answer_makes_room_and_is_closed() -> None:
    async with running(connections=12, unsent_s=1) as server:
        for _ in range(30):
            await unread(server, b"/large")
        assert b"hello 3" in await server.ask()
        while server.config.door.open:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_a_permitted_viewer_may_read_slowly() -> None:
    async with running(connections=4, unsent_s=0.2, reading_s=20, idle_s=1) as server:
        reader, writer = await server.connect(
            b"GET /mine HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        )
        got = len(await reader.read(10))
        for _ in range(5):
            await asyncio.sleep(0.3)
            got += len(await reader.readexactly(100_000))
        got += len(await closed(reader))
        assert got > LARGE
        writer.close()


async def test_when_all_places_are_earned_a_newcomer_is_refused() -> None:
    async with running(connections=3) as server:
        viewers = await being_answered(server, b"/watched", 3)
        assert await server.ask() == b""
        assert not any(viewer.at_eof() for viewer in viewers)


@pytest.mark.parametrize("path", [b"/stream", b"/twilio/stream"])
async def test_a_stranger_being_answered_makes_room_for_a_webhook(path: bytes) -> None:
    async with running(connections=3) as server:
        carriers = await being_answered(server, b"/twilio/checked", 1)
        strangers = await being_answered(server, path, 2)
        assert b"hello 3" in await server.ask()
        assert await closed(strangers[0]) == b"\r\n"  # the rest of the last chunk
        assert not carriers[0].at_eof()


async def test_an_aborted_body_leaves_no_trace(caplog: pytest.LogCaptureFixture) -> None:
    async with running() as server:
        for _ in range(10):
            _, writer = await server.connect(
                b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n{"
            )
            await writer.drain()
            await asyncio.sleep(0.01)
            writer.transport.abort()
        while server.config.door.open:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING] == []


async def test_a_peer_that_talks_need_not_answer_pings() -> None:
    async with running() as server:
        server.config.ws_ping_interval = server.config.ws_ping_timeout = 0.1
        handshake = (
            b"GET /echo HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        reader, writer = await server.connect(handshake)
        await until(reader, b"\r\n\r\n")
        for _ in range(40):
            writer.write(b"\x81\x81\x00\x00\x00\x00a")  # the text "a"
            await asyncio.sleep(0.02)
        assert not reader.at_eof()
        assert b"\x81\x01a" in await reader.read(65536)
        await closed(reader)  # now it is silent


async def test_pongs_that_nobody_reads_are_not_gathered() -> None:
    async with running(pings=10**9) as server:
        handshake = (
            b"GET /echo HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        reader, writer = await server.connect(handshake)
        await until(reader, b"\r\n\r\n")
        reader._transport.pause_reading()  # type: ignore[attr-defined]
        ping = b"\x89\xfd\x00\x00\x00\x00" + b"p" * 125
        (connection,) = server.config.door._open
        for _ in range(400):
            writer.write(ping * 200)
            await writer.drain()
            assert connection.transport.get_write_buffer_size() < 1_000_000
        writer.transport.abort()


@pytest.mark.parametrize("kind", [b"\x89\x80", b"\x8a\x80"], ids=["pings", "pongs"])
async def test_a_flood_of_pings_closes_the_socket(kind: bytes) -> None:
    async with running(pings=20) as server, server.socket("/echo") as other:
        async with server.socket("/echo") as socket:
            with capture_logs() as logs:
                socket.transport.write(kind + bytes(4) + b"\x81\x81" + bytes(4) + b"a")
                assert await socket.recv() == "a"
                socket.transport.write((kind + bytes(4)) * 5_000)
                await socket.wait_closed()
        assert [entry["event"] for entry in logs] == ["Closed a socket: too many pings or pongs."]
        await other.send("still here")
        assert await other.recv() == "still here"


def test_connections_leave_files_for_other_things() -> None:
    assert connections_allowed(1_000_000) == FrontLimits().connections
    for files in range(64, 5000, 7):
        allowed = connections_allowed(files)
        assert 32 <= allowed <= FrontLimits().connections
        assert files < 512 or files - allowed >= front.OTHER_FILES


@pytest.fixture(params=[0, 4], ids=["on the beat", "as bytes come"])
def few(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many sockets are read as their bytes come."""
    monkeypatch.setattr(front, "Beat", lambda: Beat(few=request.param))


@pytest.mark.usefixtures("few")
async def test_texts_are_taken_straight_from_the_socket_and_none_is_lost_on_the_way() -> None:
    async with running() as served, served.socket("/straight") as socket:
        for number in range(300):
            await socket.send(f"{number}")
        await socket.send("\N{LATIN SMALL LETTER E WITH ACUTE}")
        await (await socket.ping(b"between"))
        await socket.send("done")
        said = [*map(str, range(300)), "\N{LATIN SMALL LETTER E WITH ACUTE}", "done"]
        assert await socket.recv() == " ".join(said)


@pytest.mark.usefixtures("few")
async def test_a_text_in_parts_is_taken_like_any_other() -> None:
    async with running() as served, served.socket("/straight") as socket:
        await socket.send("a")
        await socket.send("b")
        await (await socket.ping())
        await asyncio.sleep(0.1)  # until they are taken
        for parts in (["c", "d"], ["\N{LATIN SMALL LETTER E WITH ACUTE}", ""], ["do", "ne"]):
            await socket.send(parts)
        assert await socket.recv() == "a b cd \N{LATIN SMALL LETTER E WITH ACUTE} done"


@pytest.mark.usefixtures("few")
async def test_a_taker_that_fails_is_told_so_and_gets_no_more() -> None:
    async with running() as served, served.socket("/straight") as socket:
        for text in ("a", "b", "bad", "queued"):
            await socket.send(text)
        assert await socket.recv() == "a b ValueError('bad') queued"


@pytest.mark.usefixtures("few")
async def test_broken_text_closes_the_socket_whoever_takes_it() -> None:
    async with running() as served, served.socket("/straight") as socket:
        await socket.send("a")
        socket.transport.write(b"\x81\x82\0\0\0\0\xff\xff")
        with pytest.raises(websockets.ConnectionClosedError) as refused:
            await socket.recv()
        assert refused.value.rcvd is not None
        assert refused.value.rcvd.code == 1007
