"""What a view remembers of the calls that it shows."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from rich.cells import cell_len

from callscribe.outlet import clean
from callscribe.terminal.layout import MAX_NAME_CELLS, MIN_NAME_CELLS
from callscribe.transcript import wording
from callscribe.transcript.fold import Transcript
from callscribe.transcript.parts import Note, Utterance

SPEAKER_STYLES = (
    "cyan",
    "magenta",
    "green",
    "bright_blue",
    "bright_cyan",
    "bright_magenta",
    "bright_green",
    "blue",
)
"""By the terminal's own palette, so that they suit light and dark. Yellow is for notes, red for failures."""


@dataclass
class Waiting:
    """Something to print once all that came before it is printed, and once it is sure."""

    item: Utterance | Note
    until: datetime | None = None
    """When it is printed even if it may still change; None: it is sure."""


@dataclass
class ShownCall:
    """A call on the screen."""

    transcript: Transcript
    tag: str
    """A letter that tells it from the others."""
    who: str
    started_at: datetime | None = None
    lettered: bool = False
    """Its letter has been shown, and stays for the call's life."""
    styles: dict[str, str] = field(default_factory=dict)
    """Colours by `Person.who`."""
    names: dict[str, str] = field(default_factory=dict)
    """What people were called when last seen, by `Person.who`."""
    speaking: dict[str, Utterance] = field(default_factory=dict)
    """What each person is saying now, by `Person.who`."""
    waiting: deque[Waiting] = field(default_factory=deque)
    """What is to be printed, in order."""
    printed: set[str] = field(default_factory=set)
    """Ids of the utterances that have been printed: each is once."""
    waits_told: bool = False
    """It was said that the call is over and not transcribed to its end."""
    lag_worst: dict[str, int] = field(default_factory=dict)
    """How far behind those are, or were, of whom it was said, by `Person.who`."""

    @property
    def id(self) -> str:
        return self.transcript.call.id

    @property
    def name_cells(self) -> int:
        """Columns for the names of all who speak, known from the start where they can be."""
        call = self.transcript.call
        people = (person.name for person in self.transcript.people)
        names = map(wording.shown, (*people, call.from_name, call.to_name))
        longest = max(cell_len(clean(name)) for name in names)
        return max(MIN_NAME_CELLS, min(MAX_NAME_CELLS, longest))


class ShownCalls:
    """The calls on the screen, in the order in which they came."""

    def __init__(self) -> None:
        self._calls: dict[str, ShownCall] = {}

    def __len__(self) -> int:
        return len(self._calls)

    def __iter__(self) -> Iterator[ShownCall]:
        return iter(list(self._calls.values()))

    def __contains__(self, call: object) -> bool:
        return call in self._calls

    def get(self, call: str) -> ShownCall | None:
        """A call by its id."""
        return self._calls.get(call)

    @property
    def lettered(self) -> bool:
        """Some lines say whose they are, so all leave room for it."""
        return any(call.lettered for call in self)

    def add(self, call: ShownCall) -> None:
        """A call that begins. With more than one, each has its letter from now on."""
        self._calls[call.id] = call
        if len(self._calls) > 1:
            for each in self:
                each.lettered = True

    def remove(self, call: ShownCall) -> None:
        """A call that is over."""
        del self._calls[call.id]

    def tag_of(self, call: ShownCall) -> str:
        """Its letter, if it has been needed."""
        return call.tag if call.lettered else ""

    def free_tag(self) -> str:
        """A letter that no call on the screen has."""
        taken = {call.tag for call in self}
        number = 0
        while True:
            letter, round_ = chr(ord("A") + number % 26), number // 26
            tag = f"{letter}{round_ or ''}"
            if tag not in taken:
                return tag
            number += 1

    def style(self, call: ShownCall, who: str) -> str:
        """A person's colour: their own among all calls on the screen as long as there are enough."""
        if who not in call.styles:
            taken = {style for one in self for style in one.styles.values()}
            free = [style for style in SPEAKER_STYLES if style not in taken]
            cycled = SPEAKER_STYLES[len(call.styles) % len(SPEAKER_STYLES)]
            call.styles[who] = free[0] if free else cycled
        return call.styles[who]
