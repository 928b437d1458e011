"""G.711 mu-law, written a second time on purpose.

The simulator stands for the carrier. If it used the server's own codec, a mistake in that codec would cancel itself
out and no simulated call would show it.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.int16]

SAMPLE_RATE = 8000
"""Telephone speech, in samples (and mu-law bytes) per second."""
BYTES_PER_MS = SAMPLE_RATE // 1000

_BIAS = 0x84
_CLIP = 32635


def encode(samples: Samples) -> bytes:
    """16-bit linear samples to mu-law bytes, one per sample (ITU-T G.711)."""
    linear = samples.astype(np.int32)
    negative = linear < 0
    magnitude = np.minimum(np.abs(linear), _CLIP) + _BIAS
    # The segment is the position of the highest set bit above bit 7.
    segment = np.floor(np.log2(magnitude)).astype(np.int32) - 7
    mantissa = (magnitude >> (segment + 3)) & 0x0F
    code = ~((negative << 7) | (segment << 4) | mantissa) & 0xFF
    return bytes(code.astype(np.uint8))


@functools.cache
def _table() -> Samples:
    code = ~np.arange(256, dtype=np.int32) & 0xFF
    magnitude = (((code & 0x0F) << 3) + _BIAS) << ((code >> 4) & 0x07)
    linear = np.where(code & 0x80, _BIAS - magnitude, magnitude - _BIAS)
    return linear.astype(np.int16)


def decode(payload: bytes) -> Samples:
    """Mu-law bytes to 16-bit linear samples, one per byte."""
    return _table()[np.frombuffer(payload, dtype=np.uint8)]
