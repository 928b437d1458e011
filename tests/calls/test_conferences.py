"""The conference flow: many legs, one record, one line."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callscribe.calls.flows import FlowDefaults, Flows, NumberFlow
from callscribe.calls.streams import OpenStream
from callscribe.carriers.twilio.resources import CallInfo
from callscribe.carriers.twilio.webhook import (
    CallStatusChanged,
    ConferenceEvent,
    DialFinished,
    StreamStatus,
)
from callscribe.events import (
    CallEnded,
    CallStarted,
    CallUpdated,
    FinalTranscript,
    GapDetected,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantUpdated,
)
from tests.calls.fakes import ALICE, CALL, LEG, QUICK, THIRD, World, until

BOB = "+15005550020"
EVE = "+15005550021"
ROOM_SID = "CF" + "e5" * 16
ZERO = dt.datetime(2026, 1, 15, 12, 0, 0, tzinfo=dt.UTC)
CONTACTS = {ALICE: "Alice", BOB: "Bob", EVE: "Eve"}


def world(**keys: Any) -> World:
    api = keys.pop("api", False)
    plan = NumberFlow(**{"flow": "conference", "room": "support", **keys})
    flows = Flows(plan, defaults=FlowDefaults(greeting="Hello.", consent="Recorded."))
    return World(flows=flows, contacts=CONTACTS, api=api)


def event(name: str, sequence: int, sid: str = "", **more: Any) -> ConferenceEvent:
    return ConferenceEvent(
        conference_sid=ROOM_SID,
        room="support",
        event=name,
        sequence=sequence,
        call_sid=sid,
        at=ZERO + dt.timedelta(seconds=sequence),
        **({"muted": False, "hold": False} | more),
    )


async def enter(w: World, sid: str, number: str) -> OpenStream:
    """Somebody calls in and their stream opens."""
    return await w.socket(await w.call(sid, from_=number), sid, ("inbound",))


async def zero(w: World) -> None:
    await w.registry.stream_status(
        StreamStatus(call_sid=CALL, event="stream-started", at=ZERO, stream_sid="MZ")
    )


async def test_the_twiml() -> None:
    w = world(beep="false", music=False, end_on_exit=True, start_on_enter=False, max_participants=5)
    twiml = await w.call()
    assert [child.tag for child in twiml] == ["Start", "Say", "Dial"]
    (stream,) = twiml[0]
    assert stream.attrib["track"] == "inbound_track"
    assert twiml[1].text == "Recorded."
    (conference,) = twiml[2]
    assert conference.text == "support"
    assert conference.attrib == {
        "participantLabel": "Alice",
        "beep": "false",
        "waitUrl": "",
        "startConferenceOnEnter": "false",
        "endConferenceOnExit": "true",
        "muted": "false",
        "maxParticipants": "5",
        "statusCallback": "https://calls.example.test/twilio/conference",
        "statusCallbackMethod": "POST",
        "statusCallbackEvent": "start end join leave mute hold modify",
    }


async def test_three_people_are_one_record_on_one_line() -> None:
    w = world()
    alice = await enter(w, CALL, ALICE)
    await zero(w)
    await w.speak(alice, 100, 2100)
    bob = await enter(w, LEG, BOB)
    await w.speak(bob, 120, 1120)
    w.now += 5.0
    eve = await enter(w, THIRD, EVE)
    await w.speak(eve, 80, 1080)
    (started,) = w.of(CallStarted)
    assert (started.call, started.flow, started.room) == (CALL, "conference", "support")
    # A stream's zero is where its first frame arrived, less that frame's own time.
    assert [s.offset_ms for s in w.sessions] == [
        0,
        pytest.approx(1960, abs=2),
        pytest.approx(7980, abs=2),
    ]
    assert [(p.leg, p.speaker, p.number) for p in w.of(ParticipantJoined)] == [
        (CALL, "Alice", ALICE),
        (LEG, "Bob", BOB),
        (THIRD, "Eve", EVE),
    ]
    for n, sid in enumerate((CALL, LEG, THIRD)):
        await w.registry.conference_status(event("participant-join", n + 1, sid))
    await w.registry.conference_status(event("conference-start", 4))
    assert [u.conference_sid for u in w.of(CallUpdated)] == [ROOM_SID]
    await w.registry.conference_status(event("participant-mute", 5, LEG, muted=True))
    (muted,) = w.of(ParticipantUpdated)
    assert (muted.leg, muted.muted, muted.on_hold, muted.at_ms) == (LEG, True, None, 5000)
    assert w.registry.live()[0].legs == (CALL, LEG, THIRD)
    # Pause works by the conference's SID too.
    await w.registry.pause(ROOM_SID)
    assert all(s.paused for s in w.sessions)

    await w.registry.conference_status(
        event("participant-leave", 6, CALL, leave_reason="participant_hung_up")
    )
    await w.registry.stream_closed(alice, "stop")
    await w.registry.call_status(CallStatusChanged(call_sid=CALL, status="completed"))
    assert not w.of(CallEnded), "the others go on"
    w.now += 2.0
    await w.speak(bob, 9_000, 9_400)
    # Alice's stream, which began the line, is gone; the line goes on by Bob's.
    now_ms = w.registry.live()[0].elapsed_ms
    assert now_ms == pytest.approx(w.now * 1000 - 999_900, abs=2)
    for stream in (bob, eve):
        await w.registry.stream_closed(stream, "stop")
    await w.registry.conference_status(
        event("conference-end", 9, ending_call_sid=LEG, end_reason="last-participant-left")
    )
    end = await w.ended()
    assert (end.call, end.status, end.reason) == (CALL, "completed", "last-participant-left")
    assert [(p.leg, p.reason) for p in w.of(ParticipantLeft)] == [
        (CALL, "participant_hung_up"),
        (LEG, "conference ended"),
        (THIRD, "conference ended"),
    ]


async def test_who_ended_the_conference() -> None:
    w = world(end_on_exit=True)
    await enter(w, CALL, ALICE)
    await w.registry.conference_status(event("participant-join", 1, CALL))
    await w.registry.conference_status(
        event(
            "conference-end",
            3,
            ending_call_sid=CALL,
            end_reason="participant-with-end-conference-on-exit-left",
        )
    )
    assert (await w.ended()).ended_by == "Alice"


async def test_without_any_callback_the_streams_tell() -> None:
    w = world()
    streams = [await enter(w, CALL, ALICE), await enter(w, LEG, BOB)]
    for stream in streams:
        await w.speak(stream, 0, 400)
    for stream in streams:
        await w.registry.stream_closed(stream, "stop")
    await w.ended()
    assert len(w.of(ParticipantLeft)) == 2
    assert {f.speaker for f in w.of(FinalTranscript)} == {"Alice", "Bob"}


async def test_the_next_conference_in_the_room_is_another_record() -> None:
    w = world()
    first = await enter(w, CALL, ALICE)
    await w.registry.conference_status(event("participant-join", 1, CALL))
    await w.registry.conference_status(event("conference-end", 5))
    await w.call(LEG, from_=BOB)
    assert [s.call for s in w.of(CallStarted)] == [CALL, LEG]
    # A late word of the first conference is not the second's.
    await w.registry.conference_status(event("participant-mute", 4, CALL, muted=True))
    await w.registry.conference_status(event("conference-end", 5))
    await w.registry.stream_closed(first, "stop")
    await until(lambda: bool(w.of(CallEnded)))
    assert [c.id for c in w.registry.live()] == [LEG]


async def test_somebody_who_comes_as_the_last_one_leaves_is_not_cut_off() -> None:
    w = world()
    alice = await enter(w, CALL, ALICE)
    await w.registry.conference_status(event("participant-join", 1, CALL))
    bob = await enter(w, LEG, BOB)
    await w.speak(bob, 0, 400)
    # The carrier had closed the room before Bob came, and opens it anew for him.
    await w.registry.conference_status(event("participant-leave", 2, CALL))
    await w.registry.conference_status(event("conference-end", 3))
    await w.registry.stream_closed(alice, "stop")
    again = {"conference_sid": "CF" + "f6" * 16}
    joined = msgspec.structs.replace(event("participant-join", 1, LEG), **again)
    await w.registry.conference_status(joined)
    await w.registry.conference_status(event("conference-end", 3))
    await asyncio.sleep(0.1)
    assert not w.of(CallEnded)
    assert [p.leg for p in w.of(ParticipantLeft)] == [CALL]
    await w.registry.conference_status(msgspec.structs.replace(event("conference-end", 4), **again))
    await w.ended()
    assert [p.leg for p in w.of(ParticipantLeft)] == [CALL, LEG]
    await w.registry.stream_closed(bob, "stop")


async def test_a_room_that_everybody_has_left_is_not_joined() -> None:
    w = world()
    alice, bob = await enter(w, CALL, ALICE), await enter(w, LEG, BOB)
    await w.registry.stream_closed(alice, "stop")
    await w.call("CA" + "d4" * 16, from_=ALICE)
    await w.registry.stream_closed(bob, "stop")
    await w.call(THIRD, from_=EVE)
    assert [s.call for s in w.of(CallStarted)] == [CALL], "one has rung up again and is on her way"
    w = world()
    await w.registry.stream_closed(await enter(w, CALL, ALICE), "stop")
    await w.call(THIRD, from_=EVE)
    assert [s.call for s in w.of(CallStarted)] == [CALL, THIRD]


async def test_a_taken_name_gets_a_number() -> None:
    w = world(label="Guest")
    assert [
        (await w.call(sid, from_=number))[-1][0].attrib["participantLabel"]
        for sid, number in ((CALL, ALICE), (LEG, BOB), (THIRD, EVE))
    ] == ["Guest", "Guest 2", "Guest 3"]


async def test_a_leg_that_the_room_refuses_for_its_label_is_sent_there_again_once() -> None:
    w = world()
    await enter(w, CALL, ALICE)
    over = DialFinished(call_sid=CALL, dial_status="failed", call_status="in-progress")
    again = await w.registry.dial_finished(over)
    assert 'participantLabel="Alice a1a1a1"' in again
    assert "<Start>" not in again
    assert "<Hangup" in await w.registry.dial_finished(over)


async def test_a_leg_that_was_in_the_room_is_not_sent_there_again() -> None:
    w = world()
    await enter(w, CALL, ALICE)
    await w.registry.conference_status(event("participant-join", 1, CALL))
    over = DialFinished(call_sid=CALL, dial_status="answered", call_status="in-progress")
    assert "<Hangup" in await w.registry.dial_finished(over)


async def test_somebody_added_by_rest_gets_a_stream_by_rest() -> None:
    w = world(api=True)
    await enter(w, CALL, ALICE)
    w.api.calls[LEG] = CallInfo(
        call_sid=LEG, from_="+15005550006", to=BOB, direction="outbound-api"
    )
    await w.registry.conference_status(event("participant-join", 1, CALL))
    await w.registry.conference_status(event("participant-join", 2, LEG))
    await until(lambda: bool(w.api.started))
    (asked,) = w.api.started
    assert (asked["call"], asked["track"]) == (LEG, "inbound_track")
    assert [(p.leg, p.speaker, p.number) for p in w.of(ParticipantJoined)] == [
        (CALL, "Alice", ALICE),
        (LEG, "Bob", BOB),
    ]
    stream = await w.socket(asked["url"], LEG, ("inbound",))
    await w.speak(stream, 0, 400)
    assert w.sessions[1].speakers("inbound") == "Bob"
    assert len(w.of(ParticipantJoined)) == 2


async def test_without_an_account_a_stranger_is_shown_though_not_heard() -> None:
    w = world()
    await enter(w, CALL, ALICE)
    await w.registry.conference_status(event("participant-join", 2, LEG, label="Supervisor"))
    assert w.of(ParticipantJoined)[1].speaker == "Supervisor"


async def test_a_leg_whose_socket_never_opens_does_not_keep_the_record_open() -> None:
    plan = NumberFlow(flow="conference", room="support")
    w = World(flows=Flows(plan), options=dataclasses.replace(QUICK, no_stream_s=0.05))
    alice = await enter(w, CALL, ALICE)
    await w.call(LEG, from_=BOB)
    await w.registry.conference_status(event("participant-join", 2, THIRD))
    await w.registry.stream_closed(alice, "stop")
    await w.ended()


async def test_a_leg_that_leaves_and_comes_back() -> None:
    w = world()
    alice = await enter(w, CALL, ALICE)
    await zero(w)
    await w.speak(alice, 0, 20_000)
    for name, sequence in (("join", 1), ("leave", 5), ("join", 9), ("leave", 12)):
        await w.registry.conference_status(event(f"participant-{name}", sequence, CALL))
    told = [
        (type(e).__name__, e.joined_ms if isinstance(e, ParticipantJoined) else e.left_ms)
        for e in w.events
        if isinstance(e, ParticipantJoined | ParticipantLeft)
    ]
    assert told == [
        ("ParticipantJoined", 0),
        ("ParticipantLeft", 5000),
        ("ParticipantJoined", 9000),
        ("ParticipantLeft", 12_000),
    ]


async def test_somebody_who_calls_again_is_another_leg_of_the_same_record() -> None:
    w = world()
    alice = await enter(w, CALL, ALICE)
    bob = await enter(w, LEG, BOB)
    await w.registry.stream_closed(bob, "stop")
    await w.registry.conference_status(event("participant-leave", 4, LEG))
    twiml = await w.call(THIRD, from_=BOB)
    assert twiml[-1][0].attrib["participantLabel"] == "Bob", "the other Bob has left"
    await w.socket(twiml, THIRD, ("inbound",))
    assert len(w.of(CallStarted)) == 1
    await w.registry.stream_closed(alice, "stop")


@pytest.mark.parametrize("gone", ["nobody", "hung up", "not seen any more"])
async def test_a_name_is_numbered_only_beside_another_who_has_it(gone: str) -> None:
    w = world()
    await enter(w, CALL, ALICE)
    bob = await enter(w, LEG, BOB)
    if gone == "hung up":
        await w.registry.call_status(CallStatusChanged(call_sid=LEG, status="completed"))
    elif gone == "not seen any more":
        await w.registry.stream_closed(bob, "stop")
        await until(lambda: bool(w.of(ParticipantLeft)))
    twiml = await w.call(THIRD, from_=BOB)
    expected = "Bob 2" if gone == "nobody" else "Bob"
    assert twiml[-1][0].attrib["participantLabel"] == expected


async def test_a_lost_leg_is_restarted_and_its_gap_shown_for_it_alone() -> None:
    w = world(api=True)
    alice = await enter(w, CALL, ALICE)
    bob = await enter(w, LEG, BOB)
    await w.speak(alice, 0, 1000)
    await w.speak(bob, 1000, 2000)
    await w.registry.stream_closed(bob, "socket-lost")
    await until(lambda: bool(w.api.started))
    w.now += 2
    again = await w.socket(w.api.started[0]["url"], LEG, ("inbound",))
    await w.speak(again, 0, 400)
    (gap,) = w.of(GapDetected)
    assert (gap.leg, gap.reason) == (LEG, "socket-lost")
    assert gap.end_ms - gap.start_ms == pytest.approx(2000, abs=50)
    assert not w.of(ParticipantLeft)
    await w.registry.stream_closed(alice, "stop")


CALLBACKS = [
    event("participant-join", 1, CALL),
    event("conference-start", 2),
    event("participant-join", 3, LEG),
    event("participant-mute", 4, LEG, muted=True),
    event("participant-hold", 5, CALL, hold=True),
    event("participant-unmute", 6, LEG),
    event("participant-unhold", 7, CALL),
    event("participant-leave", 8, LEG, leave_reason="participant_hung_up"),
    event("participant-leave", 9, CALL, leave_reason="participant_hung_up"),
    event("conference-end", 10, end_reason="last-participant-left"),
]


@settings(deadline=None, max_examples=60)
@given(st.data())
async def test_callbacks_in_any_order_and_number(data: st.DataObject) -> None:
    """Any subset, repeated and shuffled: everybody joins and leaves once, and there is one record, which ends."""
    chosen = data.draw(st.lists(st.sampled_from(CALLBACKS), max_size=14))
    before = data.draw(st.integers(0, 2))
    w = world()
    streams = []
    people = [(CALL, ALICE), (LEG, BOB)]
    for n, (sid, number) in enumerate(people):
        streams.append(await enter(w, sid, number))
        await w.speak(streams[-1], 0, 400)
        for each in chosen[:before] if n == 0 else []:
            if each.call_sid != LEG and each.event != "conference-end":
                await w.registry.conference_status(each)
    for each in data.draw(st.permutations(chosen)):
        await w.registry.conference_status(each)
    for stream in streams:
        await w.registry.stream_closed(stream, "stop")
    await w.ended()
    assert len(w.of(CallStarted)) == 1
    for sid in (CALL, LEG):
        joined = [e for e in w.of(ParticipantJoined) if e.leg == sid]
        left = [e for e in w.of(ParticipantLeft) if e.leg == sid]
        assert (len(joined), len(left)) == (1, 1)
        assert joined[0].joined_ms <= left[0].left_ms
    assert {f.speaker for f in w.of(FinalTranscript)} == {"Alice", "Bob"}
