"""What the machine is told beside the carrier's facts: of sockets, sessions, requests, people's wishes. Pure."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

import msgspec

from callscribe.carriers.base import CallInfo, CarrierFact, Pass
from callscribe.events import Track
from callscribe.records import CallRecord


class Now(NamedTuple):
    """The time at which the machine is told something."""

    s: float
    """Monotonic seconds."""
    wall: dt.datetime

    @property
    def ms(self) -> float:
        return self.s * 1000


class SocketOpened(msgspec.Struct, frozen=True, kw_only=True):
    """A media socket has said what it brings."""

    admitted: Pass
    leg: str
    stream: str
    """The carrier's name for it; may come twice."""
    tracks: tuple[Track, ...]


class SocketSettled(msgspec.Struct, frozen=True, kw_only=True):
    """Enough came of a later stream to know where it lies on the line."""

    call: str
    stream: str


class SocketClosed(msgspec.Struct, frozen=True, kw_only=True):
    """A media socket is gone."""

    call: str
    stream: str
    reason: str


class DigitPressed(msgspec.Struct, frozen=True, kw_only=True):
    """A key was pressed during a stream."""

    call: str
    stream: str
    track: Track
    digit: str


class SessionOpened(msgspec.Struct, frozen=True, kw_only=True):
    """A stream's audio can be taken."""

    call: str
    stream: str


class SessionRefused(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing can take a stream's audio."""

    call: str
    stream: str


class SessionClosed(msgspec.Struct, frozen=True, kw_only=True):
    """A stream's last words are published."""

    call: str
    stream: str


class StreamRefused(msgspec.Struct, frozen=True, kw_only=True):
    """The carrier does not stream a leg."""

    leg: str
    reason: str


class LookedUp(msgspec.Struct, frozen=True, kw_only=True):
    """What a leg is; None: nobody knows."""

    leg: str
    info: CallInfo | None


class CallPlaced(msgspec.Struct, frozen=True, kw_only=True):
    """The carrier calls somebody for us."""

    leg: str
    to: str
    connect: str = ""


class AttachWanted(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody wants a call to be transcribed that is up already."""

    leg: str
    info: CallInfo | None = None
    """None for one that we know."""


class PauseWanted(msgspec.Struct, frozen=True, kw_only=True):
    """Audio is neither to be decoded nor kept, for now."""

    call: str
    by: str = ""


class ResumeWanted(msgspec.Struct, frozen=True, kw_only=True):
    """Transcribe again."""

    call: str
    by: str = ""


class RenameWanted(msgspec.Struct, frozen=True, kw_only=True):
    """A speaker is to have another name."""

    call: str
    leg: str
    track: Track
    name: str


class SwapWanted(msgspec.Struct, frozen=True, kw_only=True):
    """Two speakers are to have each other's names."""

    call: str


class Detached(msgspec.Struct, frozen=True, kw_only=True):
    """The carrier was asked to stop a stream; the call goes on without us."""

    call: str


class Shutdown(msgspec.Struct, frozen=True, kw_only=True):
    """The process is about to end."""


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A record of the leg was found in the store, which an earlier process may have written."""

    record: CallRecord


AnyFact = (
    CarrierFact
    | SocketOpened
    | SocketSettled
    | SocketClosed
    | DigitPressed
    | SessionOpened
    | SessionRefused
    | SessionClosed
    | StreamRefused
    | LookedUp
    | CallPlaced
    | AttachWanted
    | PauseWanted
    | ResumeWanted
    | RenameWanted
    | SwapWanted
    | Detached
    | Shutdown
    | Kept
)
