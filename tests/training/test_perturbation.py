from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed: it is for the recipe only")
from training import perturbation
from training.network import MEL


def features(frames: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(12, 3, (frames, MEL)).astype(np.float32)


@pytest.mark.parametrize("frames", [20, 97, 1720])
def test_any_length_comes_out_about_as_long_and_finite(frames: int) -> None:
    for seed in range(40):
        rng = np.random.default_rng(seed)
        f = perturbation.perturb(features(frames), rng, features(31, 1))
        assert f.dtype == np.float32
        assert f.shape[1] == MEL
        slow, fast = perturbation.TEMPO
        assert frames / fast - 2 < len(f) < frames / slow + 2
        assert np.isfinite(f).all()


def test_tempo_never_reads_past_the_end() -> None:
    for frames in range(16, 1200, 7):
        for factor in (0.88, 0.97, 0.9999, 1.0, 1.0001, 1.15):
            assert len(perturbation.tempo(features(frames), factor)) <= frames / factor + 1


def test_warping_moves_a_peak_by_its_factor_and_keeps_the_level() -> None:
    assert perturbation.WARPS.sum(1) == pytest.approx(1, abs=1e-5)
    middle = perturbation.WARPS[len(perturbation.WARPS) // 2]
    assert middle == pytest.approx(np.eye(MEL), abs=1e-5)
    peak = np.zeros((1, MEL), np.float32)
    peak[0, 20] = 1
    places = [(peak @ table)[0] @ np.arange(MEL) for table in perturbation.WARPS]
    assert places[0] > 20.5
    assert places[-1] < 19.5


def test_on_a_line_without_a_speaker_there_are_sounds_below_the_quietest_callers() -> None:
    loudest = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        f = perturbation.nobody(300, rng, features(90, 1))
        assert f.shape == (300, MEL)
        assert f.dtype == np.float32
        assert np.isfinite(f).all()
        loudest.append(float(f.max()))
    assert len({round(value) for value in loudest}) > 4


def test_a_sound_is_heard_where_it_falls_and_leaves_the_rest_alone() -> None:
    quiet = np.full((2000, MEL), 5, np.float32)
    f = perturbation.with_sounds(quiet, 15.0, np.random.default_rng(3))
    assert f.shape == quiet.shape
    assert (quiet == 5).all()
    assert f.max() > 10
    assert (np.abs(f - 5) < 0.01).mean() > 0.3
