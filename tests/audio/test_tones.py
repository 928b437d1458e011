from __future__ import annotations

import numpy as np
import pytest

from callscribe.audio import mulaw
from callscribe.audio.tones import BLOCK, BLOCK_MS, TONES, ToneDetector


def tone(frequencies: tuple[int, ...], ms: int, db: float = -20) -> mulaw.Pcm:
    t = np.arange(ms * 8) / 8000
    wave = sum(np.sin(2 * np.pi * hz * t) for hz in frequencies) * 32768 * 10 ** (db / 20)
    return np.asarray(wave, np.float64).astype(np.int16)


@pytest.mark.parametrize("frequencies", TONES)
@pytest.mark.parametrize("db", [-14.0, -40.0])
def test_call_progress_tones_are_found_on_a_telephone_line(
    frequencies: tuple[int, ...], db: float
) -> None:
    rng = np.random.default_rng(3)
    pcm = tone(frequencies, 2000, db) + rng.normal(0, 10, 16_000).astype(np.int16)

    flags = ToneDetector().accept(mulaw.decode(mulaw.encode(pcm)))

    assert flags.mean() > 0.9


def test_a_tone_is_found_across_chunks() -> None:
    detector = ToneDetector()
    pcm = tone((440, 480), 2000)
    step = 5 * BLOCK
    flags = [detector.accept(pcm[i : i + step]) for i in range(0, len(pcm), step)]

    assert np.concatenate(flags).all()


def test_a_voice_is_no_tone() -> None:
    # A glottal pulse train through one formant, its pitch gliding as a voice's does.
    t = np.arange(8000 * 4) / 8000
    pitch = 140 + 40 * np.sin(2 * np.pi * 0.7 * t)
    phase = np.cumsum(2 * np.pi * pitch / 8000)
    voice = sum(np.sin(k * phase) * 2000 / (1 + ((k * 140 - 500) / 300) ** 2) for k in range(1, 15))

    flags = ToneDetector().accept(np.asarray(voice).astype(np.int16))

    assert flags.mean() < 0.05


def test_noise_silence_and_other_tones_are_none() -> None:
    rng = np.random.default_rng(1)
    detector = ToneDetector()

    assert not detector.accept(rng.normal(0, 1000, 20 * BLOCK).astype(np.int16)).any()
    assert not detector.accept(np.zeros(20 * BLOCK, np.int16)).any()
    assert not detector.accept(tone((1000,), 20 * BLOCK_MS)).any()


def test_no_audio_gives_no_blocks() -> None:
    assert len(ToneDetector().accept(np.zeros(0, np.int16))) == 0
