"""Draws pieces of pages: the templates, and what they need to know of times and numbers."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal, get_args

from callscribe.records import CallSummary
from callscribe.templating import environment
from callscribe.transcript import numbers, wording
from callscribe.transcript.parts import Note, Person, Stretch, Utterance, stretches
from callscribe.web.finding import Finds

HERE = Path(__file__).parent
Words = Literal["written", "raw", "both"]
"""Which words a viewer wants to see: written text, the recognizer's own, or written text with what was heard first."""
WORDS: tuple[Words, ...] = get_args(Words)
DOUBTFUL = 0.5
"""Words below this confidence are marked: with a calibrated model they are more likely wrong than right."""


@dataclass(frozen=True, slots=True)
class ShownWord:
    """A word, or what stands between two."""

    text: str
    kind: str = ""
    """Class name: `open`: still being decided, `filler`, `doubt`, or nothing."""
    about: str = ""
    """What is to be known of a doubtful word: how sure it is, and what was heard first."""
    start_ms: int | None = None
    """When it was said; None for spaces, and while it is still being decided."""
    end_ms: int | None = None


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
    language: str = ""
    """What is spoken, BCP 47; empty: not known."""


class Drawing:
    """The templates. Its methods draw one piece each, as HTML."""

    def __init__(self) -> None:
        self.templates = environment(HERE / "templates")
        self.templates.globals["wording"] = wording
        self.templates.filters["clock"] = wording.clock
        self.templates.filters["number"] = numbers.written
        self.templates.filters["named"] = wording.shown
        self.templates.filters["day"] = day
        self.templates.filters["hour"] = hour
        self.templates.tests["blank"] = str.isspace
        self._pieces: Any = self.templates.get_template("pieces.html").module

    def page(self, template: str, **values: Any) -> str:
        """A whole page."""
        return self.templates.get_template(template).render(**values)

    def utterance(self, said: Utterance, words: Words) -> str:
        correction = correction_words(said) if said.corrected and words != "raw" else ""
        first = said.first_text if words == "both" and said.first_text != said.text else ""
        return str(self._pieces.utterance(said, shown(said, words), correction, first))

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

    def remarks(self, call: CallSummary) -> str:
        """A call's tags and note."""
        return str(self._pieces.remarks(call))

    def line(self, id: str, words: str) -> str:
        """A line of its own, hidden while there is nothing to say: `waiting`, `ending`, `talked`."""
        return str(self._pieces.line(id, words))

    def trouble(self, words: str) -> str:
        return str(self._pieces.trouble(words))

    def recording(self, call: CallSummary, there: bool) -> str:
        """The recording's line in the menu, which tells the page whether there is one."""
        return str(self._pieces.recording(call, there))

    def results(self, finds: Finds | None) -> str:
        """What the search field found; its hidden place when nothing was asked."""
        if finds is None:
            return '<div id="results" hidden></div>'
        return str(self._pieces.results(finds))

    def item(self, call: CallSummary, state: wording.State, *, current: bool = False) -> str:
        """A line of the list of calls."""
        return str(self._pieces.item(call, state, current))


def shown(said: Utterance, words: Words) -> list[ShownWord]:
    """An utterance's words as a viewer wants them."""
    if words == "raw":
        return _raw(said)
    pieces = said.stretches
    if not said.final:
        found: list[ShownWord] = []
        reached = 0
        for each in pieces:
            reached += len(each.text)
            found.append(ShownWord(each.text, "" if reached <= said.settled else "open"))
        return found
    doubtful = set() if said.corrected else _doubtful(pieces)
    first = _heard_first(said.first_text, pieces) if doubtful else {}
    return [
        ShownWord(
            each.text,
            "filler" if each.filler else "doubt" if at in doubtful else "",
            _about(each, first.get(at, "")) if at in doubtful else "",
            each.start_ms,
            each.end_ms,
        )
        for at, each in enumerate(pieces)
    ]


def _raw(said: Utterance) -> list[ShownWord]:
    pieces = stretches(said.raw_text, (), ())
    if not said.final:
        return [ShownWord(each.text, "open") for each in pieces]
    spoken = [each.text for each in pieces if not each.text.isspace()]
    if [word.text for word in said.words] != spoken:
        return [ShownWord(each.text) for each in pieces]
    times = iter(said.words)
    return [
        ShownWord(each.text)
        if each.text.isspace()
        else ShownWord(each.text, start_ms=(word := next(times)).start_ms, end_ms=word.end_ms)
        for each in pieces
    ]


def correction_words(said: Utterance) -> str:
    """Who corrected an utterance, when, and what was recognised."""
    at = f" on {day(said.corrected_at)}, {hour(said.corrected_at)}" if said.corrected_at else ""
    by = f" by {said.corrected_by}" if said.corrected_by not in ("", "page", "here") else ""
    return f"Corrected{by}{at}. Recognised: {said.recognised_text}"


def _doubtful(pieces: Sequence[Stretch]) -> set[int]:
    """Which of an utterance's words are marked: those below `DOUBTFUL`, and of them the weakest tenth of all words, or
    the weakest one where that is less. A page full of marks would say nothing."""
    sure = [
        (each.confidence, at)
        for at, each in enumerate(pieces)
        if each.confidence is not None and not each.filler
    ]
    weak = sorted(pair for pair in sure if 0 < pair[0] < DOUBTFUL)
    return {at for _, at in weak[: max(1, len(sure) // 10)]}


def _heard_first(text: str, pieces: Sequence[Stretch]) -> dict[int, str]:
    """What a first reading had instead of words of a later one, by the place among `pieces`."""
    if not text:
        return {}
    places = [at for at, each in enumerate(pieces) if not each.text.isspace()]
    before, now = text.split(), [pieces[at].text for at in places]
    found: dict[int, str] = {}
    matching = difflib.SequenceMatcher(None, before, now, autojunk=False)
    for what, from_, to, start, stop in matching.get_opcodes():
        if what == "replace":
            heard = " ".join(before[from_:to])
            found.update((places[at], heard) for at in range(start, stop))
    return found


def _about(word: Stretch, first: str) -> str:
    sure = f"{word.confidence:.0%} sure"
    return f"{sure}; first heard: {first}" if first else sure


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


def wanted_words(name: str | None) -> Words:
    """What a cookie or an address names; written text when that is nothing known."""
    return next((words for words in WORDS if words == name), "written")
