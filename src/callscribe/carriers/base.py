"""What every carrier's door speaks: neutral facts in, instructions out. Pure.

A carrier is a company whose phone network calls come through. Its door (a package beside this module) turns its
webhooks, callbacks and sockets into the facts here, and carries the instructions out in its own language. Nothing
beyond the door knows a field name of any carrier; `docs/adding-a-carrier.md` shows how to build one.

Two kinds of identities come from a carrier and are never invented by us: a *leg* (one phone's connection; Twilio's call
SID) and a *conference*. They are compared and passed on, never taken apart.

Callbacks travel apart from each other and from the sockets, so facts may come late, repeated, in any order, or not at
all.
Times by the carrier's clock may be cut to the second.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec

from callscribe.events import Track

Beep = Literal["true", "false", "onEnter", "onExit"]

TERMINAL = frozenset({"completed", "busy", "no-answer", "failed", "canceled"})
"""Words for a leg that is over."""
RANKS = {"queued": 0, "initiated": 1, "ringing": 2, "in-progress": 3} | dict.fromkeys(TERMINAL, 4)
"""How far along a leg is. It never goes back: word of a lower rank than a known one is late."""


# Facts


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a carrier says has happened."""


class CallCame(Fact, frozen=True, kw_only=True):
    """The carrier asks what to do with a leg. It may ask again."""

    leg: str
    from_: str = ""
    """E.164 when possible; also `client:name`, `sip:...`, or words such as `anonymous`."""
    to: str = ""
    placed: bool = False
    """We placed this call; otherwise it came to one of our numbers."""
    answered: bool = False
    """It is up already."""
    caller_name: str = ""
    """As the carrier knows the caller."""
    connect: str = ""
    """placed: whom to connect the callee with, as given to `place_call`."""


class LegChanged(Fact, frozen=True, kw_only=True):
    """A leg that runs our instructions is in another state."""

    leg: str
    status: str
    """One of `RANKS`."""


class DialedLegChanged(Fact, frozen=True, kw_only=True):
    """A leg that the carrier dials for us (`Connect`) is in another state."""

    parent: str
    """The leg that is to be connected."""
    leg: str
    to: str = ""
    status: str
    at: dt.datetime | None = None
    duration_s: int | None = None


class DialOver(Fact, frozen=True, kw_only=True):
    """Nobody is being dialled or talked to any more (`Connect`), or a leg is out of its room (`JoinRoom`); what now?"""

    leg: str
    """The one that was connected."""
    status: str = ""
    """How the dial ended: one of `TERMINAL`; `completed` when somebody had answered."""
    dialed: str = ""
    """The leg that was dialled."""
    duration_s: int | None = None
    leg_status: str = ""
    """Of the leg itself."""


class WhisperAsked(Fact, frozen=True, kw_only=True):
    """A dialled phone has been picked up; what is it to hear before being connected?"""

    parent: str


class RoomFact(Fact, frozen=True, kw_only=True):
    """About a conference."""

    conference: str
    room: str = ""
    """Its name."""
    at: dt.datetime | None = None


class RoomSeen(RoomFact, frozen=True, kw_only=True):
    """There is such a conference."""


class PersonInRoom(RoomFact, frozen=True, kw_only=True):
    """A leg joined the room or left it, or was muted, held or let go."""

    leg: str
    change: Literal["joined", "left", "other"]
    sequence: int | None = None
    """Counts a conference's facts up from 1, when the carrier does."""
    label: str = ""
    muted: bool | None = None
    """As it is after this."""
    on_hold: bool | None = None
    reason: str = ""
    """Why they left."""


class RoomOver(RoomFact, frozen=True, kw_only=True):
    """The conference has ended."""

    ended_by: str = ""
    """The leg whose leaving ended it for all."""
    ended_by_label: str = ""
    reason: str = ""


class StreamReported(Fact, frozen=True, kw_only=True):
    """What the carrier says of a leg's media stream, apart from the stream's own socket."""

    leg: str
    event: Literal["started", "stopped", "failed"]
    at: dt.datetime | None = None
    error: str = ""
    cure: str = ""
    """What to do about the error, when it is a known one."""


CarrierFact = (
    CallCame
    | LegChanged
    | DialedLegChanged
    | DialOver
    | WhisperAsked
    | RoomSeen
    | PersonInRoom
    | RoomOver
    | StreamReported
)


# Instructions


class Say(msgspec.Struct, frozen=True):
    """The carrier's voice says something to the leg."""

    text: str
    voice: str = ""
    """In the carrier's names; empty takes its default."""
    language: str = ""
    """BCP 47, e.g. `en-US`."""


