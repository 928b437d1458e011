"""What pages show, kept drawn: once for all viewers, and brought up to date as events come.

A board follows the journal, folds events into a transcript (or into lines of the list of calls), and notes which piece
of the page changed when. A viewer says which version it has and gets the pieces that changed since. So no viewer has a
queue: a slow one skips what newer pieces have replaced, and one that was away gets exactly what it missed. The bytes of
a message are made once and shared by all who stand at the same version.

A message is a JSON list of steps for `static/pieces.js`:

    ["put", id, html]         this piece, in the place where it is
    ["row", id, html, after]  a paragraph or note, after the one of that id ("": the first)
    ["talk", html]            the whole conversation
    ["item", id, html]        a line of the list; its `data-rank` says where it stands
    ["items", [id, ...]]      the list has these lines and no others
    ["drop", id]              a piece is gone
    ["name", who, text]       a person is called this now, wherever the name stands
    ["say", sentence]         said just now: for screen readers, and to count
"""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
import structlog
from starlette.concurrency import run_in_threadpool

from callscribe.events import EPHEMERAL, AnyEvent, CallDeleted, FinalTranscript, Published
from callscribe.journal.follow import JournalFollower
from callscribe.ranges import whole_number
from callscribe.records import CallSummary
from callscribe.transcript import numbers, wording
from callscribe.transcript.calls import CallLine
from callscribe.transcript.fold import Transcript
from callscribe.transcript.parts import Block, Note, Paragraph, Person, Turn, Utterance
from callscribe.web.drawing import Drawing, Row, Words
from callscribe.web.services import Services

LIST = 100
"""Calls in the list at a time."""
LINGER_S = 60.0
"""A call's board is kept this long after its last viewer: pages are opened, left and come back."""
REMEMBERED = 4000
"""Pieces whose last change is remembered; a viewer who has an older version gets everything."""
SAID = 8
"""Sentences kept for screen readers."""
PAGE = 2000
"""Events read from the store at a time."""

_log = structlog.get_logger(__name__)


class Drawn:
    """A piece: drawn when first wanted, then kept."""

    __slots__ = ("_draw", "_html")

    def __init__(self, draw: Callable[[Words], str]) -> None:
        self._draw = draw
        self._html: dict[Words, str] = {}

    def html(self, words: Words) -> str:
        html = self._html.get(words)
        if html is None:
            html = self._html[words] = self._draw(words)
        return html


class Board:
    """Pieces, when each changed, and who waits for the next change."""

    def __init__(self) -> None:
        self.version = 1
        """Counts up with every change."""
        self.epoch = secrets.token_hex(4)
        """Tells this board's versions from those of a board before it."""
        self.closed = False
        """Nothing comes any more."""
        self._changes: OrderedDict[str, int] = OrderedDict()
        self._oldest = 1
        self._wakes: set[asyncio.Event] = set()
        self._messages: dict[tuple[int, Words], bytes] = {}

    @property
    def seen(self) -> str:
        """What a viewer of the newest version has."""
        return f"{self.epoch}.{self.version}"

    @contextmanager
    def watched(self, wake: asyncio.Event) -> Iterator[None]:
        """Sets `wake` at every change."""
        self._wakes.add(wake)
        try:
            yield
        finally:
            self._wakes.discard(wake)

    def close(self) -> None:
        """Says that nothing comes any more."""
        self.closed = True
        for wake in self._wakes:
            wake.set()

    def since(self, seen: str) -> int | None:
        """The version that a viewer has; None when it needs everything."""
        epoch, _, version = seen.partition(".")
        known = whole_number(version)
        if epoch != self.epoch or known is None:
            return None
        return known if self._oldest <= known <= self.version else None

    def message(self, since: int, words: Words) -> bytes:
        """The steps from a version to the newest; empty when it is the newest."""
        if since == self.version:
            return b""
        message = self._messages.get((since, words))
        if message is None:
            steps = self._steps(since, words)
            message = self._messages[since, words] = msgspec.json.encode(steps) if steps else b""
        return message

    def _steps(self, since: int, words: Words) -> list[Sequence[Any]]:
        raise NotImplementedError

    def _begin(self) -> int:
        """Changes noted from here on are of the next version."""
        self.version += 1
        return self.version

    def _touch(self, id: str) -> None:
        self._changes[id] = self.version
        self._changes.move_to_end(id)

    def _done(self) -> None:
        """Changes have been noted, or there were none."""
        newest = next(reversed(self._changes.values()), 0)
        if newest != self.version:
            self.version -= 1
            return
        while len(self._changes) > REMEMBERED:
            _, self._oldest = self._changes.popitem(last=False)
        self._messages.clear()
        for wake in self._wakes:
            wake.set()

    def _changed(self, since: int) -> list[str]:
        """Ids of the pieces that changed after a version, oldest change first."""
        found = []
        for id, version in reversed(self._changes.items()):
            if version <= since:
                break
            found.append(id)
        return found[::-1]


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
            renamed += [
                p for p in change.people if self._names.setdefault(p.who, _named(p)) != _named(p)
            ]
            if isinstance(event, FinalTranscript):
                self._speak(change.utterances)
        if renamed:
            self._rename(renamed)
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
        """A part of the page beside the conversation: title, status, pause, swap, people, waiting, ending, trouble."""
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
        shares, last = _shares(people), self._last_speaker()
        shown = [
            (p.who, p.name, p.colour, p.muted, p.on_hold, p.left_ms, shares[p.who]) for p in people
        ]
        self._region("people", (shown, last), lambda: draw.people(people, shares, last))
        self._region("remarks", (call.tags, call.note), lambda: draw.remarks(call))
        waiting, ending, trouble = transcript.waiting, transcript.ending, transcript.trouble
        self._region("waiting", waiting, lambda: draw.line("waiting", waiting))
        self._region("ending", ending, lambda: draw.line("ending", ending))
        self._region("trouble", trouble, lambda: draw.trouble(trouble))

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

    def _rename(self, people: list[Person]) -> None:
        for person in people:
            self._names[person.who] = _named(person)
            self._touch(f"w-{person.who}")
        for row in self._rows:
            named = row.note.person if isinstance(row, _Note) else row.row.person
            if any(named is person for person in people):
                row.rename(self._drawing)

    def _speak(self, utterances: list[Utterance]) -> None:
        for said in utterances:
            if said.final and said.text:
                self._spoken.append((self.version, f"{_named(said.person)}: {said.text}"))


