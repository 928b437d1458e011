from __future__ import annotations

import numpy as np

from callscribe.simulator import mulaw


def test_known_codes() -> None:
    # ITU-T G.711: both zeros, both extremes.
    assert mulaw.decode(b"\xff\x7f\x80\x00").tolist() == [0, 0, 32124, -32124]
    assert mulaw.encode(np.array([0, 32767, -32768], dtype=np.int16)) == b"\xff\x80\x00"


def test_decoding_then_encoding_gives_every_code_back() -> None:
    codes = bytes(
        code for code in range(256) if code != 0x7F
    )  # the negative zero becomes the other
    assert mulaw.encode(mulaw.decode(codes)) == codes


def test_encoding_is_the_nearest_code_within_half_a_step() -> None:
    samples = np.arange(-32124, 32125, 7, dtype=np.int16)
    back = mulaw.decode(mulaw.encode(samples)).astype(np.int32)
    error = np.abs(back - samples)
    assert np.all(error <= (np.abs(samples.astype(np.int32)) + 132) / 32)
