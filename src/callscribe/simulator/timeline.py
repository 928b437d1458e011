"""What can be heard on a line, by time: pure, no clock.

A leg has two lines: inbound (what its party says) and outbound (what the carrier plays to it). Times are
milliseconds of the simulated world; audio is mu-law at 8 kHz, so one millisecond is eight bytes.
"""

from __future__ import annotations

import functools
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from callscribe.simulator import mulaw
from callscribe.simulator.mulaw import BYTES_PER_MS

FILL = b"\xff"
"""Mu-law's positive zero."""


class Source(Protocol):
    """Audio with a beginning, read by offset from it."""

    def read(self, offset_ms: int, length_ms: int) -> bytes | None:
        """Exactly `length_ms` of audio, or None when there is nothing (over, or a silent carrier)."""


@dataclass(frozen=True)
class Clip:
    """A recording. When it is over it gives None, or silence when `then_silence`."""

    audio: bytes
    skip_ms: int = 0
    then_silence: bool = False

    def read(self, offset_ms: int, length_ms: int) -> bytes | None:
        begin = (self.skip_ms + offset_ms) * BYTES_PER_MS
        size = length_ms * BYTES_PER_MS
        part = self.audio[begin : begin + size]
        if len(part) == size:
            return part
        if self.then_silence:
            return part + silence(offset_ms, length_ms)[len(part) :]
        return part.ljust(size, FILL) if part else None


@dataclass(frozen=True)
class Loop:
    """A tone or music that repeats."""

    audio: bytes

    def read(self, offset_ms: int, length_ms: int) -> bytes | None:
        size = length_ms * BYTES_PER_MS
        begin = offset_ms * BYTES_PER_MS % len(self.audio)
        part = self.audio[begin : begin + size]
        while len(part) < size:
            part += self.audio[: size - len(part)]
        return part


@dataclass(frozen=True)
class Idle:
    """A line with nobody speaking."""

    def read(self, offset_ms: int, length_ms: int) -> bytes | None:
        return silence(offset_ms, length_ms)


@dataclass(frozen=True)
class Mix:
    """Several lines heard together, as in a conference. Gives None when all of them do.

    Args:
        lines: read at the time of each frame, so that people may come and go.
        start_ms: world time at which the mix is put on a line.
    """

    lines: Callable[[], Sequence[Line]]
    start_ms: int

    def read(self, offset_ms: int, length_ms: int) -> bytes | None:
        parts = [line.frame(self.start_ms + offset_ms, length_ms) for line in self.lines()]
        heard = [part for part in parts if part is not None]
        if len(heard) < 2:
            return heard[0] if heard else None
        total = np.sum([mulaw.decode(part).astype(np.int32) for part in heard], axis=0)
        return mulaw.encode(np.clip(total, -32768, 32767).astype(np.int16))


@dataclass(frozen=True)
class _Segment:
    start_ms: int
    end_ms: float
    source: Source


class Line:
    """One direction of a leg: at any moment at most one source plays."""

    def __init__(self) -> None:
        self._segments: list[_Segment] = []

    def play(self, source: Source, start_ms: int, end_ms: float = math.inf) -> None:
        """From `start_ms` on, `source` replaces whatever was playing."""
        self.cut(start_ms)
        self._segments.append(_Segment(start_ms, end_ms, source))

    def cut(self, at_ms: int) -> None:
        """Nothing plays from `at_ms` on."""
        kept = [s for s in self._segments if s.start_ms < at_ms]
        if kept and kept[-1].end_ms > at_ms:
            kept[-1] = _Segment(kept[-1].start_ms, at_ms, kept[-1].source)
        self._segments = kept

    def frame(self, at_ms: int, length_ms: int = 20) -> bytes | None:
        """The audio of [at_ms, at_ms + length_ms), or None when nothing plays in it."""
        if not self._segments or self._segments[-1].end_ms <= at_ms:
            return None
        pieces: list[tuple[int, bytes]] = []
        for segment in reversed(self._segments):
            begin = max(at_ms, segment.start_ms)
            end = int(min(at_ms + length_ms, segment.end_ms))
            if begin < end:
                piece = segment.source.read(begin - segment.start_ms, end - begin)
                if piece is not None:
                    pieces.append(((begin - at_ms) * BYTES_PER_MS, piece))
            if segment.start_ms <= at_ms:
                break
        if not pieces:
            return None
        size = length_ms * BYTES_PER_MS
        if len(pieces) == 1 and len(pieces[0][1]) == size:
            return pieces[0][1]
        frame = bytearray(FILL * size)
        for offset, piece in pieces:
            frame[offset : offset + len(piece)] = piece
        return bytes(frame)


@functools.cache
def _idle_second() -> bytes:
    # Real idle lines mix both of mu-law's zeros, 0xFF and 0x7F.
    choose = random.Random(0)  # noqa: S311
    return bytes(choose.choice((0xFF, 0x7F)) for _ in range(mulaw.SAMPLE_RATE))


def silence(offset_ms: int, length_ms: int) -> bytes:
    """An idle line's audio: both zeros of mu-law, mixed."""
    return Loop(_idle_second()).read(offset_ms, length_ms) or b""


def tone(frequencies: Sequence[float], on_ms: int, off_ms: int = 0, level: float = 0.1) -> bytes:
    """A cadence for `Loop`: `on_ms` of the frequencies together, then `off_ms` of silence.

    Args:
        level: amplitude of each frequency, 1.0 being full scale.
    """
    t = np.arange(on_ms * BYTES_PER_MS) / mulaw.SAMPLE_RATE
    wave = np.sum([np.sin(2 * np.pi * f * t) for f in frequencies], axis=0) * level * 32767
    samples = np.clip(wave, -32768, 32767).astype(np.int16)
    return mulaw.encode(samples) + silence(0, off_ms)


@functools.cache
def ringback() -> Loop:
    """North American ringback: 440 and 480 Hz, two seconds on, four off (ITU-T E.180 supplement 2)."""
    return Loop(tone((440.0, 480.0), 2000, 4000))


@functools.cache
def hold_music() -> Loop:
    """Stands for the carrier's hold music: a slow broken chord."""
    notes = (261.63, 329.63, 392.0, 523.25, 392.0, 329.63)
    return Loop(b"".join(tone((note,), 450, 50, level=0.08) for note in notes))
