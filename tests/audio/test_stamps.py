from __future__ import annotations

import random
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from callscribe.audio.stamps import FAR_MS, LONGEST_HOLE_MS, Stamped, Stamps

FRAME = b"\x7f" * 160
DAY_MS = 24 * 3600 * 1000


def times(messages: Sequence[tuple[int, int | None]]) -> list[int]:
    """What becomes of messages of 20 ms with these times and counters."""
    stamps = Stamps()
    out: list[Stamped] = []
    for timestamp_ms, chunk in messages:
        out += stamps.admit(timestamp_ms, FRAME, chunk)
    out += stamps.flush()
    return [frame.timestamp_ms for frame in out]


def steady(count: int, *, first: int = 0, chunk: int = 1) -> list[tuple[int, int | None]]:
    return [(first + 20 * n, chunk + n) for n in range(count)]


def test_good_times_are_left_alone() -> None:
    assert times(steady(50)) == [20 * n for n in range(50)]
    jittered = [(20 * n + n % 3 - 1, n) for n in range(1, 50)]
    assert times(jittered) == [time for time, _ in jittered]


def test_messages_out_of_order_and_repeated_are_left_to_the_line() -> None:
    messages = steady(20)
    messages[5], messages[7] = messages[7], messages[5]
    messages.insert(9, messages[8])
    assert times(messages) == [time for time, _ in messages]


def test_a_hole_stays_a_hole() -> None:
    messages = steady(10) + steady(10, first=90_000, chunk=20)
    assert times(messages) == [time for time, _ in messages]


def test_after_a_clock_was_set_back_the_audio_goes_on() -> None:
    messages = steady(50) + steady(50, first=0, chunk=51)
    assert times(messages) == [20 * n for n in range(100)]
    messages = steady(50, first=60_000) + steady(50, first=300, chunk=51)
    assert times(messages) == [60_000 + 20 * n for n in range(100)]


def test_a_clock_that_stands_still_stops_nothing() -> None:
    assert times([(700, n) for n in range(1, 100)]) == [700 + 20 * n for n in range(99)]


def test_a_leap_of_a_day_is_the_clocks() -> None:
    messages = steady(50) + steady(50, first=DAY_MS + 1000, chunk=51)
    assert times(messages) == [20 * n for n in range(100)]
    back = messages + steady(50, first=2000, chunk=101)
    assert times(back) == [20 * n for n in range(150)]


def test_one_message_far_ahead_lengthens_nothing() -> None:
    messages = steady(50)
    messages.insert(25, (36_000_000, 26))
    assert times(messages)[-1] == 20 * 49
    assert len(times(messages)) == 50
    last = [*steady(50), (36_000_000, 51)]
    assert times(last) == [20 * n for n in range(51)]


@given(
    st.lists(
        st.tuples(
            st.integers(-10, 2 * DAY_MS) | st.integers(0, 3000),
            st.none() | st.integers(1, 300),
        ),
        max_size=60,
    )
)
def test_whatever_comes_the_line_grows_by_no_more_than_a_call_can_last(
    messages: list[tuple[int, int | None]],
) -> None:
    found = times(messages)
    assert len(found) <= len(messages)
    newest = None
    for time in found:
        assert newest is None or time <= newest + LONGEST_HOLE_MS + FAR_MS
        newest = time + 20 if newest is None else max(newest, time + 20)


@given(st.integers(0, 2**32))
def test_no_message_of_a_track_in_order_is_lost_wherever_its_clock_goes(seed: int) -> None:
    chance = random.Random(seed)
    now, messages = 0, []
    for chunk in range(1, 200):
        if chunk % 20 == 0:
            now = chance.choice([0, now, now + DAY_MS, max(0, now - 5000), now + 30_000])
        messages.append((now, chunk))
        now += 20
    found = times(messages)
    assert len(found) == len(messages)
    assert found == sorted(found)


@given(
    st.lists(
        st.tuples(
            st.sampled_from([20, 20, 20, 19, 21, 0, 40, 3000, -20, -4, 5, DAY_MS]),
            st.none() | st.integers(1, 40),
            st.sampled_from([160, 160, 8, 40, 79, 80, 400]),
        ),
        max_size=60,
    )
)
def test_a_message_that_comes_when_it_should_is_treated_like_any_other(
    messages: list[tuple[int, int | None, int]],
) -> None:
    quick, thorough = Stamps(), Stamps()
    now = 0
    for step, chunk, samples in messages:
        now = max(0, now + step)
        expected = [f.timestamp_ms for f in thorough.admit(now, b"\x7f" * samples, chunk)]
        at_ms = quick.follow(now, samples, chunk)
        if at_ms is None:
            assert [f.timestamp_ms for f in quick.admit(now, b"\x7f" * samples, chunk)] == expected
        else:
            assert [at_ms] == expected
        assert vars(quick) == vars(thorough)
