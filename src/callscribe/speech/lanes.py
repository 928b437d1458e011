"""Decoding off the event loop: a few threads, one queue per stream.

A thread takes what has gathered of a stream, up to two seconds of audio, has it decoded, and lets the next stream have
its turn; so tracks stay in order within themselves and are fair to each other. Streams that are far behind have their
turns when those that are not have had theirs, and every eighth in any case; what is left of calls that are over has one
only when nobody else wants it.

What happens under too much load, in this order, is in docs/operations.md and `callscribe.speech.strain`. In here:
partials come one a turn instead of five a second (from a lag of one second on), finals come late, audio waits in memory
(a minute), then on disk (`backlog`); past the number of tracks that this machine can follow, streams wait for a place
(`admission`). Only past `LONGEST_QUEUE_MS`, or when the disk is full, is audio not accepted any more. When a call ends,
what waits of it is still decoded.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import msgspec
import structlog

from callscribe.audio.mulaw import SAMPLE_RATE, SAMPLES_PER_MS
from callscribe.audio.timeline import Piece
from callscribe.events import Track
from callscribe.speech.admission import Admission
from callscribe.speech.backlog import Backlog
from callscribe.speech.recovery import HEARD_MS, Failed, Place, RecoveringDecoder
from callscribe.speech.segmenter import STEP
from callscribe.speech.strain import LATE_MS, Strain
from callscribe.speech.stream import DecodingOptions, Fed, Found
from callscribe.speech.track import Progress

LONGEST_QUEUE_MS: Final = 4 * 60 * 60 * 1000
"""Audio that may wait for decoding, per track: the longest call there is, 115 MB. Past it, audio is dropped, counted,
and reported."""
_BITE: Final = 10 * STEP
"""Samples a stream may have decoded before another has its turn: two seconds."""
_FAR_BEHIND_MS: Final = 10_000
"""From this lag on a stream lets the others go first."""
PUT_OFF_MS: Final = 30_000
"""A stream that ends so far behind is decoded on the side."""
_TURNS_BEFORE_LATE: Final = 7
"""So many streams have their turn, at most, before one that is far behind has its."""
_RECENT: Final = 0.99
"""Of figures about recent turns: what is left of them after the next one."""

_log = structlog.get_logger(__name__)

Urgency = Literal[0, 1, 2]
"""0: live; 1: live, but far behind; 2: over, decoded on the side."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What came of one turn."""

    fed: Sequence[Fed] = ()
    """What was decoded."""
    found: Sequence[Found] = ()
    failed: Sequence[Failed] = ()
    progress: Mapping[Track, Progress] = field(default_factory=dict)
    """How far the stream has come."""


Deliver = Callable[[Turn], None]


class _Turns:
    """Whose turn it is at a desk."""

    def __init__(self) -> None:
        self._ready: tuple[deque[Lane], ...] = (deque(), deque(), deque())
        self._since_late = 0
        self._closed = False
        self._changed = threading.Condition()

    def __len__(self) -> int:
        return sum(map(len, self._ready))

    def put(self, lane: Lane, urgency: Urgency) -> None:
        """A lane wants a turn."""
        with self._changed:
            self._ready[urgency].append(lane)
            self._changed.notify()

    def get(self) -> Lane | None:
        """Whose turn it is, once it is somebody's; None when there will be no more."""
        with self._changed:
            while not self._closed and not any(self._ready):
                self._changed.wait()
            return None if self._closed else self._next()

    def close(self) -> None:
        """No more turns."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _next(self) -> Lane:
        live, late, over = self._ready
        if late and (not live or self._since_late >= _TURNS_BEFORE_LATE):
            self._since_late = 0
            return late.popleft()
        if live:
            self._since_late += 1
            return live.popleft()
        return over.popleft()


@dataclass(slots=True)
class _Desk:
    """A place with its own threads and turns."""

    place: Place
    turns: _Turns
    lanes: int = 0
    """How many streams it has now."""


def usable_cores() -> int:
    """Processor cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0)) or 1
    except AttributeError:  # not everywhere
        return os.cpu_count() or 1


