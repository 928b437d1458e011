"""One call's page, kept drawn."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import msgspec
import structlog

from callscribe.events import AnyEvent, FinalTranscript
from callscribe.transcript import wording
from callscribe.transcript.fold import Transcript
from callscribe.transcript.parts import Block, Note, Paragraph, Person, Turn, Utterance
from callscribe.transcript.talk import overlaps
from callscribe.web.board import Board, Drawn
from callscribe.web.drawing import Drawing, Row, Words

SAID = 8
"""Sentences kept for screen readers."""

_log = structlog.get_logger(__name__)


class _Paragraph:
    """A paragraph on the page."""

    __slots__ = ("id", "opening", "row", "said")

    def __init__(self, row: Row, said: tuple[Utterance, ...], drawing: Drawing) -> None:
        self.id = row.id
        self.row = row
        self.said = said
        self.rename(drawing)

    def rename(self, drawing: Drawing) -> None:
        """Draws the name anew."""
        self.opening = Drawn(lambda _: drawing.paragraph(self.row)[0])


class _Note:
    """A note on the page."""

    __slots__ = ("drawn", "id", "note")

    def __init__(self, note: Note, drawing: Drawing) -> None:
        self.id = f"n-{note.sequence}"
        self.note = note
        self.rename(drawing)

    def rename(self, drawing: Drawing) -> None:
        """Draws the name anew."""
        self.drawn = Drawn(lambda _: drawing.note(self.note))


class CallBoard(Board):
    """One call's page."""

    def __init__(self, call: str, drawing: Drawing) -> None:
        super().__init__()
        self.transcript = Transcript(call)
        self.recorded = False
        """Whether there is a recording; known when the call is over."""
        self._language = ""
        self._drawing = drawing
        self._blocks: list[Block] = []
        self._counts: list[int] = []
        """How many rows each block has."""
        self._rows: list[_Paragraph | _Note] = []
        self._said: dict[str, tuple[Utterance, Drawn]] = {}
        self._regions: dict[str, tuple[object, Drawn]] = {}
        self._names: dict[str, str] = {}
        self._spoken: deque[tuple[int, str]] = deque(maxlen=SAID)
        self._look()

    def apply(self, events: Iterable[AnyEvent], *, missed: bool = False) -> None:
        """Takes events in.

        Args:
            missed: partials may have been missed before them.
        """
        self._begin()
        if missed:
            self.transcript.drop_partials()
        renamed: list[Person] = []
        for event in events:
            try:
                change = self.transcript.apply(event)
            except Exception:
                # One event that can't be shown must not keep the others off the page.
                _log.exception("event not shown", call=event.call, type=type(event).__name__)
                continue
            renamed += [person for person in change.people if self._is_renamed(person)]
            if isinstance(event, FinalTranscript):
                self._speak(change.utterances)
        if renamed:
            self._rename(renamed)
        if self.transcript.language != self._language:
            self._speak_language(self.transcript.language)
        self._look()
        self._done()

    def tell_recorded(self, recorded: bool) -> None:
        """Whether there is a recording of the call."""
        self._begin()
        self.recorded = recorded
        self._look()
        self._done()

    def everything(self, words: Words) -> bytes:
        """All of it, as a message; may take a while for a long call."""
        steps: list[Sequence[Any]] = [("talk", self.talk(words))]
        steps += [("put", id, drawn.html(words)) for id, (_, drawn) in self._regions.items()]
        return msgspec.json.encode(steps)

    def talk(self, words: Words, last: int = 0) -> str:
        """The conversation, or its last so many rows."""
        rows = "".join(self._row(row, words) for row in self._rows[-last:])
        return f'<div class="talk" id="talk">{rows}</div>'

    def region(self, id: str) -> str:
        """A part of the page beside the conversation, e.g. `title` or `people`."""
        return self._regions[id][1].html("written")

    def snapshot(self) -> CallBoard:
        """The board as it is now, to be drawn in another thread while this one goes on. Pieces are shared."""
        copy: CallBoard = object.__new__(CallBoard)
        copy.transcript, copy._drawing = self.transcript, self._drawing
        copy.version, copy.epoch = self.version, self.epoch
        copy._rows, copy._said, copy._regions = [*self._rows], {**self._said}, {**self._regions}
        return copy

    # Drawing

    def _row(self, row: _Paragraph | _Note, words: Words) -> str:
        if isinstance(row, _Note):
            return row.drawn.html(words)
        said = "".join(self._said[each.id][1].html(words) for each in row.said)
        return f"{row.opening.html(words)}{said}</p></section>"

    def _steps(self, since: int, words: Words) -> list[Sequence[Any]]:
        steps: list[Sequence[Any]] = []
        rows: set[str] = set()
        said: list[str] = []
        for id in self._changed(since):
            kind = id[:2]
            if kind == "u-":
                said.append(id)
            elif kind in ("p-", "n-"):
                rows.add(id)
            elif kind == "w-":
                steps.append(("name", id[2:], self._names.get(id[2:], "")))
            elif id in self._regions:
                steps.append(("put", id, self._regions[id][1].html(words)))
        found = self._find(rows)
        steps[:0] = [("drop", id) for id in rows if id not in found]
        inside: set[str] = set()
        for at in sorted(found.values()):
            row = self._rows[at]
            after = self._rows[at - 1].id if at else ""
            steps.append(("row", row.id, self._row(row, words), after))
            if isinstance(row, _Paragraph):
                inside.update(each.id for each in row.said)
        for id in said:
            if id[2:] not in inside and (drawn := self._said.get(id[2:])):
                steps.append(("put", id, drawn[1].html(words)))
        steps += [("say", sentence) for version, sentence in self._spoken if version > since]
        return steps

    def _find(self, ids: set[str]) -> dict[str, int]:
        """Where these rows are; what changes is mostly at the end."""
        found: dict[str, int] = {}
        for at in range(len(self._rows) - 1, -1, -1):
            if len(found) == len(ids):
                break
            if self._rows[at].id in ids:
                found[self._rows[at].id] = at
        return found

    # Noticing what changed

    def _look(self) -> None:
        self._look_at_talk()
        transcript, draw = self.transcript, self._drawing
        call, state = transcript.call, transcript.state
        lag = wording.behind(transcript.lag_ms)
        caller, callee = wording.caller(call), wording.callee(call)
        self._region("title", (caller, callee), lambda: draw.title(call))
        facts = state, call.started_at, call.duration_ms, lag, call.from_, caller, call.flow
        self._region("status", facts, lambda: draw.status(call, state, lag))
        over, paused = state.is_over, call.paused
        self._region("pause", (over, paused), lambda: draw.pause(over, paused))
        people = transcript.people
        self._region("swap", len(people) == 2, lambda: draw.swap(people))
        shares, last = _shares(people), "" if over else self._last_speaker()
        shown = [
            (p.who, p.name, p.number, p.colour, p.muted, p.on_hold, p.left_ms, shares[p.who])
            for p in people
        ]
        self._region("people", (shown, last), lambda: draw.people(people, shares, last))
        self._region("remarks", (call.tags, call.note), lambda: draw.remarks(call))
        waiting, ending, trouble = transcript.waiting, transcript.ending, transcript.trouble
        self._region("waiting", waiting, lambda: draw.line("waiting", waiting))
        self._region("ending", ending, lambda: draw.line("ending", ending))
        self._region("trouble", trouble, lambda: draw.trouble(trouble))
        talked = _talked(transcript) if over else ""
        self._region("talked", talked, lambda: draw.line("talked", talked))
        recorded = over and self.recorded
        self._region("recording", (recorded, call.sid), lambda: draw.recording(call, recorded))

    def _region(self, id: str, key: object, draw: Callable[[], str]) -> None:
        known = self._regions.get(id)
        if known is None or known[0] != key:
            self._regions[id] = key, Drawn(lambda _: draw())
            self._touch(id)

    def _last_speaker(self) -> str:
        for block in reversed(self._blocks):
            if isinstance(block, Turn):
                return block.person.who
        return ""

    def _look_at_talk(self) -> None:
        old, new = self._blocks, self.transcript.blocks
        shorter = min(len(old), len(new))
        head = 0
        while head < shorter and old[head] is new[head]:
            head += 1
        tail = 0
        while tail < shorter - head and old[-1 - tail] is new[-1 - tail]:
            tail += 1
        if head == len(old) == len(new):
            return
        first = sum(self._counts[:head])
        stop = len(self._rows) - sum(self._counts[len(old) - tail :])
        before = {row.id: row for row in self._rows[first:stop]}
        rows: list[_Paragraph | _Note] = []
        counts: list[int] = []
        for block in new[head : len(new) - tail]:
            made = self._rows_of(block, before)
            rows += made
            counts.append(len(made))
        now = {row.id: at for at, row in enumerate(rows)}
        for id in before:
            if id not in now:
                self._touch(id)
        # Rows that changed places are put in their new ones.
        order = [now[id] for id in before if id in now]
        if order != sorted(order):
            for id in before:
                if id in now:
                    self._touch(id)
        self._rows[first:stop] = rows
        self._counts[head : len(old) - tail] = counts
        self._blocks = [*new]

    def _rows_of(
        self, block: Block, before: dict[str, _Paragraph | _Note]
    ) -> list[_Paragraph | _Note]:
        if isinstance(block, Note):
            known = before.get(f"n-{block.sequence}")
            if isinstance(known, _Note) and known.note is block:
                return [known]
            note = _Note(block, self._drawing)
            self._touch(note.id)
            return [note]
        last = len(block.paragraphs) - 1
        return [
            self._paragraph(
                each,
                Row(
                    id=f"p-{each.utterances[0].id}",
                    person=block.person,
                    colour=block.person.colour,
                    start_ms=each.start_ms,
                    first=place == 0,
                    over=place == 0 and block.overlaps_before,
                    under=place == last and block.overlaps_after,
                    language=self._language,
                ),
                before,
            )
            for place, each in enumerate(block.paragraphs)
        ]

    def _paragraph(
        self, paragraph: Paragraph, row: Row, before: dict[str, _Paragraph | _Note]
    ) -> _Paragraph:
        for said in paragraph.utterances:
            drawn = self._said.get(said.id)
            if drawn is None or drawn[0] is not said:
                self._said[said.id] = said, self._draw_utterance(said)
                self._touch(f"u-{said.id}")
        known = before.get(row.id)
        if (
            isinstance(known, _Paragraph)
            and known.row == row
            and [each.id for each in known.said] == [each.id for each in paragraph.utterances]
        ):
            known.said = paragraph.utterances
            return known
        self._touch(row.id)
        return _Paragraph(row, paragraph.utterances, self._drawing)

    def _draw_utterance(self, said: Utterance) -> Drawn:
        return Drawn(lambda words: self._drawing.utterance(said, words))

    def _is_renamed(self, person: Person) -> bool:
        name = wording.shown(person.name)
        return self._names.setdefault(person.who, name) != name

    def _rename(self, people: list[Person]) -> None:
        for person in people:
            self._names[person.who] = wording.shown(person.name)
            self._touch(f"w-{person.who}")
        for row in self._rows:
            named = row.note.person if isinstance(row, _Note) else row.row.person
            if any(named is person for person in people):
                row.rename(self._drawing)

    def _speak_language(self, language: str) -> None:
        """What is said is in another language than was thought."""
        self._language = language
        for row in self._rows:
            if isinstance(row, _Paragraph):
                row.row = replace(row.row, language=language)
                row.rename(self._drawing)
                self._touch(row.id)

    def _speak(self, utterances: list[Utterance]) -> None:
        for said in utterances:
            if said.final and said.text:
                self._spoken.append(
                    (self.version, f"{wording.shown(said.person.name)}: {said.text}")
                )


def _talked(transcript: Transcript) -> str:
    """Who spoke for how long, in words."""
    both = overlaps(
        (said.start_ms, said.end_ms, said.person.who)
        for said in transcript.utterances
        if said.final
    )
    return wording.talked(
        [(person.name, person.said_ms) for person in transcript.people],
        sum(end - start for start, end in both),
    )


def _shares(people: Sequence[Person]) -> dict[str, int]:
    """Who has said how much of it all, in percent; nobody has a share while only one has spoken."""
    total = sum(person.said_ms for person in people)
    if sum(1 for person in people if person.said_ms) < 2:
        return {person.who: 0 for person in people}
    return {person.who: round(100 * person.said_ms / total) for person in people}
