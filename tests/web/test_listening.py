"""The web server's socket."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from callscribe.errors import SettingsError
from callscribe.web.listening import is_loopback, listen, serving, url_of


def test_any_free_port_and_its_address() -> None:
    with contextlib.closing(listen("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert url_of(listener) == f"http://127.0.0.1:{port}"
        assert is_loopback(listener)


def test_everywhere_is_written_as_this_machine() -> None:
    with contextlib.closing(listen("0.0.0.0", 0)) as listener:
        assert url_of(listener).startswith("http://127.0.0.1:")
        assert not is_loopback(listener)


def test_a_port_that_is_taken_is_named() -> None:
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as other:
        port = other.getsockname()[1]
        with pytest.raises(SettingsError, match=rf"127\.0\.0\.1 port {port}: .*--port"):
            listen("127.0.0.1", port)


@pytest.mark.parametrize("host", ["a..b", "no-such-host.invalid", "x" * 70 + ".example"])
def test_what_is_no_host_is_said(host: str) -> None:
    with pytest.raises(SettingsError, match=r"`host` .* is not an address of this machine: "):
        listen(host, 0)


async def test_it_answers_until_the_block_ends_and_says_that_it_stopped() -> None:
    async def hello(request: Request) -> PlainTextResponse:
        return PlainTextResponse("hello")

    listener, stopped = listen("127.0.0.1", 0), asyncio.Event()
    app = Starlette(routes=[Route("/", hello)])
    async with (
        serving(app, listener, stopped=stopped, longest_message=1000),
        httpx.AsyncClient(trust_env=False) as client,
    ):
        assert (await client.get(url_of(listener))).text == "hello"
        assert not stopped.is_set()
    await asyncio.wait_for(stopped.wait(), 10)
    listener.close()