class Listen(msgspec.Struct, frozen=True):
    """Stream the leg's audio to us, to an address that holds the ticket."""

    ticket: str
    track: Literal["inbound", "both"]


class Hold(msgspec.Struct, frozen=True):
    """Keep the line open."""

    seconds: int


class Connect(msgspec.Struct, frozen=True, kw_only=True):
    """Ring one or several numbers; the first to answer is connected. `DialedLegChanged` and `DialOver` are wanted."""

    to: Sequence[str]
    """E.164 numbers, `sip:` or `client:` addresses."""
    caller_id: str = ""
    """What they see; empty: the caller's number."""
    timeout_s: int = 20
    answer_on_bridge: bool = True
    """The caller hears it ring until somebody answers."""
    whisper: bool = False
    """Ask us what the callee is to hear before being connected (`WhisperAsked`)."""


class JoinRoom(msgspec.Struct, frozen=True, kw_only=True):
    """Go to a conference. Facts about the room are wanted, and `DialOver` when the leg is out of it."""

    room: str
    label: str = ""
    """Unique in the room."""
    muted: bool = False
    beep: Beep = "true"
    music: bool = True
    """While waiting; false is silence."""
    start_on_enter: bool = True
    end_on_exit: bool = False
    max_participants: int | None = None


class HangUp(msgspec.Struct, frozen=True):
    """End the leg."""


class Refuse(msgspec.Struct, frozen=True):
    """Refuse a call as busy without answering it; it costs the caller nothing."""


Instruction = Say | Listen | Hold | Connect | JoinRoom | HangUp | Refuse
Answer = tuple[Instruction, ...]
"""Done one after the other. Empty: nothing."""


# What can be asked of a carrier


class CallInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A leg as the carrier knows it."""

    leg: str
    from_: str = ""
    to: str = ""
    placed: bool = False
    """Not by a caller: it was placed through the carrier's interface or dialled by it."""
    status: str = ""
    """One of `RANKS`."""
    caller_name: str = ""


class CarrierApi(Protocol):
    """The few requests that calls need. They block, so they are made in a thread. All raise `CarrierError`, with an
    explanation, when refused."""

    def start_stream(
        self, leg: str, *, ticket: str, track: Literal["inbound", "both"], name: str
    ) -> object:
        """`Listen` to a leg that is up. `name` is unique within the leg."""
        ...

    def stop_stream(self, leg: str, stream: str) -> None:
        """Stop one, by the identity it came with."""
        ...

    def end_call(self, leg: str) -> None:
        """Hang up on a leg, and on whom it was connected with."""
        ...

    def place_call(self, *, to: str, from_: str, connect: str) -> str:
        """Place a call; returns its leg. `LegChanged` is wanted, and `CallCame` with `connect` once it is answered."""
        ...

    def fetch_call(self, leg: str) -> CallInfo:
        """What a leg is."""
        ...

    def live_calls(self) -> list[CallInfo]:
        """The legs of the account that are up, the newest first; not more than fifty."""
        ...


# What a door talks to


class Feed(Protocol):
    """An open media stream's way in. Never blocks."""

    def receive(self, track: Track, timestamp_ms: int, payload: bytes, chunk: int | None) -> None:
        """Audio: G.711 mu-law at 8000 Hz.

        Args:
            timestamp_ms: since the stream began, by the carrier's clock; one epoch for both tracks.
            chunk: counts the track's messages from 1; None when they are not numbered.

        Raises:
            CallscribeError: nothing can take this stream's audio; close the socket.
        """
        ...

    def digit(self, track: Track, digit: str) -> None:
        """A key was pressed."""
        ...

    async def superseded(self) -> None:
        """Returns when the socket is of no use any more: another has taken its place, or the call is over."""
        ...

    async def closed(self, reason: str) -> None:
        """The socket is gone: `stop` in good order, `socket-lost`, or `refused: ...`. Returns when its last words are
        published."""
        ...


class Calls(Protocol):
    """The calls, as a carrier's door sees them (`calls.registry.CallRegistry`). Event loop only."""

    async def tell(self, fact: CarrierFact) -> Answer:
        """Something has happened; what to do now, for facts that are questions."""
        ...

    def admit(self, ticket: str) -> Pass | None:
        """Whether the socket that shows this ticket may come in. A ticket is good once."""
        ...

    def stream_opened(
        self, admitted: Pass, *, leg: str, stream: str, tracks: Sequence[Track]
    ) -> Feed:
        """A socket has said which leg's stream it brings.

        Raises:
            ProtocolError: the ticket was for another leg, or the call is over.
            CallscribeError: nothing can take its audio.
        """
        ...


class Pass(msgspec.Struct, frozen=True):
    """What a ticket stands for."""

    call: str
    """The record."""
    leg: str
