"""Whatever the carrier says, in whatever order, however often, however late, or never: every call is a legal one."""

from __future__ import annotations

import contextlib
import datetime as dt
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callscribe.calls.facts import (
    AnyFact,
    AttachWanted,
    CallPlaced,
    PauseWanted,
    RenameWanted,
    ResumeWanted,
    Shutdown,
    StreamRefused,
    SwapWanted,
)
from callscribe.calls.plans import Flows, NumberFlow
from callscribe.calls.streams import Stream
from callscribe.carriers.base import (
    CallCame,
    CallInfo,
    DialedLegChanged,
    DialOver,
    LegChanged,
    Listen,
    PersonInRoom,
    RoomOver,
    RoomSeen,
    StreamReported,
    WhisperAsked,
)
from callscribe.errors import CallscribeError
from callscribe.events import (
    CallEnded,
    CallStarted,
    DtmfReceived,
    FinalTranscript,
    ParticipantJoined,
    ParticipantLeft,
    SpeakerRenamed,
    StreamEnded,
    StreamStarted,
)
from tests.calls.world import (
    ALICE,
    BOB,
    BOTH,
    CALL,
    EVE,
    IN,
    LEG,
    OURS,
    THIRD,
    ZERO,
    World,
)

PLANS = {
    "answer": NumberFlow(),
    "forward": NumberFlow(flow="forward", to=(BOB, EVE), whisper="A call."),
    "conference": NumberFlow(flow="conference", room="support", label="Guest"),
    "outbound": NumberFlow(),
    "attach": NumberFlow(flow="forward", to=(BOB,)),
}
CONTACTS = {ALICE: "Alice", BOB: "Bob", EVE: "Alice"}
STATUSES = (
    "initiated",
    "ringing",
    "in-progress",
    "completed",
    "busy",
    "no-answer",
    "failed",
    "odd",
)
LEGS = {"conference": (CALL, LEG, THIRD)}
CHANGES = ("joined", "left", "other")


STEPS = st.lists(st.binary(min_size=4, max_size=4), max_size=30)
"""What happens, as numbers: which thing, and three more to choose its details by. Quick to draw and to make smaller."""
WAITS = (0.0, 0.1, 0.5, 4.0, 9.0, 31.0)


