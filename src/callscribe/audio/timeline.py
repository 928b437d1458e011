"""Where each frame of a track belongs: media messages in, one gapless time line out.

The carrier stamps every media message with a clock that counts milliseconds since the stream began. That clock, not
the number of frames, says where audio lies (Twilio docs, Media Streams - WebSocket Messages): frames may be of any
length, are lost when a socket is congested, and a track may begin late and pause. The clock itself jitters by a
millisecond or two, and over hours it may run a little faster or slower than 8000 samples a second; both must not
tear the audio.
"""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass

import msgspec

from callscribe.audio.mulaw import SAMPLES_PER_MS

_DAY_MS = 24 * 3600 * 1000
_DRIFT_MS = 4000.0
"""Time constant with which the line follows the carrier's clock."""


class Piece(msgspec.Struct, frozen=True, gc=False):
    """Audio in its place."""

    start: int
    """Samples since the line's first one. More than the end of the piece before: a hole lies between."""
    clock_ms: float
    """The carrier's clock at the first sample."""
    payload: bytes
    """mu-law."""
    chunks_lost: int | None = None
    """For the first piece after a hole: how many media messages the carrier's counter says are missing; None when
    there was no hole or the counters do not tell."""


@dataclass(slots=True)
class TimelineCounters:
    """What became of the frames."""

    frames: int = 0
    reordered: int = 0
    late: int = 0
    duplicates: int = 0


@dataclass(frozen=True, slots=True, order=True)
class _Frame:
    timestamp_ms: int
    arrival: int
    chunk: int | None
    payload: bytes

    @property
    def length_ms(self) -> float:
        return len(self.payload) / SAMPLES_PER_MS


