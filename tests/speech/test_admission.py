from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from callscribe.speech.admission import Admission


@dataclass(eq=False)
class Stream:
    size: int = 1
    begun: int = 0
    begun_before: int = 0
    """When it was over."""

    def begin(self) -> None:
        self.begun += 1


def test_streams_past_the_capacity_wait_and_move_up_in_order() -> None:
    places = Admission(2)
    first, second, third, fourth = (Stream() for _ in range(4))
    for stream in (first, second, third, fourth):
        places.enter(stream)
    assert [s.begun for s in (first, second, third, fourth)] == [1, 1, 0, 0]
    assert (places.taken, places.waiting, places.is_full) == (2, 2, True)

    places.leave(first)
    assert (third.begun, fourth.begun) == (1, 0)
    places.leave(second)
    places.leave(second)
    assert fourth.begun == 1
    assert (places.taken, places.waiting) == (2, 0)


def test_nobody_overtakes_a_call_that_needs_two_places() -> None:
    places = Admission(2)
    one, both, small = Stream(), Stream(2), Stream()
    for stream in (one, both, small):
        places.enter(stream)
    assert (both.begun, small.begun) == (0, 0)
    places.leave(one)
    assert (both.begun, small.begun) == (1, 0)


def test_a_call_of_two_tracks_is_served_where_there_is_one_place() -> None:
    places = Admission(1)
    both = Stream(2)
    places.enter(both)
    assert both.begun == 1


def test_what_is_over_makes_room_at_once_and_is_worked_on_a_few_at_a_time() -> None:
    places = Admission(1, hands=1)
    first, second, third = Stream(), Stream(), Stream()
    for stream in (first, second, third):
        places.enter(stream)
    places.retire(first)
    assert (first.begun, second.begun) == (2, 1)
    assert (places.taken, places.unfinished) == (1, 1)
    places.retire(third)  # never had a place
    assert third.begun == 0
    places.leave(first)
    assert third.begun == 1
    places.leave(third)
    assert places.unfinished == 0


def test_without_a_bound_nobody_waits() -> None:
    places = Admission()
    for stream in (many := [Stream(2) for _ in range(100)]):
        places.enter(stream)
    assert all(stream.begun for stream in many)
    assert not places.is_full


@given(
    st.integers(1, 5),
    st.lists(
        st.tuples(st.sampled_from(["enter", "retire", "leave"]), st.integers(0, 6)), max_size=60
    ),
)
def test_places_are_never_given_twice_and_never_left_empty(
    capacity: int, steps: list[tuple[str, int]]
) -> None:
    places = Admission(capacity, hands=1)
    streams = [Stream(1 + n % 2) for n in range(7)]
    state = ["out"] * 7
    for what, n in steps:
        if what == "enter" and state[n] == "out":
            places.enter(streams[n])
            state[n] = "in"
        elif what == "retire" and state[n] == "in":
            streams[n].begun_before = streams[n].begun
            places.retire(streams[n])
            state[n] = "over"
        elif what == "leave":
            places.leave(streams[n])
            state[n] = "out"
        inside = [s for s, now in zip(streams, state, strict=True) if now == "in"]
        over = [s for s, now in zip(streams, state, strict=True) if now == "over"]
        assert places.taken + places.waiting == sum(s.size for s in inside)
        assert places.unfinished == sum(s.size for s in over)
        assert places.taken <= max(capacity, 2)
        if places.waiting:
            assert places.taken
            assert places.taken + 2 > capacity
        if over:
            assert sum(s.begun - s.begun_before for s in over) == 1
