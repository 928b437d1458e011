"""The forward flow: who hears whom since when, and what became of the dial."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callscribe.calls.facts import CallPlaced, RenameWanted
from callscribe.calls.plans import FlowDefaults, Flows, NumberFlow
from callscribe.carriers.base import (
    CallCame,
    Connect,
    DialedLegChanged,
    DialOver,
    Say,
    WhisperAsked,
)
from callscribe.events import (
    CallStarted,
    CallUpdated,
    Dial,
    FinalTranscript,
    ParticipantJoined,
    ParticipantLeft,
    SpeakerRenamed,
)
from tests.calls.world import ALICE, BOB, CALL, EVE, LEG, OURS, THIRD, ZERO, World, words


def flows(**keys: object) -> Flows:
    plan = NumberFlow(**{"flow": "forward", "to": (BOB,), **keys})  # type: ignore[arg-type]
    return Flows(plan, defaults=FlowDefaults(greeting="Hello.", consent="Recorded."))


def world(contacts: dict[str, str] | None = None, **keys: object) -> World:
    return World(flows=flows(**keys), contacts=contacts or {ALICE: "Alice", BOB: "Bob"})


def leg(
    status: str, seconds: float, sid: str = LEG, to: str = BOB, **more: Any
) -> DialedLegChanged:
    moment = ZERO + dt.timedelta(seconds=int(seconds))
    return DialedLegChanged(parent=CALL, leg=sid, status=status, at=moment, to=to, **more)


def finished(status: str, *, leg_status: str = "in-progress", **more: Any) -> DialOver:
    return DialOver(leg=CALL, status=status, dialed=LEG, leg_status=leg_status, **more)


def begin(w: World) -> None:
    """The caller's stream is open, twelve seconds have been streamed, and the carrier said when it began."""
    stream = w.socket(w.call())
    w.report()
    w.speak(stream, 0, 12_000, "inbound", "outbound")


def dials(w: World) -> list[Dial]:
    return [update.dial for update in w.of(CallUpdated) if update.dial is not None]


def test_what_the_carrier_is_told() -> None:
    w = world(caller_id=OURS, timeout=15, whisper="A call for you.")
    answer = w.call()
    assert words(answer) == ["Listen", "Say", "Connect"]
    assert answer[1] == Say("Recorded."), "no greeting: the caller hears it ring"
    assert answer[2] == Connect(to=(BOB,), caller_id=OURS, timeout_s=15, whisper=True)
    assert w.tell(WhisperAsked(parent=CALL)) == (Say("A call for you."),)
    assert w.tell(WhisperAsked(parent="CAnobody")) == ()
    (started,) = w.of(CallStarted)
    assert (started.flow, started.status) == ("forward", "ringing")


def test_the_callee_begins_when_the_leg_answered() -> None:
    w = world()
    begin(w)
    (session,) = w.heard
    assert session.held == {"outbound"}
    assert [p.speaker for p in w.of(ParticipantJoined)] == ["Alice"]
    for status in (leg("initiated", 1), leg("ringing", 2), leg("in-progress", 6)):
        w.tell(status)
    assert session.held == set()
    assert session.released == {"outbound": 6000}
    callee = w.of(ParticipantJoined)[1]
    assert (callee.speaker, callee.track, callee.number) == ("Bob", "outbound", BOB)
    assert (callee.leg, callee.joined_ms) == (CALL, 6000)
    assert [d.status for d in dials(w)] == ["initiated", "ringing", "in-progress"]
    assert {(d.to, d.name) for d in dials(w)} == {(BOB, "Bob")}
    assert [u.status for u in w.of(CallUpdated) if u.status] == ["in-progress"]


def test_a_callback_before_the_socket() -> None:
    w = world()
    twiml = w.call()
    w.tell(leg("in-progress", 0))
    w.socket(twiml)
    assert w.heard[0].released == {"outbound": 0}


def finish(w: World) -> None:
    """The caller's socket stops and the carrier says that the call is over."""
    stream = w.record().leg.stream
    assert stream is not None
    w.stop(stream)
    w.says("completed", CALL)


def test_the_callee_hangs_up() -> None:
    w = world()
    begin(w)
    w.tell(leg("in-progress", 6))
    w.tell(leg("completed", 9, duration_s=3))
    answer = w.tell(finished("completed", duration_s=3))
    assert words(answer) == ["HangUp"]
    finish(w)
    end = w.ended()
    assert (end.status, end.ended_by) == ("completed", "Bob")
    assert dials(w)[-1] == Dial(
        status="completed",
        to=BOB,
        name="Bob",
        leg=LEG,
        answered_ms=6000,
        ended_ms=9000,
        duration_s=3,
    )
    assert {f.speaker for f in w.of(FinalTranscript)} == {"Alice", "Bob"}
    assert [p.track for p in w.of(ParticipantLeft)] == ["outbound", "inbound"]


