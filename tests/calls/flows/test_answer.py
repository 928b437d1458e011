"""The answer flow from beginning to end."""

from __future__ import annotations

import pytest

from callscribe.calls.plans import FlowDefaults, Flows
from callscribe.calls.setup import RegistryOptions
from callscribe.carriers.base import Hold, Listen, Say
from callscribe.events import (
    CallEnded,
    CallStarted,
    FinalTranscript,
    ParticipantJoined,
    ParticipantLeft,
    StreamEnded,
    StreamStarted,
)
from tests.calls.world import ALICE, BOTH, CALL, OURS, World


def test_an_answered_call_from_beginning_to_end() -> None:
    defaults = FlowDefaults(greeting="Hello.", consent="Recorded.", hold_seconds=700)
    world = World(flows=Flows(defaults=defaults), contacts={ALICE: "Alice Adams"})
    answer = world.call()
    assert answer == (Listen("ticket-1", "both"), Say("Recorded."), Say("Hello."), Hold(700))
    (started,) = world.of(CallStarted)
    assert (started.from_, started.from_name, started.to) == (ALICE, "Alice Adams", OURS)
    assert (started.direction, started.flow, started.status) == ("inbound", "answer", "in-progress")

    stream = world.socket(answer)
    world.speak(stream, 155, 2155, *BOTH)
    assert [(p.track, p.speaker, p.joined_ms) for p in world.of(ParticipantJoined)] == [
        ("inbound", "Alice Adams", 0),
        ("outbound", "Callee", 0),
    ]
    assert len(world.heard[0].frames) == 200

    world.stop(stream)
    world.says("completed")
    end = world.ended()
    assert (end.status, end.ended_by) == ("completed", "Alice Adams")
    assert end.duration_ms == 2155
    assert world.heard[0].closed == "stop"
    kinds = [type(event) for event in world.events]
    assert kinds.index(StreamStarted) == 1
    assert kinds.index(FinalTranscript) < kinds.index(StreamEnded) < kinds.index(ParticipantLeft)


def test_held_to_the_end_nobody_has_ended_it() -> None:
    world = World(flows=Flows(defaults=FlowDefaults(hold_seconds=10)))
    stream = world.socket(world.call())
    world.speak(stream, 0, 11_000, step_ms=500)
    world.stop(stream)
    world.says("completed")
    assert world.ended().ended_by == ""


def test_repeated_and_late_callbacks_change_nothing() -> None:
    world = World()
    stream = world.socket(world.call())
    world.stop(stream)
    for status in ("completed", "completed", "ringing", "in-progress", "no-such-word"):
        world.says(status)
    world.ended()
    world.says("completed")
    world.report()
    world.ended()


def test_word_of_unknown_calls_is_passed_over() -> None:
    world = World()
    world.says("completed", "CAnobody")
    world.report("CAnobody")
    assert world.events == []


def test_without_a_callback_the_call_ends_after_stop() -> None:
    world = World()
    world.stop(world.socket(world.call()))
    assert not world.of(CallEnded)
    assert world.ended().status == "completed"


def test_the_callback_may_come_before_stop() -> None:
    world = World()
    stream = world.socket(world.call())
    world.speak(stream, 0, 100)
    world.says("completed")
    assert not world.of(CallEnded)
    world.stop(stream)
    assert world.ended().status == "completed"
    assert world.heard[0].closed == "stop"


def test_the_callback_ends_the_call_when_stop_never_comes() -> None:
    world = World()
    stream = world.socket(world.call())
    world.speak(stream, 0, 100)
    world.says("completed")
    assert world.ended().status == "completed"
    assert world.heard[0].closed
    assert (CALL, stream.key) in world.unwanted, "the socket is told to close"
    world.lose(stream)


@pytest.mark.parametrize("status", ["busy", "no-answer", "failed", "canceled", "completed"])
def test_a_call_that_ends_before_any_socket(status: str) -> None:
    world = World()
    world.call()
    world.says(status)
    assert world.ended().status == status


def test_a_call_whose_socket_never_opens_ends() -> None:
    world = World(options=RegistryOptions(no_stream_s=20))
    world.call()
    end = world.ended()
    assert (end.status, end.reason) == ("failed", "Twilio opened no media socket")
    assert end.duration_ms == 20_000


def test_a_call_ends_after_its_last_words_however_long_they_take() -> None:
    world = World()
    stream = world.socket(world.call())
    world.speak(stream, 0, 100)
    world.slow = True
    world.stop(stream)
    world.says("completed")
    world.wait(100)
    assert not world.of(CallEnded)
    world.finish()
    assert world.ended().status == "completed"
