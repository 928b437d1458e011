"""What the machine wants done: it decides, `registry.CallRegistry` carries out. Pure.

Commands of one record are carried out in order; what takes time (a request, the end of a stream) comes back as a fact.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec

from callscribe.calls.plans import NumberFlow
from callscribe.carriers.base import Answer
from callscribe.events import AnyEvent, Track


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """Something to do for a record."""

    call: str


class Tell(Command, frozen=True, kw_only=True):
    """Answer the carrier's question."""

    answer: Answer


class Publish(Command, frozen=True, kw_only=True):
    """Make an event known, after all that was published before."""

    event: AnyEvent


class OpenSession(Command, frozen=True, kw_only=True):
    """Begin to turn a stream into text, with what has come of it already."""

    leg: str
    stream: str
    """Our own name for it, unique within the record."""
    tracks: tuple[Track, ...]
    offset_ms: int
    plan: NumberFlow
    speakers: Callable[[Track], str]
    """Asked whenever something that was said is published."""
    hold_back: tuple[Track, ...] = ()
    paused: bool = False


class Release(Command, frozen=True, kw_only=True):
    """Decode what was held back of a track, from this moment of the record's line on."""

    stream: str
    track: Track
    from_ms: int


class PauseSession(Command, frozen=True, kw_only=True):
    """Neither decode nor keep what comes from now on."""

    stream: str


class ResumeSession(Command, frozen=True, kw_only=True):
    """Go on."""

    stream: str


class CloseSocket(Command, frozen=True, kw_only=True):
    """The stream's socket is of no use any more."""

    stream: str


class CloseSession(Command, frozen=True, kw_only=True):
    """Decode all that came, publish the last words; then tell the machine (`SessionClosed`)."""

    stream: str
    reason: str


class StartStream(Command, frozen=True, kw_only=True):
    """Ask the carrier to stream a leg to us; `StreamRefused` when it doesn't."""

    leg: str
    ticket: str
    track: Literal["inbound", "both"]
    name: str


class LookUp(Command, frozen=True, kw_only=True):
    """Ask the carrier what a leg is; then tell the machine (`LookedUp`)."""

    leg: str


class Forget(Command, frozen=True, kw_only=True):
    """The record is over."""


AnyCommand = (
    Tell
    | Publish
    | OpenSession
    | Release
    | PauseSession
    | ResumeSession
    | CloseSocket
    | CloseSession
    | StartStream
    | LookUp
    | Forget
)
