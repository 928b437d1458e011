from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callscribe.audio.mulaw import Pcm
from callscribe.audio.resampling import Resampler


def resample(pcm: Pcm, sizes: list[int], rate: int) -> Pcm:
    resampler = Resampler(8000, rate)
    out, at, turn = [], 0, 0
    while at < len(pcm):
        out.append(resampler.accept(pcm[at : at + sizes[turn % len(sizes)]]))
        at += sizes[turn % len(sizes)]
        turn += 1
    return np.concatenate([*out, resampler.finish()])


@given(st.lists(st.integers(1, 3000), min_size=1, max_size=5))
@settings(deadline=None, max_examples=25)
def test_chunks_leave_no_seams(sizes: list[int]) -> None:
    t = np.arange(8000) / 8000
    pcm = (8000 * np.sin(2 * np.pi * 440 * t)).astype(np.int16)

    whole, chopped = resample(pcm, [8000], 16000), resample(pcm, sizes, 16000)

    assert len(whole) == len(chopped) == 16000
    assert np.max(np.abs(whole.astype(int) - chopped)) <= 2


@pytest.mark.parametrize("rate", [8000, 11025, 16000])
def test_a_tone_stays_the_same_tone_at_the_same_time(rate: int) -> None:
    t = np.arange(8000) / 8000
    pcm = (8000 * np.sin(2 * np.pi * 300 * t)).astype(np.int16)
    wanted = 8000 * np.sin(2 * np.pi * 300 * np.arange(rate) / rate)

    out = resample(pcm, [1600], rate)

    assert len(out) == rate
    assert np.max(np.abs(out - wanted)[rate // 10 : -rate // 10]) < 200


def test_a_resampler_can_be_used_again() -> None:
    resampler = Resampler(8000, 16000)
    pcm = np.full(1600, 1000, np.int16)

    first = np.concatenate([resampler.accept(pcm), resampler.finish()])
    second = np.concatenate([resampler.accept(pcm), resampler.finish()])

    assert np.max(np.abs(first.astype(int) - second)) <= 4  # dithered
