"""A terminal in memory, for looking at what a view draws."""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal

import pyte
from rich.console import Console

from callscribe.events import EPHEMERAL, AnyEvent, Published
from callscribe.terminal import TerminalView
from callscribe.terminal.printer import Printer


class Terminal(io.TextIOBase):
    """What a Rich console writes to; `screen` is what a person would see."""

    def __init__(self, columns: int = 80, rows: int = 24) -> None:
        self.history = pyte.HistoryScreen(columns, rows, history=1000, ratio=0.5)
        self.stream = pyte.Stream(self.history)
        self.raw = ""
        self.writes = 0

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return "utf-8"

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.raw += text
        self.writes += 1
        self.stream.feed(text.replace("\n", "\r\n"))  # as the terminal driver's ONLCR does
        return len(text)

    def scrollback(self) -> list[str]:
        """Lines that have scrolled off, oldest first."""
        columns = self.history.columns
        return [
            "".join(line[x].data for x in range(columns)).rstrip()
            for line in self.history.history.top
        ]

    def lines(self) -> list[str]:
        """What is on the screen, without trailing blanks and blank lines."""
        shown = [line.rstrip() for line in self.history.display]
        while shown and not shown[-1]:
            shown.pop()
        return shown

    def everything(self) -> list[str]:
        return self.scrollback() + self.lines()

    def is_dim(self, word: str) -> bool:
        """Whether the first character of `word`, wherever it is on the screen, is written dim."""
        return self._style_before(word, "2")

    def _style_before(self, word: str, code: str) -> bool:
        at = self.raw.rindex(word)
        opened = self.raw.rindex("\x1b[", 0, at) if "\x1b[" in self.raw[:at] else -1
        sequence = self.raw[opened + 2 : self.raw.index("m", opened)] if opened >= 0 else ""
        return code in sequence.split(";")


class Clock:
    """A wall clock that stands still until moved."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 15, 10, 0, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def move(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


class Stage:
    """A view on a terminal in memory; events are given ids as the journal would."""

    def __init__(
        self,
        columns: int = 80,
        rows: int = 24,
        *,
        environ: Mapping[str, str] | None = None,
        raw: bool = False,
        fillers: Literal["keep", "dim", "hide"] = "dim",
        second_reader: bool = False,
    ) -> None:
        self.terminal = Terminal(columns, rows)
        self.clock = Clock()
        self.console = Console(
            file=self.terminal,  # type: ignore[arg-type]
            force_terminal=True,
            color_system="standard",
            width=columns,
            height=rows,
            legacy_windows=False,
            _environ=dict(environ or {"TERM": "xterm-256color"}),
        )
        self.view = TerminalView(
            self.console,
            raw=raw,
            fillers=fillers,
            second_reader=second_reader,
            now=self.clock,
            timezone=UTC,
            # Emulates a terminal that cuts lines, as pyte does.
            environ=environ if environ is not None else {"XTERM_VERSION": "XTerm(388)"},
        )
        self._id = 0

    @property
    def printer(self) -> Printer:
        return self.view._printer

    def play(self, *events: AnyEvent) -> None:
        for event in events:
            number = None
            if not isinstance(event, EPHEMERAL):
                self._id += 1
                number = self._id
            self.view.show(Published(number, event))
            self.view.flush()

    def resize(self, columns: int, rows: int) -> None:
        self.terminal.history.resize(rows, columns)
        self.console.size = (columns, rows)
        self.view.redraw()

    def lines(self) -> list[str]:
        return self.terminal.lines()
