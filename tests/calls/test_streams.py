from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callscribe.calls.streams import SETTLE_MS, Stream

WILD = 10 * 3600 * 1000


def stream() -> Stream:
    made = Stream("MZ1", "MZ1", "CA", ("inbound", "outbound"), 5000.0)
    made.state = "open"
    return made


def hear(s: Stream, *frames: tuple[float, int]) -> Stream:
    """Frames of 20 ms: (when it comes, its own time), both from the stream's beginning."""
    for at_ms, timestamp_ms in frames:
        s.frame(5000.0 + at_ms, timestamp_ms, 160)
    return s


@pytest.mark.parametrize("wild", [0, 1, 2, 3])
def test_one_wild_frame_counts_nowhere(wild: int) -> None:
    frames = [(20.0 * n, 20 * n) for n in range(4)]
    frames.insert(wild, (20.0 * wild, WILD))
    s = hear(stream(), *frames)
    assert s.end_ms == 80
    assert s.zero.ms == pytest.approx(5000, abs=1)
    assert s.first_ms == 0


def test_two_wild_frames_apart_are_not_believed_either() -> None:
    s = hear(stream(), (0, 0), (20, WILD), (20, 20), (40, WILD), (40, 40))
    assert s.end_ms == 60


def test_a_leap_that_goes_on_is_believed() -> None:
    s = hear(stream(), (0, 0), (20, WILD), (40, WILD + 20))
    assert s.end_ms == WILD + 40


def test_silence_on_the_wire_is_no_leap() -> None:
    s = hear(stream(), (0, 0), (WILD, WILD))
    assert s.end_ms == WILD + 20


def test_it_is_settled_a_quarter_of_a_second_after_its_first_frame() -> None:
    assert stream().settled_ms is None
    assert hear(stream(), (1000, 20), (1020, 40)).settled_ms == 6000 + SETTLE_MS


@given(st.permutations([(20.0 * n, 20 * n) for n in range(12)]))
def test_order_does_not_matter(frames: list[tuple[float, int]]) -> None:
    s = hear(stream(), *frames)
    assert s.end_ms == 240
