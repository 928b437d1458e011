"""The entries that stay on the screen: headings, what was said, notes. Columns shared by all live calls."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from rich.cells import cell_len
from rich.text import Text

from callscribe.outlet import clean
from callscribe.terminal.layout import (
    MIN_NAME_CELLS,
    NOTE,
    Columns,
    cleaned,
    fit,
    isolated,
    wrap,
)
from callscribe.terminal.printer import Printer
from callscribe.terminal.shown import ShownCall, ShownCalls
from callscribe.transcript import wording

_FIRST_COLUMN = re.compile(r"(\S+)? {2,}")


class Entries:
    """Lays entries out and has them printed."""

    def __init__(self, printer: Printer, calls: ShownCalls) -> None:
        self._printer = printer
        self._calls = calls
        self._name_cells = 0

    @property
    def dot(self) -> str:
        """What a note begins with."""
        return "-" if self._printer.ascii else "·"

    @property
    def arrow(self) -> str:
        """From one party to the other."""
        return "->" if self._printer.ascii else "→"

    def columns(self, calls: Iterable[ShownCall]) -> Columns:
        """Where things stand on a line, wide enough for these calls."""
        names = max((call.name_cells for call in calls), default=MIN_NAME_CELLS)
        # Never narrower than on the lines above, so that the words stand in one column.
        names = self._name_cells = max(names, self._name_cells if self._calls else 0)
        if self._printer.width < 60:
            names = min(names, 8)
        tags = max((len(call.tag) for call in self._calls), default=1)
        return Columns(self._printer.width, names, tags if self._calls.lettered else 0)

    def say(self, text: str | Text) -> None:
        """A line of the program's own. One that has to wrap hangs under what follows its first column
        (`Page     http://...`)."""
        line = Text(clean(text).rstrip()) if isinstance(text, str) else cleaned(text)
        head = _FIRST_COLUMN.match(line.plain)
        indent = head.end() if head else 0
        if not self._printer.interactive or line.cell_len < self._printer.width:
            self._printer.print(line)
            return
        first, rest = line[:indent], line[indent:]
        for row in wrap(self._printer.console, rest, max(20, self._printer.width - indent - 1)):
            self._printer.print(first + row)
            first = Text(" " * indent)

    def heading(self, call: ShownCall, choices: Sequence[str]) -> None:
        """A call begins.

        Args:
            choices: from the whole to the least; the first that fits is printed.
        """
        bar = "-" if self._printer.ascii else "─"
        tag = f"{call.tag}  " if call.lettered else ""
        if not self._printer.interactive:
            self._printer.print(Text(f"{bar * 2} {tag}{choices[0]}"))
            return
        room = self._printer.width - 4
        words = next((c for c in choices if cell_len(tag + c) + 2 <= room), choices[-1])
        words = fit(tag + words, max(1, room))
        line = Text()
        line.append(f"{bar * 2} ", "dim")
        line.append(words, "bold")
        left = self._printer.width - cell_len(words) - 4
        if left > 1:
            line.append(f" {bar * left}", "dim")
        self._printer.print(line)

    def note(self, call: ShownCall, ms: int | None, text: str, style: str = NOTE) -> None:
        """Something happened on a call, at a place of its line."""
        time = wording.clock(ms) if ms is not None else ""
        words = Text(f"{self.dot} {clean(text)}", style)
        self.line(time, self._calls.tag_of(call), "", "", words, call)

    def line(
        self,
        time: str,
        tag: str,
        name: str,
        style: str,
        words: Text,
        call: ShownCall | None = None,
    ) -> None:
        """One entry. Without a name it is a note and starts where names do."""
        if not self._printer.interactive:
            parts = [time.rjust(5), *([tag] if tag else []), *([isolated(name)] if name else [])]
            self._printer.print(Text("  ".join(parts) + "  ") + words)
            return
        calls = list(self._calls)
        columns = self.columns([*calls, call] if call and call not in calls else calls)
        if tag and not columns.tag_cells:
            columns = replace(columns, tag_cells=len(tag))
        if not name:
            columns = replace(columns, name_cells=0)
        prefix = columns.prefix(time, tag, name, style)
        for row in columns.lay_out(self._printer.console, prefix, words):
            self._printer.print(row)

    def closing(self, call: ShownCall, tag: str, time: str, words: Text, saved: Text) -> None:
        """A call is over: how, and how to see it again. The command stays in one piece, to be copied."""
        room = self._printer.width - 12 if self._printer.interactive else 10_000
        if not saved:
            self.line(time, tag, "", "", cleaned(words), call)
        elif words.cell_len + saved.cell_len <= room:
            self.line(time, tag, "", "", cleaned(words + Text(" ") + saved), call)
        else:
            self.line(time, tag, "", "", cleaned(words), call)
            self.line("", tag, "", "", cleaned(saved), call)
