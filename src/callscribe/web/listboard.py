"""The list of calls, kept drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import structlog
from starlette.concurrency import run_in_threadpool

from callscribe.events import EPHEMERAL, CallDeleted, Published, TextDeleted
from callscribe.records import CallSummary
from callscribe.transcript import wording
from callscribe.transcript.calls import CallLine
from callscribe.web.board import REMEMBERED, Board, Drawn
from callscribe.web.drawing import Drawing, Words
from callscribe.web.services import Services

LIST = 100
"""Calls in the list at a time."""
PAGE = 2000
"""Events read from the store at a time."""

_log = structlog.get_logger(__name__)


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
            if isinstance(event, TextDeleted):
                self._lines.pop(event.call, None)  # read anew
            elif isinstance(event, EPHEMERAL):
                continue
            try:
                if await self._apply(published):
                    changed[event.call] = self._lines[event.call][0]
            except Exception:
                _log.exception("event not in the list", call=event.call, type=type(event).__name__)
        # From here on nobody may look in between.
        self._begin()
        for call, line in changed.items():
            self._items[call] = self._draw(line.summary, self._state(line.summary))
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
        return self._drawing.item(call, self._state(call), current=current)

    def _state(self, call: CallSummary) -> wording.State:
        line = self._lines.get(call.id)
        if line is not None and line[0].unread:
            return wording.state(call, unread=True)
        # Of what a server before this one left unread no event has told yet.
        rereads = self._services.rereads
        settled = line is not None and line[0].settled
        unread = rereads is not None and not settled and rereads(call.id)
        return wording.state(call, unread=unread)

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