def fact(kind: str, a: int, b: int, c: int) -> AnyFact:
    """Something that is told: by the carrier, by a request that failed, by people."""
    legs = LEGS.get(kind, (CALL,))
    leg, status = legs[a % len(legs)], STATUSES[b % len(STATUSES)]
    at = ZERO + dt.timedelta(seconds=c % 66 - 5)
    facts: list[AnyFact] = [
        LegChanged(leg=leg, status=status),
        LegChanged(leg=leg, status=status),
        StreamReported(leg=leg, event=("started", "stopped", "failed")[b % 3], at=at),
        StreamRefused(leg=leg, reason="no"),
        PauseWanted(call=CALL),
        ResumeWanted(call=CALL),
        RenameWanted(call=CALL, leg=leg, track=BOTH[b % 2], name=("Zoe", "Alice")[c % 2]),
        SwapWanted(call=CALL),
        DialOver(leg=leg, status=status, dialed=LEG, leg_status=STATUSES[c % len(STATUSES)]),
    ]
    if kind == "conference":
        facts += 3 * [
            PersonInRoom(
                conference="CF1",
                room="support",
                at=at,
                leg=(*legs, "CAstranger")[a % 4],
                change=("joined", "left", "other")[b % 3],
                sequence=c % 20 + 1,
                muted=(None, True, False)[c % 3],
                on_hold=(None, True, False)[b % 3],
            )
        ]
        facts.append(RoomSeen(conference="CF1", room="support", at=at))
        facts.append(RoomOver(conference="CF1", room="support", at=at, ended_by=leg))
    else:
        facts += 3 * [
            DialedLegChanged(
                parent=leg,
                leg=(LEG, THIRD)[a % 2],
                to=(BOB, EVE)[a % 2],
                status=status,
                at=at,
                duration_s=c % 30,
            )
        ]
        facts.append(WhisperAsked(parent=leg))
    return facts[(a // 8 + b // 8 + c) % len(facts)]


class Play:
    """A call of one kind, and everything that happens to it."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.world = World(flows=Flows(PLANS[kind]), contacts=CONTACTS, api=True)
        self.tickets: list[tuple[str, str]] = []
        self.streams: list[Stream] = []
        self.tracks = IN if kind == "conference" else BOTH
        if kind == "outbound":
            self.world.tell(CallPlaced(leg=CALL, to=ALICE, connect=BOB))
        elif kind == "attach":
            info = CallInfo(leg=CALL, from_=ALICE, to=OURS, status="in-progress")
            self.world.tell(AttachWanted(leg=CALL, info=info))
        else:
            for leg in LEGS.get(kind, (CALL,))[:2]:
                self.come(leg)

    def come(self, leg: str) -> None:
        number = {CALL: ALICE, LEG: BOB, THIRD: "anonymous"}[leg]
        placed = self.kind == "outbound"
        came = CallCame(
            leg=leg,
            from_=OURS if placed else number,
            to=number if placed else OURS,
            placed=placed,
            connect=BOB if placed else "",
        )
        for each in self.world.tell(came):
            if isinstance(each, Listen):
                self.tickets.append((leg, each.ticket))

    def do(self, step: bytes) -> None:
        which, a, b, c = step
        world = self.world
        match which % 13:
            case 0 | 1 | 2 | 3:
                with contextlib.suppress(CallscribeError):
                    world.tell(fact(self.kind, a, b, c))
            case 4:
                world.wait(WAITS[a % len(WAITS)])
            case 5:
                legs = LEGS.get(self.kind, (CALL,))
                self.come(legs[a % len(legs)])
            case 6 | 7:
                self.open()
            case 8:
                world.broken = a % 4 == 0
            case 9:
                world.slow = a % 2 == 0
                if not world.slow:
                    world.finish()
            case what:
                live = [stream for stream in self.streams if self._live(stream)]
                if live:
                    self.use(live[a % len(live)], what, b)

    def use(self, stream: Stream, what: int, how: int) -> None:
        """Something happens on a socket."""
        world = self.world
        if what == 10:
            from_ms = (40, 400, 3000, 40_000_000)[how % 4]
            world.speak(stream, from_ms, from_ms + 300, *self.tracks, step_ms=100)
        elif what == 11 and how % 3:
            world.stop(stream)
        elif what == 11:
            world.press(stream, "5")
        else:
            world.lose(stream)

    def _live(self, stream: Stream) -> bool:
        call = self.world.exchange.of_leg(stream.leg)
        return call is not None and stream.key in call.streams

    def open(self) -> None:
        """With a ticket of an answer, or of what was asked by REST. The same stream may come twice."""
        asked = [(a.leg, a.ticket) for a in self.world.asked]
        self.world.asked.clear()
        self.tickets += asked
        if self.tickets:
            leg, ticket = self.tickets.pop(0)
            if self.world.exchange.of_leg(leg) is None:
                return
            with contextlib.suppress(CallscribeError, AssertionError):
                self.streams.append(self.world.socket(ticket, leg, self.tracks, sid="MZsame"))

    def close(self) -> None:
        """Nothing more is heard."""
        self.world.finish()
        self.world.wait(2000)
        self.world.tell(Shutdown())
        self.world.finish()


@pytest.mark.parametrize("kind", PLANS)
@settings(max_examples=100)
@given(steps=STEPS)
def test_every_call_is_legal(kind: str, steps: list[bytes]) -> None:
    play = Play(kind)
    for step in steps:
        play.do(step)
    play.close()
    check(play.world)


def check(world: World) -> None:
    """What holds of every call."""
    assert not list(world.exchange), "a record is left"
    for started in world.of(CallStarted):
        check_record(world, started.call)


def check_record(world: World, call: str) -> None:
    events = [event for event in world.events if event.call == call]
    assert sum(isinstance(e, CallStarted) for e in events) == 1
    assert sum(isinstance(e, CallEnded) for e in events) == 1
    assert isinstance(events[0], CallStarted)
    assert isinstance(events[-1], CallEnded), "something came after the end"
    opened = [e.stream for e in events if isinstance(e, StreamStarted)]
    assert len(opened) == len(set(opened)), "two streams of one name"
    assert sorted(opened) == sorted(e.stream for e in events if isinstance(e, StreamEnded))
    spoken = [e.utterance for e in events if isinstance(e, FinalTranscript)]
    assert len(spoken) == len(set(spoken)), "said twice"
    check_people(events)


def check_people(events: list[Any]) -> None:
    """Everybody leaves as often as they came; names change only by renames, and nobody has another's."""
    here: dict[tuple[str, str], int] = {}
    names: dict[tuple[str, str], str] = {}
    numbers: dict[tuple[str, str], str] = {}
    for event in events:
        match event:
            case ParticipantJoined(leg=leg, track=track):
                assert (leg, track) not in here, "came twice"
                assert names.setdefault((leg, track), event.speaker) == event.speaker
                here[leg, track] = event.joined_ms
                numbers[leg, track] = event.number
            case ParticipantLeft(leg=leg, track=track):
                assert event.left_ms >= here.pop((leg, track))
            case SpeakerRenamed(leg=leg, track=track):
                names[leg, track] = event.speaker
            case FinalTranscript(leg=leg, track=track):
                assert names.setdefault((leg, track), event.speaker) == event.speaker
            case DtmfReceived():
                assert event.at_ms >= 0
    assert not here, "somebody stays after the end"
    for one, name in names.items():
        for two, other in names.items():
            same = numbers.get(one) == numbers.get(two) not in ("", "anonymous", None)
            assert one == two or name != other or same, f"two people called {name}"
