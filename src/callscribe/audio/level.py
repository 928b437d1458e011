"""Quiet lines raised to a level that models know, slowly.

Loud and clipped lines are left as they are: lowering them was measured and made recognition worse.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from callscribe.audio.activity import FRAME, FRAME_MS, Flags
from callscribe.audio.mulaw import Pcm


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

    def accept(self, pcm: Pcm, flags: Flags) -> Pcm:
        """The chunk at its new level.

        Args:
            pcm: whole frames of 8 kHz audio.
            flags: which of them carry speech.
        """
        before = self.gain_db
        frames = pcm.astype(np.float64).reshape(-1, FRAME) / 32768.0
        power = np.mean(frames**2, axis=1)
        if not flags.all():
            quiet = float(np.mean(power[~flags]))
            self._noise = quiet if self._noise == 0.0 else 0.9 * self._noise + 0.1 * quiet
        speaking = int(np.count_nonzero(flags))
        if speaking:
            heard = speaking * FRAME_MS
            self._heard_ms += heard
            # A plain mean at first, so that the first words count at once; then a slow one.
            weight = heard / min(self._heard_ms, self.options.memory_ms + heard)
            self._power += weight * (float(np.mean(power[flags])) - self._power)
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
        level = 10 * np.log10(self._power + 1e-10)
        wanted = options.quietest_db - level
        room = options.loudest_noise_db - 10 * np.log10(self._noise + 1e-10)
        return float(np.clip(min(wanted, room), 0.0, options.most_db))
