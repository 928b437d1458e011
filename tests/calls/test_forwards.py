"""The forward flow: who hears whom since when, and what became of the dial."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Sequence
from itertools import permutations
from typing import Any
from xml.etree.ElementTree import fromstring

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callscribe.calls.flows import FlowDefaults, Flows, NumberFlow
from callscribe.carriers.twilio.webhook import (
    CallStatusChanged,
    DialFinished,
    IncomingCall,
    LegStatus,
    StreamStatus,
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
from tests.calls.fakes import ALICE, CALL, LEG, OURS, THIRD, World, until

BOB = "+15005550020"
EVE = "+15005550021"
ZERO = dt.datetime(2026, 1, 15, 12, 0, 0, tzinfo=dt.UTC)


def flows(**keys: object) -> Flows:
    plan = NumberFlow(**{"flow": "forward", "to": (BOB,), **keys})  # type: ignore[arg-type]
    return Flows(plan, defaults=FlowDefaults(greeting="Hello.", consent="Recorded."))


def world(contacts: dict[str, str] | None = None, **keys: object) -> World:
    return World(flows=flows(**keys), contacts=contacts or {ALICE: "Alice", BOB: "Bob"})


def leg(status: str, seconds: float, sid: str = LEG, to: str = BOB, **more: Any) -> LegStatus:
    moment = ZERO + dt.timedelta(seconds=int(seconds))
    return LegStatus(call_sid=sid, parent_call_sid=CALL, status=status, at=moment, to=to, **more)


def finished(status: str, *, call_status: str = "in-progress", **more: Any) -> DialFinished:
    return DialFinished(
        call_sid=CALL,
        dial_status=status,
        dial_call_sid=LEG,
        call_status=call_status,
        **more,
    )


def tags(twiml: str) -> list[str]:
    return [child.tag for child in fromstring(twiml)]


async def begin(w: World) -> None:
    """The caller's stream is open, twelve seconds have been streamed, and the carrier said when it began."""
    stream = await w.socket(await w.call())
    started = StreamStatus(call_sid=CALL, event="stream-started", at=ZERO)
    await w.registry.stream_status(started)
    await w.speak(stream, 0, 12_000, "inbound", "outbound")


def dials(w: World) -> list[Dial]:
    return [update.dial for update in w.of(CallUpdated) if update.dial is not None]


async def test_the_twiml() -> None:
    w = world(caller_id=OURS, timeout=15, whisper="A call for you.")
    twiml = await w.call()
    assert [child.tag for child in twiml] == ["Start", "Say", "Dial"]
    assert twiml[1].text == "Recorded.", "no greeting: the caller hears it ring"
    dial = twiml[2]
    assert dial.attrib == {
        "action": "https://calls.example.test/twilio/dial",
        "method": "POST",
        "answerOnBridge": "true",
        "timeout": "15",
        "callerId": OURS,
    }
    (number,) = dial
    assert (number.tag, number.text) == ("Number", BOB)
    assert number.attrib["statusCallback"] == "https://calls.example.test/twilio/leg"
    assert number.attrib["statusCallbackEvent"] == "initiated ringing answered completed"
    assert number.attrib["url"] == "https://calls.example.test/twilio/whisper"
    whisper = w.registry.whisper(IncomingCall(call_sid=LEG, parent_call_sid=CALL))
    assert fromstring(whisper)[0].text == "A call for you."
    assert tags(w.registry.whisper(IncomingCall(call_sid=LEG, parent_call_sid="CAnobody"))) == []
    (started,) = w.of(CallStarted)
    assert (started.flow, started.status) == ("forward", "ringing")