def test_the_caller_hangs_up() -> None:
    w = world()
    begin(w)
    w.tell(leg("in-progress", 6))
    w.tell(finished("completed", leg_status="completed", duration_s=3))
    finish(w)
    assert (w.ended()).ended_by == "Alice"


@pytest.mark.parametrize("status", ["busy", "no-answer", "failed", "canceled"])
def test_nobody_answers_and_we_do(status: str) -> None:
    w = world()
    begin(w)
    w.tell(leg("ringing", 2))
    w.tell(leg(status, 9))
    answer = w.tell(finished(status))
    assert words(answer)[:2] == ["Say", "Hold"]
    assert "Listen" not in words(answer), "the stream has survived the dial"
    assert w.heard[0].held == {"outbound"}, "our announcement is not the callee's words"
    finish(w)
    end = w.ended()
    assert end.status == "completed"
    assert {f.speaker for f in w.of(FinalTranscript)} == {"Alice"}
    assert (dials(w)[-1].status, dials(w)[-1].answered_ms) == (status, None)


@pytest.mark.parametrize("status", ["busy", "no-answer", "failed", "canceled"])
def test_nobody_answers_and_that_is_it(status: str) -> None:
    w = world(no_answer="hangup")
    begin(w)
    assert words(w.tell(finished(status))) == ["HangUp"]
    stream = w.record().leg.stream
    assert stream is not None
    w.stop(stream)
    assert (w.ended()).status == status


def test_the_caller_gives_up_while_it_rings() -> None:
    w = world()
    begin(w)
    answer = w.tell(finished("canceled", leg_status="completed"))
    assert words(answer) == ["HangUp"]
    finish(w)
    end = w.ended()
    assert end.ended_by == "Alice"
    assert dials(w)[-1].status == "canceled"


def test_the_caller_hangs_up_and_nobody_asks_what_to_do() -> None:
    w = world()
    begin(w)
    w.tell(leg("in-progress", 6))
    finish(w)
    end = w.ended()
    assert (end.status, end.ended_by) == ("completed", "Alice")


def test_a_callback_within_its_second_tells_the_time_better_than_its_timestamp() -> None:
    w = world()
    begin(w)
    w.tell(leg("in-progress", 11))
    assert w.heard[0].released == {"outbound": 11_000}, "as early as it can have been"
    w.tell(leg("completed", 11, duration_s=0))
    assert dials(w)[-1].answered_ms == 11_980


def test_without_any_leg_callback_the_action_releases_what_was_kept() -> None:
    w = world()
    begin(w)
    w.tell(finished("completed", duration_s=4))
    released = w.heard[0].released["outbound"]
    assert w.heard[0].held == set()
    assert released <= 8_000


def test_without_any_word_after_the_ringing_somebody_has_answered() -> None:
    w = world(timeout=5)
    begin(w)
    w.tell(leg("ringing", 2))
    w.wait(10)
    assert w.heard[0].released == {"outbound": 2000}
    assert [p.track for p in w.of(ParticipantJoined)] == ["inbound", "outbound"]
    # The word itself, when it comes after all, is believed.
    w.tell(leg("in-progress", 6))
    assert dials(w)[-1].answered_ms == 6000


def test_the_answer_is_waited_for_when_the_call_is_over_already() -> None:
    w = world()
    begin(w)
    finish(w)
    assert w.heard[0].closed == ""
    w.wait(1)
    w.tell(leg("in-progress", 6))
    w.ended()
    assert w.heard[0].released == {"outbound": 6000}
    assert {f.speaker for f in w.of(FinalTranscript)} == {"Alice", "Bob"}


def test_without_any_word_at_all_a_call_longer_than_the_ringing_was_answered() -> None:
    w = world(timeout=10)
    begin(w)
    finish(w)
    w.ended()
    assert w.heard[0].released == {"outbound": 0}
    assert {f.speaker for f in w.of(FinalTranscript)} == {"Alice", "Bob"}


def test_without_any_word_at_all_a_shorter_call_was_not() -> None:
    w = world(timeout=20)
    begin(w)
    finish(w)
    w.ended()
    assert {f.speaker for f in w.of(FinalTranscript)} == {"Alice"}


