"""Holes in a stream's tracks: which of them are losses. Pure logic."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from callscribe.events import Track

SHORTEST_MS = 10
"""A shorter hole is rounding."""

_REMEMBERED = 16
"""Holes of a track that the other track's may still explain."""


class Hole(NamedTuple):
    """Milliseconds of the carrier's clock for which a track has no audio, or none that was decoded."""

    track: Track
    start_ms: int
    end_ms: int


class Holes:
    """The holes of one stream.

    A hole in the inbound track is a loss. The outbound track also pauses by itself: there, a hole is a loss when the
    carrier's counter says so, or when the inbound track lost the same time.
    """

    def __init__(self, *, shortest_gap_ms: int) -> None:
        """
        Args:
            shortest_gap_ms: a shorter loss is only counted.
        """
        self.missing_ms = 0
        """Lost so far, over all tracks."""
        self._shortest_gap_ms = shortest_gap_ms
        self._lost: deque[Hole] = deque(maxlen=_REMEMBERED)
        """Of the inbound track."""
        self._pauses: deque[Hole] = deque(maxlen=_REMEMBERED)
        """Of the outbound track, as far as is known."""

    def found(self, hole: Hole, chunks_lost: int | None) -> list[Hole]:
        """A track has a hole.

        Args:
            chunks_lost: media messages that the carrier's counter says are missing there; None when it says nothing.

        Returns:
            The losses that are known by it and long enough to be shown, of either track.
        """
        if hole.end_ms - hole.start_ms < SHORTEST_MS:
            return []
        losses = [hole]
        if hole.track == "outbound":
            if not chunks_lost and not any(_overlap(hole, lost) for lost in self._lost):
                self._pauses.append(hole)
                return []
        else:
            explained = [pause for pause in self._pauses if _overlap(pause, hole)]
            for pause in explained:
                self._pauses.remove(pause)
            losses += explained
        self.missing_ms += sum(loss.end_ms - loss.start_ms for loss in losses)
        shown = [loss for loss in losses if loss.end_ms - loss.start_ms >= self._shortest_gap_ms]
        self._lost.extend(loss for loss in shown if loss.track == "inbound")
        return shown


def _overlap(a: Hole, b: Hole) -> bool:
    """Whether two holes have half of the shorter one in common."""
    shared = min(a.end_ms, b.end_ms) - max(a.start_ms, b.start_ms)
    return shared * 2 >= min(a.end_ms - a.start_ms, b.end_ms - b.start_ms)
