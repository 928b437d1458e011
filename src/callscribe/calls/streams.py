"""An open media stream: between the socket, which feeds it, and the session, which turns it into text."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from callscribe.calls.interfaces import Session
from callscribe.calls.timeline import ZeroEstimate
from callscribe.carriers.twilio.stream import Media, Started
from callscribe.errors import CallscribeError
from callscribe.events import StreamCounters, Track

log = structlog.get_logger(__name__)

SETTLE_MS = 250.0
"""How long a later stream's first frames are kept to learn its offset before any of them is decoded."""


class OpenStream:
    """One socket's stream. The socket's reader calls `receive` for every media message, `settle` while not `ready`."""

    def __init__(
        self,
        leg: str,
        started: Started,
        *,
        clock: Callable[[], float],
        begin: Callable[[OpenStream], Awaitable[Session]],
    ) -> None:
        self.leg = leg
        self.sid = started.stream_sid
        self.tracks: tuple[Track, ...] = started.tracks
        self.ready = False
        """The session is running: `receive` may be called."""
        self.superseded = asyncio.Event()
        """Another socket has taken this stream's place; the socket should be closed."""
        self.offset_ms = 0
        self.end_ms = 0
        """End of the audio so far, on the record's line."""
        self.first_ms: int | None = None
        """Where its audio begins, on the stream's own line."""
        self.held = False
        """The outbound track waits for the callee."""
        self.zero = ZeroEstimate(clock() * 1000)
        self.session: Session | None = None
        self._clock = clock
        self._begin = begin
        self._waiting: list[Media] = []
        self._first_arrival_ms = 0.0
        self._end_ms = 0
        self._closing: asyncio.Future[StreamCounters] | None = None
        self._beginning = asyncio.Lock()

    def receive(self, media: Media) -> None:
        """Hand one media message on. Never blocks."""
        self.zero.add(self._clock() * 1000, media.timestamp_ms)
        end = media.timestamp_ms + len(media.payload) // 8
        if end > self._end_ms:
            self._end_ms = end
            self.end_ms = end + self.offset_ms
        if self.first_ms is None:
            self.first_ms = media.timestamp_ms
        if self.session is not None and self._closing is None:
            self.session.receive(media.track, media.timestamp_ms, media.payload, media.chunk)

    async def settle(self, media: Media) -> None:
        """Keep a first message until enough came to know where the stream lies; then begin."""
        now_ms = self._clock() * 1000
        if not self._waiting:
            self._first_arrival_ms = now_ms
        self._waiting.append(media)
        self.zero.add(now_ms, media.timestamp_ms)
        if now_ms - self._first_arrival_ms >= SETTLE_MS:
            await self.begin()

    async def begin(self) -> None:
        """Open the session and give it what has waited. Idempotent."""
        async with self._beginning:
            if self.ready:
                return
            if self._waiting:
                self.first_ms = self._waiting[0].timestamp_ms
            self.session = await self._begin(self)
            self.ready = True
            waiting, self._waiting = self._waiting, []
            for media in waiting:
                # Arrival is not counted again: these have waited here, not on the way.
                end = media.timestamp_ms + len(media.payload) // 8
                self._end_ms = max(self._end_ms, end)
                self.end_ms = self._end_ms + self.offset_ms
                self.session.receive(media.track, media.timestamp_ms, media.payload, media.chunk)

    async def close(self, reason: str) -> StreamCounters:
        """Decode what has arrived, publish the last words, end. Idempotent; later calls get the same counters."""
        if self._closing is None:
            self._closing = asyncio.ensure_future(self._close(reason))
        return await asyncio.shield(self._closing)

    @property
    def closing(self) -> bool:
        return self._closing is not None

    async def _close(self, reason: str) -> StreamCounters:
        try:
            await self.begin()
        except CallscribeError as error:
            log.warning("a stream's audio could not be taken", leg=self.leg, reason=str(error))
        if self.session is None:
            return StreamCounters()
        return await self.session.close(reason)
