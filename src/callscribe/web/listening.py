"""The web server's socket, and the web server on it."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import socket
from collections.abc import AsyncIterator, Iterator

import uvicorn
from starlette.applications import Starlette

from callscribe.errors import SettingsError
from callscribe.web.front import (
    FrontConfig,
    FrontLimits,
    connections_allowed,
    raise_file_limit,
    waiting_allowed,
)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        SettingsError: the address cannot be used, with what to do.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM
        )[0]
    except (socket.gaierror, UnicodeError) as error:
        why = error.strerror if isinstance(error, socket.gaierror) else "it is not a host's name"
        raise SettingsError(f"`host` {host!r} is not an address of this machine: {why}.") from None
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise SettingsError(
            f"Cannot listen on {host} port {port}: {os.strerror(error.errno or 0)}. "
            "Another program may use it; choose another with --port."
        ) from None
    listener.setblocking(False)
    return listener


def url_of(listener: socket.socket) -> str:
    """The address as a browser on this machine would write it."""
    host, port = listener.getsockname()[:2]
    address = ipaddress.ip_address(host)
    if address.is_unspecified:
        host = "127.0.0.1" if address.version == 4 else "::1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def is_loopback(listener: socket.socket) -> bool:
    """Whether only this machine gets there."""
    return ipaddress.ip_address(listener.getsockname()[0]).is_loopback


class _Uvicorn(uvicorn.Server):
    """Uvicorn without its own signal handling: the command decides when to stop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def serving(
    app: Starlette, listener: socket.socket, *, stopped: asyncio.Event, longest_message: int
) -> AsyncIterator[None]:
    """Answer requests until the end of the block; then finish those that are under way.

    Args:
        stopped: set when the server stops, also by itself.
        longest_message: of a WebSocket, in bytes.
    """
    files = raise_file_limit()
    config = FrontConfig(
        app,
        limits=FrontLimits(connections=connections_allowed(files)),
        ws_max_size=longest_message,
        ws_per_message_deflate=False,
        log_config=None,
        log_level="warning",
        access_log=False,
        lifespan="off",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=5,
    )
    web = _Uvicorn(config)
    running = asyncio.create_task(web.serve(sockets=[listener]), name="web server")
    running.add_done_callback(lambda _: stopped.set())
    try:
        while not web.started and not running.done():  # noqa: ASYNC110 - uvicorn offers no event
            await asyncio.sleep(0.01)
        listener.listen(waiting_allowed(files))
        yield
    finally:
        web.should_exit = True
        await running
