"""What the calls need from others, as Protocols: a session, a way to publish, the store's memory."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from callscribe.calls.plans import NumberFlow
from callscribe.events import AnyEvent, StreamCounters, Track
from callscribe.records import CallRecord

Publish = Callable[[AnyEvent], Awaitable[None]]
"""The journal's `publish`: returns when a durable event is stored; never raises into a call."""

Recall = Callable[[str], Awaitable[CallRecord | None]]
"""The store's `call`: the record of a leg or of whatever else names it. Raises `StoreError`. May never return."""


class Session(Protocol):
    """One stream's audio on its way to text (`speech.session.StreamSession`). Times are on the record's line except
    `receive`'s, which are the stream's own."""

    async def start(self) -> None: ...

    def receive(
        self, track: Track, timestamp_ms: int, payload: bytes, chunk: int | None
    ) -> None: ...

    async def pause(self) -> None: ...

    async def resume(self) -> None: ...

    def hold_back(self, track: Track) -> None: ...

    def release(self, track: Track, from_ms: int) -> None: ...

    async def close(self, reason: str) -> StreamCounters: ...


class OpenSession(Protocol):
    """Makes a session; the composition root adds the recogniser, the pool and the rest. `plan` is the record's flow,
    that of the number first called, with its recognition settings."""

    def __call__(
        self,
        *,
        call: str,
        leg: str,
        stream: str,
        tracks: Sequence[Track],
        speakers: Callable[[Track], str],
        offset_ms: int,
        plan: NumberFlow,
    ) -> Session: ...
