from __future__ import annotations

import numpy as np
import pytest

from callscribe.audio.activity import FRAME, FRAME_MS, ActivityDetector, Flags
from callscribe.audio.mulaw import Pcm


def noise(ms: int, db: float, seed: int = 1) -> Pcm:
    scale = 32768 * 10 ** (db / 20)
    samples = np.random.default_rng(seed).normal(0, scale, ms * 8)
    return np.clip(samples, -32768, 32767).astype(np.int16)


def detect(pcm: Pcm, chunk_frames: int = 10) -> Flags:
    detector = ActivityDetector()
    step = FRAME * chunk_frames
    return np.concatenate([detector.accept(pcm[i : i + step]) for i in range(0, len(pcm), step)])


@pytest.mark.parametrize("floor_db", [-90.0, -70.0, -50.0])
@pytest.mark.parametrize("chunk_frames", [1, 10])
def test_sound_above_the_floor_is_found_where_it_is(floor_db: float, chunk_frames: int) -> None:
    pcm = np.concatenate(
        [noise(6000, floor_db), noise(1000, floor_db + 25, 2), noise(1000, floor_db, 3)]
    )
    flags = detect(pcm, chunk_frames)[5000 // FRAME_MS :]

    on = np.flatnonzero(flags)
    if floor_db > -90:  # 25 dB above digital silence is still below anything audible
        assert abs(int(on[0]) * FRAME_MS - 1000) <= 40
        assert abs(int(on[-1]) * FRAME_MS - 2000) <= 120


def test_soft_speech_on_a_silent_line_is_found() -> None:
    silence = np.zeros(8 * 2000, np.int16)

    flags = detect(np.concatenate([silence, noise(400, -72), silence]))

    assert flags[2000 // FRAME_MS : 2400 // FRAME_MS].mean() > 0.9
    assert not flags[2600 // FRAME_MS :].any()


def test_it_tells_how_far_each_frame_is_above_the_floor() -> None:
    detector = ActivityDetector()
    detector.accept(noise(6000, -60))
    detector.accept(np.concatenate([noise(100, -60, 2), noise(100, -30, 3)]))

    assert detector.above_db.shape == (10,)
    assert np.all(np.abs(detector.above_db[:5]) < 6)
    assert np.all(np.abs(detector.above_db[6:] - 30) < 6)


def test_a_steady_noise_becomes_the_floor() -> None:
    flags = detect(noise(20_000, -40))

    assert not flags[8000 // FRAME_MS :].any()


def test_speech_in_the_first_frame_is_heard() -> None:
    flags = detect(noise(1000, -25))

    assert flags.all()


def test_a_click_is_not_speech() -> None:
    pcm = noise(4000, -70)
    pcm[24_000:24_080] = 20_000

    assert not detect(pcm).any()


def test_hum_and_offset_are_not_speech() -> None:
    t = np.arange(8000 * 10) / 8000
    hum = (300 * np.sin(2 * np.pi * 50 * t) + 500).astype(np.int16) + noise(10_000, -70)

    assert not detect(hum)[5000 // FRAME_MS :].any()
