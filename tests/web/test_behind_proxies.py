"""Strangers behind the proxies that people really use: whatever a proxy adds or leaves out, they see nothing."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from callscribe.web.services import WebSettings
from tests.web.proxies import PROXIES, Proxy
from tests.web.script import bank
from tests.web.serving import TOKEN, Serving

PUBLIC = "https://calls.example.com"
HOSTS = (
    "localhost",
    "127.0.0.1",
    "127.0.0.1:{port}",
    "[::1]",
    "calls.example.com",
    "other.example",
)
BEARER = {"authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    settings = WebSettings(token=TOKEN, public_url=PUBLIC)
    with Serving(tmp_path_factory.mktemp("data"), settings) as server:
        server.publish(*bank()[1])
        yield server


def check(port: int, upstream: int) -> None:
    """Every address that tells something, under every name, the way a stranger would ask."""
    sid = bank()[0].sid
    asked = [
        ("GET", "/"),
        ("GET", f"/calls/{sid}"),
        ("GET", "/find?q=thank"),
        ("GET", "/live"),
        ("GET", "/api/calls"),
        ("GET", f"/api/calls/{sid}"),
        ("GET", f"/api/calls/{sid}/export"),
        ("GET", "/api/events?after=0"),
        ("GET", "/api/search?q=thank"),
        ("GET", "/api/v1/calls"),
        ("GET", "/api/v1/events?after=0"),
        ("GET", "/api/v1/events/stream?after=0"),
        ("POST", f"/api/calls/{sid}/pause"),
        ("POST", f"/api/v1/calls/{sid}/pause"),
        ("DELETE", f"/api/calls/{sid}"),
    ]
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=30) as stranger:
        for name in HOSTS:
            host = {"host": name.format(port=upstream)}
            for method, path in asked:
                answer = stranger.request(
                    method, path, headers=host, json=None if method == "GET" else {}
                )
                assert answer.status_code in (401, 404), (name, method, path)
                assert "Alice" not in answer.text
            for path in ("/live", "/api/events", "/api/v1/events/stream"):
                assert open_socket(port, host["host"], path) != 101
            assert stranger.get("/healthz", headers=host).json() == {"status": "alive"}
            assert "reasons" not in stranger.get("/readyz", headers=host).text


def open_socket(port: int, name: str, path: str) -> int:
    """The status that an attempt to open a WebSocket gets."""
    request = (
        f"GET {path} HTTP/1.1\r\nHost: {name}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", port), timeout=30) as stranger:
        stranger.sendall(request.encode())
        return int(stranger.makefile("rb").readline().split()[1])


@pytest.mark.parametrize("name", PROXIES)
def test_a_stranger_behind_a_proxy_needs_the_token(
    name: str, server: Serving, tmp_path: Path
) -> None:
    proxy: Proxy = PROXIES[name]
    if not proxy.installed:
        pytest.skip(f"{proxy.program} is not installed")
    with proxy.running(tmp_path, server.port) as port:
        check(port, server.port)


def test_a_stranger_behind_a_port_forwarder_needs_the_token(server: Serving) -> None:
    with forwarder(server.port) as port:
        check(port, server.port)
        answer = httpx.get(
            f"http://127.0.0.1:{port}/api/calls", headers=BEARER, trust_env=False, timeout=30
        )
        assert answer.status_code == 200


@contextmanager
def forwarder(upstream: int) -> Iterator[int]:
    """What `ssh -R` does at its near end: bytes from here to there and back."""
    ports: list[int] = []
    ready = threading.Event()
    stop: asyncio.Event
    joined: set[asyncio.Task[None] | None] = set()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        joined.add(asyncio.current_task())
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", upstream)
        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))

    async def run() -> None:
        nonlocal stop
        stop = asyncio.Event()
        listening = await asyncio.start_server(join, "127.0.0.1", 0)
        ports.append(listening.sockets[0].getsockname()[1])
        ready.set()
        await stop.wait()
        listening.close()
        for task in filter(None, joined):
            task.cancel()
        await asyncio.gather(*filter(None, joined), return_exceptions=True)

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=lambda: loop.run_until_complete(run()))
    thread.start()
    assert ready.wait(20)
    yield ports[0]
    loop.call_soon_threadsafe(stop.set)
    thread.join(20)
    loop.close()
