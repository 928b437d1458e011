from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import confidence
from benchmarks.accuracy import Measured, Result
from callscribe.recognition.calibration import Calibration

HALF = Calibration(((0.0, 0.0), (1.0, 0.5)))


def result(*recordings: list[tuple[float, bool]]) -> Result:
    return Result([], 0, 0, 0.0, 1.0, list(recordings))


def over_confident(recordings: int = 8) -> Measured:
    """Of words with a confidence of 0.8 four in ten are right: `HALF` puts that right."""
    words = [(0.8, number % 5 < 2) for number in range(10)]
    sets = {"calls-caller": result(*[words] * recordings), "digits": result(words)}
    return Measured("model", sets, HALF)


def test_a_group_pools_the_recordings_of_its_sets() -> None:
    measured = Measured(
        "model",
        {
            "calls-caller": result([(0.5, True)], []),
            "calls-agent": result([(0.7, False), (1.0, True)]),
            "demo": result([(0.1, True)]),
        },
    )
    words = confidence.pooled(measured, "real calls")
    assert words is not None
    assert words.recording.tolist() == [0, 2, 2]
    assert words.raw.tolist() == [0.5, 0.7, 1.0]
    assert words.right.tolist() == [1.0, 0.0, 1.0]
    assert confidence.pooled(measured, "held-out speakers") is None
    assert confidence.pooled(Measured("peer", {"digits": result([], [])}), "real calls") is None


def test_the_calibration_error_is_the_distance_within_bands() -> None:
    words = confidence.Words(
        np.zeros(4, np.int64), np.array([0.62, 0.68, 1.0, 0.91]), np.array([1.0, 0.0, 1.0, 1.0])
    )
    # Band 0.6 to 0.7: mean 0.65, half right. Band 0.9 to 1: mean 0.955, all right.
    expected = (2 * 0.15 + 2 * 0.045) / 4
    assert confidence.calibration_error(words, words.raw) == pytest.approx(expected)


def test_calibrated_figures_are_right_where_the_map_is() -> None:
    words = confidence.pooled(over_confident(), "real calls")
    assert words is not None
    assert confidence.calibration_error(words, words.raw) == pytest.approx(0.4)
    assert confidence.calibration_error(words, words.calibrated(HALF)) == pytest.approx(0)


def test_bands_have_an_interval_over_recordings() -> None:
    words = confidence.Words(
        np.array([0, 0, 1, 1, 2, 2]), np.full(6, 0.95), np.array([1.0, 1.0, 0.0, 0.0, 1.0, 0.0])
    )
    (band,) = confidence.bands(words, words.raw)
    assert (band.words, band.right) == (6, 0.5)
    assert band.confidence == pytest.approx(0.95)
    assert band.low < 0.25
    assert band.high > 0.75
    same = confidence.pooled(over_confident(), "real calls")
    assert same is not None
    (band,) = confidence.bands(same, same.raw)
    assert [band.low, band.right, band.high] == pytest.approx([0.4] * 3)


def test_the_section_has_a_picture_and_a_row_for_each_group(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: `make wer` does it")
    peer = Measured("peer", {"digits": result([], [])})
    text = confidence.section([over_confident(), peer], tmp_path)
    assert "| model | real calls | 80 | 40.0 | 80.0 | 40.0 | 40.0 | 0.0 |" in text
    assert "| model | held-out speakers | 10 |" in text
    assert "| peer |" not in text
    assert "](images/confidence.png)" in text
    assert (tmp_path / "images/confidence.png").read_bytes().startswith(b"\x89PNG")
    assert confidence.section([peer], tmp_path) == ""


def test_a_model_without_calibration_has_raw_figures_alone() -> None:
    text = confidence.table([over_confident()._replace(calibration=None)])
    assert "| model | real calls | 80 | 40.0 | 80.0 |  | 40.0 |  |" in text