async def test_the_callee_begins_when_the_leg_answered() -> None:
    w = world()
    await begin(w)
    (session,) = w.sessions
    assert session.held == {"outbound"}
    assert [p.speaker for p in w.of(ParticipantJoined)] == ["Alice"]
    for status in (leg("initiated", 1), leg("ringing", 2), leg("in-progress", 6)):
        await w.registry.leg_status(status)
    assert session.held == set()
    assert session.released == {"outbound": 6000}
    callee = w.of(ParticipantJoined)[1]
    assert (callee.speaker, callee.track, callee.number) == ("Bob", "outbound", BOB)
    assert (callee.leg, callee.joined_ms) == (CALL, 6000)
    assert [d.status for d in dials(w)] == ["initiated", "ringing", "in-progress"]
    assert {(d.to, d.name) for d in dials(w)} == {(BOB, "Bob")}
    assert [u.status for u in w.of(CallUpdated) if u.status] == ["in-progress"]


async def test_a_callback_before_the_socket() -> None:
    w = world()
    twiml = await w.call()
    await w.registry.leg_status(leg("in-progress", 0))
    await w.socket(twiml)
    assert w.sessions[0].released == {"outbound": 0}


async def finish(w: World) -> None:
    """The caller's socket stops and the carrier says that the call is over."""
    stream = w.book.find(CALL).leg.stream
    assert stream is not None
    await w.registry.stream_closed(stream, "stop")
    await w.registry.call_status(CallStatusChanged(call_sid=CALL, status="completed"))


async def test_the_callee_hangs_up() -> None:
    w = world()
    await begin(w)
    await w.registry.leg_status(leg("in-progress", 6))
    await w.registry.leg_status(leg("completed", 9, duration_s=3))
    answer = await w.registry.dial_finished(finished("completed", dial_duration_s=3))
    assert tags(answer) == ["Hangup"]
    await finish(w)
    end = await w.ended()
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


async def test_the_caller_hangs_up() -> None:
    w = world()
    await begin(w)
    await w.registry.leg_status(leg("in-progress", 6))
    await w.registry.dial_finished(
        finished("completed", call_status="completed", dial_duration_s=3)
    )
    await finish(w)
    assert (await w.ended()).ended_by == "Alice"


@pytest.mark.parametrize("status", ["busy", "no-answer", "failed", "canceled"])
async def test_nobody_answers_and_we_do(status: str) -> None:
    w = world()
    await begin(w)
    await w.registry.leg_status(leg("ringing", 2))
    await w.registry.leg_status(leg(status, 9))
    answer = await w.registry.dial_finished(finished(status))
    assert tags(answer)[:2] == ["Say", "Pause"]
    assert "Start" not in tags(answer), "the stream has survived the dial"
    assert w.sessions[0].held == {"outbound"}, "our announcement is not the callee's words"
    await finish(w)
    end = await w.ended()
    assert end.status == "completed"
    assert {f.speaker for f in w.of(FinalTranscript)} == {"Alice"}
    assert (dials(w)[-1].status, dials(w)[-1].answered_ms) == (status, None)


@pytest.mark.parametrize("status", ["busy", "no-answer", "failed", "canceled"])
async def test_nobody_answers_and_that_is_it(status: str) -> None:
    w = world(no_answer="hangup")
    await begin(w)
    assert tags(await w.registry.dial_finished(finished(status))) == ["Hangup"]
    stream = w.book.find(CALL).leg.stream
    assert stream is not None
    await w.registry.stream_closed(stream, "stop")
    assert (await w.ended()).status == status


async def test_the_caller_gives_up_while_it_rings() -> None:
    w = world()
    await begin(w)
    answer = await w.registry.dial_finished(finished("canceled", call_status="completed"))
    assert tags(answer) == ["Hangup"]
    await finish(w)
    end = await w.ended()
    assert end.ended_by == "Alice"
    assert dials(w)[-1].status == "canceled"


async def test_the_caller_hangs_up_and_nobody_asks_what_to_do() -> None:
    w = world()
    await begin(w)
    await w.registry.leg_status(leg("in-progress", 6))
    await finish(w)
    end = await w.ended()
    assert (end.status, end.ended_by) == ("completed", "Alice")


