"""One stream's way through the decoding pool: a queue, fed from the event loop, emptied by one thread at a time.

Audio waits in memory (a minute), then on disk (`backlog`). Only past `LONGEST_QUEUE_MS`, or when the disk is full, is
it not accepted any more. When a call ends, what waits of it is still decoded.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from typing import TYPE_CHECKING, Final, Literal

import structlog

from callscribe.audio.mulaw import SAMPLE_RATE, SAMPLES_PER_MS
from callscribe.audio.timeline import Piece
from callscribe.events import Track
from callscribe.speech.backlog import Backlog
from callscribe.speech.holes import Hole
from callscribe.speech.recovery import HEARD_MS, RecoveringDecoder
from callscribe.speech.segmenter import STEP
from callscribe.speech.strain import LATE_MS
from callscribe.speech.stream import DecodingOptions, Fed, Found
from callscribe.speech.track import Progress

if TYPE_CHECKING:
    from callscribe.speech.pool import DecodePool, Desk

LONGEST_QUEUE_MS: Final = 4 * 60 * 60 * 1000
"""Audio that may wait for decoding, per track: the longest call there is, 115 MB. Past it, audio is dropped, counted,
and reported."""
PUT_OFF_MS: Final = 30_000
"""A stream that ends so far behind is decoded on the side."""
PORTION: Final = 2 * STEP
"""Samples of a track that are worth a turn; fewer cost more turns than they gain time."""
_BITE: Final = 2 * SAMPLE_RATE
"""Samples a stream may have decoded before another has its turn: two seconds."""
_FAR_BEHIND_MS: Final = 10_000
"""From this lag on a stream lets the others go first."""

_log = structlog.get_logger(__name__)

Urgency = Literal[0, 1, 2]
"""0: live; 1: live, but far behind; 2: over, decoded on the side."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What came of one turn."""

    fed: Sequence[Fed] = ()
    """What was decoded."""
    found: Sequence[Found] = ()
    failed: Sequence[Hole] = ()
    lost: Sequence[Hole] = ()
    """What was queued and cannot be read back."""
    progress: Mapping[Track, Progress] = field(default_factory=dict)
    """How far the stream has come."""


Deliver = Callable[[Turn], None]


@dataclass(slots=True)
class Amount:
    """What is queued of a track."""

    samples: int = 0
    flushes: int = 0
    """How often it is to be flushed."""
    start_ms: float = 0.0
    end_ms: float = 0.0
    """The carrier's clock where it begins and ends."""

    def add(self, piece: Piece) -> None:
        """A piece is queued behind the others."""
        if not self.samples:
            self.start_ms = piece.clock_ms
        self.samples += len(piece.payload)
        self.end_ms = piece.clock_ms + len(piece.payload) / SAMPLES_PER_MS


@dataclass(slots=True)
class _Queue(Amount):
    """A track's, and what is being done with it."""

    in_hand: int = 0
    """Samples taken by a thread and not yet decoded."""
    full: bool = False