def _named(person: Person) -> str:
    return numbers.written(person.name) or person.name


def _shares(people: Sequence[Person]) -> dict[str, int]:
    """Who has said how much of it all, in percent; nobody has a share while only one has spoken."""
    total = sum(person.said_ms for person in people)
    if sum(1 for person in people if person.said_ms) < 2:
        return {person.who: 0 for person in people}
    return {person.who: round(100 * person.said_ms / total) for person in people}


class ListBoard(Board):
    """The list of calls. It holds the lines that have changed since it was made; the store has all of them."""

    def __init__(self, services: Services, drawing: Drawing) -> None:
        super().__init__()
        self._services = services
        self._drawing = drawing
        self._lines: dict[str, tuple[CallLine, int]] = {}
        """Lines, and up to which event of the journal each is complete."""
        self._items: dict[str, Drawn] = {}

    async def apply(self, batch: Sequence[Published]) -> None:
        """Takes events in."""
        changed: dict[str, CallLine] = {}
        deleted: list[str] = []
        for published in batch:
            event = published.event
            if isinstance(event, CallDeleted):
                deleted.append(event.call)
            if isinstance(event, EPHEMERAL):
                continue
            try:
                if await self._apply(published):
                    changed[event.call] = self._lines[event.call][0]
            except Exception:
                _log.exception("event not in the list", call=event.call, type=type(event).__name__)
        # From here on nobody may look in between.
        self._begin()
        for call, line in changed.items():
            self._items[call] = self._draw(line.summary, line.state)
            self._touch(f"call-{call}")
        for call in deleted:
            self._lines.pop(call, None)
            self._items.pop(call, None)
            self._touch(f"call-{call}")
        for call in list(self._lines)[: max(0, len(self._lines) - REMEMBERED)]:
            del self._lines[call]
        self._done()
        self._items = {
            call: item for call, item in self._items.items() if f"call-{call}" in self._changes
        }

    async def _apply(self, published: Published) -> bool:
        call = published.event.call
        known = self._lines.get(call)
        if known is None:
            events = await run_in_threadpool(_journal, self._services, call)
            line = CallLine(call, (each.event for each in events))
            self._lines[call] = line, max((each.id or 0 for each in events), default=0)
            if published.id is None:
                line.apply(published.event)
            return True
        line, complete = known
        if published.id is not None and published.id <= complete:
            return False
        return line.apply(published.event)

    def calls(self, before: str | None = None) -> list[CallSummary]:
        """The newest calls, or those before one, in the order in which the list shows them. Blocks."""
        found = {call.id: call for call in self._services.store.calls(limit=LIST, before=before)}
        # What the store can't write yet is known here already.
        oldest = min((call.started_at for call in found.values()), default="")
        for id, (line, _) in [*self._lines.items()]:
            newer = before is None and line.summary.started_at >= oldest
            if id in found or newer:
                found[id] = line.summary
        return sorted(found.values(), key=rank, reverse=True)[:LIST]

    def item(self, call: CallSummary, *, current: bool = False) -> str:
        """A line of the list."""
        line = self._lines.get(call.id)
        state = wording.state(call, unread=line is not None and line[0].unread)
        return self._drawing.item(call, state, current=current)

    def everything(self) -> bytes:
        """All of it, as a message. Blocks."""
        calls = self.calls()
        steps: list[Sequence[Any]] = [("items", [f"call-{call.id}" for call in calls])]
        steps += [("item", f"call-{call.id}", self.item(call)) for call in calls]
        return msgspec.json.encode(steps)

    def _draw(self, call: CallSummary, state: wording.State) -> Drawn:
        return Drawn(lambda _: self._drawing.item(call, state))

    def _steps(self, since: int, words: Words) -> list[Sequence[Any]]:
        steps: list[Sequence[Any]] = []
        for id in self._changed(since):
            item = self._items.get(id.removeprefix("call-"))
            steps.append(("drop", id) if item is None else ("item", id, item.html(words)))
        return steps


