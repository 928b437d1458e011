"""What Whisper models hear: the logarithm of energy in mel bands, every 10 ms (openai/whisper, audio.py).

Sound at 16 kHz; windows of 25 ms (Hann), bands on Slaney's mel scale up to 8 kHz. Everything is cut off 80 dB below the
loudest moment, so a quiet line reads as a loud one does.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

RATE: Final = 16_000
HOP: Final = 160
"""Samples from one frame to the next: 10 ms."""
_FFT: Final = 400
_WINDOW_S: Final = 30
FRAMES: Final = _WINDOW_S * RATE // HOP
"""Frames in the window that the models were made for."""
_RANGE: Final = 8.0
"""Decades kept below the loudest."""

Mel = npt.NDArray[np.float32]
"""Shape (bands, frames)."""


class LogMel:
    """Makes a model's input from sound."""

    def __init__(self, bands: int) -> None:
        self._filters = _filters(bands)
        self._hann = np.hanning(_FFT + 1)[:-1].astype(np.float32)

    def __call__(self, pcm: npt.NDArray[np.int16], frames: int = FRAMES) -> Mel:
        """Features of 16 kHz samples, filled up with silence to `frames`; what is longer is cut off."""
        pcm = pcm[: frames * HOP]
        sound = pcm.astype(np.float32) / 32768
        # As if silence went on to the end of the window; what lies beyond the padding is the floor anyway.
        sound = np.pad(sound, (0, _FFT))
        sound = np.pad(sound, _FFT // 2, mode="reflect")
        heard = min(frames, -(-(len(pcm) + _FFT // 2) // HOP))
        windows = np.lib.stride_tricks.sliding_window_view(sound, _FFT)[::HOP][:heard]
        power = np.abs(np.fft.rfft(windows * self._hann, axis=1)).astype(np.float32) ** 2
        energy = self._filters @ power.T
        levels = np.log10(np.maximum(energy, 1e-10))
        floor = max(float(levels.max(initial=-10.0)) - _RANGE, -10.0)
        mel = np.full((len(self._filters), frames), floor, np.float32)
        mel[:, : levels.shape[1]] = np.maximum(levels, floor)
        mel += 4
        mel /= 4
        return mel


def _filters(bands: int) -> Mel:
    """Triangles on Slaney's mel scale (linear to 1 kHz, then logarithmic), of equal area."""
    edges = _hertz(np.linspace(0.0, _mel(RATE / 2), bands + 2))
    bins = np.fft.rfftfreq(_FFT, 1 / RATE)
    slopes = edges[:, None] - bins[None, :]
    widths = np.diff(edges)
    rising = -slopes[:-2] / widths[:-1, None]
    falling = slopes[2:] / widths[1:, None]
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    weights: Mel = (triangles * (2.0 / (edges[2:] - edges[:-2]))[:, None]).astype(np.float32)
    return weights


_LINEAR_HZ: Final = 200.0 / 3
_BREAK_HZ: Final = 1000.0
_STEP: Final = float(np.log(6.4)) / 27.0


def _mel(hertz: float) -> float:
    return _BREAK_HZ / _LINEAR_HZ + float(np.log(hertz / _BREAK_HZ)) / _STEP


def _hertz(mels: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    at_break = _BREAK_HZ / _LINEAR_HZ
    return np.where(
        mels < at_break, mels * _LINEAR_HZ, _BREAK_HZ * np.exp(_STEP * (mels - at_break))
    )
