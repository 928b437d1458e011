from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callscribe.calls.dialling import DialTracker
from callscribe.carriers.base import DialedLegChanged, DialOver
from callscribe.events import Dial
from tests.calls.world import CALL, LEG, THIRD

NOON = dt.datetime(2026, 1, 15, 12, 0, 0, tzinfo=dt.UTC)
BOB = "+15005550020"
EVE = "+15005550021"


def at(seconds: float) -> dt.datetime:
    return NOON + dt.timedelta(seconds=seconds)


def ms(moment: dt.datetime) -> int:
    return round((moment - NOON).total_seconds() * 1000)


def leg(
    status: str, seconds: float, sid: str = LEG, to: str = BOB, **more: Any
) -> DialedLegChanged:
    return DialedLegChanged(leg=sid, parent=CALL, status=status, at=at(seconds), to=to, **more)


ANSWERED = [
    leg("initiated", 0),
    leg("ringing", 1),
    leg("in-progress", 6),
    leg("completed", 48, duration_s=42),
]
DONE = DialOver(leg=CALL, status="completed", dialed=LEG, duration_s=42)


def told(steps: Sequence[DialedLegChanged | DialOver], to: tuple[str, ...] = (BOB,)) -> DialTracker:
    tracker = DialTracker(to)
    for step in steps:
        if isinstance(step, DialedLegChanged):
            tracker.leg(step)
        else:
            tracker.finish(step, at(49))
    return tracker


def test_an_answered_dial() -> None:
    tracker = DialTracker((BOB,))
    assert tracker.dial(ms) == Dial(status="initiated", to=BOB)
    said = []
    for step in ANSWERED:
        tracker.leg(step)
        said.append((tracker.status, tracker.answer is not None, tracker.over))
    assert said == [
        ("initiated", False, False),
        ("ringing", False, False),
        ("in-progress", True, False),
        ("completed", True, True),
    ]
    assert tracker.dial(ms) == Dial(
        status="completed", to=BOB, leg=LEG, answered_ms=6000, ended_ms=48000, duration_s=42
    )


def test_every_order_tells_the_same() -> None:
    expected = told([*ANSWERED, DONE]).dial(ms)
    every: list[DialedLegChanged | DialOver] = [*ANSWERED, DONE]
    for order in permutations(every):
        assert told(order).dial(ms) == expected


@settings(deadline=None)
@given(st.data())
def test_repeated_and_missing_callbacks(data: st.DataObject) -> None:
    """Whatever comes, as long as the answer itself does, who answered and when is known, and it ends completed."""
    every: list[DialedLegChanged | DialOver] = [*ANSWERED, DONE]
    steps = data.draw(st.lists(st.sampled_from(every), max_size=12))
    must: list[DialedLegChanged | DialOver] = [ANSWERED[2], DONE]
    order = data.draw(st.permutations([*steps, *must]))
    tracker = told(order)
    dial = tracker.dial(ms)
    assert (dial.status, dial.leg, dial.to, dial.answered_ms) == ("completed", LEG, BOB, 6000)
    assert tracker.over


LATE: list[DialedLegChanged | DialOver] = [leg("initiated", 0), leg("ringing", 1), DONE]


@settings(deadline=None)
@given(st.permutations(LATE))
def test_without_the_answer_it_is_reckoned_from_the_end(
    order: Sequence[DialedLegChanged | DialOver],
) -> None:
    answer = told(order).answer
    assert answer is not None
    assert not answer.exact
    assert answer.at is not None
    # 42 s before the action request, and one more since durations are rounded.
    assert ms(answer.at) == 6000
    assert told([ANSWERED[3]]).answer is not None


@pytest.mark.parametrize("status", ["busy", "no-answer", "failed", "canceled"])
def test_nobody_answers(status: str) -> None:
    steps: list[DialedLegChanged | DialOver] = [
        leg("initiated", 0),
        leg("ringing", 1),
        leg(status, 20),
        DialOver(leg=CALL, status=status, dialed=LEG),
    ]
    for order in permutations(steps):
        tracker = told(order)
        assert tracker.answer is None
        assert tracker.over
        assert tracker.dial(ms) == Dial(status=status, to=BOB, leg=LEG, ended_ms=20000)
    assert told(steps[:3]).over, "known from the leg alone when it is the only one"
    assert told([steps[3]]).dial(ms).status == status


def test_several_ring_and_one_answers() -> None:
    steps = [
        leg("ringing", 1, LEG, BOB),
        leg("ringing", 1, THIRD, EVE),
        leg("in-progress", 5, THIRD, EVE),
        leg("canceled", 5, LEG, BOB),
        leg("completed", 30, THIRD, EVE, duration_s=25),
    ]
    for order in permutations(steps):
        dial = told(order, (BOB, EVE)).dial(ms)
        assert (dial.status, dial.to, dial.leg, dial.answered_ms) == ("completed", EVE, THIRD, 5000)


def test_several_ring_and_none_answers() -> None:
    steps = [leg("busy", 2, LEG, BOB), leg("no-answer", 20, THIRD, EVE)]
    for order in permutations(steps):
        tracker = told(order, (BOB, EVE))
        assert tracker.over
        assert tracker.status == "busy", "the first number listed speaks for all"
    assert not told(steps[:1], (BOB, EVE)).over
