from __future__ import annotations

import datetime as dt
from itertools import permutations
from typing import Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from callscribe.calls.presence import Change, ParticipantTracker
from callscribe.carriers.base import PersonInRoom
from tests.calls.world import CALL

NOON = dt.datetime(2026, 1, 15, 12, 0, 0, tzinfo=dt.UTC)


def event(
    name: str, sequence: int | None, *, muted: bool = False, hold: bool = False
) -> PersonInRoom:
    changes: dict[str, Literal["joined", "left"]] = {"join": "joined", "leave": "left"}
    return PersonInRoom(
        conference="CF1",
        leg=CALL,
        change=changes.get(name, "other"),
        sequence=sequence,
        at=NOON + dt.timedelta(seconds=sequence or 0),
        muted=muted,
        on_hold=hold,
        reason="participant_hung_up" if name == "leave" else "",
    )


STAY = [
    event("join", 1),
    event("mute", 4, muted=True),
    event("hold", 5, muted=True, hold=True),
    event("unmute", 6, hold=True),
    event("unhold", 7),
    event("leave", 9),
]


def kinds(changes: list[Change]) -> list[str]:
    return [change.kind for change in changes]


def test_a_stay_in_order() -> None:
    tracker = ParticipantTracker()
    changes = [change for each in STAY for change in tracker.apply(each)]
    assert kinds(changes) == ["joined", "updated", "updated", "updated", "updated", "left"]
    assert [(c.muted, c.on_hold) for c in changes[1:5]] == [
        (True, None),
        (None, True),
        (False, None),
        (None, False),
    ]
    assert changes[-1].reason == "participant_hung_up"
    assert not tracker.present


def test_every_order_tells_one_stay_with_the_same_end() -> None:
    for order in permutations(STAY):
        tracker = ParticipantTracker()
        changes = [change for each in order for change in tracker.apply(each)]
        assert kinds(changes).count("joined") == 1
        assert kinds(changes).count("left") == 1
        assert (tracker.present, tracker.muted, tracker.on_hold) == (False, False, False)


@settings(deadline=None)
@given(
    st.permutations(
        [event("join", 1), event("leave", 3), event("join", 6), event("mute", 7, muted=True)] * 2
    ),
    st.booleans(),
)
def test_leaving_and_coming_back_is_two_stays_in_any_order(
    order: list[PersonInRoom], stream_first: bool
) -> None:
    tracker = ParticipantTracker()
    changes = tracker.enter() if stream_first else []
    for each in order:
        changes += tracker.apply(each)
    told = [kind for kind in kinds(changes) if kind != "updated"]
    assert told == ["joined", "left", "joined"]
    assert (tracker.present, tracker.muted) == (True, True)


@settings(deadline=None)
@given(st.data())
def test_whatever_is_missing_joins_and_leaves_alternate(data: st.DataObject) -> None:
    names = st.sampled_from(["join", "leave", "mute", "unmute", "hold", "unhold", "modify"])
    numbers = st.one_of(st.none(), st.integers(1, 20))
    steps = data.draw(st.lists(st.tuples(names, numbers), max_size=15))
    tracker = ParticipantTracker()
    changes: list[Change] = []
    for name, number in steps:
        wish = data.draw(st.sampled_from(["", "enter", "leave"]))
        if wish:
            changes += tracker.enter() if wish == "enter" else tracker.leave()
        changes += tracker.apply(event(name, number, muted=name == "mute", hold=name == "hold"))
    told = [kind for kind in kinds(changes) if kind != "updated"]
    assert told == (["joined", "left"] * len(told))[: len(told)]
    assert tracker.present == (len(told) % 2 == 1)


def test_a_missing_join_is_implied_by_what_follows() -> None:
    for first in (event("mute", 3, muted=True), event("leave", 3)):
        assert kinds(ParticipantTracker().apply(first))[0] == "joined"


def test_a_missing_unmute_is_made_good_by_the_next_callback() -> None:
    tracker = ParticipantTracker()
    for each in (event("join", 1), event("mute", 2, muted=True)):
        tracker.apply(each)
    (change,) = tracker.apply(event("modify", 5, muted=False))
    assert change.muted is False


def test_a_leave_known_otherwise_and_the_late_callback_are_one() -> None:
    tracker = ParticipantTracker()
    tracker.enter()
    tracker.apply(event("join", 1))
    assert kinds(tracker.leave()) == ["left"]
    assert tracker.apply(event("leave", 8)) == []
    assert tracker.leave() == []


def test_callbacks_without_numbers_count_as_they_come() -> None:
    tracker = ParticipantTracker()
    names = ["join", "leave", "join"]
    told = [kind for name in names for kind in kinds(tracker.apply(event(name, None)))]
    assert told == ["joined", "left", "joined"]


def test_a_new_stream_after_a_leave_that_was_only_guessed() -> None:
    tracker = ParticipantTracker()
    tracker.enter()
    tracker.leave()
    assert kinds(tracker.enter()) == ["joined"]
    tracker.apply(event("leave", 4))
    assert tracker.enter() == [], "the room itself said that they left"
