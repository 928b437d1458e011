"""Log-mel features exactly as Kaldi's: 40 bins at 8 kHz, 25 ms Povey window, 10 ms shift, no dither."""

from __future__ import annotations

import numpy as np
import scipy.fft

from training.network import MEL

RATE, WINDOW, SHIFT, FFT = 8000, 200, 80, 256
LOW, HIGH = 20.0, 3800.0
PRE_EMPHASIS = np.float32(0.97)
TINY = np.float32(1.1920929e-7)  # what Kaldi puts in the place of zero


def _mel(hertz: np.ndarray | float) -> np.ndarray:
    return 1127 * np.log(1 + np.asarray(hertz, float) / 700)


def _bank() -> np.ndarray:
    """(FFT bins, MEL) triangles; Kaldi leaves the last FFT bin out."""
    low, high = _mel(LOW), _mel(HIGH)
    width = (high - low) / (MEL + 1)
    at = _mel(np.arange(FFT // 2) * RATE / FFT)
    left = low + np.arange(MEL)[:, None] * width
    rising, falling = (at - left) / width, (left + 2 * width - at) / width
    bank = np.maximum(0, np.minimum(rising, falling))
    return np.pad(bank, ((0, 0), (0, 1))).T.astype(np.float32)


BANK = _bank()
_HANN = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / (WINDOW - 1))
POVEY = (_HANN**0.85).astype(np.float32)


def log_mel(samples: np.ndarray) -> np.ndarray:
    """Samples at int16 scale -> (frames, MEL) float32; only whole windows ("snip edges")."""
    x = np.ascontiguousarray(samples, np.float32)
    count = 1 + (len(x) - WINDOW) // SHIFT
    if count <= 0:
        return np.zeros((0, MEL), np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(x, WINDOW)[::SHIFT][:count].copy()
    frames -= frames.mean(1, keepdims=True)
    frames[:, 1:] -= PRE_EMPHASIS * frames[:, :-1]
    frames[:, 0] *= 1 - PRE_EMPHASIS
    spectrum = scipy.fft.rfft(frames * POVEY, FFT, axis=1)
    power = spectrum.real**2 + spectrum.imag**2
    return np.log(np.maximum(power @ BANK, TINY)).astype(np.float32)
