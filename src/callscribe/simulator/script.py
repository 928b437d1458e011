"""What is to happen in a simulated call: who takes part, what they say, what goes wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from callscribe.simulator.frames import Faults

DialResult = Literal["answered", "busy", "no-answer", "failed"]


MoveWhat = Literal["leave", "return", "mute", "unmute", "hold", "unhold"]


@dataclass(frozen=True)
class Move:
    """Something a conference participant does, or has done to them, during the conversation."""

    at_s: float
    """Since the conversation began."""
    what: MoveWhat


@dataclass(frozen=True)
class Party:
    """A person with a telephone."""

    number: str
    audio: bytes = field(default=b"", repr=False)
    """What the person says, as mu-law at 8 kHz, from the beginning of the conversation on."""
    result: DialResult = "answered"
    """What becomes of a call to this person."""
    rings_s: float = 2.0
    """How long it rings before the person answers, or is found busy."""
    moves: tuple[Move, ...] = ()


@dataclass(frozen=True)
class CallScript:
    """One conversation: a caller phones our number, and the server decides what happens then."""

    caller: Party
    to: str = "+15005550006"
    """Our number."""
    others: tuple[Party, ...] = ()
    """Who is reached when the server dials, in that order. When the server only holds the line, the first of them is
    heard on the outbound track as though connected. With `conference`, they phone in like the caller."""
    conference: bool = False
    """Everyone phones our number; the server is expected to bring them into one room."""
    hangup_by: Literal["caller", "callee"] = "caller"
    """Who ends the call when the conversation is over."""
    lead_ms: int = 300
    """From being connected to the first sample of the recordings."""
    tail_ms: int = 1000
    """From the last sample to hanging up."""
    stagger_s: float = 0.5
    """Between one conference participant's phoning and the next one's."""
    faults: Faults = field(default_factory=Faults)
    webhook_times: int = 1
    """How often the voice webhook is sent: 2 is what the carrier does when the first answer got lost on the way."""

    @property
    def length_ms(self) -> int:
        return max(len(p.audio) for p in (self.caller, *self.others)) // 8


@dataclass(frozen=True)
class CallbackFaults:
    """What goes wrong with status callbacks, which the carrier sends independently of each other."""

    delay_s: float = 0.0
    """Each is sent up to this much late, so they overtake one another."""
    repeat: float = 0.0
    """Share of callbacks that are sent twice."""
    drop: float = 0.0
    """Share of callbacks that are never sent."""


@dataclass(frozen=True)
class CallbackPlan:
    """Where a leg's status callbacks go and which are wanted."""

    url: str = ""
    method: str = "POST"
    events: tuple[str, ...] = ("completed",)
    what: str = "call status"


@dataclass(frozen=True)
class VoiceUrl:
    """Where a leg's TwiML comes from."""

    url: str
    method: str = "POST"
    fallback_url: str = ""
    fallback_method: str = "POST"
