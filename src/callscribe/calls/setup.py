"""What all calls share: what happens to whom, names, graces. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from callscribe.calls.plans import Flows
from callscribe.calls.speakers import Contacts


@dataclass(frozen=True, slots=True)
class RegistryOptions:
    """Graces, in seconds."""

    stop_grace_s: float = 3.0
    """After the last `stop`, for the carrier's callback to say how the call ended."""
    settle_s: float = 5.0
    """After the carrier said that the call is over, for its sockets to send `stop`."""
    lost_grace_s: float = 8.0
    """After a socket was lost, for another to take its place."""
    no_stream_s: float = 120.0
    """For the first socket to open at all, beyond any ringing."""
    ringing_s: float = 600.0
    """The longest that a call may ring: Twilio rings for so long at most (Twilio docs, Calls resource, `Timeout`)."""
    hold_grace_s: float = 3.0
    """After the `stop` of a forwarded call, for word of whether the callee had answered."""
    restart_s: float = 0.3
    """Before a lost socket is replaced: the call may just be over."""
    no_word_s: float = 10.0
    """After the ringing must be over, for any word of an answer before somebody is taken to have answered."""
    max_restarts: int = 5
    """Per leg."""


@dataclass(frozen=True, slots=True)
class Setup:
    """How this server treats calls."""

    flows: Flows = field(default_factory=Flows)
    contacts: Contacts = field(default_factory=Contacts)
    own_number: str = ""
    """What calls that we place come from."""
    carrier: str = "Twilio"
    """Its name, for sentences that people read."""
    can_ask: bool = False
    """The carrier's REST API can be used."""
    options: RegistryOptions = field(default_factory=RegistryOptions)
