"""The conference flow: many legs, one record, one line."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callscribe.calls.facts import PauseWanted, RenameWanted, ResumeWanted
from callscribe.calls.plans import FlowDefaults, Flows, NumberFlow
from callscribe.calls.setup import RegistryOptions
from callscribe.calls.streams import Stream
from callscribe.carriers.base import (
    CallInfo,
    DialOver,
    HangUp,
    JoinRoom,
    Listen,
    PersonInRoom,
    RoomOver,
    RoomSeen,
    Say,
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
    TranscriptionResumed,
)
from tests.calls.world import (
    ALICE,
    BOB,
    CALL,
    EVE,
    FOURTH,
    IN,
    LEG,
    OURS,
    THIRD,
    ZERO,
    World,
    words,
)

ROOM_SID = "CF" + "e5" * 16
CONTACTS = {ALICE: "Alice", BOB: "Bob", EVE: "Eve"}


def world(**keys: Any) -> World:
    api = keys.pop("api", False)
    plan = NumberFlow(**{"flow": "conference", "room": "support", **keys})
    flows = Flows(plan, defaults=FlowDefaults(greeting="Hello.", consent="Recorded."))
    return World(flows=flows, contacts=CONTACTS, api=api)


def event(
    name: str, sequence: int, sid: str = "", **more: Any
) -> PersonInRoom | RoomOver | RoomSeen:
    """What the room tells: `join`, `leave`, `mute`, ... of a leg; `end`, `start` of itself."""
    about = {"conference": ROOM_SID, "room": "support"} | more
    about["at"] = ZERO + dt.timedelta(seconds=sequence)
    if name == "end":
        return RoomOver(**about)
    if name == "start":
        return RoomSeen(**about)
    flags: dict[str, Any] = {"muted": name == "mute", "on_hold": name == "hold"}
    changes: dict[str, Any] = {"join": "joined", "leave": "left"}
    return PersonInRoom(
        leg=sid, change=changes.get(name, "other"), sequence=sequence, **(flags | about)
    )


def enter(w: World, sid: str, number: str) -> Stream:
    """Somebody calls in and their stream opens."""
    return w.socket(w.call(sid, from_=number), sid, IN)


def label(w: World, sid: str, number: str) -> str:
    """The name that somebody who calls in is given in the room."""
    join = w.call(sid, from_=number)[-1]
    assert isinstance(join, JoinRoom)
    return join.label


def test_what_the_carrier_is_told() -> None:
    w = world(beep="false", music=False, end_on_exit=True, start_on_enter=False, max_participants=5)
    answer = w.call()
    assert words(answer) == ["Listen", "Say", "JoinRoom"]
    assert isinstance(answer[0], Listen)
    assert answer[0].track == "inbound"
    assert answer[1] == Say("Recorded.")
    assert answer[2] == JoinRoom(
        room="support",
        label="Alice",
        beep="false",
        music=False,
        start_on_enter=False,
        end_on_exit=True,
        max_participants=5,
    )


def test_three_people_are_one_record_on_one_line() -> None:
    w = world()
    alice = enter(w, CALL, ALICE)
    w.report()
    w.speak(alice, 100, 2100)
    bob = enter(w, LEG, BOB)
    w.speak(bob, 120, 1120)
    w.now_s += 5.0
    eve = enter(w, THIRD, EVE)
    w.speak(eve, 80, 1080)
    (started,) = w.of(CallStarted)
    assert (started.call, started.flow, started.room) == (CALL, "conference", "support")
    # A stream's zero is where its first frame arrived, less that frame's own time.
    assert [s.offset_ms for s in w.heard] == [
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
        w.tell(event("join", n + 1, sid))
    w.tell(event("start", 4))
    assert [u.conference_sid for u in w.of(CallUpdated)] == [ROOM_SID]
    w.tell(event("mute", 5, LEG))
    (muted,) = w.of(ParticipantUpdated)
    assert (muted.leg, muted.muted, muted.on_hold, muted.at_ms) == (LEG, True, None, 5000)
    assert list(w.record().legs) == [CALL, LEG, THIRD]
    # Pause works by the conference's SID too.
    w.tell(PauseWanted(call=ROOM_SID))
    assert all(s.paused for s in w.heard)

    w.tell(event("leave", 6, CALL, reason="participant_hung_up"))
    w.stop(alice)
    w.says("completed", CALL)
    assert not w.of(CallEnded), "the others go on"
    w.now_s += 2.0
    w.speak(bob, 9_000, 9_400)
    # Alice's stream, which began the line, is gone; the line goes on by Bob's.
    w.tell(PauseWanted(call=CALL), ResumeWanted(call=CALL))
    now_ms = w.of(TranscriptionResumed)[-1].at_ms
    assert now_ms == pytest.approx(w.now_s * 1000 - 999_900, abs=2)
    for stream in (bob, eve):
        w.stop(stream)
    w.tell(event("end", 9, ended_by=LEG, reason="last-participant-left"))
    end = w.ended()
    assert (end.call, end.status, end.reason) == (CALL, "completed", "last-participant-left")
    assert [(p.leg, p.reason) for p in w.of(ParticipantLeft)] == [
        (CALL, "participant_hung_up"),
        (LEG, "conference ended"),
        (THIRD, "conference ended"),
    ]


def test_who_ended_the_conference() -> None:
    w = world(end_on_exit=True)
    enter(w, CALL, ALICE)
    w.tell(event("join", 1, CALL))
    w.tell(
        event(
            "end",
            3,
            ended_by=CALL,
            reason="participant-with-end-conference-on-exit-left",
        )
    )
    assert (w.ended()).ended_by == "Alice"


def test_without_any_callback_the_streams_tell() -> None:
    w = world()
    streams = [enter(w, CALL, ALICE), enter(w, LEG, BOB)]
    for stream in streams:
        w.speak(stream, 0, 400)
    for stream in streams:
        w.stop(stream)
    w.ended()
    assert len(w.of(ParticipantLeft)) == 2
    assert {f.speaker for f in w.of(FinalTranscript)} == {"Alice", "Bob"}


def test_the_next_conference_in_the_room_is_another_record() -> None:
    w = world()
    first = enter(w, CALL, ALICE)
    w.tell(event("join", 1, CALL))
    w.tell(event("end", 5))
    w.call(LEG, from_=BOB)
    assert [s.call for s in w.of(CallStarted)] == [CALL, LEG]
    # A late word of the first conference is not the second's.
    w.tell(event("mute", 4, CALL))
    w.tell(event("end", 5))
    w.stop(first)
    w.wait(10)
    assert len(w.of(CallEnded)) == 1
    assert [c.id for c in w.exchange] == [LEG]


def test_somebody_who_comes_as_the_last_one_leaves_is_not_cut_off() -> None:
    w = world()
    alice = enter(w, CALL, ALICE)
    w.tell(event("join", 1, CALL))
    bob = enter(w, LEG, BOB)
    w.speak(bob, 0, 400)
    # The carrier had closed the room before Bob came, and opens it anew for him.
    w.tell(event("leave", 2, CALL))
    w.tell(event("end", 3))
    w.stop(alice)
    again = {"conference": "CF" + "f6" * 16}
    joined = msgspec.structs.replace(event("join", 1, LEG), **again)
    w.tell(joined)
    w.tell(event("end", 3))
    w.wait(30)
    assert not w.of(CallEnded)
    assert [p.leg for p in w.of(ParticipantLeft)] == [CALL]
    w.tell(msgspec.structs.replace(event("end", 4), **again))
    w.ended()
    assert [p.leg for p in w.of(ParticipantLeft)] == [CALL, LEG]
    w.stop(bob)


def test_a_room_that_everybody_has_left_is_not_joined() -> None:
    w = world()
    alice, bob = enter(w, CALL, ALICE), enter(w, LEG, BOB)
    w.stop(alice)
    w.call(FOURTH, from_=ALICE)
    w.stop(bob)
    w.call(THIRD, from_=EVE)
    assert [s.call for s in w.of(CallStarted)] == [CALL], "one has rung up again and is on her way"
    w = world()
    w.stop(enter(w, CALL, ALICE))
    w.call(THIRD, from_=EVE)
    assert [s.call for s in w.of(CallStarted)] == [CALL, THIRD]


def test_a_taken_name_gets_a_number() -> None:
    w = world(label="Guest")
    people = ((CALL, ALICE), (LEG, BOB), (THIRD, EVE))
    assert [label(w, *each) for each in people] == ["Guest", "Guest 2", "Guest 3"]


def test_somebody_else_never_gets_the_name_of_one_who_has_left() -> None:
    w = world(label="Guest")
    enter(w, CALL, ALICE)
    bob = enter(w, LEG, BOB)
    w.stop(bob)
    w.tell(event("leave", 4, LEG))
    assert label(w, THIRD, EVE) == "Guest 3"
    assert label(w, FOURTH, BOB) == "Guest 2", "Bob has his own again"


def test_withheld_numbers_are_not_one_person() -> None:
    w = world()
    enter(w, CALL, ALICE)
    w.stop(enter(w, LEG, "anonymous"))
    w.tell(event("leave", 4, LEG))
    assert label(w, THIRD, "anonymous") == "Participant 2"


def test_a_name_that_people_gave_comes_back_with_its_person() -> None:
    w = world()
    enter(w, CALL, ALICE)
    bob = enter(w, LEG, BOB)
    w.tell(RenameWanted(call=CALL, leg=LEG, track="inbound", name="Robert"))
    w.stop(bob)
    w.tell(event("leave", 4, LEG))
    assert label(w, THIRD, BOB) == "Robert"


def test_a_leg_that_the_room_refuses_for_its_label_is_sent_there_again_once() -> None:
    w = world()
    enter(w, CALL, ALICE)
    over = DialOver(leg=CALL, status="failed", leg_status="in-progress")
    assert w.tell(over) == (JoinRoom(room="support", label="Alice a1a1a1"),)
    assert w.tell(over) == (HangUp(),)


def test_a_leg_that_was_in_the_room_is_not_sent_there_again() -> None:
    w = world()
    enter(w, CALL, ALICE)
    w.tell(event("join", 1, CALL))
    over = DialOver(leg=CALL, status="completed", leg_status="in-progress")
    assert w.tell(over) == (HangUp(),)


def test_somebody_added_by_rest_gets_a_stream_by_rest() -> None:
    w = world(api=True)
    enter(w, CALL, ALICE)
    w.info[LEG] = CallInfo(leg=LEG, from_=OURS, to=BOB, placed=True)
    w.tell(event("join", 1, CALL))
    w.tell(event("join", 2, LEG))
    (asked,) = w.asked
    assert (asked.leg, asked.track) == (LEG, "inbound")
    assert [(p.leg, p.speaker, p.number) for p in w.of(ParticipantJoined)] == [
        (CALL, "Alice", ALICE),
        (LEG, "Bob", BOB),
    ]
    stream = w.socket(asked.ticket, LEG, IN)
    w.speak(stream, 0, 400)
    assert w.heard[1].speakers("inbound") == "Bob"
    assert len(w.of(ParticipantJoined)) == 2


def test_without_an_account_a_stranger_is_shown_though_not_heard() -> None:
    w = world()
    enter(w, CALL, ALICE)
    w.tell(event("join", 2, LEG, label="Supervisor"))
    assert w.of(ParticipantJoined)[1].speaker == "Supervisor"


def test_a_leg_whose_socket_never_opens_does_not_keep_the_record_open() -> None:
    plan = NumberFlow(flow="conference", room="support")
    w = World(flows=Flows(plan), options=RegistryOptions(no_stream_s=20))
    alice = enter(w, CALL, ALICE)
    w.call(LEG, from_=BOB)
    w.tell(event("join", 2, THIRD))
    w.stop(alice)
    w.ended()


def test_a_leg_that_leaves_and_comes_back() -> None:
    w = world()
    alice = enter(w, CALL, ALICE)
    w.report()
    w.speak(alice, 0, 20_000)
    for name, sequence in (("join", 1), ("leave", 5), ("join", 9), ("leave", 12)):
        w.tell(event(name, sequence, CALL))
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


def test_somebody_who_calls_again_is_another_leg_of_the_same_record() -> None:
    w = world()
    alice = enter(w, CALL, ALICE)
    bob = enter(w, LEG, BOB)
    w.stop(bob)
    w.tell(event("leave", 4, LEG))
    answer = w.call(THIRD, from_=BOB)
    assert w.exchange.find(CALL).name_of(THIRD, "inbound") == "Bob", "the other Bob has left"
    w.socket(answer, THIRD, IN)
    assert len(w.of(CallStarted)) == 1
    w.stop(alice)


@pytest.mark.parametrize("gone", ["nobody", "hung up", "not seen any more"])
def test_a_name_is_numbered_only_beside_another_who_has_it(gone: str) -> None:
    w = world()
    enter(w, CALL, ALICE)
    bob = enter(w, LEG, BOB)
    if gone == "hung up":
        w.says("completed", LEG)
    elif gone == "not seen any more":
        w.stop(bob)
        w.wait(5)
        assert w.of(ParticipantLeft)
    assert label(w, THIRD, BOB) == ("Bob 2" if gone == "nobody" else "Bob")


def test_a_lost_leg_is_restarted_and_its_gap_shown_for_it_alone() -> None:
    w = world(api=True)
    alice = enter(w, CALL, ALICE)
    bob = enter(w, LEG, BOB)
    w.speak(alice, 0, 1000)
    w.speak(bob, 1000, 2000)
    w.lose(bob)
    w.wait(2)
    again = w.socket(w.asked[0].ticket, LEG, IN)
    w.speak(again, 0, 400)
    (gap,) = w.of(GapDetected)
    assert (gap.leg, gap.reason) == (LEG, "socket-lost")
    assert gap.end_ms - gap.start_ms == pytest.approx(2000, abs=50)
    assert not w.of(ParticipantLeft)
    w.stop(alice)


CALLBACKS = [
    event("join", 1, CALL),
    event("start", 2),
    event("join", 3, LEG),
    event("mute", 4, LEG),
    event("hold", 5, CALL),
    event("unmute", 6, LEG),
    event("unhold", 7, CALL),
    event("leave", 8, LEG, reason="participant_hung_up"),
    event("leave", 9, CALL, reason="participant_hung_up"),
    event("end", 10, reason="last-participant-left"),
]


@settings(max_examples=60)
@given(st.data())
def test_callbacks_in_any_order_and_number(data: st.DataObject) -> None:
    """Any subset, repeated and shuffled: everybody joins and leaves once, and there is one record, which ends."""
    chosen = data.draw(st.lists(st.sampled_from(CALLBACKS), max_size=14))
    before = data.draw(st.integers(0, 2))
    w = world()
    streams = []
    people = [(CALL, ALICE), (LEG, BOB)]
    for n, (sid, number) in enumerate(people):
        streams.append(enter(w, sid, number))
        w.speak(streams[-1], 0, 400)
        for each in chosen[:before] if n == 0 else []:
            if getattr(each, "leg", "") != LEG and not isinstance(each, RoomOver):
                w.tell(each)
    for each in data.draw(st.permutations(chosen)):
        w.tell(each)
    for stream in streams:
        w.stop(stream)
    w.ended()
    assert len(w.of(CallStarted)) == 1
    for sid in (CALL, LEG):
        joined = [e for e in w.of(ParticipantJoined) if e.leg == sid]
        left = [e for e in w.of(ParticipantLeft) if e.leg == sid]
        assert (len(joined), len(left)) == (1, 1)
        assert joined[0].joined_ms <= left[0].left_ms
    assert {f.speaker for f in w.of(FinalTranscript)} == {"Alice", "Bob"}
