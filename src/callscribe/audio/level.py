"""Quiet lines raised to a level that models know, slowly.

Loud and clipped lines are left as they are: lowering them was measured and made recognition worse.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from callscribe.audio.activity import FRAME_MS, Flags, frame_powers
from callscribe.audio.mulaw import Pcm

_KEEPS_NOISE = 0.9895
"""Of what it takes the line's noise to be, each frame leaves so much: nine tenths after 0.2 s."""


@dataclass(frozen=True, slots=True)
class LevelOptions:
    quietest_db: float = -30.0
    """Quieter speech is raised to this: dB relative to full scale, RMS of speaking frames."""
    most_db: float = 30.0
    loudest_noise_db: float = -50.0
    """Gain never lifts the line's noise above this."""
    memory_ms: float = 4000.0
    """Of speech, not of time: pauses change nothing, so noise is never pumped up in them."""


class LevelFollower:
    """One track's gain, measured on speech alone and changed slowly."""

    def __init__(self, options: LevelOptions | None = None) -> None:
        self.options = options or LevelOptions()
        self.gain_db = 0.0
        self._power = 0.0
        self._heard_ms = 0.0
        self._noise = 0.0

    @property
    def state(self) -> tuple[float, float, float, float]:
        """All that it knows of the track so far; another one that is given it goes on from here."""
        return self.gain_db, self._power, self._heard_ms, self._noise

    @state.setter
    def state(self, state: tuple[float, float, float, float]) -> None:
        self.gain_db, self._power, self._heard_ms, self._noise = state

    def foresee(self, pcm: Pcm, flags: Flags) -> None:
        """Where no speech was heard yet, begin at the level of what comes: its first syllable is not to be fainter than
        the rest.

        Args:
            pcm: the next whole frames, which `accept` is to be given in turn.
            flags: which of them carry speech.
        """
        if not self._heard_ms and flags.any():
            future = LevelFollower(self.options)
            future.state = self.state
            future.accept(pcm, flags)
            self.gain_db = future.gain_db

    def accept(self, pcm: Pcm, flags: Flags, powers: Sequence[float] | None = None) -> Pcm:
        """The chunk at its new level.

        Args:
            pcm: whole frames of 8 kHz audio.
            flags: which of them carry speech.
            powers: the frames' (`frame_powers`), where they are known.
        """
        powers = frame_powers(pcm) if powers is None else powers
        before = self.gain_db
        # Plain numbers: there are few frames, and NumPy's functions take several times as long.
        speaking: list[float] = []
        quiet: list[float] = []
        for power, speaks in zip(powers, flags.tolist(), strict=True):
            (speaking if speaks else quiet).append(power)
        if quiet:
            noise = sum(quiet) / len(quiet)
            weight = 1 - _KEEPS_NOISE ** len(flags)
            self._noise += (noise - self._noise) * (weight if self._noise else 1.0)
        if speaking:
            heard = len(speaking) * FRAME_MS
            self._heard_ms += heard
            # A plain mean at first, so that the first words count at once; then a slow one.
            weight = heard / min(self._heard_ms, self.options.memory_ms + heard)
            self._power += weight * (sum(speaking) / len(speaking) - self._power)
            self.gain_db = self._wanted_db()
        if before == 0.0 == self.gain_db:
            return pcm
        if before == self.gain_db:
            louder = pcm * 10 ** (before / 20)
        else:
            louder = pcm * 10 ** (np.linspace(before, self.gain_db, len(pcm)) / 20)
        scaled: Pcm = np.clip(np.rint(louder), -32768, 32767).astype(np.int16)
        return scaled

    def _wanted_db(self) -> float:
        options = self.options
        level = 10 * math.log10(self._power + 1e-10)
        wanted = options.quietest_db - level
        room = options.loudest_noise_db - 10 * math.log10(self._noise + 1e-10)
        return min(max(min(wanted, room), 0.0), options.most_db)
