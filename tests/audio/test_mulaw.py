from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from callscribe.audio import mulaw


def test_silence_and_extremes_are_those_of_the_standard() -> None:
    assert mulaw.decode(b"\xff\x7f\x80\x00").tolist() == [0, 0, 32124, -32124]


@given(st.binary())
def test_decoding_gives_one_sample_per_byte_and_encoding_brings_it_back(payload: bytes) -> None:
    pcm = mulaw.decode(payload)

    assert len(pcm) == len(payload)
    # Two codes mean zero; encoding knows one of them.
    assert mulaw.encode(pcm) == payload.replace(b"\x7f", b"\xff")


def test_every_sample_is_coded_within_its_step() -> None:
    samples = np.arange(-32768, 32768).astype(np.int16)

    error = np.abs(mulaw.decode(mulaw.encode(samples)).astype(int) - samples)

    assert np.all(error <= np.maximum(8, np.abs(samples.astype(int)) / 16))
