"""What every format is made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import IO

from callscribe.events import AnyEvent
from callscribe.transcript.fold import Transcript


@dataclass(frozen=True)
class Source:
    """One call."""

    call: str
    """The record's id."""
    events: Sequence[AnyEvent]
    """Everything the journal has of it, in order."""
    sound: Callable[[], IO[bytes]] | None = None
    """Makes FLAC of the recording, everybody on one channel, to be closed; None when the call was not recorded."""
    transcript: Transcript = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "transcript", Transcript(self.call, self.events))
