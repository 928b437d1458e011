"""One track's audio on its way to decoding: put in order, looked through for holes, held back or passed on."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

import structlog

from callscribe.audio.mulaw import SAMPLES_PER_MS
from callscribe.audio.stamps import Stamps
from callscribe.audio.timeline import Piece, Timeline, TimelineCounters
from callscribe.events import GapReason, Track
from callscribe.speech.holes import SHORTEST_MS, Hole, Holes
from callscribe.speech.ringback import answered_from
from callscribe.speech.tap import Tap

_log = structlog.get_logger(__name__)


class Lane(Protocol):
    """Where the audio goes (`callscribe.speech.lane.Lane`)."""

    def put(self, track: Track, piece: Piece) -> bool: ...

    def flush(self, track: Track) -> None: ...


TellGap = Callable[[Hole, GapReason], None]
"""Takes a gap as soon as it is known; a hole without length is none."""


class Intake:
    """One track's audio. Times are milliseconds of the carrier's clock on this stream."""

    def __init__(
        self,
        track: Track,
        lane: Lane,
        *,
        tap: Tap,
        holes: Holes,
        tell_gap: TellGap,
        reorder_window_ms: int,
        held_back_ms: int,
    ) -> None:
        """
        Args:
            lane: has decoded what comes; false from `put` means that it could not take more.
            tap: told of everything that is placed, before it is decoded or held back.
            holes: the stream's.
            reorder_window_ms: how long a frame that came too early waits for those before it.
            held_back_ms: audio kept while it is held back; the oldest goes first.
        """
        self.track: Track = track
        self._lane = lane
        self.flushed = True
        """Nothing has come since the last flush."""
        self.end_ms: int | None = None
        """At the end of what was placed."""
        self.seen_ms: int | None = None
        """At the end of what arrived, kept or not."""
        self.dropped_ms = 0
        """Given up because decoding was too far behind."""
        self._stamps = Stamps()
        self._corrected = 0
        self._kept = True
        self._timeline = Timeline(window_ms=reorder_window_ms)
        self._tap = tap
        self._holes = holes
        self._tell_gap = tell_gap
        self._held: deque[Piece] | None = None
        self._held_samples = 0
        self._held_most = held_back_ms * SAMPLES_PER_MS
        self._hole_expected = False
        """The next hole is known and has been told."""
        self._ignore_before_ms = 0
        """Frames from a pause that arrive after it."""
        self._dropped_from: int | None = None

    @property
    def counters(self) -> TimelineCounters:
        """What became of the frames."""
        return self._timeline.counters

    def receive(
        self, timestamp_ms: int, payload: bytes, chunk: int | None, *, keep: bool = True
    ) -> None:
        """A media message.

        Args:
            keep: False while paused: it is only noted that something came.
        """
        self._kept = keep
        at_ms = self._stamps.follow(timestamp_ms, len(payload), chunk)
        if at_ms is not None:
            self._receive(at_ms, payload, chunk)
            return
        for frame in self._stamps.admit(timestamp_ms, payload, chunk):
            self._receive(*frame)
        self._timeline.counters.late += self._stamps.dropped
        self._stamps.dropped = 0
        if self._stamps.corrected != self._corrected:
            self._corrected = self._stamps.corrected
            _log.warning("audio timestamps jumped; audio is taken as it arrives", track=self.track)

    def _receive(self, timestamp_ms: int, payload: bytes, chunk: int | None) -> None:
        end_ms = timestamp_ms + len(payload) // SAMPLES_PER_MS
        if self.seen_ms is None or end_ms > self.seen_ms:
            self.seen_ms = end_ms
        if not self._kept or timestamp_ms < self._ignore_before_ms:
            return
        self.flushed = False
        for piece in self._timeline.push(timestamp_ms, payload, chunk):
            self._place(piece)

    def flush(self) -> None:
        """Nothing more comes for now: what waits for earlier frames is passed on, and the utterance finished."""
        for frame in self._stamps.flush():
            self._receive(*frame)
        for piece in self._timeline.flush():
            self._place(piece)
        self._lane.flush(self.track)
        self.flushed = True

    def resume(self) -> None:
        """A pause is over: what comes from now on is kept, and the hole before it is no loss."""
        self._hole_expected = True
        self._ignore_before_ms = self.seen_ms or 0

    def hold_back(self) -> None:
        """Keep the audio from now on instead of passing it on."""
        if self._held is None:
            self._held = deque()
            self._held_samples = 0

    def release(self, answered_ms: float) -> None:
        """The party answered at about this time: pass on what was held back of it, and what comes."""
        if self._held is None:
            return
        held, self._held = self._held, None
        self._hole_expected = True
        for piece in answered_from(held, answered_ms):
            self._pass_on(piece)
            self.flushed = False

    def tell_dropped(self) -> None:
        """Tell the gap of what was given up since the last one."""
        if self._dropped_from is not None:
            self._tell_gap(Hole(self.track, self._dropped_from, self.end_ms or 0), "overload")
            self._dropped_from = None

    def _place(self, piece: Piece) -> None:
        start = round(piece.clock_ms)
        if (
            self.end_ms is not None
            and start - self.end_ms >= SHORTEST_MS
            and self._held is None
            and not self._hole_expected
        ):
            hole = Hole(self.track, self.end_ms, start)
            for loss in self._holes.found(hole, piece.chunks_lost):
                self._tell_gap(loss, "missing")
        self._hole_expected = False
        self.end_ms = start + len(piece.payload) // SAMPLES_PER_MS
        self._tap.place(piece.clock_ms, piece.payload)
        if self._held is None:
            self._pass_on(piece)
            return
        self._held.append(piece)
        self._held_samples += len(piece.payload)
        while self._held_samples > self._held_most:
            self._held_samples -= len(self._held.popleft().payload)

    def _pass_on(self, piece: Piece) -> None:
        if self._lane.put(self.track, piece):
            if self._dropped_from is not None:
                self.tell_dropped()
            return
        if self._dropped_from is None:
            self._dropped_from = round(piece.clock_ms)
            _log.warning("audio dropped: decoding is too far behind", track=self.track)
        self.dropped_ms += len(piece.payload) // SAMPLES_PER_MS
