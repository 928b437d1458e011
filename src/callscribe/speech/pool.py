"""Decoding off the event loop: a few threads, one queue per stream (`lane`).

A thread takes what has gathered of a stream, up to two seconds of audio, has it decoded, and lets the next stream have
its turn; so tracks stay in order within themselves and are fair to each other. Streams that are far behind have their
turns when those that are not have had theirs, and every eighth in any case; what is left of calls that are over has one
only when nobody else wants it.

What happens under too much load, in this order, is in docs/operations.md and `callscribe.speech.strain`. In here:
partials come one a turn instead of three a second (from a lag of one second on), finals come late, audio waits; past
the number of tracks that this machine can follow, streams wait for a place (`admission`).
"""

from __future__ import annotations

import asyncio
import itertools
import os
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from callscribe.audio.mulaw import SAMPLE_RATE
from callscribe.events import Track
from callscribe.speech.admission import Admission
from callscribe.speech.backlog import Backlog
from callscribe.speech.lane import Amount, Deliver, Lane, Urgency
from callscribe.speech.recovery import Place, RecoveringDecoder
from callscribe.speech.strain import Strain
from callscribe.speech.stream import DecodingOptions
from callscribe.speech.track import Progress

_TURNS_BEFORE_LATE: Final = 7
"""So many streams have their turn, at most, before one that is far behind has its."""
_RECENT: Final = 0.99
"""Of figures about recent turns: what is left of them after the next one."""


class Turns:
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
class Desk:
    """A place with its own threads and turns."""

    place: Place
    turns: Turns
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
        self._desks = [Desk(place, Turns()) for place in places]
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

    def sit(self) -> Desk:
        """The desk with the fewest streams, for one more."""
        desk = min(self._desks, key=lambda desk: desk.lanes)
        desk.lanes += 1
        return desk

    def decoder(
        self, desk: Desk, options: DecodingOptions, progress: Mapping[Track, Progress]
    ) -> RecoveringDecoder:
        return RecoveringDecoder(desk.place, next(self._numbers), options, progress)

    def forget(self, lane: Lane, desk: Desk | None) -> None:
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
    def _work(turns: Turns) -> None:
        while (lane := turns.get()) is not None:
            lane.turn()
