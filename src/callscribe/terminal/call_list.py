"""The list of saved calls on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any, Literal

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from callscribe.outlet import clean
from callscribe.phone import is_number, is_withheld
from callscribe.records import CallSummary
from callscribe.terminal.layout import isolated
from callscribe.terminal.transcript import length, when
from callscribe.transcript import wording

_SHORTEST = 8
"""Characters of a SID that are shown at least; what `show` takes too."""

_WIDE = 90
"""Columns of a terminal that has room for what was said."""

_COLUMNS: tuple[tuple[str, Literal["left", "right"]], ...] = (
    ("call", "left"),
    ("when", "left"),
    ("who", "left"),
    ("length", "right"),
    ("", "left"),
)

_STYLES = {
    "live": "green",
    "hold": "green",
    "paused": "yellow",
    "interrupted": "yellow",
    "bad": "yellow",
}
"""By the state's name."""


def print_calls(
    console: Console,
    calls: Sequence[CallSummary],
    *,
    now: datetime | None = None,
    timezone: tzinfo | None = None,
) -> None:
    """Print calls, one a line, as they are given.

    On a terminal: a table that fits its width. Elsewhere: tab-separated whole values, without a heading: SID, start
    (ISO 8601, UTC), status, from, to, seconds, number of utterances, last text.
    """
    if not console.is_terminal:
        for call in calls:
            console.file.write("\t".join(_columns(call)) + "\n")
        console.file.flush()
        return
    moment = now or datetime.now(UTC)
    shown = shortest_length([call.sid for call in calls])
    rows = [
        (
            Text(call.sid[:shown], "dim"),
            Text(when(call.started_at, moment, timezone)),
            Text(isolated(who(call))),
            Text(length(call)),
            Text(_state(call), _STYLES.get(wording.state(call).name, "dim")),
        )
        for call in calls
    ]
    whole: dict[str, Any] = {"no_wrap": True, "overflow": "ellipsis"}
    table = Table(box=None, pad_edge=False, header_style="dim", expand=True)
    for number, (title, justify) in enumerate(_COLUMNS):
        # Names give way first: everything else is short and says little when it is cut.
        need = max(cell_len(title), *(row[number].cell_len for row in rows), 1)
        if title == "who":
            table.add_column(title, justify=justify, ratio=1, min_width=8, **whole)
        else:
            table.add_column(title, justify=justify, min_width=need, max_width=need, **whole)
    wide = console.width >= _WIDE
    if wide:
        table.add_column("last words", ratio=2, **whole)
    for call, row in zip(calls, rows, strict=True):
        words = Text(clean(call.last_text), "" if call.ended_at is None else "dim")
        table.add_row(*row, *([words] if wide else []))
    console.print(table)


def who(call: CallSummary) -> str:
    """Whom a call was with: the other side's name or number, or the conference and its people."""
    if call.flow == "conference" and call.room:
        return ": ".join(
            part for part in (wording.caller(call), wording.names(call.speakers)) if part
        )
    return wording.caller(call) if call.direction == "inbound" else wording.callee(call)


def _state(call: CallSummary) -> str:
    state = wording.state(call)
    return "" if state.name == "ended" else state.word  # as nearly all of them


def shortest_length(sids: Sequence[str]) -> int:
    """How many characters of these SIDs tell them apart."""
    longest = max((len(sid) for sid in sids), default=_SHORTEST)
    for size in range(_SHORTEST, longest):
        if len({sid[:size] for sid in sids}) == len(set(sids)):
            return size
    return longest


def _party(number: str) -> str:
    """A number as programs compare it; words for one that is not shown."""
    return number if is_number(number) and not is_withheld(number) else wording.somebody("", number)


def _columns(call: CallSummary) -> tuple[str, ...]:
    seconds = "" if call.duration_ms is None else f"{call.duration_ms / 1000:.0f}"
    values = (
        call.sid,
        call.started_at,
        call.status,
        _party(call.from_),
        _party(call.to) if call.to else "",
        seconds,
        str(call.utterance_count),
        call.last_text,
    )
    return tuple(clean(value) for value in values)