def rank(call: CallSummary) -> tuple[bool, str, str]:
    """Where a call stands in the list: live ones first, then newer ones. `data-rank` says the same to the page."""
    return not wording.is_over(call), call.started_at, call.id


def _journal(services: Services, call: str) -> list[Published]:
    """All stored events of a call. Blocks."""
    found: list[Published] = []
    while True:
        last = found[-1].id if found else 0
        page = services.store.events_after(last or 0, call=call, limit=PAGE)
        found += page
        if len(page) < PAGE:
            return found


async def find(services: Services, sid: str) -> str | None:
    """The record that a SID in an address means, in the store or not yet there.

    Raises:
        StoreError: the record cannot be read.
    """
    found = await run_in_threadpool(services.store.matching, sid)
    if not found and services.hub.unstored(sid):
        return sid
    return found[0] if len(found) == 1 else None


class _Kept:
    """A board with whoever feeds it."""

    def __init__(self, board: Any) -> None:
        self.board = board
        self.ready = asyncio.Event()
        self.loop = asyncio.get_running_loop()
        self.viewers = 0
        self.task: asyncio.Task[None] | None = None
        self.rest: asyncio.TimerHandle | None = None

    @property
    def is_good(self) -> bool:
        """Whether it is still fed."""
        running = self.loop is asyncio.get_running_loop()
        return running and self.task is not None and not self.task.done()


class Boards:
    """The boards that are in use, made when a page first asks for one."""

    def __init__(self, services: Services, drawing: Drawing) -> None:
        self._services = services
        self._drawing = drawing
        self._kept: dict[str, _Kept] = {}
        """By record id; the list under the empty one."""

    @contextmanager
    def _held(self, key: str, make: Callable[[], _Kept]) -> Iterator[_Kept]:
        kept = self._kept.get(key)
        if kept is None or not kept.is_good:
            kept = self._kept[key] = make()
        kept.viewers += 1
        if kept.rest is not None:
            kept.rest.cancel()
            kept.rest = None
        try:
            yield kept
        finally:
            kept.viewers -= 1
            if not kept.viewers:
                kept.rest = kept.loop.call_later(LINGER_S, self._let_go, key, kept)

    def _let_go(self, key: str, kept: _Kept) -> None:
        if kept.viewers:
            return
        if self._kept.get(key) is kept:
            del self._kept[key]
        if kept.task is not None:
            kept.task.cancel()

    @contextmanager
    def call(self, call: str) -> Iterator[_Kept]:
        """A call's board, for as long as it is looked at. Wait for `ready`.

        Args:
            call: the record's id; it must exist.
        """

        def make() -> _Kept:
            kept = _Kept(CallBoard(call, self._drawing))
            kept.task = asyncio.create_task(self._feed_call(kept, call), name=f"board {call}")
            return kept

        with self._held(call, make) as kept:
            yield kept

    @contextmanager
    def list(self) -> Iterator[_Kept]:
        """The board of the list of calls."""

        def make() -> _Kept:
            kept = _Kept(ListBoard(self._services, self._drawing))
            kept.task = asyncio.create_task(self._feed_list(kept), name="board of calls")
            return kept

        with self._held("", make) as kept:
            yield kept

    async def _feed_call(self, kept: _Kept, call: str) -> None:
        board: CallBoard = kept.board
        resyncs = 0
        services = self._services
        try:
            with JournalFollower(services.store, services.hub, after=0, call=call) as follower:
                while batch := await follower.batch():
                    missed, resyncs = follower.resyncs > resyncs, follower.resyncs
                    board.apply([published.event for published in batch], missed=missed)
                    if follower.caught_up:
                        kept.ready.set()
        finally:
            board.close()

    async def _feed_list(self, kept: _Kept) -> None:
        board: ListBoard = kept.board
        services = self._services
        try:
            with JournalFollower(services.store, services.hub, after=None) as follower:
                kept.ready.set()
                while batch := await follower.batch():
                    await board.apply(batch)
        finally:
            board.close()
