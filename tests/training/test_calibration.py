from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from callscribe.recognition.calibration import Calibration
from training import calibration
from training.calibration import Heard


def heard(share: float, words: int, seed: int = 0) -> Heard:
    """Words of four speakers, of which `share * confidence ** 2` are right."""
    rng = np.random.default_rng(seed)
    raw = rng.beta(2, 0.6, words).round(4)
    right = rng.random(words) < share * raw**2
    speakers = np.array([f"s{n % 4}" for n in range(words)])
    return Heard(np.full(words, "set"), speakers, raw, right)


@pytest.mark.parametrize("kind", calibration.FITS)
@pytest.mark.parametrize("words", [30, 3000])
def test_a_fit_is_a_calibration_that_a_model_may_have(kind: str, words: int) -> None:
    points = calibration.rounded(calibration.FITS[kind](heard(0.9, words)))
    assert 2 <= len(points) <= calibration.POINTS
    assert Calibration(tuple(points)).points == tuple(points)


@pytest.mark.parametrize("kind", calibration.FITS)
def test_a_fit_finds_the_share_of_right_words(kind: str) -> None:
    points = calibration.FITS[kind](heard(0.9, 20_000))
    for raw in (0.5, 0.8, 0.95):
        assert calibration.apply(points, np.array([raw])) == pytest.approx(0.9 * raw**2, abs=0.06)


def test_an_isotonic_fit_pools_what_falls() -> None:
    raw = np.array([0.1, 0.2, 0.3, 0.4, 1.0, 1.0])
    right = np.array([False, True, False, True, True, True])
    same = np.full(6, "a")
    points = calibration.isotonic(Heard(same, same, raw, right))
    assert points == [(0.1, 0.0), (0.25, 0.5), pytest.approx((0.8, 1.0))]
    assert calibration.isotonic(Heard(same, same, raw, right), most=2)[0][0] > 0.1


@pytest.mark.parametrize("kind", calibration.FITS)
@pytest.mark.parametrize("right", [True, False])
def test_words_that_are_all_right_or_all_wrong_still_give_a_map(kind: str, right: bool) -> None:
    same = np.full(5, "a")
    words = Heard(same, same, np.linspace(0.2, 1, 5), np.full(5, right))
    Calibration(tuple(calibration.rounded(calibration.FITS[kind](words))))


def test_each_speaker_is_foretold_by_the_others() -> None:
    words = heard(0.9, 400)
    seen: list[set[str]] = []

    def fit(others: Heard) -> calibration.Points:
        seen.append(set(others.speakers.tolist()))
        return [(0.0, len(seen) / 10), (1.0, len(seen) / 10)]

    found = calibration.foretold(words, fit)
    assert seen == [{"s0", "s1", "s2", "s3"} - {f"s{n}"} for n in range(4)]
    assert found[:4] == pytest.approx([0.1, 0.2, 0.3, 0.4])


def test_the_choice_is_better_than_the_raw_figure(capsys: pytest.CaptureFixture[str]) -> None:
    words = heard(0.7, 2000)
    kind, points = calibration.choose(words)
    after = calibration.apply(points, words.raw)
    assert kind in calibration.FITS
    assert calibration.calibration_error(words.raw, words.right) > 0.15
    assert calibration.calibration_error(after, words.right) < 0.05
    assert f"-> {kind}" in capsys.readouterr().out


def test_writing_keeps_what_else_the_file_says(tmp_path: Path) -> None:
    points = [(0.0, 0.25), (0.99999, 0.75), (1.0, 0.9)]
    calibration.write(points, tmp_path)
    path = tmp_path / "model.json"
    assert json.loads(path.read_text()) == {"calibration": [[0.0, 0.25], [1.0, 0.9]]}
    path.write_text('{"name": "naïve", "calibration": [], "worth": "a lot"}')
    calibration.write(points, tmp_path)
    about = json.loads(path.read_text(encoding="utf-8"))
    assert list(about) == ["name", "calibration", "worth"]
    assert about["name"] == "naïve"
    assert "    [0.0, 0.25],\n" in path.read_text(encoding="utf-8")
