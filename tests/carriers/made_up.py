"""A carrier that does not exist, with a wire format and a signature of its own: what a door needs, and no more.

Its requests are JSON with an `event`, sealed with a keyed hash of the body; it is answered with a list of things to do.
Its media sockets are binary: one hello in JSON, then frames of a track, a time and mu-law, then a lone byte at the end.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import struct
from collections.abc import Sequence
from datetime import datetime
from typing import Any, assert_never

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from callscribe.carriers.base import (
    CallCame,
    Calls,
    CarrierFact,
    Connect,
    DialedLegChanged,
    DialOver,
    Feed,
    HangUp,
    Hold,
    Instruction,
    JoinRoom,
    LegChanged,
    Listen,
    Refuse,
    Say,
)
from callscribe.errors import CallscribeError
from callscribe.events import Track

SEAL = "x-made-up-seal"
FRAME = struct.Struct(">BI")
"""Track and milliseconds; mu-law follows."""
TRACKS: dict[int, Track] = {1: "inbound", 2: "outbound"}
END = b"\x00"


class Message(msgspec.Struct):
    """A request of this carrier's."""

    event: str
    line: str
    caller: str = ""
    called: str = ""
    other: str = ""
    """The line that it rings for us."""
    state: str = ""
    when: datetime | None = None


class Hello(msgspec.Struct):
    """The first message of a media socket."""

    line: str
    stream: str


def seal(key: bytes, body: bytes) -> str:
    """What proves that this carrier sent it."""
    return hmac.new(key, body, hashlib.sha256).hexdigest()


def fact(message: Message) -> CarrierFact | None:
    """What a request means; None when it means nothing to us."""
    match message.event:
        case "call":
            return CallCame(leg=message.line, from_=message.caller, to=message.called)
        case "line":
            return LegChanged(leg=message.line, status=message.state)
        case "ringing-other":
            return DialedLegChanged(
                parent=message.line,
                leg=message.other,
                to=message.called,
                status=message.state,
                at=message.when,
            )
        case "other-gone":
            return DialOver(
                leg=message.line,
                status=message.state,
                dialed=message.other,
                leg_status="in-progress",
            )
    return None


def written(answer: Sequence[Instruction]) -> list[dict[str, Any]]:
    """What to do, in this carrier's words."""
    told: list[dict[str, Any]] = []
    for instruction in answer:
        match instruction:
            case Listen():
                told.append({"do": "tap", "at": f"/made-up/media/{instruction.ticket}"})
            case Say():
                told.append({"do": "speak", "words": instruction.text})
            case Hold():
                told.append({"do": "wait", "seconds": instruction.seconds})
            case Connect():
                told.append({"do": "ring", "numbers": list(instruction.to)})
            case JoinRoom():
                told.append({"do": "hang-up"})  # this carrier has no conferences
            case HangUp() | Refuse():
                told.append({"do": "hang-up"})
            case _:
                assert_never(instruction)
    return told


class MadeUp:
    """The door.

    Args:
        calls: whom it talks to.
        key: the account's, for seals.
    """

    def __init__(self, calls: Calls, key: bytes) -> None:
        self._calls = calls
        self._key = key

    def routes(self) -> list[BaseRoute]:
        """All of its addresses."""
        return [
            Route("/made-up", self._post, methods=["POST"]),
            WebSocketRoute("/made-up/media/{ticket}", self._media),
        ]

    async def _post(self, request: Request) -> Response:
        body = await request.body()
        if not hmac.compare_digest(seal(self._key, body), request.headers.get(SEAL, "")):
            return PlainTextResponse("not sealed by the carrier\n", status_code=403)
        try:
            told = fact(msgspec.json.decode(body, type=Message))
        except msgspec.DecodeError as error:
            return PlainTextResponse(f"{error}\n", status_code=400)
        answer = await self._calls.tell(told) if told is not None else ()
        return JSONResponse(written(answer))

    async def _media(self, websocket: WebSocket) -> None:
        admitted = self._calls.admit(websocket.path_params["ticket"])
        if admitted is None:
            await websocket.close()
            return
        await websocket.accept()
        feed: Feed | None = None
        reason = "socket-lost"
        try:
            hello = msgspec.json.decode(await websocket.receive_text(), type=Hello)
            feed = self._calls.stream_opened(
                admitted, leg=hello.line, stream=hello.stream, tracks=("inbound", "outbound")
            )
            reason = await self._listen(websocket, feed)
        except WebSocketDisconnect:
            pass
        except (CallscribeError, msgspec.DecodeError) as error:
            reason = f"refused: {error}"
        if feed is not None:
            await feed.closed(reason)
        with contextlib.suppress(RuntimeError):
            await websocket.close()

    async def _listen(self, websocket: WebSocket, feed: Feed) -> str:
        """Read to the end; says why it is over."""
        unwanted = asyncio.ensure_future(feed.superseded())
        reading = asyncio.ensure_future(self._read(websocket, feed))
        try:
            await asyncio.wait((unwanted, reading), return_when=asyncio.FIRST_COMPLETED)
            return reading.result() if reading.done() else "taken-over"
        finally:
            unwanted.cancel()
            reading.cancel()

    async def _read(self, websocket: WebSocket, feed: Feed) -> str:
        while (frame := await websocket.receive_bytes()) != END:
            track, at_ms = FRAME.unpack_from(frame)
            feed.receive(TRACKS[track], at_ms, frame[FRAME.size :], None)
        return "stop"
