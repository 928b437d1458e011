"""A tiny server that answers the simulated carrier as a test tells it to, and writes down what it saw."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

TwimlOf = Callable[[dict[str, str]], str]


@dataclass
class Seen:
    path: str
    headers: dict[str, str]
    form: list[tuple[str, str]]
    body: str

    @property
    def fields(self) -> dict[str, str]:
        return dict(self.form)


@dataclass
class Socket:
    path: str
    headers: dict[str, str]
    messages: list[dict[str, Any]] = field(default_factory=list)
    code: int | None = None

    def media(self, track: str) -> list[dict[str, Any]]:
        return [
            m["media"]
            for m in self.messages
            if m["event"] == "media" and m["media"]["track"] == track
        ]


@dataclass
class FakeServer:
    """What the fixture hands to a test. `answers` maps a path to TwiML, or to a function of the form."""

    url: str = ""
    answers: dict[str, str | TwimlOf] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)
    refuse_socket: bool = False
    on_socket: Callable[[WebSocket], Awaitable[None]] | None = None
    requests: list[Seen] = field(default_factory=list)
    sockets: list[Socket] = field(default_factory=list)

    def to(self, path: str) -> list[Seen]:
        return [r for r in self.requests if r.path == path]

    async def _http(self, request: Request) -> Response:
        body = (await request.body()).decode()
        pairs = parse_qsl(body or request.url.query, keep_blank_values=True)
        path = request.url.path
        self.requests.append(Seen(path, dict(request.headers), pairs, body))
        answer = self.answers.get(path, "")
        text = answer(dict(pairs)) if callable(answer) else answer
        default = 200 if text else 204
        return Response(text, self.statuses.get(path, default), media_type="text/xml")

    async def _socket(self, websocket: WebSocket) -> None:
        seen = Socket(websocket.url.path, dict(websocket.headers))
        self.sockets.append(seen)
        if self.refuse_socket:
            await websocket.close()
            return
        await websocket.accept()
        if self.on_socket is not None:
            await self.on_socket(websocket)
            return
        try:
            while True:
                seen.messages.append(json.loads(await websocket.receive_text()))
        except WebSocketDisconnect as closed:
            seen.code = closed.code


@contextlib.asynccontextmanager
async def running_server(port: int = 0) -> AsyncIterator[FakeServer]:
    fake = FakeServer()
    app = Starlette(
        routes=[
            WebSocketRoute("/{path:path}", fake._socket),
            Route("/{path:path}", fake._http, methods=["GET", "POST"]),
        ]
    )
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    fake.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    config = uvicorn.Config(app, log_level="error", lifespan="off", ws="websockets-sansio")
    server = uvicorn.Server(config)
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    try:
        yield fake
    finally:
        server.should_exit = True
        await serving
        listener.close()


async def until(condition: Callable[[], bool]) -> None:
    """Returns when the condition holds; a test that waits in vain fails with a timeout."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - it may depend on anything
            await asyncio.sleep(0.005)