async def test_a_callback_within_its_second_tells_the_time_better_than_its_timestamp() -> None:
    w = world()
    await begin(w)
    await w.registry.leg_status(leg("in-progress", 11))
    assert w.sessions[0].released == {"outbound": 11_000}, "as early as it can have been"
    await w.registry.leg_status(leg("completed", 11, duration_s=0))
    assert dials(w)[-1].answered_ms == 11_980


async def test_without_any_leg_callback_the_action_releases_what_was_kept() -> None:
    w = world()
    await begin(w)
    await w.registry.dial_finished(finished("completed", dial_duration_s=4))
    released = w.sessions[0].released["outbound"]
    assert w.sessions[0].held == set()
    assert released <= 8_000


async def test_without_any_word_after_the_ringing_somebody_has_answered() -> None:
    w = world(timeout=0)
    await begin(w)
    await w.registry.leg_status(leg("ringing", 2))
    await until(lambda: bool(w.sessions[0].released))
    assert w.sessions[0].released == {"outbound": 2000}
    assert [p.track for p in w.of(ParticipantJoined)] == ["inbound", "outbound"]
    # The word itself, when it comes after all, is believed.
    await w.registry.leg_status(leg("in-progress", 6))
    assert dials(w)[-1].answered_ms == 6000


async def test_the_answer_is_waited_for_when_the_call_is_over_already() -> None:
    w = world()
    await begin(w)
    stream = w.book.find(CALL).leg.stream
    assert stream is not None
    closing = asyncio.ensure_future(w.registry.stream_closed(stream, "stop"))
    await w.registry.call_status(CallStatusChanged(call_sid=CALL, status="completed"))
    await asyncio.sleep(0.02)
    await w.registry.leg_status(leg("in-progress", 6))
    await closing
    await w.ended()
    assert w.sessions[0].released == {"outbound": 6000}
    assert {f.speaker for f in w.of(FinalTranscript)} == {"Alice", "Bob"}


async def test_without_any_word_at_all_a_call_longer_than_the_ringing_was_answered() -> None:
    w = world(timeout=10)
    await begin(w)
    await finish(w)
    await w.ended()
    assert w.sessions[0].released == {"outbound": 0}
    assert {f.speaker for f in w.of(FinalTranscript)} == {"Alice", "Bob"}


async def test_without_any_word_at_all_a_shorter_call_was_not() -> None:
    w = world(timeout=20)
    await begin(w)
    await finish(w)
    await w.ended()
    assert {f.speaker for f in w.of(FinalTranscript)} == {"Alice"}


async def test_a_socket_that_stops_first_waits_for_word_of_the_answer() -> None:
    w = world()
    await begin(w)
    book = w.book
    stream = book.find(CALL).leg.stream
    assert stream is not None
    closing = book.spawn(lambda: w.registry.stream_closed(stream, "stop"))
    await w.registry.leg_status(leg("in-progress", 6))
    await closing
    assert w.sessions[0].released == {"outbound": 6000}
    assert {f.speaker for f in w.of(FinalTranscript)} == {"Alice", "Bob"}


EVERY = [
    leg("initiated", 1),
    leg("ringing", 2),
    leg("in-progress", 6),
    leg("completed", 9, duration_s=3),
]


async def play(order: Sequence[LegStatus | DialFinished]) -> World:
    w = world()
    await begin(w)
    for step in order:
        if isinstance(step, LegStatus):
            await w.registry.leg_status(step)
        else:
            await w.registry.dial_finished(step)
    await finish(w)
    await w.ended()
    return w


