"""Voice activity: which 20 ms frames of a telephone track carry speech.

Energy against a noise floor that follows the line. No model: it runs for every track all the time, also where
nothing is decoded, and what it calls speech is judged again by the recogniser. So it leans towards "speech"; what it
must not miss is a quiet beginning.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from callscribe.audio.mulaw import SAMPLE_RATE, Pcm

FRAME_MS = 20
FRAME = SAMPLE_RATE * FRAME_MS // 1000
"""Samples a frame."""

Flags = npt.NDArray[np.bool_]
"""One per frame, shape (frames,)."""


Levels = npt.NDArray[np.float64]
"""Decibels, one value per frame, shape (frames,)."""


def frame_powers(pcm: Pcm | npt.NDArray[np.float64]) -> list[float]:
    """The mean square of each frame, full scale being 1.

    Args:
        pcm: whole frames of 8 kHz audio.
    """
    frames = pcm.astype(np.float64, copy=False).reshape(-1, FRAME)
    powers: list[float] = (np.einsum("ij,ij->i", frames, frames) / (FRAME * 32768.0**2)).tolist()
    return powers


@dataclass(frozen=True, slots=True)
class ActivityOptions:
    """Decibels relative to full scale, after pre-emphasis."""

    rise_db: float = 9.0
    """A frame this far above the noise floor begins speech..."""
    fall_db: float = 6.0
    """...and one below this no longer carries it."""
    quietest_floor_db: float = -84.0
    """The floor is never taken to be lower: digital silence is no measure of a line. Higher, it hides the soft ends of
    words on a very quiet line, and numbers are cut there."""
    digital_silence_db: float = -84.0
    """What frames of nothing but zeros (lost audio, a muted microphone) count as."""
    first_floor_db: float = -62.0
    """The floor until four seconds have been heard."""
    hangover_ms: int = 80
    """Speech goes on over dips as short as this, such as a stop consonant's closure."""
    shortest_ms: int = 40
    """A shorter burst is a click."""


class ActivityState(NamedTuple):
    """What a detector remembers: of the samples, of the noise floor, of speech."""

    previous: float
    minima: tuple[float, ...]
    minimum: float
    frames_in_minimum: int
    smooth: float | None
    loud_frames: int
    quiet_frames: int
    active: bool


class ActivityDetector:
    """One track's detector. Feed it everything, in order."""

    def __init__(self, options: ActivityOptions | None = None) -> None:
        self.options = options or ActivityOptions()
        self._previous = 0.0
        # The floor is the smallest of the last eight half-second minima of the smoothed level.
        # A track may begin in the middle of a word, so at first the floor is taken to be low.
        self._minima: deque[float] = deque([self.options.first_floor_db], maxlen=8)
        self._minimum = math.inf
        self._frames_in_minimum = 0
        self._smooth: float | None = None
        self._loud_frames = 0
        self._quiet_frames = 0
        self._active = False
        self.above_db: Levels = np.zeros(0)
        """How far the frames last accepted are above the noise floor, in dB."""

    @property
    def state(self) -> ActivityState:
        """All that it knows of the track so far; another detector that is given it goes on from here."""
        return ActivityState(
            self._previous,
            tuple(self._minima),
            self._minimum,
            self._frames_in_minimum,
            self._smooth,
            self._loud_frames,
            self._quiet_frames,
            self._active,
        )

    @state.setter
    def state(self, state: ActivityState) -> None:
        self._previous = state.previous
        self._minima.clear()
        self._minima.extend(state.minima)
        self._minimum, self._frames_in_minimum = state.minimum, state.frames_in_minimum
        self._smooth = state.smooth
        self._loud_frames, self._quiet_frames = state.loud_frames, state.quiet_frames
        self._active = state.active

    @property
    def floor_db(self) -> float:
        """The noise floor as now believed."""
        return max(min(min(self._minima), self._minimum), self.options.quietest_floor_db)

    def accept(self, pcm: Pcm) -> Flags:
        """Flags for the next frames.

        Args:
            pcm: 8 kHz audio, a whole number of frames (`FRAME` samples each).
        """
        # Plain numbers: a step has ten frames, and NumPy's take several times as long, one by one.
        levels = self._levels_db(pcm)
        flags = [False] * len(levels)
        floors: list[float] = []
        options = self.options
        for i, level in enumerate(levels):
            floor = self._follow(level)
            floors.append(floor)
            if level > floor + (options.fall_db if self._active else options.rise_db):
                self._loud_frames += 1
                self._quiet_frames = 0
            else:
                self._quiet_frames += 1
                if self._quiet_frames * FRAME_MS > options.hangover_ms or not self._active:
                    self._active = False
                    self._loud_frames = 0
            if not self._active and self._loud_frames * FRAME_MS >= options.shortest_ms:
                self._active = True
                # The burst's first frames, as far as they lie in this chunk.
                first = max(0, i - self._loud_frames + 1)
                flags[first:i] = [True] * (i - first)
            flags[i] = self._active
        self.above_db = np.array(levels) - np.array(floors)
        return np.array(flags, np.bool_)

    def _levels_db(self, pcm: Pcm) -> list[float]:
        if not len(pcm):
            return []
        samples = pcm.astype(np.float64)
        # Pre-emphasis takes out hum and offset and lets consonants count.
        emphasised = samples.copy()
        emphasised[1:] -= 0.95 * samples[:-1]
        emphasised[0] -= 0.95 * self._previous
        self._previous = float(samples[-1])
        powers = frame_powers(emphasised)
        silence = self.options.digital_silence_db
        return [10 * math.log10(power + 1e-10) if power else silence for power in powers]

    def _follow(self, level: float) -> float:
        level = max(level, self.options.quietest_floor_db)
        self._smooth = level if self._smooth is None else 0.7 * self._smooth + 0.3 * level
        self._minimum = min(self._minimum, self._smooth)
        self._frames_in_minimum += 1
        if self._frames_in_minimum * FRAME_MS >= 500:
            self._minima.append(self._minimum)
            self._minimum = self._smooth
            self._frames_in_minimum = 0
        return self.floor_db
