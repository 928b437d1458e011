"""What a view remembers of the live calls that it shows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from rich.cells import cell_len

from callscribe.events import Flow, PartialTranscript, StreamCounters, Track
from callscribe.outlet import clean
from callscribe.terminal.layout import MAX_NAME_CELLS, MIN_NAME_CELLS

Voice = tuple[str, Track]
"""Leg and track: one voice."""

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
class ShownCall:
    """A live call."""

    id: str
    tag: str
    """A letter that tells it from the others."""
    who: str
    parties: tuple[str, ...] = ()
    """Names from the heading; the name column is made wide enough for them from the start."""
    flow: Flow = "answer"
    started_at: datetime | None = None
    styles: dict[Voice, str] = field(default_factory=dict)
    names: dict[Voice, str] = field(default_factory=dict)
    partials: dict[Voice, PartialTranscript] = field(default_factory=dict)
    """What each voice is saying now."""
    finished: dict[Voice, str] = field(default_factory=dict)
    """Utterance of the newest final; its late partials are ignored."""
    lag_worst: dict[Voice, int] = field(default_factory=dict)
    """Tracks that are behind now."""
    lag_now: dict[Voice, int] = field(default_factory=dict)
    utterances: int = 0
    counters: StreamCounters = field(default_factory=StreamCounters)
    last_ms: int = 0
    dial_status: str = ""
    gap_noted: tuple[str, int] = ("", -1)
    on_hold: bool = False
    paused_ms: int | None = None

    def name(self, voice: Voice) -> str:
        """What a voice is called."""
        return self.names.get(voice) or ("caller" if voice[1] == "inbound" else "other side")

    def call_by(self, voice: Voice, name: str) -> None:
        """A voice has a name; an empty one changes nothing."""
        if name:
            self.names[voice] = clean(name)

    @property
    def name_cells(self) -> int:
        """Columns for the names of all who speak."""
        names = (*self.names.values(), *self.parties)
        longest = max((cell_len(name) for name in names), default=0)
        return max(MIN_NAME_CELLS, min(MAX_NAME_CELLS, longest))


class ShownCalls:
    """The live calls, in the order in which they came."""

    def __init__(self) -> None:
        self._calls: dict[str, ShownCall] = {}

    def __len__(self) -> int:
        return len(self._calls)

    def __iter__(self) -> Iterator[ShownCall]:
        return iter(self._calls.values())

    def __contains__(self, call: object) -> bool:
        return call in self._calls

    def get(self, call: str) -> ShownCall | None:
        """A call by its id."""
        return self._calls.get(call)

    @property
    def many(self) -> bool:
        """More than one: every line says whose it is."""
        return len(self._calls) > 1

    def add(self, call: ShownCall) -> None:
        """A call that begins."""
        self._calls[call.id] = call

    def remove(self, call: ShownCall) -> None:
        """A call that is over."""
        del self._calls[call.id]

    def clear(self) -> None:
        """Nothing is shown any more."""
        self._calls.clear()

    def tag_of(self, call: ShownCall) -> str:
        """Its tag while one is needed, else nothing."""
        return call.tag if self.many else ""

    def free_tag(self) -> str:
        """A letter that no live call has."""
        taken = {call.tag for call in self}
        number = 0
        while True:
            letter, round_ = chr(ord("A") + number % 26), number // 26
            tag = f"{letter}{round_ or ''}"
            if tag not in taken:
                return tag
            number += 1

    def style(self, call: ShownCall, voice: Voice) -> str:
        """The voice's colour: its own among all live calls as long as there are enough."""
        if voice not in call.styles:
            taken = {style for one in self for style in one.styles.values()}
            free = [style for style in SPEAKER_STYLES if style not in taken]
            cycled = SPEAKER_STYLES[len(call.styles) % len(SPEAKER_STYLES)]
            call.styles[voice] = free[0] if free else cycled
        return call.styles[voice]
