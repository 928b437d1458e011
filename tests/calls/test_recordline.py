from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callscribe.calls.recordline import RecordLine, ZeroEstimate

NOON = dt.datetime(2026, 1, 15, 12, 0, 0, tzinfo=dt.UTC)


@given(st.lists(st.integers(0, 400), min_size=10, max_size=60), st.integers(0, 10**6))
def test_the_offset_is_as_good_as_the_quickest_frames(delays: list[int], begin_ms: int) -> None:
    first = ZeroEstimate(50.0)
    for n, delay in enumerate(delays):
        first.add(50 + 20 * n + delay, 20 * n)
    line = RecordLine()
    line.begin(first, NOON)
    later = ZeroEstimate(begin_ms + 1000.0)
    for n, delay in enumerate(delays):
        later.add(begin_ms + 20 * n + delay, 20 * n)
    expected = max(0, begin_ms - 50)
    assert abs(line.offset_of(later) - expected) <= max(min(delays), 1)


def test_estimates_follow_drifting_clocks() -> None:
    """A carrier's clock that is slower by 100 ppm is 360 ms behind after an hour."""
    zero = ZeroEstimate(0.0)
    for second in range(3600):
        zero.add(second * 1000.0, round(second * 1000 * (1 - 1e-4)))
    assert 350 <= zero.ms <= 361


def test_before_the_first_stream_everything_is_at_zero() -> None:
    line = RecordLine()
    assert not line.begun
    assert line.now_ms(123_456.0) == 0
    assert line.offset_of(ZeroEstimate(5.0)) == 0
    assert line.at_ms(NOON, 5.0) == 0


def test_the_line_goes_on_by_another_stream() -> None:
    line = RecordLine()
    line.begin(ZeroEstimate(1000.0), NOON)
    second = ZeroEstimate(6000.0)
    assert line.offset_of(second) == 5000
    line.anchor(second, 5000)
    assert line.now_ms(8000.0) == 7000
    third = ZeroEstimate(9000.0)
    assert line.offset_of(third) == 8000


def test_a_moment_is_placed_by_the_carriers_clock_when_known() -> None:
    line = RecordLine()
    line.begin(ZeroEstimate(0.0), NOON)
    six = NOON + dt.timedelta(seconds=6)
    assert line.at_ms(six, 10_000.0) == 6000
    line.started_at(NOON + dt.timedelta(seconds=2))  # our clock was 2 s behind
    assert line.at_ms(six, 10_000.0) == 4000
    line.started_at(NOON)  # only the first one counts
    assert line.at_ms(six, 10_000.0) == 4000
    assert line.at_ms(NOON, 10_000.0) == 0
    assert line.at_ms(six, 3000.0) == 3000, "never in the future"
    assert line.at_ms(None, 3000.0) == 3000


def test_a_line_of_an_earlier_process_goes_on_by_the_wall_clock() -> None:
    line = RecordLine(past_ms=8000, zero=NOON)
    assert not line.begun
    assert line.now_ms(5.0) == 8000
    first = ZeroEstimate(1000.0)
    line.begin(first, NOON + dt.timedelta(seconds=30))
    assert line.offset_of(first) == 30_000
    assert line.now_ms(3000.0) == 32_000
    # The carrier's clock is half a second behind ours.
    line.started_at(NOON + dt.timedelta(seconds=29.5))
    assert line.at_ms(NOON + dt.timedelta(seconds=30), 9000.0) == 30_500


@pytest.mark.parametrize("zero", [None, NOON + dt.timedelta(hours=1)])
def test_a_line_goes_on_after_its_end_when_the_wall_clock_is_no_help(
    zero: dt.datetime | None,
) -> None:
    line = RecordLine(past_ms=8000, zero=zero)
    first = ZeroEstimate(1000.0)
    line.begin(first, NOON)
    assert line.offset_of(first) == 8000
