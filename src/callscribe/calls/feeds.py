"""An open media stream in the shell: between its socket, the machine and the session that turns it into text."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from callscribe.calls.facts import AnyFact, DigitPressed, SocketClosed, SocketSettled
from callscribe.calls.interfaces import Session
from callscribe.calls.streams import Stream
from callscribe.errors import CallscribeError
from callscribe.events import Track


class Shell(Protocol):
    """What a feed needs of the registry."""

    @property
    def clock(self) -> Callable[[], float]: ...

    def heard(self, fact: AnyFact) -> object:
        """Tell the machine."""
        ...


class OpenFeed:
    """An open media stream, between its socket, the machine and its session (`carriers.base.Feed`)."""

    def __init__(self, shell: Shell, call: str, stream: Stream) -> None:
        self.call = call
        self.stream = stream
        self.session: Session | None = None
        self.error: CallscribeError | None = None
        """Nothing can take its audio."""
        self.over = asyncio.Event()
        """Its last words are published."""
        self.unwanted = asyncio.Event()
        """Its socket is of no use any more."""
        self._shell = shell
        self._clock = shell.clock
        self._flowing = False
        self._waiting: list[tuple[Track, int, bytes, int | None]] = []

    def receive(self, track: Track, timestamp_ms: int, payload: bytes, chunk: int | None) -> None:
        """See `carriers.base.Feed`."""
        now_ms = self._clock() * 1000
        stream = self.stream
        stream.frame(now_ms, timestamp_ms, len(payload))
        if self._flowing and self.session is not None:
            if stream.state == "open" or stream.state == "waiting":
                self.session.receive(track, timestamp_ms, payload, chunk)
            return
        self._waiting.append((track, timestamp_ms, payload, chunk))
        if stream.state == "settling":
            settled_ms = stream.settled_ms
            if settled_ms is not None and now_ms >= settled_ms:
                self._shell.heard(SocketSettled(call=self.call, stream=self.stream.key))
        if self.error is not None:
            raise self.error

    def flow(self) -> None:
        """Give the session what has waited, and what comes from now on."""
        if self.session is None or self._flowing:
            return
        self._flowing = True
        waiting, self._waiting = self._waiting, []
        for frame in waiting:
            self.session.receive(*frame)

    def digit(self, track: Track, digit: str) -> None:
        """See `carriers.base.Feed`."""
        self._shell.heard(
            DigitPressed(call=self.call, stream=self.stream.key, track=track, digit=digit)
        )

    async def superseded(self) -> None:
        """See `carriers.base.Feed`."""
        await self.unwanted.wait()

    async def closed(self, reason: str) -> None:
        """See `carriers.base.Feed`."""
        self._shell.heard(SocketClosed(call=self.call, stream=self.stream.key, reason=reason))
        await self.over.wait()