class Lane:
    """One stream's way through the pool. Fed from the event loop, emptied by one thread at a time."""

    def __init__(
        self,
        pool: DecodePool,
        tracks: Sequence[Track],
        options: DecodingOptions,
        deliver: Deliver,
        loop: asyncio.AbstractEventLoop,
        fed: Backlog | None = None,
        amounts: Mapping[Track, Amount] | None = None,
        progress: Mapping[Track, Progress] | None = None,
    ) -> None:
        """
        Args:
            fed, amounts, progress: of a stream that is taken up again (`DecodePool.rest`).
        """
        self._pool = pool
        self._options = options
        self._deliver = deliver
        self._loop = loop
        self._desk: Desk | None = None
        self._decoder: RecoveringDecoder | None = None
        self._lock = threading.Lock()
        self._fed = fed or Backlog()
        self._begin_at = dict(progress or {})
        known = amounts or {}
        self._queues = {track: _Queue(*astuple(known.get(track, Amount()))) for track in tracks}
        self.lost_ms = 0
        """Audio of all its tracks that was queued and could not be read back."""
        self.state: Literal["waiting", "live", "over"] = "waiting"
        """waiting: for a place; live: has one; over: its call is over, and it is decoded on the side."""
        self._may_run = False
        self._late_comer = False
        """Had to wait for its place and has not caught up since."""
        self._scheduled = False
        self._closing = False
        self._gone = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._at_rest = asyncio.Event()
        self._at_rest.set()

    # To admission

    @property
    def size(self) -> int:
        return len(self._queues)

    def begin(self) -> None:
        """There is room."""
        if self._desk is None:
            self._desk = self._pool.sit()
            self._decoder = self._pool.decoder(self._desk, self._options, self._begin_at)
        if self.state == "waiting":
            self.state = "live"
            self._late_comer = self.undecoded_ms > 0
        with self._lock:
            self._may_run = True
            if self._has_work():
                self._schedule()

    # To a session

    @property
    def waits(self) -> bool:
        """It has no place yet."""
        return self.state == "waiting"

    @property
    def is_current(self) -> bool:
        """It has a place and was never without."""
        return self.state == "live" and not self._late_comer

    @property
    def is_far_behind(self) -> bool:
        """Decoding what there is would take long."""
        return self.waits or self.worst_lag_ms > PUT_OFF_MS

    def lag_ms(self, track: Track) -> int:
        """Audio received but not yet decoded."""
        queue = self._queues[track]
        return (queue.samples + queue.in_hand) // SAMPLES_PER_MS

    @property
    def worst_lag_ms(self) -> int:
        """Of the track that is further behind."""
        return max(map(self.lag_ms, self._queues))

    @property
    def undecoded_ms(self) -> int:
        """Audio of all its tracks that is not decoded."""
        return sum(map(self.lag_ms, self._queues))

    @property
    def on_disk(self) -> int:
        """What of it waits on disk, in bytes."""
        return self._fed.on_disk

    def idle(self, track: Track) -> bool:
        """Nothing to do for it: what is queued, if anything, is less than a portion, or it waits for a place."""
        queue = self._queues[track]
        return self.waits or (not queue.flushes and not queue.in_hand and queue.samples < PORTION)

    def wait_in(self, fed: Backlog) -> None:
        """Keep there what comes, from the first piece on."""
        self._fed = fed

    def caught_up(self) -> bool:
        """Nothing waits on disk any more: from now on it is in memory that things wait. False: something does."""
        with self._lock:
            return self._fed.in_memory_only()

    def put(self, track: Track, piece: Piece) -> bool:
        """Queue a piece; false when the queue is full, and the piece is dropped."""
        with self._lock:
            queue = self._queues[track]
            queued = queue.samples + len(piece.payload)
            # Once full, a tenth must be free before anything is taken again: one gap, not a hundred.
            bound = LONGEST_QUEUE_MS * (9 if queue.full else 10) // 10
            queue.full = queued > bound * SAMPLES_PER_MS
            if queue.full:
                return False
            try:
                self._fed.append(Fed(track, piece))
            except OSError as error:
                _log.error("no room for audio that waits", reason=str(error))
                queue.full = True
                return False
            queue.add(piece)
            if queued >= PORTION and not self._scheduled:
                self._schedule()
        return True

    def flush(self, track: Track) -> None:
        """Decode everything queued of a track, whatever its length, and end the utterance."""
        with self._lock:
            try:
                self._fed.append(Fed(track, None))
            except OSError as error:
                _log.error("no room for audio that waits", reason=str(error))
            self._queues[track].flushes += 1
            self._schedule()

    def retire(self) -> None:
        """Nothing more comes, and what is left is decoded on the side, when there is room."""
        with self._lock:
            self.state = "over"
            self._may_run = False
            self._idle.clear()
        self._pool.admission.retire(self)

    async def drained(self) -> None:
        """Wait until nothing is queued or being decoded, and all of it has been delivered."""
        await self._idle.wait()

    async def close(self) -> None:
        """Wait until all is decoded that was flushed, and free the recogniser's session. Idempotent."""
        await self.drained()
        if not self._closing and self._desk is not None:
            with self._lock:
                self._closing = self._may_run = True
                self._schedule()
            await self.drained()
        self.leave()

    async def drop(self) -> None:
        """Nobody wants to know any more what it says: forget what is queued."""
        with self._lock:
            self._empty()
            if not self._scheduled:
                self._idle.set()
        await self.close()

    async def halt(self) -> None:
        """Stop decoding, once what is being decoded now has been delivered."""
        with self._lock:
            self._may_run = False
            scheduled = self._scheduled
        if scheduled:
            await self._at_rest.wait()

    def unfinished(self) -> Iterator[Fed]:
        """What another lane would have to be fed, beside the progress that was delivered last. Call `halt` first.

        Raises:
            OSError, EOFError: the rest of it cannot be read back from the disk.
        """
        yield from self._decoder.unfinished() if self._decoder is not None else ()
        while self._fed:
            yield self._fed.popleft()

    def leave(self) -> None:
        """The pool need not know it any more. Idempotent."""
        if not self._gone:
            self._gone = True
            with self._lock:
                self._fed.close()
            self._pool.forget(self, self._desk)

    # Turns

    def _has_work(self) -> bool:
        return any(q.samples >= PORTION or q.flushes for q in self._queues.values())

    def _schedule(self) -> None:
        """Have a turn as soon as there is room. From the event loop, with the lock held."""
        self._idle.clear()
        if self._may_run and not self._scheduled and self._desk is not None:
            self._scheduled = True
            self._at_rest.clear()
            self._desk.turns.put(self, self._urgency)

    @property
    def _urgency(self) -> Urgency:
        if self.state == "over":
            return 2
        return 1 if self.worst_lag_ms > _FAR_BEHIND_MS else 0

    def turn(self) -> None:
        """One bite, in a worker thread."""
        desk, decoder = self._desk, self._decoder
        assert desk is not None
        assert decoder is not None
        with self._lock:
            behind = self.worst_lag_ms > LATE_MS
            fed, lost = self._take() if self._may_run else ([], [])
        turn = Turn(lost=lost)
        began = time.perf_counter()
        try:
            if fed:
                found, failed = decoder.decode(fed, partials=not behind)
                turn = Turn(fed, found, failed, lost, decoder.progress)
            if self._closing:
                decoder.close()
                self._fed.close()
        except Exception:
            # Not the recogniser's fault, which would be told as a failure, but ours.
            _log.exception("decoding failed")
        self._pool.took(time.perf_counter() - began, sum(q.in_hand for q in self._queues.values()))
        with self._lock:
            for queue in self._queues.values():
                queue.in_hand = 0
            if self.worst_lag_ms < LATE_MS:
                self._late_comer = False
            more = self._may_run and self._has_work()
            self._scheduled = more
            if more:
                desk.turns.put(self, self._urgency)
        # The loop may be gone when a process is ending in a hurry; the other streams' threads must not mind.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._done, turn, more)

    def _take(self) -> tuple[list[Fed], list[Hole]]:
        """The next bite, and what turned out to be lost, with the lock held."""
        fed: list[Fed] = []
        lost: list[Hole] = []
        taken = 0
        while self._fed and taken < _BITE:
            try:
                each = self._fed.popleft()
            except (OSError, IndexError, EOFError):
                _log.exception("audio that waited cannot be read back")
                lost = self._give_up()
                break
            queue = self._queues[each.track]
            if each.piece is None:
                queue.flushes -= 1
                if each.track not in self._begin_at:
                    fed.append(each)
                continue
            samples = len(each.piece.payload)
            queue.samples -= samples
            queue.start_ms = each.piece.clock_ms + samples / SAMPLES_PER_MS
            if not self._is_decoded(each.track, each.piece):
                fed.append(each)
                queue.in_hand += samples
                taken += samples
        if not self._fed:
            # What is lost, or ended when there was no room to write that down, ends the utterance before it.
            for track, queue in self._queues.items():
                if queue.flushes:
                    fed.append(Fed(track, None))
                    queue.flushes = 0
        return fed, lost

    def _give_up(self) -> list[Hole]:
        """What is queued is lost; with the lock held."""
        lost = [
            Hole(track, round(queue.start_ms), round(queue.end_ms))
            for track, queue in self._queues.items()
            if queue.samples
        ]
        self.lost_ms += sum(queue.samples for queue in self._queues.values()) // SAMPLES_PER_MS
        self._empty()
        for track, queue in self._queues.items():
            queue.flushes = int(track not in self._begin_at)
        return lost

    def _empty(self) -> None:
        """Nothing is queued any more; with the lock held."""
        self._fed.close()
        for queue in self._queues.values():
            queue.samples = queue.flushes = 0

    def _is_decoded(self, track: Track, piece: Piece) -> bool:
        """Whether this was decoded before the stream was taken up again, and is not needed any more."""
        progress = self._begin_at.get(track)
        if progress is None:
            return False
        if piece.start + len(piece.payload) <= progress.position - HEARD_MS * SAMPLES_PER_MS:
            return True
        del self._begin_at[track]
        return False

    def _done(self, turn: Turn, more: bool) -> None:
        try:
            self._deliver(turn)
        except Exception:
            _log.exception("delivering what was recognised failed")
        if not more and not self._scheduled:
            self._at_rest.set()
            if not self._has_work():
                self._idle.set()