class DecodePool:
    """The decoding threads, shared by all sessions of the process."""

    def __init__(
        self, places: Sequence[Place], *, threads: int | None = None, capacity: int = 0
    ) -> None:
        """
        Args:
            places: where decoders live. A stream stays in one, the one with the fewest when it begins.
            threads: how many streams are decoded at the same moment in each; by default one per processor, for a place
                in this process whose native decoder runs without Python's lock.
            capacity: tracks that are decoded live at the same time; the others wait for a place. 0: any number.
        """
        self._closed = False
        self._desks = [_Desk(place, _Turns()) for place in places]
        self._numbers = itertools.count(1)
        each = threads or usable_cores()
        self.admission = Admission(capacity, hands=len(self._desks) * each)
        self._lanes: dict[Lane, None] = {}
        self._wall_s = self._audio_s = 0.0
        """Of recent turns, those of long ago counting less and less."""
        self._threads = [
            threading.Thread(
                target=self._work, args=(desk.turns,), name=f"decode-{i}-{j}", daemon=True
            )
            for i, desk in enumerate(self._desks)
            for j in range(each)
        ]
        for thread in self._threads:
            thread.start()

    def lane(self, tracks: Sequence[Track], options: DecodingOptions, deliver: Deliver) -> Lane:
        """A queue for the tracks of one stream, which begins or waits for a place. From the event loop; `deliver` is
        called there."""
        lane = Lane(self, tracks, options, deliver, asyncio.get_running_loop())
        self._lanes[lane] = None
        self.admission.enter(lane)
        return lane

    def rest(
        self,
        tracks: Sequence[Track],
        options: DecodingOptions,
        deliver: Deliver,
        fed: Backlog,
        amounts: Mapping[Track, Amount],
        progress: Mapping[Track, Progress],
    ) -> Lane:
        """A queue for what is left of a stream that is over.

        Args:
            fed: its audio, from the beginning or from a later point before `progress`.
            amounts: what of each track is in `fed`.
            progress: how far it has been decoded.
        """
        loop = asyncio.get_running_loop()
        lane = Lane(self, tracks, options, deliver, loop, fed, amounts, progress)
        self._lanes[lane] = None
        lane.retire()
        return lane

    async def close(self) -> None:
        """End the threads, after what is being decoded now. Close the sessions first. Idempotent."""
        if self._closed:
            return
        self._closed = True
        for desk in self._desks:
            desk.turns.close()
        for thread in self._threads:
            await asyncio.to_thread(thread.join)

    # Figures

    @property
    def strain(self) -> Strain:
        """How hard it is to keep up, now."""
        lanes = [*self._lanes]
        current = [lane for lane in lanes if lane.is_current]
        return Strain(
            lag_ms=max((lane.worst_lag_ms for lane in current), default=0),
            on_disk=sum(lane.on_disk for lane in lanes),
            full=self.admission.is_full,
            waiting=self.admission.waiting,
        )

    @property
    def lag_ms(self) -> int:
        """Audio waiting on the track furthest behind, of those that have a place."""
        return max(
            (lane.worst_lag_ms for lane in [*self._lanes] if lane.state == "live"), default=0
        )

    @property
    def waiting_ms(self) -> int:
        """Audio of all tracks that is not decoded yet and has no place, for which it waits."""
        return sum(lane.undecoded_ms for lane in [*self._lanes] if lane.state != "live")

    @property
    def queue(self) -> int:
        """Streams whose audio could be decoded now if there were a free processor."""
        return sum(len(desk.turns) for desk in self._desks)

    @property
    def real_time_factor(self) -> float:
        """What decoding a second of audio took lately, in seconds of one worker."""
        return self._wall_s / self._audio_s if self._audio_s else 0.0

    # For lanes

    def sit(self) -> _Desk:
        """The desk with the fewest streams, for one more."""
        desk = min(self._desks, key=lambda desk: desk.lanes)
        desk.lanes += 1
        return desk

    def decoder(
        self, desk: _Desk, options: DecodingOptions, progress: Mapping[Track, Progress]
    ) -> RecoveringDecoder:
        return RecoveringDecoder(desk.place, next(self._numbers), options, progress)

    def left(self, lane: Lane, desk: _Desk | None) -> None:
        """A lane is closed."""
        if desk is not None:
            desk.lanes -= 1
        self._lanes.pop(lane, None)
        self.admission.leave(lane)

    def took(self, wall_s: float, samples: int) -> None:
        """A turn is over."""
        self._wall_s = self._wall_s * _RECENT + wall_s
        self._audio_s = self._audio_s * _RECENT + samples / SAMPLE_RATE

    @staticmethod
    def _work(turns: _Turns) -> None:
        while (lane := turns.get()) is not None:
            lane.turn()


