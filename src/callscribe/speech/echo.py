"""Tells the other side's voice, come back, from somebody who speaks.

What one side of a call says comes back on the other's track, 20 to 60 dB fainter and up to half a second late, by way
of a hybrid or a loudspeaker. Such sound depends on the other track's: it is the same signal, filtered. Two people who
speak at once share nothing.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

import numpy as np
import numpy.typing as npt

from callscribe.audio import mulaw
from callscribe.audio.mulaw import SAMPLE_RATE, Pcm

LONGEST_DELAY: Final = SAMPLE_RATE * 6 // 10
"""Samples that an echo may be late."""
_FAINTER: Final = 10 ** (-12 / 20)
"""An echo is at least so much fainter: 12 dB."""
_SHARE: Final = 0.45
"""Of a sound's power that depends on the other track, from which on it is an echo. Measured: of echoes 0.5 to 0.9, the
less the fainter they are, for the code's noise; of two people who speak at once 0.1, one time in a hundred 0.44."""
_SEGMENT: Final = 256
"""Samples over which the dependence is measured: an echo's own length must fit in."""
_SPOKEN: Final = 32768 * 10 ** (-45 / 20)
"""RMS of the other track's sound from which on it is worth looking."""

_SPELL: Final = SAMPLE_RATE // 10
"""Samples over which its loudness is measured."""
HEARD: Final = SAMPLE_RATE * 4 // 10
"""Samples of a sound that are compared."""

_SILENCE: Final = b"\xff"

_Floats = npt.NDArray[np.float64]


class Memory:
    """What a track carried lately, by its place on the carrier's clock, which a stream's tracks share. As it came, in
    mu-law: it is seldom asked for."""

    def __init__(self, samples: int = 3 * SAMPLE_RATE) -> None:
        self.end = 0
        """Samples of the clock up to the newest; 0 before the first."""
        self.away = True
        """Nothing comes of it for now."""
        self._ring = bytearray(_SILENCE * samples)

    def remember(self, position: int, payload: bytes) -> None:
        """The track goes on at `position`; what lies between is silence. It may be told again from an earlier one."""
        self.away = False
        size = len(self._ring)
        hole = position - self.end
        if hole > 0:
            self._put(self.end, _SILENCE * min(hole, size))
        self.end = position + len(payload)
        newest = payload[-size:]
        self._put(self.end - len(newest), newest)

    def between(self, begin: int, end: int) -> Pcm:
        """What was there; silence where it is forgotten or not known yet."""
        size = len(self._ring)
        heard = np.zeros(end - begin, np.int16)
        first, last = max(begin, self.end - size, 0), min(end, self.end)
        if first < last:
            at, length = first % size, last - first
            codes = self._ring[at : at + length] + self._ring[: max(0, at + length - size)]
            heard[first - begin : last - begin] = mulaw.decode(codes)
        return heard

    def _put(self, position: int, payload: bytes) -> None:
        at = position % len(self._ring)
        first = min(len(payload), len(self._ring) - at)
        self._ring[at : at + first] = payload[:first]
        self._ring[: len(payload) - first] = payload[first:]


class Verdict(Enum):
    """What a sound is, next to the other track's."""

    ALONE = "alone"
    """The other track carried nothing that could have come back like this."""
    OWN = "own"
    """It could be an echo by its level, but is another signal."""
    ECHO = "echo"


def judge(sound: Pcm, other: Pcm) -> Verdict:
    """Tell whether a sound is what the other track said.

    Args:
        sound: some tenths of a second of a track.
        other: the other track meanwhile, and `LONGEST_DELAY` before it.
    """
    mine, theirs = sound.astype(np.float64), other.astype(np.float64)
    level = np.sqrt(np.mean(mine**2))
    power = np.cumsum(theirs**2)
    loudest = np.sqrt(np.max(power[_SPELL:] - power[:-_SPELL], initial=0.0) / _SPELL)
    if level == 0 or loudest < _SPOKEN or level > loudest * _FAINTER:
        return Verdict.ALONE
    share = _dependent_share(mine, _aligned(mine, theirs))
    return Verdict.ECHO if share >= _SHARE else Verdict.OWN


def _aligned(mine: _Floats, theirs: _Floats) -> _Floats:
    """The stretch of the other track that this one follows best, found by their cross-correlation."""
    size = 1 << (len(theirs) + len(mine) - 1).bit_length()
    spectrum = np.fft.rfft(theirs, size) * np.conj(np.fft.rfft(mine, size))
    # Where frequencies count half as much as they are strong, a voice's pitch misleads less.
    spectrum /= np.sqrt(np.abs(spectrum)) + 1e-9
    match = np.abs(np.fft.irfft(spectrum, size)[: len(theirs) - len(mine) + 1])
    at = int(np.argmax(match))
    return theirs[at : at + len(mine)]


def _dependent_share(mine: _Floats, theirs: _Floats) -> float:
    """Of a signal's power, what a filter could make of the other: coherence, weighted by power."""
    window = np.hanning(_SEGMENT)
    step = _SEGMENT // 4
    a, b = (
        np.fft.rfft(
            np.lib.stride_tricks.sliding_window_view(signal, _SEGMENT)[::step] * window, axis=1
        )
        for signal in (mine, theirs)
    )
    mine_power = np.sum(np.abs(a) ** 2, axis=0)
    theirs_power = np.sum(np.abs(b) ** 2, axis=0)
    cross = np.abs(np.sum(a * np.conj(b), axis=0)) ** 2
    explained = cross / (theirs_power + 1e-9)
    return float(np.sum(explained) / (np.sum(mine_power) + 1e-9))
