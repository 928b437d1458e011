"""An open media stream as far as time and state go; its audio passes by. Pure."""

from __future__ import annotations

from typing import Literal

from callscribe.calls.recordline import ZeroEstimate
from callscribe.events import Track

SETTLE_MS = 250.0
"""How long a later stream's first frames are kept to learn its offset before any of them is decoded."""

LEAP_MS = 60_000
"""A frame so far ahead of where the stream should be is not believed alone: the next one has to be there too."""
NEAR_MS = 1_000


class Stream:
    """One socket's stream.

    Args:
        key: our own name for it, unique within the record.
        sid: the carrier's, which may come twice.
    """

    def __init__(
        self, key: str, sid: str, leg: str, tracks: tuple[Track, ...], now_ms: float
    ) -> None:
        self.key = key
        self.sid = sid
        self.leg = leg
        self.tracks = tracks
        self.state: Literal["settling", "opening", "open", "waiting", "closing"] = "settling"
        """settling: where it lies on the line is not known yet; opening: its session is made; open; waiting: over,
        but word may still come of since when the callee speaks; closing: its last words are being decoded."""
        self.zero = ZeroEstimate(now_ms)
        self.offset_ms = 0
        """Where its zero lies on the record's line, once it is open."""
        self.first_ms: int | None = None
        """Where its audio begins, on its own line."""
        self.held = False
        """The outbound track waits for the callee."""
        self.reason = ""
        """Why it is over, once it is."""
        self.was_current = False
        """No other had taken its place when it ended."""
        self._end_ms = 0
        self._first_arrival_ms: float | None = None
        self._newest_ms = 0
        self._newest_arrival_ms = now_ms
        self._leap_ms: int | None = None

    @property
    def end_ms(self) -> int:
        """End of the audio so far, on the record's line."""
        return (
            self._end_ms + self.offset_ms
            if self._end_ms and self.state not in ("settling", "opening")
            else 0
        )

    @property
    def taking(self) -> bool:
        """Its session takes audio."""
        return self.state in ("open", "waiting")

    def frame(self, now_ms: float, timestamp_ms: int, samples: int) -> None:
        """A frame arrived: 50 times a second and track, so this is short."""
        ahead_ms = timestamp_ms - self._newest_ms
        if ahead_ms > LEAP_MS and not self._believable(now_ms, timestamp_ms):
            return
        self._leap_ms = None
        if ahead_ms >= 0:
            self._newest_ms, self._newest_arrival_ms = timestamp_ms, now_ms
        end_ms = timestamp_ms + samples // 8
        if end_ms > self._end_ms:
            self._end_ms = end_ms
        if self.first_ms is None:
            self.first_ms, self._first_arrival_ms = timestamp_ms, now_ms
        self.zero.add(now_ms, timestamp_ms)

    @property
    def settled_ms(self) -> float | None:
        """When enough has come to know where it lies, by the monotonic clock; None before the first frame."""
        return None if self._first_arrival_ms is None else self._first_arrival_ms + SETTLE_MS

    def _believable(self, now_ms: float, timestamp_ms: int) -> bool:
        """One frame with a wild time must not make a call hours long."""
        elapsed_ms = now_ms - self._newest_arrival_ms
        leap_ms, self._leap_ms = self._leap_ms, timestamp_ms
        return timestamp_ms - self._newest_ms - elapsed_ms <= LEAP_MS or (
            leap_ms is not None and abs(timestamp_ms - leap_ms) <= NEAR_MS
        )
