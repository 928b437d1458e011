from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callscribe.recognition.calibration import Calibration

POINTS = ((0.2, 0.1), (0.5, 0.3), (0.9, 0.3), (1.0, 0.96))

unit = st.floats(0, 1)


@st.composite
def calibrations(draw: st.DrawFn) -> Calibration:
    raw = sorted(draw(st.sets(unit, min_size=2, max_size=12)))
    right = sorted(draw(st.lists(unit, min_size=len(raw), max_size=len(raw))))
    return Calibration(tuple(zip(raw, right, strict=True)))


@pytest.mark.parametrize(
    ("raw", "probability"),
    [
        (0.0, 0.1),
        (0.2, 0.1),
        (0.35, 0.2),
        (0.5, 0.3),
        (0.7, 0.3),
        (0.9, 0.3),
        (0.95, 0.63),
        (1, 0.96),
    ],
)
def test_straight_between_the_points_and_level_beyond(raw: float, probability: float) -> None:
    assert Calibration(POINTS)(raw) == pytest.approx(probability)


@settings(deadline=None)
@given(calibrations(), unit, unit)
def test_more_confidence_is_never_less_probability(
    calibration: Calibration, one: float, other: float
) -> None:
    low, high = sorted((one, other))
    ends = calibration.points[0][1], calibration.points[-1][1]
    assert ends[0] <= calibration(low) <= calibration(high) + 1e-12 <= ends[1] + 2e-12


@settings(deadline=None)
@given(calibrations(), unit)
def test_it_is_linear_interpolation(calibration: Calibration, raw: float) -> None:
    expected = np.interp(raw, *np.transpose(calibration.points))
    assert calibration(raw) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("points", "said"),
    [
        ((), "at least two points"),
        (((0.5, 0.5),), "at least two points"),
        (((0.0, 0.1), (1.0, 1.2)), r"\[1.0, 1.2\] is not between 0 and 1"),
        (((-0.1, 0.1), (1.0, 1.0)), "is not between 0 and 1"),
        (((0.0, float("nan")), (1.0, 1.0)), "is not between 0 and 1"),
        (((0.5, 0.1), (0.5, 0.2)), "first numbers must rise, but 0.5 follows 0.5"),
        (((0.0, 0.4), (1.0, 0.3)), "second numbers must not fall, but 0.3 follows 0.4"),
    ],
)
def test_points_that_make_no_map_are_refused(
    points: tuple[tuple[float, float], ...], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        Calibration(points)
