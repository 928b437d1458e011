"""Calls that are up already and transcribed from then on."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from callscribe.calls.facts import AttachWanted, Detached, Kept, RenameWanted, StreamRefused
from callscribe.calls.plans import Flows, NumberFlow
from callscribe.carriers.base import CallInfo, DialedLegChanged, DialOver, HangUp
from callscribe.errors import CallscribeError
from callscribe.events import (
    CallStarted,
    CallUpdated,
    Dial,
    FinalTranscript,
    GapDetected,
    ParticipantJoined,
    StreamStarted,
)
from callscribe.records import CallRecord, CallSummary, TrackRecord
from tests.calls.world import ALICE, BOB, BOTH, CALL, EVE, LEG, OURS, ZERO, World

UP = CallInfo(leg=LEG, from_=ALICE, to=OURS, status="in-progress")
CONTACTS = {ALICE: "Alice", BOB: "Bob", EVE: "Eve"}
FORWARDING = Flows(NumberFlow(flow="forward", to=(BOB, EVE)))


def attach(world: World, info: CallInfo = UP) -> None:
    world.tell(AttachWanted(leg=LEG, info=info))


def record(**more: Any) -> CallRecord:
    """What a dead process has left of the call, which began a minute ago."""
    began = (ZERO - dt.timedelta(seconds=60)).isoformat()
    track = TrackRecord(leg=LEG, stream="MZ1", track="inbound", speaker="Zoe", started_at=began)
    summary = CallSummary(id=LEG, sid=LEG, duration_ms=20_000, status="interrupted", ended_at=began)
    return CallRecord(call=summary, tracks=(track,), **more)


def test_attach_and_detach() -> None:
    world = World(api=True, contacts=CONTACTS)
    attach(world)
    (started,) = world.of(CallStarted)
    assert (started.flow, started.from_name) == ("attach", "Alice")
    stream = world.socket(world.asked[0].ticket, LEG)
    with pytest.raises(CallscribeError, match="already"):
        world.tell(AttachWanted(leg=LEG))
    world.tell(RenameWanted(call=LEG, leg=LEG, track="inbound", name="Zoe"))
    world.tell(Detached(call=LEG))
    world.stop(stream)
    end = world.ended()
    assert (end.status, end.reason) == ("completed", "detached")
    # Attached again, it is the same record, and its line goes on.
    world.wait(7)
    attach(world)
    again = world.socket(world.asked[1].ticket, LEG)
    world.speak(again, 0, 400)
    assert world.heard[1].offset_ms == pytest.approx(10_000, abs=5)
    assert [p.speaker for p in world.of(ParticipantJoined)] == ["Alice", "Callee", "Zoe", "Callee"]


def test_after_a_restart_the_line_goes_on() -> None:
    world = World(api=True, contacts=CONTACTS)
    world.tell(Kept(record=record()))
    attach(world)
    stream = world.socket(world.asked[0].ticket, LEG, sid="MZ1")
    assert world.heard[0].offset_ms == 60_000
    assert [p.speaker for p in world.of(ParticipantJoined)] == ["Zoe", "Callee"]
    gaps = [(g.track, g.start_ms, g.end_ms, g.reason) for g in world.of(GapDetected)]
    assert gaps == [(track, 20_000, 60_000, "socket-lost") for track in BOTH]
    assert world.of(StreamStarted)[0].stream == "MZ1.2", "the first MZ1 was another stream"
    world.speak(stream, 0, 1000)
    world.stop(stream)
    assert world.ended().duration_ms == 61_000


def test_a_refused_stream_ends_the_record() -> None:
    world = World(api=True)
    attach(world)
    world.tell(StreamRefused(leg=LEG, reason="error 21220"))
    end = world.ended()
    assert (end.status, end.reason) == ("failed", "error 21220")


@pytest.mark.parametrize("status", ["queued", "ringing", "completed", "busy"])
def test_a_call_that_is_not_in_progress_leaves_no_trace(status: str) -> None:
    world = World(api=True)
    with pytest.raises(CallscribeError, match=f"not in progress: Twilio says {status}"):
        attach(world, CallInfo(leg=LEG, status=status))
    assert world.events == []


def dialed(status: str, seconds: int) -> DialedLegChanged:
    at = ZERO + dt.timedelta(seconds=seconds)
    return DialedLegChanged(parent=LEG, leg=CALL, to=BOB, status=status, at=at)


def test_a_forwarded_call_goes_on_with_its_dial() -> None:
    world = World(api=True, flows=FORWARDING, contacts=CONTACTS)
    dial = Dial(status="in-progress", to=BOB, leg=CALL, answered_ms=5000)
    world.tell(Kept(record=record(dial=dial)))
    attach(world)
    stream = world.socket(world.asked[0].ticket, LEG)
    assert world.heard[0].held == set(), "they are talking"
    joined = [(p.track, p.speaker, p.number) for p in world.of(ParticipantJoined)]
    assert joined == [("inbound", "Zoe", ALICE), ("outbound", "Bob", BOB)]
    world.speak(stream, 0, 9000, *BOTH, step_ms=500)
    world.tell(dialed("completed", 8))
    over = DialOver(leg=LEG, status="completed", dialed=CALL, leg_status="in-progress")
    assert world.tell(over) == (HangUp(),)
    (*_, last) = (u.dial for u in world.of(CallUpdated) if u.dial)
    assert (last.status, last.to, last.leg, last.answered_ms) == ("completed", BOB, CALL, 5000)
    world.stop(stream)
    world.says("completed", LEG)
    assert world.ended().ended_by == "Bob"
    assert {f.speaker for f in world.of(FinalTranscript)} == {"Zoe", "Bob"}


def test_a_forwarded_call_that_was_still_ringing_is_held_back_until_somebody_answers() -> None:
    world = World(api=True, flows=FORWARDING, contacts=CONTACTS)
    world.tell(Kept(record=record(dial=Dial(status="ringing", to=BOB, leg=CALL))))
    attach(world)
    world.report(LEG)
    stream = world.socket(world.asked[0].ticket, LEG)
    world.speak(stream, 0, 3000, *BOTH)
    assert world.heard[0].held == {"outbound"}
    world.tell(dialed("in-progress", 2))
    assert world.heard[0].held == set()
    assert [p.speaker for p in world.of(ParticipantJoined)] == ["Zoe", "Bob"]


def test_a_forwarded_call_that_nobody_took_has_no_callee() -> None:
    world = World(api=True, flows=FORWARDING, contacts=CONTACTS)
    world.tell(Kept(record=record(dial=Dial(status="busy", to=BOB, leg=CALL))))
    attach(world)
    stream = world.socket(world.asked[0].ticket, LEG)
    world.speak(stream, 0, 3000, *BOTH)
    world.stop(stream)
    world.ended()
    assert [p.speaker for p in world.of(ParticipantJoined)] == ["Zoe"]
    assert [f.speaker for f in world.of(FinalTranscript)] == ["Zoe"]


def test_a_forwarded_call_that_we_never_saw_is_heard_at_once() -> None:
    world = World(api=True, flows=Flows(NumberFlow(flow="forward", to=(BOB,))), contacts=CONTACTS)
    attach(world)
    world.socket(world.asked[0].ticket, LEG)
    assert [p.speaker for p in world.of(ParticipantJoined)] == ["Alice", "Bob"]
    assert world.heard[0].held == set()


def test_how_the_numbers_calls_are_kept_counts_here_too() -> None:
    plan = NumberFlow(flow="conference", room="support", recording="off", phrases=("yes",))
    world = World(api=True, flows=Flows(plan))
    attach(world)
    world.socket(world.asked[0].ticket, LEG)
    (heard,) = world.heard
    assert (heard.plan.flow, heard.plan.recording, heard.plan.phrases) == (
        "answer",
        "off",
        ("yes",),
    )
    assert world.asked[0].track == "both"
