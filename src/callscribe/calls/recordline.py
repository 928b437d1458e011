"""The record's own line: where a moment lies that we know by arrival or by the carrier's clock.

The line begins where the record's first stream begins. A later stream (a second leg, a restarted socket) has a time
line of its own; its offset comes from arrival: the frame with timestamp T of a stream that began at Z arrives at Z + T
plus the way's delay, so the smallest `arrival - T` seen is the best estimate of Z, and the difference of two streams'
estimates is their offset, the common part of the delay cancelling out.
"""

from __future__ import annotations

import datetime as dt
import math

BUCKET_MS = 30_000.0
"""Smallest values are kept for the current and the last stretch of this length, so that estimates follow the drift
between the carrier's clock and ours."""


class ZeroEstimate:
    """Where a stream's zero lies on our monotonic clock, in ms; until its first frame, where `start` came."""

    def __init__(self, now_ms: float) -> None:
        self._bucket_end = 0.0
        self._last = math.inf
        self._current = now_ms

    def add(self, arrival_ms: float, timestamp_ms: int) -> None:
        """A frame arrived."""
        zero = arrival_ms - timestamp_ms
        if arrival_ms >= self._bucket_end:
            self._last = self._current if self._bucket_end else math.inf
            self._current = zero
            self._bucket_end = arrival_ms + BUCKET_MS
        elif zero < self._current:
            self._current = zero

    @property
    def ms(self) -> float:
        return min(self._last, self._current)


class RecordLine:
    """The line of one record."""

    def __init__(self, *, past_ms: int = 0, zero: dt.datetime | None = None) -> None:
        """
        Args:
            past_ms: how far a line goes already that was begun by an earlier process.
            zero: by our wall clock, when that line began.
        """
        self._past_ms = past_ms
        self._anchor: ZeroEstimate | None = None
        self._anchor_offset_ms = 0
        self._begin_ms = 0
        """Where the first stream of this process lies."""
        self._zero_wall = zero
        self._zero_carrier: dt.datetime | None = None

    @property
    def past_ms(self) -> int:
        """How far the line went before this process."""
        return self._past_ms

    @property
    def begun(self) -> bool:
        """Whether the first stream has come."""
        return self._anchor is not None

    def begin(self, zero: ZeroEstimate, wall: dt.datetime) -> None:
        """The first stream: the line begins with it, or goes on after what is on it already.

        Args:
            wall: our wall clock now.
        """
        if self._zero_wall is None:
            self._zero_wall = wall - dt.timedelta(milliseconds=self._past_ms)
        since_ms = round((wall - self._zero_wall).total_seconds() * 1000)
        self._begin_ms = max(self._past_ms, since_ms)
        self.anchor(zero, self._begin_ms)

    def anchor(self, zero: ZeroEstimate, offset_ms: int) -> None:
        """From now on this stream tells where the line is."""
        self._anchor = zero
        self._anchor_offset_ms = offset_ms

    def started_at(self, carrier: dt.datetime) -> None:
        """The carrier's own time of the first stream's beginning, from its status callback."""
        if self._zero_carrier is None:
            self._zero_carrier = carrier - dt.timedelta(milliseconds=self._begin_ms)

    def offset_of(self, zero: ZeroEstimate) -> int:
        """Where a stream's zero lies on the line, in ms; 0 for the first of a new line."""
        if self._anchor is None:
            return self._past_ms
        return max(0, round(zero.ms - self._anchor.ms + self._anchor_offset_ms))

    def now_ms(self, monotonic_ms: float) -> int:
        """The present on the line; before the first stream, where it ends."""
        if self._anchor is None:
            return self._past_ms
        return max(0, round(monotonic_ms - self._anchor.ms + self._anchor_offset_ms))

    def at_ms(self, moment: dt.datetime | None, monotonic_ms: float) -> int:
        """When something happened of which we hear only now, by the carrier's clock; without a time, now.

        Callbacks have whole seconds, cut off. When that second is not over yet, the thing has only just happened, and
        now is the better answer.
        """
        now = self.now_ms(monotonic_ms)
        earliest = self.earliest_ms(moment, monotonic_ms)
        return now if now - earliest < 1000 else earliest

    def earliest_ms(self, moment: dt.datetime | None, monotonic_ms: float) -> int:
        """The earliest that a moment cut to the second can mean; never in the future and never before the line.

        Without the carrier's own time for the stream's beginning our wall clock stands in, which must then be right.
        """
        now = self.now_ms(monotonic_ms)
        zero = self._zero_carrier or self._zero_wall
        if moment is None or zero is None:
            return now
        return min(max(0, round((moment - zero).total_seconds() * 1000)), now)

    def moment(self, monotonic_ms: float) -> dt.datetime | None:
        """The present by the carrier's clock, for requests that bring no time; None before the first stream."""
        zero = self._zero_carrier or self._zero_wall
        return zero + dt.timedelta(milliseconds=self.now_ms(monotonic_ms)) if zero else None