def test_a_socket_that_stops_first_waits_for_word_of_the_answer() -> None:
    w = world()
    begin(w)
    stream = w.record().leg.stream
    assert stream is not None
    w.stop(stream)
    w.tell(leg("in-progress", 6))
    assert w.heard[0].closed == "stop"
    assert {f.speaker for f in w.of(FinalTranscript)} == {"Alice", "Bob"}


def test_a_name_that_people_gave_is_not_taken_away_by_a_late_answer() -> None:
    w = world()
    begin(w)
    w.tell(RenameWanted(call=CALL, leg=CALL, track="outbound", name="Robert"))
    w.tell(leg("in-progress", 6))
    assert w.heard[0].speakers("outbound") == "Robert"


EVERY = [
    leg("initiated", 1),
    leg("ringing", 2),
    leg("in-progress", 6),
    leg("completed", 9, duration_s=3),
]


def play(order: Sequence[DialedLegChanged | DialOver]) -> World:
    w = world()
    begin(w)
    w.tell(*order)
    finish(w)
    w.ended()
    return w


@settings(max_examples=60)
@given(st.data())
def test_callbacks_in_any_order_and_number(data: st.DataObject) -> None:
    action = finished("completed", duration_s=5)
    every: list[DialedLegChanged | DialOver] = [*EVERY, action]
    extra = data.draw(st.lists(st.sampled_from(every), max_size=4))
    order = data.draw(st.permutations([*every, *extra]))
    w = play(order)
    last = dials(w)[-1]
    assert (last.status, last.to, last.leg, last.answered_ms) == ("completed", BOB, LEG, 6000)
    assert {f.speaker for f in w.of(FinalTranscript)} == {"Alice", "Bob"}
    # The callee is there from a moment no later than the truth: no first word is lost.
    assert w.heard[0].released["outbound"] <= 6000
    people = [
        (type(e).__name__, e.track)
        for e in w.events
        if isinstance(e, ParticipantJoined | ParticipantLeft)
    ]
    assert people.count(("ParticipantJoined", "outbound")) == 1
    assert people.count(("ParticipantLeft", "outbound")) == 1


def test_every_order_of_an_unanswered_dial() -> None:
    steps: list[DialedLegChanged | DialOver] = [
        leg("initiated", 1),
        leg("ringing", 2),
        leg("busy", 4),
        finished("busy"),
    ]
    for order in permutations(steps):
        w = play(order)
        assert dials(w)[-1].status == "busy"
        assert w.heard[0].released == {}
        assert {f.speaker for f in w.of(FinalTranscript)} == {"Alice"}


def test_of_several_numbers_the_one_who_answers_gets_the_name() -> None:
    w = world({ALICE: "Alice", BOB: "Bob", EVE: "Eve"}, to=(BOB, EVE))
    begin(w)
    assert w.heard[0].speakers("outbound") == "Callee"
    w.tell(leg("in-progress", 6, THIRD, EVE))
    assert w.heard[0].speakers("outbound") == "Eve"
    assert [(r.track, r.speaker) for r in w.of(SpeakerRenamed)] == [("outbound", "Eve")]
    assert dials(w)[-1].to == EVE


def test_inbound_only_has_no_callee() -> None:
    w = world(tracks="inbound")
    stream = w.socket(w.call(), tracks=("inbound",))
    w.tell(leg("in-progress", 6))
    w.stop(stream)
    w.ended()
    assert [p.track for p in w.of(ParticipantJoined)] == ["inbound"]


def connected(w: World) -> None:
    """A call that we placed is answered and connected with Bob."""
    w.tell(CallPlaced(leg=CALL, to=ALICE, connect=BOB))
    came = CallCame(leg=CALL, from_=OURS, to=ALICE, placed=True, connect=BOB)
    answer = w.tell(came)
    assert words(answer) == ["Listen", "Connect"]
    assert answer[1] == Connect(to=(BOB,), caller_id=OURS, timeout_s=20, answer_on_bridge=False)
    w.socket(answer)
    assert w.heard[0].held == {"outbound"}
    w.tell(leg("in-progress", 0))


def test_an_outbound_call_connected_with_a_third() -> None:
    w = World(api=True, contacts={ALICE: "Alice", BOB: "Bob"})
    connected(w)
    assert [(p.speaker, p.track, p.number) for p in w.of(ParticipantJoined)] == [
        ("Alice", "inbound", ALICE),
        ("Bob", "outbound", BOB),
    ]


def test_whom_we_connect_is_not_called_the_caller() -> None:
    w = World(api=True)
    connected(w)
    assert [(p.speaker, p.track) for p in w.of(ParticipantJoined)] == [
        ("Callee", "inbound"),
        (BOB, "outbound"),
    ]
