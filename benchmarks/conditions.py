"""What telephone lines do to speech, made reproducibly: each condition takes and returns 8 kHz 16-bit samples."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Pcm = npt.NDArray[np.int16]
Condition = Callable[[Pcm, int], Pcm]
"""Samples and a seed; the same seed gives the same result."""

FRAME = 160
"""Samples in one 20 ms media message."""


def clean(pcm: Pcm, seed: int) -> Pcm:
    return pcm


def quiet(pcm: Pcm, seed: int) -> Pcm:
    """30 dB less level."""
    return _to_int16(pcm.astype(np.float64) * 10 ** (-30 / 20))


def loud(pcm: Pcm, seed: int) -> Pcm:
    """Overdriven: raised until the loudest 1 % of speech samples clip, at least 6 dB over full scale for the peak."""
    signal = pcm.astype(np.float64)
    active = np.abs(signal)[np.abs(signal) > 200]
    if active.size == 0:
        return pcm
    gain = max(32767 / np.percentile(active, 95), 2 * 32767 / np.abs(signal).max())
    return _to_int16(signal * gain)


def noisy(pcm: Pcm, seed: int) -> Pcm:
    """Pink-ish noise 10 dB below the speech (power over the parts that are speech)."""
    signal = pcm.astype(np.float64)
    active = signal[np.abs(signal) > 200]
    if active.size == 0:
        return pcm
    rng = np.random.default_rng(seed)
    white = rng.standard_normal(len(signal))
    spectrum = np.fft.rfft(white)
    spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), 8))
    noise = np.fft.irfft(spectrum, n=len(signal))
    noise *= np.sqrt(np.mean(active**2)) / np.sqrt(np.mean(noise**2)) * 10 ** (-10 / 20)
    return _to_int16(signal + noise)


def lost_frames(pcm: Pcm, seed: int) -> list[bool]:
    """Which 20 ms frames arrive: 5 % are lost, in bursts of one to three."""
    rng = np.random.default_rng(seed)
    arrives: list[bool] = []
    while len(arrives) * FRAME < len(pcm):
        if rng.random() < 0.05 / 2:
            arrives += [False] * int(rng.integers(1, 4))
        else:
            arrives.append(True)
    return arrives


def _to_int16(signal: npt.NDArray[np.float64]) -> Pcm:
    return np.clip(np.rint(signal), -32768, 32767).astype(np.int16)
