"""G.711 mu-law, the code of the telephone network: one byte a sample, 8000 samples a second."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Pcm = npt.NDArray[np.int16]
"""Mono 16-bit linear samples, shape (n,)."""

SAMPLE_RATE: Final = 8000
"""Hz."""
SAMPLES_PER_MS: Final = SAMPLE_RATE // 1000

_BIAS = 0x84
_LARGEST = 32635
"""Louder samples are clipped by the code (ITU-T G.711, table 2a)."""


def _decode_table() -> Pcm:
    """ITU-T G.711: sign, three bits of exponent and four of mantissa, all inverted."""
    code = ~np.arange(256, dtype=np.int64) & 0xFF
    exponent = (code >> 4) & 7
    mantissa = code & 0x0F
    magnitude = (((mantissa << 3) + _BIAS) << exponent) - _BIAS
    table: Pcm = np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)
    table.flags.writeable = False
    return table


def _encode_table() -> npt.NDArray[np.uint8]:
    """The code of every 16-bit sample, indexed by the sample read as unsigned."""
    sample = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int64)
    magnitude = np.minimum(np.abs(sample), _LARGEST) + _BIAS
    exponent = np.floor(np.log2(magnitude)).astype(np.int64) - 7
    mantissa = (magnitude >> (exponent + 3)) & 0x0F
    sign = np.where(sample < 0, 0x80, 0)
    table: npt.NDArray[np.uint8] = (~(sign | (exponent << 4) | mantissa) & 0xFF).astype(np.uint8)
    table.flags.writeable = False
    return table


_DECODE: Final = _decode_table()
_ENCODE: Final = _encode_table()


def decode(payload: bytes | bytearray | memoryview) -> Pcm:
    """mu-law bytes to 16-bit linear samples, one for one.

    Both codes of zero (0xFF and 0x7F) become 0; the extremes are +-32124.
    """
    return _DECODE[np.frombuffer(payload, np.uint8)]


def encode(pcm: Pcm) -> bytes:
    """16-bit linear samples to mu-law bytes, one for one."""
    return _ENCODE[np.ascontiguousarray(pcm, np.int16).view(np.uint16)].tobytes()
