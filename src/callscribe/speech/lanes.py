"""Decoding off the event loop: a few threads, one queue per stream.

A thread takes what has gathered of a stream, up to two seconds of audio, has it decoded, and lets the next stream have
its turn; so tracks stay in order within themselves and are fair to each other, and one that is far behind catches up
with large bites, delaying nobody else by more than one.

What happens under too much load, in this order: partials come one a turn instead of five a second (from a lag of one
second on), finals come late, audio waits in memory (a minute), then on disk (`backlog`). Only past `LONGEST_QUEUE_MS`,
or when the disk is full, is audio not accepted any more. When a call ends, what waits of it is still decoded.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Final

import structlog

from callscribe.audio.mulaw import SAMPLES_PER_MS
from callscribe.audio.timeline import Piece
from callscribe.events import Track
from callscribe.speech.backlog import Backlog
from callscribe.speech.recovery import Failed, Place, RecoveringDecoder
from callscribe.speech.segmenter import STEP
from callscribe.speech.stream import DecodingOptions, Fed, Found

LONGEST_QUEUE_MS: Final = 4 * 60 * 60 * 1000
"""Audio that may wait for decoding, per track: the longest call there is, 115 MB. Past it, audio is dropped, counted,
and reported."""
_BITE: Final = 10 * STEP
"""Samples a stream may have decoded before another has its turn: two seconds."""
_BEHIND_MS: Final = 1000
"""From this lag on, partials thin out to one per turn."""

_log = structlog.get_logger(__name__)

Deliver = Callable[[Sequence[Found], Sequence[Failed]], None]
"""Takes what a turn found, and what could not be decoded."""


@dataclass(slots=True)
class _Desk:
    """A place with its own threads and queue."""

    place: Place
    ready: SimpleQueue[Lane | None]
    lanes: int = 0
    """How many streams it has now."""


class DecodePool:
    """The decoding threads, shared by all sessions of the process."""

    def __init__(self, places: Sequence[Place], *, threads: int | None = None) -> None:
        """
        Args:
            places: where decoders live. A stream stays in one, the one with the fewest when it begins.
            threads: how many streams are decoded at the same moment in each; by default one per processor, for a place
                in this process whose native decoder runs without Python's lock.
        """
        self._closed = False
        self._desks = [_Desk(place, SimpleQueue()) for place in places]
        self._numbers = itertools.count(1)
        self._threads = [
            threading.Thread(target=self._work, args=(desk,), name=f"decode-{i}-{j}", daemon=True)
            for i, desk in enumerate(self._desks)
            for j in range(threads or os.cpu_count() or 1)
        ]
        for thread in self._threads:
            thread.start()

    def lane(self, tracks: Sequence[Track], options: DecodingOptions, deliver: Deliver) -> Lane:
        """A queue for the tracks of one stream. From the event loop; `deliver` is called there."""
        desk = min(self._desks, key=lambda desk: desk.lanes)
        desk.lanes += 1
        decoder = RecoveringDecoder(desk.place, next(self._numbers), options)

        def left() -> None:
            desk.lanes -= 1

        return Lane(tracks, desk.ready, decoder, deliver, asyncio.get_running_loop(), left)

    async def close(self) -> None:
        """End the threads, after what is being decoded now. Close the sessions first. Idempotent."""
        if self._closed:
            return
        self._closed = True
        for _ in self._threads:
            for desk in self._desks:
                desk.ready.put(None)
        for thread in self._threads:
            await asyncio.to_thread(thread.join)

    @staticmethod
    def _work(desk: _Desk) -> None:
        while (lane := desk.ready.get()) is not None:
            lane.turn()


@dataclass(slots=True)
class _Queue:
    """What waits of a track, in samples."""

    waiting: int = 0
    in_hand: int = 0
    """Taken by a thread and not yet decoded."""
    full: bool = False
    flushes: int = 0
    """How often it is to be flushed."""


class Lane:
    """One stream's way through the pool. Fed from the event loop, emptied by one thread at a time."""

    def __init__(
        self,
        tracks: Sequence[Track],
        ready: SimpleQueue[Lane | None],
        decoder: RecoveringDecoder,
        deliver: Deliver,
        loop: asyncio.AbstractEventLoop,
        left: Callable[[], None],
    ) -> None:
        """
        Args:
            left: called when the lane is closed.
        """
        self._ready = ready
        self._decoder = decoder
        self._deliver = deliver
        self._loop = loop
        self._left = left
        self._lock = threading.Lock()
        self._fed = Backlog()
        self._queues = {track: _Queue() for track in tracks}
        self._scheduled = False
        self._closing = False
        self._idle = asyncio.Event()
        self._idle.set()

    def lag_ms(self, track: Track) -> int:
        """Audio received but not yet decoded."""
        queue = self._queues[track]
        return (queue.waiting + queue.in_hand) // SAMPLES_PER_MS

    def idle(self, track: Track) -> bool:
        """Nothing to do for it: what waits, if anything, is less than a step."""
        queue = self._queues[track]
        return not queue.flushes and not queue.in_hand and queue.waiting < STEP

    def put(self, track: Track, piece: Piece) -> bool:
        """Queue a piece; false when the queue is full, and the piece is dropped."""
        with self._lock:
            queue = self._queues[track]
            # Once full, a tenth must be free before anything is taken again: one gap, not a hundred.
            bound = LONGEST_QUEUE_MS * (9 if queue.full else 10) // 10
            queue.full = (queue.waiting + len(piece.payload)) // SAMPLES_PER_MS > bound
            if queue.full:
                return False
            try:
                self._fed.append(Fed(track, piece))
            except OSError as error:
                _log.error("no room for audio that waits", reason=str(error))
                queue.full = True
                return False
            queue.waiting += len(piece.payload)
            if queue.waiting >= STEP:
                self._schedule()
        return True

    def flush(self, track: Track) -> None:
        """Decode everything queued of a track, whatever its length, and end the utterance."""
        with self._lock:
            self._fed.append(Fed(track, None))
            self._queues[track].flushes += 1
            self._schedule()

    async def drained(self) -> None:
        """Wait until nothing is queued or being decoded, and all of it has been delivered."""
        await self._idle.wait()

    async def close(self) -> None:
        """Wait until all is decoded that was flushed, and free the recogniser's session. Idempotent."""
        await self.drained()
        if self._closing:
            return
        with self._lock:
            self._closing = True
            self._schedule()
        await self.drained()
        self._left()

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._idle.clear()
            self._ready.put(self)

    def turn(self) -> None:
        """One bite, in a worker thread."""
        fed: list[Fed] = []
        with self._lock:
            behind = any(self.lag_ms(track) > _BEHIND_MS for track in self._queues)
            taken = 0
            while self._fed and taken < _BITE:
                each = self._fed.popleft()
                fed.append(each)
                queue = self._queues[each.track]
                if each.piece is None:
                    queue.flushes -= 1
                else:
                    queue.waiting -= len(each.piece.payload)
                    queue.in_hand += len(each.piece.payload)
                    taken += len(each.piece.payload)
        found: Sequence[Found] = ()
        failed: Sequence[Failed] = ()
        try:
            if fed:
                found, failed = self._decoder.decode(fed, partials=not behind)
            if self._closing:
                self._decoder.close()
                self._fed.close()
        except Exception:
            # Not the recogniser's fault, which would be told as a failure, but ours.
            _log.exception("decoding failed")
        with self._lock:
            for queue in self._queues.values():
                queue.in_hand = 0
            more = any(queue.waiting >= STEP or queue.flushes for queue in self._queues.values())
            self._scheduled = more
            if more:
                self._ready.put(self)
        # The loop may be gone when a process is ending in a hurry; the other streams' threads must not mind.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._done, found, failed, more)

    def _done(self, found: Sequence[Found], failed: Sequence[Failed], more: bool) -> None:
        try:
            self._deliver(found, failed)
        except Exception:
            _log.exception("delivering what was recognised failed")
        if not more and not self._scheduled:
            self._idle.set()