@dataclass(frozen=True, slots=True)
class Amount:
    """What waits of a track."""

    samples: int = 0
    flushes: int = 0


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
        self._desk: _Desk | None = None
        self._decoder: RecoveringDecoder | None = None
        self._lock = threading.Lock()
        self._fed = fed or Backlog()
        self._begin_at = dict(progress or {})
        known = amounts or {}
        self._queues = {
            track: _Queue(waiting=known[track].samples, flushes=known[track].flushes)
            if track in known
            else _Queue()
            for track in tracks
        }
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
        return (queue.waiting + queue.in_hand) // SAMPLES_PER_MS

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
        """Nothing to do for it: what waits, if anything, is less than a step, or waits for a place."""
        queue = self._queues[track]
        return self.waits or (not queue.flushes and not queue.in_hand and queue.waiting < STEP)

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
            waiting = queue.waiting + len(piece.payload)
            # Once full, a tenth must be free before anything is taken again: one gap, not a hundred.
            bound = LONGEST_QUEUE_MS * (9 if queue.full else 10) // 10
            queue.full = waiting > bound * SAMPLES_PER_MS
            if queue.full:
                return False
            try:
                self._fed.append(Fed(track, piece))
            except OSError as error:
                _log.error("no room for audio that waits", reason=str(error))
                queue.full = True
                return False
            queue.waiting = waiting
            if waiting >= STEP and not self._scheduled:
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
        """Nobody wants to know any more what it says: forget what waits."""
        with self._lock:
            self._forget_waiting()
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
        """What another lane would have to be fed, beside the progress that was delivered last. Call `halt` first."""
        yield from self._decoder.unfinished() if self._decoder is not None else ()
        while self._fed:
            yield self._fed.popleft()

    def leave(self) -> None:
        """The pool need not know it any more. Idempotent."""
        if not self._gone:
            self._gone = True
            with self._lock:
                self._fed.close()
            self._pool.left(self, self._desk)

    # Turns

    def _has_work(self) -> bool:
        return any(q.waiting >= STEP or q.flushes for q in self._queues.values())

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
        turn = Turn()
        with self._lock:
            behind = self.worst_lag_ms > LATE_MS
            fed = self._take() if self._may_run else []
        began = time.perf_counter()
        try:
            if fed:
                found, failed = decoder.decode(fed, partials=not behind)
                turn = Turn(fed, found, failed, decoder.progress)
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

    def _take(self) -> list[Fed]:
        """The next bite, with the lock held."""
        fed: list[Fed] = []
        taken = 0
        while self._fed and taken < _BITE:
            try:
                each = self._fed.popleft()
            except (OSError, IndexError, ValueError, msgspec.DecodeError):
                _log.exception("audio that waited cannot be read back")
                self._forget_waiting()
                break
            queue = self._queues[each.track]
            if each.piece is None:
                queue.flushes -= 1
                if each.track not in self._begin_at:
                    fed.append(each)
                continue
            samples = len(each.piece.payload)
            queue.waiting -= samples
            if not self._is_decoded(each.track, each.piece):
                fed.append(each)
                queue.in_hand += samples
                taken += samples
        return fed

    def _forget_waiting(self) -> None:
        """Nothing waits any more; with the lock held."""
        self._fed.close()
        for queue in self._queues.values():
            queue.waiting = queue.flushes = 0

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
