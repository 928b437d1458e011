"""Call progress tones: ringback, busy and dial tones, so that none becomes text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from callscribe.audio.activity import frame_powers
from callscribe.audio.mulaw import SAMPLE_RATE, Pcm

BLOCK_MS: Final = 40
BLOCK: Final = SAMPLE_RATE * BLOCK_MS // 1000
"""Samples a block: long enough to tell a tone from a voice's harmonics, short enough for a cadence."""

TONES: Final = ((440, 480), (480, 620), (350, 440), (425,), (400, 450), (400,))
"""Hz. North America (ringing, busy, dial), most of Europe and Asia, United Kingdom (ringing, number unobtainable):
ITU-T E.180 supplement 2."""

_SHARE = 0.93
"""Of a block's power within the tone's lines to be called a tone; a voice spreads over its harmonics."""
_PURE = 0.97
"""A share that makes a block suspicious before the tone has lasted long enough."""
_PART = 0.5
"""A share found where a tone begins or ends within a block."""
_LOUD_ENOUGH_DB = -55.0
_STEADY_DB = 3.0
_BLOCKS = 3
"""A tone lasts: so many blocks on end, at one level. Voices never hold still for so long."""
_HALF_WIDTH_HZ = 45
"""Half the main lobe of a Hann window of one block."""


def _lines_of_tones() -> npt.NDArray[np.float64]:
    """Which of a block's frequencies belong to which tone, shape (tones, frequencies), 0 or 1."""
    frequencies = np.fft.rfftfreq(BLOCK, 1 / SAMPLE_RATE)
    near = [[np.abs(frequencies - hz) <= _HALF_WIDTH_HZ for hz in tone] for tone in TONES]
    return np.array([np.any(tone, axis=0) for tone in near], np.float64)


_WINDOW: Final = np.hanning(BLOCK)
_LINES: Final = _lines_of_tones()


class ToneDetector:
    """One track's detector. Feed it everything, in order."""

    def __init__(self) -> None:
        self._run = 0
        self._level = 0.0

    @property
    def state(self) -> tuple[int, float]:
        """All that it knows of the track so far; another detector that is given it goes on from here."""
        return self._run, self._level

    @state.setter
    def state(self, state: tuple[int, float]) -> None:
        self._run, self._level = state

    def accept(self, pcm: Pcm, powers: Sequence[float] | None = None) -> npt.NDArray[np.bool_]:
        """Which blocks hold nothing but a tone.

        Args:
            pcm: 8 kHz audio, a whole number of blocks.
            powers: its frames' (`activity.frame_powers`), where they are known.

        Returns:
            One flag per block. A tone's first blocks are found as far as they lie in the same call.
        """
        powers = frame_powers(pcm) if powers is None else powers
        level = [
            10 * math.log10((first + second) / 2 + 1e-10)
            for first, second in zip(powers[::2], powers[1::2], strict=True)
        ]
        flags = np.zeros(len(level), np.bool_)
        if not level:
            return flags
        if self._run < _BLOCKS and max(level) < _LOUD_ENOUGH_DB:
            # Most of a call: too quiet for a tone, and none that could end here.
            self._run = 0
            return flags
        blocks = pcm.astype(np.float64).reshape(-1, BLOCK) / 32768.0
        spectrum = np.abs(np.fft.rfft(blocks * _WINDOW, axis=1)) ** 2
        power = spectrum.sum(axis=1) + 1e-12
        share = ((spectrum @ _LINES.T).max(axis=1) / power).tolist()
        for i in range(len(blocks)):
            if share[i] < _SHARE or level[i] < _LOUD_ENOUGH_DB:
                # The block in which a tone ends holds only a part of it.
                flags[i] = self._run >= _BLOCKS and share[i] > _PART and level[i] < self._level
                self._run = 0
                continue
            steady = abs(level[i] - self._level) <= _STEADY_DB
            self._run = self._run + 1 if self._run and steady else 1
            self._level = level[i]
            if self._run >= _BLOCKS:
                first = i - self._run + 1
                flags[max(0, first) : i + 1] = True
                if first > 0 and share[first - 1] > _PART:
                    flags[first - 1] = True
        if 0 < self._run < _BLOCKS and min(share[-self._run :]) >= _PURE:
            # It may have begun just now. Silencing a moment of a very pure vowel does little harm;
            # letting the beginning of a tone through would make a word of it.
            first = len(blocks) - self._run
            flags[first:] = True
            if first > 0 and share[first - 1] > _PART:
                flags[first - 1] = True
        return flags
