"""Decoding off the event loop: a few threads, one queue per track.

A worker takes what has gathered on a track, up to two seconds of audio, decodes it, and lets the next track have its
turn; so tracks stay in order within themselves and are fair to each other, and one that is far behind catches up with
large bites. Up to `LONGEST_QUEUE_MS` of mu-law audio (4.8 MB) wait per track; what comes on top is not accepted.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import Final

import structlog

from callscribe.audio.mulaw import SAMPLES_PER_MS
from callscribe.audio.timeline import Piece
from callscribe.speech.segmenter import STEP
from callscribe.speech.track import TrackDecoder
from callscribe.speech.utterance import Utterance

LONGEST_QUEUE_MS: Final = 10 * 60 * 1000
"""Audio that may wait for decoding, per track. Past it, audio is dropped, counted and reported."""
_BITE: Final = 10 * STEP
"""Samples a track may decode before another has its turn: two seconds."""
_BEHIND_MS: Final = 1000
"""From this lag on, partials thin out to one per turn."""

_log = structlog.get_logger(__name__)


class DecodePool:
    """The decoding threads, shared by all sessions of the process."""

    def __init__(self, threads: int | None = None) -> None:
        """
        Args:
            threads: how many tracks are decoded at the same moment; by default one per processor, since the native
                decoder runs without Python's lock.
        """
        self._ready: SimpleQueue[Lane | None] = SimpleQueue()
        self._closed = False
        self._threads = [
            threading.Thread(target=self._work, name=f"decode-{i}", daemon=True)
            for i in range(threads or os.cpu_count() or 1)
        ]
        for thread in self._threads:
            thread.start()

    def lane(self, decoder: TrackDecoder, deliver: Deliver) -> Lane:
        """A queue for one track. From the event loop; `deliver` is called there."""
        return Lane(self._ready, decoder, deliver, asyncio.get_running_loop())

    async def close(self) -> None:
        """End the threads, after what is being decoded now. Close the sessions first. Idempotent."""
        if self._closed:
            return
        self._closed = True
        for _ in self._threads:
            self._ready.put(None)
        for thread in self._threads:
            await asyncio.to_thread(thread.join)

    def _work(self) -> None:
        while (lane := self._ready.get()) is not None:
            lane.turn()


Deliver = Callable[["list[Utterance]", "Exception | None"], None]
"""Takes what a turn found, or why decoding of this track has ended."""


class Lane:
    """One track's way through the pool. Fed from the event loop, emptied by one worker at a time."""

    def __init__(
        self,
        ready: SimpleQueue[Lane | None],
        decoder: TrackDecoder,
        deliver: Deliver,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._ready = ready
        self._decoder = decoder
        self._deliver = deliver
        self._loop = loop
        self._lock = threading.Lock()
        self._pieces: deque[Piece] = deque()
        self._waiting = 0
        """Samples in `_pieces`."""
        self._in_hand = 0
        """Samples that a worker has taken and not yet decoded."""
        self._full = False
        self._scheduled = False
        self._flushing = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._failed = False

    @property
    def lag_ms(self) -> int:
        """Audio received but not yet decoded."""
        return (self._waiting + self._in_hand) // SAMPLES_PER_MS

    @property
    def idle(self) -> bool:
        """Nothing to do: what waits, if anything, is less than a step."""
        return not self._scheduled

    def put(self, piece: Piece) -> bool:
        """Queue a piece; false when the queue is full, and the piece is dropped."""
        with self._lock:
            if self._failed:
                return True
            # Once full, a tenth must be free before anything is taken again: one gap, not a hundred.
            bound = LONGEST_QUEUE_MS * (9 if self._full else 10) // 10
            self._full = (self._waiting + len(piece.payload)) // SAMPLES_PER_MS > bound
            if self._full:
                return False
            self._pieces.append(piece)
            self._waiting += len(piece.payload)
            if self._waiting >= STEP:
                self._schedule()
        return True

    def flush(self) -> None:
        """Decode everything queued, whatever its length, and end the utterance."""
        with self._lock:
            if not self._failed:
                self._flushing = True
                self._schedule()

    async def drained(self) -> None:
        """Wait until nothing is queued or being decoded, and all of it has been delivered."""
        await self._idle.wait()

    async def close(self) -> None:
        """Flush, wait, and free the recogniser's session."""
        self.flush()
        await self.drained()
        self._decoder.close()

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._idle.clear()
            self._ready.put(self)

    def turn(self) -> None:
        """One bite, in a worker thread."""
        taken: list[Piece] = []
        with self._lock:
            behind = self.lag_ms > _BEHIND_MS
            while self._pieces and self._in_hand < _BITE:
                piece = self._pieces.popleft()
                self._waiting -= len(piece.payload)
                self._in_hand += len(piece.payload)
                taken.append(piece)
            flush = self._flushing and not self._pieces
            if flush:
                self._flushing = False
        found: list[Utterance] = []
        failure: Exception | None = None
        try:
            for piece in taken:
                found += self._decoder.accept(piece, partials=not behind)
                self._in_hand -= len(piece.payload)
            if behind:
                found += self._decoder.partial()
            if flush:
                found += self._decoder.flush()
        except Exception as error:
            failure = error
        with self._lock:
            self._in_hand = 0
            if failure is not None:
                self._failed = True
                self._pieces.clear()
                self._waiting = 0
                self._flushing = False
            more = self._waiting >= STEP or self._flushing
            self._scheduled = more
            if more:
                self._ready.put(self)
        # The loop may be gone when a process is ending in a hurry; the other tracks' threads must not mind.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._done, found, failure, more)

    def _done(self, found: list[Utterance], failure: Exception | None, more: bool) -> None:
        try:
            self._deliver(found, failure)
        except Exception:
            _log.exception("delivering what was recognised failed")
        if not more and not self._scheduled:
            self._idle.set()
