"""A record while its call is up: what the registry knows about it."""

from __future__ import annotations

import asyncio
import datetime as dt
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from callscribe.calls.conferencing import ParticipantTracker
from callscribe.calls.dialling import TERMINAL, DialTracker
from callscribe.calls.flows import NumberFlow
from callscribe.calls.streams import OpenStream
from callscribe.calls.timeline import Timeline
from callscribe.events import CallStatus, Direction, Flow, Track


class LiveCall(msgspec.Struct, frozen=True, kw_only=True):
    """What others may see of a live record."""

    id: str
    flow: Flow
    direction: Direction
    from_: str
    to: str
    from_name: str
    to_name: str
    status: CallStatus
    room: str
    conference_sid: str
    paused: bool
    legs: tuple[str, ...]
    streams: int
    """Media sockets open now."""
    elapsed_ms: int
    """On the record's line."""


@dataclass(slots=True)
class Leg:
    """One call SID of the record whose audio we want."""

    sid: str
    number: str = ""
    called_ms: int = 0
    """When it turned up, on the record's line."""
    end_ms: int = 0
    """End of its audio, on the record's line, once its stream has stopped."""
    stream: OpenStream | None = None
    streams_opened: int = 0
    streams_asked: int = 0
    """By REST; their names count up."""
    restarts: int = 0
    status: str = "queued"
    """The carrier's newest word about it."""
    over: bool = False
    """It hung up, as the carrier or the end of its stream says."""
    stopped: bool = False
    """Its stream has ended with `stop` and no other has begun."""
    stranger: bool = False
    """Added to the conference by somebody else, by REST: we get no callbacks of its call."""
    tried_again: bool = False
    """The room did not take it once; it was sent there again under another name."""
    lost: OpenStream | None = None
    """The stream that ended without `stop`, until another takes its place."""
    room_sid: str = ""
    """The conference that its callbacks are about."""
    participant: ParticipantTracker = field(default_factory=ParticipantTracker)
    people: dict[Track, int] = field(default_factory=dict)
    """Tracks whose person has been announced as joined and not as left, and since when."""

    def lose(self, stream: OpenStream) -> None:
        """A stream is gone without `stop`. One that carried nothing does not hide where the audio really broke off."""
        if self.lost is None or stream.first_ms is not None:
            self.lost = stream

    @property
    def has_left(self) -> bool:
        """Whoever was on it is not on the call any more, as far as anybody has said."""
        left_room = self.participant.seen and not self.participant.present
        return self.over or self.status in TERMINAL or left_room

    @property
    def gone(self) -> bool:
        """Nothing more is to be expected of it."""
        return self.over or (self.stranger and self.stream is None)


@dataclass(slots=True, eq=False)
class Record:
    """One live call or conference. Owned by the registry; only the event loop touches it."""

    id: str
    flow: Flow
    plan: NumberFlow
    direction: Direction
    from_: str
    to: str
    from_name: str = ""
    to_name: str = ""
    room: str = ""
    conference_sid: str = ""
    connect: str = ""
    """outbound: whom the callee is connected with."""
    status: CallStatus = "in-progress"
    began: float = 0.0
    """Monotonic seconds."""
    legs: dict[str, Leg] = field(default_factory=dict)
    labels: dict[tuple[str, Track], str] = field(default_factory=dict)
    timeline: Timeline = field(default_factory=Timeline)
    dial: DialTracker | None = None
    dial_known: asyncio.Event = field(default_factory=asyncio.Event)
    """Set as soon as it is known whether, and when, somebody answered."""
    answered_ms: int | None = None
    release_ms: int | None = None
    """The earliest that `answered_ms` can mean: from here on the held track is decoded."""
    moments: dict[dt.datetime, int] = field(default_factory=dict)
    """Where times of the carrier's clock were placed on the line."""
    paused: bool = False
    conference_over: bool = False
    final_status: CallStatus | None = None
    ended_by: str = ""
    end_reason: str = ""
    end_ms: int = 0
    """End of the audio of streams that are gone, on the record's line."""
    ending: bool = False
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    """`CallEnded` has been published."""
    streams: set[OpenStream] = field(default_factory=set)
    """Open, or being closed."""
    timers: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Keeps what one callback publishes together."""

    @property
    def leg(self) -> Leg:
        """The first leg; a plain call's only one."""
        return next(iter(self.legs.values()))

    @property
    def is_conference(self) -> bool:
        return self.flow == "conference"

    @property
    def stream_track(self) -> Literal["inbound_track", "both_tracks"]:
        both = not self.is_conference and "outbound" in {t for _, t in self.labels}
        return "both_tracks" if both else "inbound_track"

    @property
    def deserted(self) -> bool:
        """Everybody has hung up, though the carrier has not said so yet."""
        return all(leg.gone or leg.stopped for leg in self.legs.values())

    @property
    def other_number(self) -> str:
        """Of whoever is heard on the outbound track."""
        if self.direction == "outbound":
            return self.connect or self.from_
        return self.plan.to[0] if len(self.plan.to) == 1 else ("" if self.plan.to else self.to)

    def view(self, elapsed_ms: int) -> LiveCall:
        """What others may see."""
        return LiveCall(
            id=self.id,
            flow=self.flow,
            direction=self.direction,
            from_=self.from_,
            to=self.to,
            from_name=self.from_name,
            to_name=self.to_name,
            status=self.status,
            room=self.room,
            conference_sid=self.conference_sid,
            paused=self.paused,
            legs=tuple(self.legs),
            streams=sum(1 for leg in self.legs.values() if leg.stream is not None),
            elapsed_ms=elapsed_ms,
        )
