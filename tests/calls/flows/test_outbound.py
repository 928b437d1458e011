"""Calls that we place."""

from __future__ import annotations

import pytest

from callscribe.calls.facts import CallPlaced
from callscribe.carriers.base import Answer, CallCame
from callscribe.events import CallStarted, CallUpdated, ParticipantJoined
from tests.calls.world import ALICE, CALL, OURS, World, words


def placed(world: World) -> None:
    world.tell(CallPlaced(leg=CALL, to=ALICE))


def taken(world: World, *, answered: bool = True) -> Answer:
    return world.tell(CallCame(leg=CALL, from_=OURS, to=ALICE, placed=True, answered=answered))


def test_an_outbound_call() -> None:
    world = World(api=True, contacts={ALICE: "Alice"})
    placed(world)
    (started,) = world.of(CallStarted)
    assert (started.direction, started.flow, started.status) == ("outbound", "outbound", "ringing")
    world.says("in-progress")
    answer = taken(world)
    assert words(answer) == ["Listen", "Hold"]
    assert [u.status for u in world.of(CallUpdated)] == ["in-progress"]
    stream = world.socket(answer)
    assert [(p.track, p.speaker, p.number) for p in world.of(ParticipantJoined)] == [
        ("inbound", "Alice", ALICE),
        ("outbound", "Caller", OURS),
    ]
    world.stop(stream)
    world.says("completed")
    world.ended()


@pytest.mark.parametrize("status", ["busy", "no-answer", "failed", "canceled"])
def test_an_outbound_call_that_nobody_takes(status: str) -> None:
    world = World(api=True)
    placed(world)
    world.says("ringing")
    world.says(status)
    assert world.ended().status == status


def test_the_voice_request_may_come_first() -> None:
    world = World(api=True)
    taken(world)
    placed(world)
    (started,) = world.of(CallStarted)
    assert (started.flow, started.status) == ("outbound", "in-progress")


def test_a_call_that_is_over_before_we_hear_that_it_was_placed() -> None:
    world = World(api=True)
    taken(world)
    world.says("completed")
    world.ended()
    placed(world)
    world.ended()