@settings(deadline=None, max_examples=60)
@given(st.data())
async def test_callbacks_in_any_order_and_number(data: st.DataObject) -> None:
    action = finished("completed", dial_duration_s=5)
    every: list[LegStatus | DialFinished] = [*EVERY, action]
    extra = data.draw(st.lists(st.sampled_from(every), max_size=4))
    order = data.draw(st.permutations([*every, *extra]))
    w = await play(order)
    last = dials(w)[-1]
    assert (last.status, last.to, last.leg, last.answered_ms) == ("completed", BOB, LEG, 6000)
    assert {f.speaker for f in w.of(FinalTranscript)} == {"Alice", "Bob"}
    # The callee is there from a moment no later than the truth: no first word is lost.
    assert w.sessions[0].released["outbound"] <= 6000
    people = [
        (type(e).__name__, e.track)
        for e in w.events
        if isinstance(e, ParticipantJoined | ParticipantLeft)
    ]
    assert people.count(("ParticipantJoined", "outbound")) == 1
    assert people.count(("ParticipantLeft", "outbound")) == 1


async def test_every_order_of_an_unanswered_dial() -> None:
    steps: list[LegStatus | DialFinished] = [
        leg("initiated", 1),
        leg("ringing", 2),
        leg("busy", 4),
        finished("busy"),
    ]
    for order in permutations(steps):
        w = await play(order)
        assert dials(w)[-1].status == "busy"
        assert w.sessions[0].released == {}
        assert {f.speaker for f in w.of(FinalTranscript)} == {"Alice"}


async def test_of_several_numbers_the_one_who_answers_gets_the_name() -> None:
    w = world({ALICE: "Alice", BOB: "Bob", EVE: "Eve"}, to=(BOB, EVE))
    await begin(w)
    assert w.sessions[0].speakers("outbound") == "Callee"
    await w.registry.leg_status(leg("in-progress", 6, THIRD, EVE))
    assert w.sessions[0].speakers("outbound") == "Eve"
    assert [(r.track, r.speaker) for r in w.of(SpeakerRenamed)] == [("outbound", "Eve")]
    assert dials(w)[-1].to == EVE


async def test_inbound_only_has_no_callee() -> None:
    w = world(tracks="inbound")
    stream = await w.socket(await w.call(), tracks=("inbound",))
    await w.registry.leg_status(leg("in-progress", 6))
    await w.registry.stream_closed(stream, "stop")
    await w.ended()
    assert [p.track for p in w.of(ParticipantJoined)] == ["inbound"]


async def test_an_outbound_call_connected_with_a_third() -> None:
    w = World(api=True, contacts={ALICE: "Alice", BOB: "Bob"})
    await w.registry.dial(ALICE, connect=BOB)
    assert (
        w.api.created[0]["url"] == "https://calls.example.test/twilio/voice?connect=%2B15005550020"
    )
    answer = await w.registry.incoming(
        IncomingCall(call_sid=CALL, from_=OURS, to=ALICE, direction="outbound-api"), connect=BOB
    )
    twiml = fromstring(answer)
    dial = twiml.find("Dial")
    assert dial is not None
    assert (dial.attrib["callerId"], dial[0].text) == (OURS, BOB)
    await w.socket(twiml)
    assert w.sessions[0].held == {"outbound"}
    await w.registry.leg_status(leg("in-progress", 0))
    assert [(p.speaker, p.track, p.number) for p in w.of(ParticipantJoined)] == [
        ("Alice", "inbound", ALICE),
        ("Bob", "outbound", BOB),
    ]


async def test_whom_we_connect_is_not_called_the_caller() -> None:
    w = World(api=True)
    await w.registry.dial(ALICE, connect=BOB)
    answer = await w.registry.incoming(
        IncomingCall(call_sid=CALL, from_=OURS, to=ALICE, direction="outbound-api"), connect=BOB
    )
    await w.socket(fromstring(answer))
    await w.registry.leg_status(leg("in-progress", 0))
    assert [(p.speaker, p.track) for p in w.of(ParticipantJoined)] == [
        ("Callee", "inbound"),
        (BOB, "outbound"),
    ]
