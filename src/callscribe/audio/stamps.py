"""Times of media messages that can't be right, put right: a clock set back, standing still or far ahead.

Twilio stamps every media message with milliseconds since the stream began, and counts each track's messages (`chunk`;
Twilio docs, Media Streams - WebSocket Messages). Where the two contradict each other, the counter is believed: what was
sent later is no older audio. A time far ahead is believed when the next message agrees with it. Times that come out
of here go on from each other, so that nothing which arrives is taken for late and thrown away.
"""

from __future__ import annotations

from typing import NamedTuple

from callscribe.audio.mulaw import SAMPLES_PER_MS

FAR_MS = 2_000
"""A time so far ahead of what came is only believed when the next message agrees."""
LONGEST_HOLE_MS = 4 * 3600 * 1000
"""Twilio ends a call after four hours: a greater leap is the clock's, not the audio's."""
_TOLERANCE_MS = 5.0
"""The clock jitters by a millisecond or two."""
_SURE = int(2 * _TOLERANCE_MS * SAMPLES_PER_MS)
"""Samples from which on a message is too long to be taken for jitter."""
_CERTAIN = 2
"""Messages that must agree on a time far ahead."""
_LONE_HOLE_MS = 60_000
"""The most that a last message, with which no other agrees, may be ahead."""


class Stamped(NamedTuple):
    """A media message with a time that can be believed."""

    timestamp_ms: int
    payload: bytes
    chunk: int | None

    @property
    def end_ms(self) -> float:
        return self.timestamp_ms + len(self.payload) / SAMPLES_PER_MS


class Stamps:
    """One track's."""

    def __init__(self) -> None:
        self.corrected = 0
        """How often the clock was put right."""
        self.dropped = 0
        """Messages far ahead of all others, which are not believed."""
        self._shift_ms = 0
        self._newest_ms: float | None = None
        self._chunk: int | None = None
        self._far: list[Stamped] = []

    def admit(self, timestamp_ms: int, payload: bytes, chunk: int | None) -> list[Stamped]:
        """A media message as it came; what can be believed now, in order of arrival."""
        frame = Stamped(timestamp_ms + self._shift_ms, payload, chunk)
        if not payload:
            return []
        if self._newest_ms is None:
            return [self._take(frame)]
        later = chunk is not None and self._chunk is not None and chunk > self._chunk
        if later and self._is_behind(frame):
            self._shift_ms += round(self._newest_ms) - frame.timestamp_ms
            self.corrected += 1
            self._forget()
            return [self._take(frame._replace(timestamp_ms=round(self._newest_ms)))]
        if frame.timestamp_ms - self._newest_ms <= FAR_MS:
            self._forget()
            return [self._take(frame)]
        if self._far and abs(frame.timestamp_ms - self._far[-1].end_ms) > FAR_MS:
            self._forget()
        self._far.append(frame)
        return self._believe(LONGEST_HOLE_MS) if len(self._far) >= _CERTAIN else []

    def follow(self, timestamp_ms: int, samples: int, chunk: int | None) -> int | None:
        """The time of a message that comes when it should, as nearly all do; None: let `admit` look at it.

        Args:
            samples: its length.
        """
        newest_ms = self._newest_ms
        if newest_ms is None or self._far or samples < _SURE:
            return None
        at_ms = timestamp_ms + self._shift_ms
        if not -_TOLERANCE_MS < at_ms - newest_ms <= FAR_MS:
            return None
        self._newest_ms = max(newest_ms, at_ms + samples / SAMPLES_PER_MS)
        if chunk is not None and (self._chunk is None or chunk > self._chunk):
            self._chunk = chunk
        return at_ms

    def flush(self) -> list[Stamped]:
        """Nothing more comes for now."""
        return self._believe(_LONE_HOLE_MS)

    def _believe(self, longest_ms: int) -> list[Stamped]:
        far, self._far = self._far, []
        if not far or self._newest_ms is None:
            return []
        leap = round(far[0].timestamp_ms - self._newest_ms)
        if leap > longest_ms:
            self._shift_ms -= leap
            self.corrected += 1
            far = [frame._replace(timestamp_ms=frame.timestamp_ms - leap) for frame in far]
        return [self._take(frame) for frame in far]

    def _forget(self) -> None:
        """Nothing agreed with what was far ahead."""
        self.dropped += len(self._far)
        self._far.clear()

    def _is_behind(self, frame: Stamped) -> bool:
        length = len(frame.payload) / SAMPLES_PER_MS
        if self._newest_ms is None or len(frame.payload) < _SURE:
            return False  # too short to tell from jitter
        return self._newest_ms - frame.timestamp_ms >= length - _TOLERANCE_MS

    def _take(self, frame: Stamped) -> Stamped:
        self._newest_ms = max(self._newest_ms or 0.0, frame.end_ms)
        if frame.chunk is not None:
            self._chunk = max(self._chunk or 0, frame.chunk)
        return frame