class Timeline:
    """Orders one track's frames and places them.

    A frame that continues the line within `tolerance_ms` is appended as it is. One that lies further ahead waits for
    what is missing until the track has gone on for `window_ms`; then the hole is accepted. The very first frames wait
    as long, since an earlier one may still come. What comes after its place was given away is dropped and counted.

    Frames shorter than twice the tolerance cannot be told from jitter; they are appended in order of arrival.
    """

    def __init__(self, *, window_ms: int = 120, tolerance_ms: float = 5.0) -> None:
        self.counters = TimelineCounters()
        self._window_ms = window_ms
        self._tolerance_ms = tolerance_ms
        self._held: list[_Frame] = []
        self._recent: deque[tuple[int, int | None, bytes]] = deque(maxlen=64)
        self._arrivals = 0
        self._newest_ms = 0.0
        self._origin_ms: float | None = None
        self._position = 0
        self._chunk: int | None = None
        self._late_run_ms = 0.0

    @property
    def end_ms(self) -> float | None:
        """The carrier's clock at the end of what was placed; None before the first piece."""
        return None if self._origin_ms is None else self._expected_ms

    @property
    def _expected_ms(self) -> float:
        assert self._origin_ms is not None
        return self._origin_ms + self._position / SAMPLES_PER_MS

    def push(self, timestamp_ms: int, payload: bytes, chunk: int | None = None) -> list[Piece]:
        """A media message as it came.

        Args:
            timestamp_ms: the carrier's clock at the first sample.
            payload: mu-law, 8000 samples a second, any length.
            chunk: the carrier's counter of this track's messages, when there is one.

        Returns:
            What can be placed now, in order; often one piece, sometimes none or several.
        """
        if not payload:
            return []
        key = (timestamp_ms, chunk, payload)
        if not self._held and self._goes_on(timestamp_ms, len(payload) / SAMPLES_PER_MS):
            return [self._append(key)]
        # What begins after everything that came can't have come before; looking for it would be the costliest step.
        if timestamp_ms < self._newest_ms and key in self._recent:
            self.counters.duplicates += 1
            return []
        frame = _Frame(timestamp_ms, self._arrivals, chunk, payload)
        if self._arrivals and timestamp_ms > self._newest_ms + _DAY_MS:
            self.counters.late += 1
            return []
        self._recent.append(key)
        self._arrivals += 1
        self.counters.frames += 1
        out_of_order = self._arrivals > 1 and timestamp_ms < self._newest_ms - self._tolerance_ms
        heapq.heappush(self._held, frame)
        self._newest_ms = max(self._newest_ms, timestamp_ms + frame.length_ms)
        late_before = self.counters.late
        pieces = self._drain()
        if out_of_order and timestamp_ms + frame.length_ms < self._newest_ms:
            self.counters.reordered += self.counters.late == late_before
        return pieces

    def _goes_on(self, timestamp_ms: int, length_ms: float) -> bool:
        """Whether a frame surely continues the line, as nearly all do, and is no copy of an earlier one."""
        tolerance = self._tolerance_ms
        if self._origin_ms is None or length_ms <= tolerance:
            return False
        return (
            timestamp_ms >= self._newest_ms - tolerance
            and -tolerance <= timestamp_ms - self._expected_ms <= tolerance
        )

    def _append(self, key: tuple[int, int | None, bytes]) -> Piece:
        """Take a frame that continues the line: what sorting it in would come to, in a fraction of the time."""
        timestamp_ms, chunk, payload = key
        assert self._origin_ms is not None
        length_ms = len(payload) / SAMPLES_PER_MS
        self._recent.append(key)
        self._arrivals += 1
        self.counters.frames += 1
        end_ms = timestamp_ms + length_ms
        if end_ms > self._newest_ms:
            self._newest_ms = end_ms
        start = self._position
        at_ms = start / SAMPLES_PER_MS
        ahead_ms = timestamp_ms - (self._origin_ms + at_ms)
        self._origin_ms += ahead_ms * min(1.0, length_ms / _DRIFT_MS)
        self._late_run_ms = 0.0
        if chunk is not None:
            self._chunk = chunk
        self._position = start + len(payload)
        return Piece(start, self._origin_ms + at_ms, payload)

    def flush(self) -> list[Piece]:
        """Everything held back, holes accepted: nothing more is expected for now."""
        return self._drain(all_of_it=True)

    def _drain(self, *, all_of_it: bool = False) -> list[Piece]:
        pieces: list[Piece] = []
        while self._held:
            first = self._held[0]
            waited = all_of_it or self._newest_ms - first.timestamp_ms >= self._window_ms
            if self._origin_ms is None:
                if not waited:
                    break
                self._origin_ms = float(first.timestamp_ms)
            ahead_ms = first.timestamp_ms - self._expected_ms
            if ahead_ms > self._tolerance_ms and not waited:
                break
            heapq.heappop(self._held)
            piece = self._place(first, ahead_ms)
            if piece is not None:
                pieces.append(piece)
        return pieces

    def _place(self, frame: _Frame, ahead_ms: float) -> Piece | None:
        assert self._origin_ms is not None
        payload, lost = frame.payload, None
        if ahead_ms > self._tolerance_ms:
            if frame.chunk is not None and self._chunk is not None:
                lost = max(0, frame.chunk - self._chunk - 1)
            self._position += round(ahead_ms * SAMPLES_PER_MS)
        elif ahead_ms >= -self._tolerance_ms:
            self._origin_ms += ahead_ms * min(1.0, frame.length_ms / _DRIFT_MS)
        else:
            overlap = round(-ahead_ms * SAMPLES_PER_MS)
            if overlap >= len(payload) - self._tolerance_ms * SAMPLES_PER_MS:
                self._come_late(frame)
                return None
            payload = payload[overlap:]
        self._late_run_ms = 0.0
        if frame.chunk is not None:
            self._chunk = frame.chunk
        piece = Piece(self._position, self._expected_ms, payload, lost)
        self._position += len(payload)
        return piece

    def _come_late(self, frame: _Frame) -> None:
        self.counters.late += 1
        self._late_run_ms += frame.length_ms
        if self._late_run_ms > 1000 and self._origin_ms is not None:
            # A whole second of nothing but late audio: the carrier's clock was set back. Go on from where we are
            # rather than throwing away the rest of the call.
            self._origin_ms += frame.timestamp_ms + frame.length_ms - self._expected_ms
            self._newest_ms = self._expected_ms
            self._late_run_ms = 0.0
