"""Draws pieces of pages: the templates, and what they need to know of times and numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import jinja2

from callscribe.records import CallSummary
from callscribe.transcript import numbers, wording
from callscribe.transcript.parts import Note, Person, Utterance, stretches

HERE = Path(__file__).parent
Words = Literal["written", "raw"]
"""Which words a viewer wants to see: written text, or the recognizer's own."""
DOUBTFUL = 0.5
"""Words below this confidence are marked: with a calibrated model they are more likely wrong than right."""


@dataclass(frozen=True, slots=True)
class ShownWord:
    """A word, or what stands between two."""

    text: str
    kind: str = ""
    """Class name: `open`: still being decided, `filler`, `doubt`, or nothing."""
    sure: str = ""
    """How sure a doubtful word is."""


@dataclass(frozen=True, slots=True)
class Row:
    """A paragraph's place among the others."""

    id: str
    person: Person
    colour: str
    start_ms: int
    first: bool
    """Of its turn: the name stands here."""
    over: bool
    """It begins while another person's turn is still being said."""
    under: bool
    """Another person's turn begins while this one is still being said."""


class Drawing:
    """The templates. Its methods draw one piece each, as HTML."""

    def __init__(self) -> None:
        self.templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(HERE / "templates"),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=jinja2.StrictUndefined,
        )
        self.templates.globals["wording"] = wording
        self.templates.filters["clock"] = wording.clock
        self.templates.filters["number"] = numbers.written
        self.templates.filters["named"] = lambda name: numbers.written(name) or name
        self.templates.filters["day"] = day
        self.templates.filters["hour"] = hour
        self.templates.tests["blank"] = str.isspace
        self._pieces: Any = self.templates.get_template("pieces.html").module

    def page(self, template: str, **values: Any) -> str:
        """A whole page."""
        return self.templates.get_template(template).render(**values)

    def utterance(self, said: Utterance, words: Words) -> str:
        return str(self._pieces.utterance(said, shown(said, words)))

    def paragraph(self, row: Row) -> tuple[str, str]:
        """What stands before and after a paragraph's utterances."""
        return str(self._pieces.paragraph(row)), "</p></section>"

    def note(self, note: Note) -> str:
        return str(self._pieces.note(note))

    def title(self, call: CallSummary) -> str:
        return str(self._pieces.title(call))

    def status(self, call: CallSummary, state: wording.State, lag: str) -> str:
        return str(self._pieces.status(call, state, lag))

    def pause(self, over: bool, paused: bool) -> str:
        return str(self._pieces.pause(over, paused))

    def swap(self, people: Sequence[Person]) -> str:
        return str(self._pieces.swap(people))

    def people(self, people: Sequence[Person], shares: Mapping[str, int], last: str) -> str:
        """The row of people.

        Args:
            shares: percent of what was said, by `Person.who`.
            last: who spoke last.
        """
        return str(self._pieces.people(people, shares, last))

    def line(self, id: str, words: str) -> str:
        """A line of its own, hidden while there is nothing to say: `waiting`, `ending`."""
        return str(self._pieces.line(id, words))

    def trouble(self, words: str) -> str:
        return str(self._pieces.trouble(words))

    def item(self, call: CallSummary, state: wording.State, *, current: bool = False) -> str:
        """A line of the list of calls."""
        return str(self._pieces.item(call, state, current))


def shown(said: Utterance, words: Words) -> list[ShownWord]:
    """An utterance's words as a viewer wants them."""
    if words == "raw":
        kind = "" if said.final else "open"
        return [ShownWord(each.text, kind) for each in stretches(said.raw_text, (), ())]
    found: list[ShownWord] = []
    reached = 0
    for each in said.stretches:
        reached += len(each.text)
        if not said.final:
            found.append(ShownWord(each.text, "" if reached <= said.settled else "open"))
        elif each.filler:
            found.append(ShownWord(each.text, "filler"))
        elif each.confidence is not None and 0 < each.confidence < DOUBTFUL:
            found.append(ShownWord(each.text, "doubt", f"{each.confidence:.0%} sure"))
        else:
            found.append(ShownWord(each.text))
    return found


def moment(at: str) -> datetime | None:
    """The server's local time of an ISO 8601 moment; None when there is none."""
    try:
        return datetime.fromisoformat(at).astimezone()
    except ValueError:
        return None


def day(at: str) -> str:
    """`Today`, `Yesterday`, `Monday 12 January`, `12 January 2025`. Pages say it in the viewer's zone instead."""
    then = moment(at)
    if then is None:
        return "Undated"
    today = datetime.now().astimezone().date()
    if then.date() == today:
        return "Today"
    if then.date() == today - timedelta(days=1):
        return "Yesterday"
    if then.year == today.year:
        return f"{then:%A} {then.day} {then:%B}"
    return f"{then.day} {then:%B %Y}"


def hour(at: str) -> str:
    """`10:42`."""
    then = moment(at)
    return f"{then:%H:%M}" if then is not None else ""
