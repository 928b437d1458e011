"""The live region's lines: what each voice is saying now, then one line on the calls themselves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from rich.text import Text

from callscribe.outlet import clean
from callscribe.terminal import phrases
from callscribe.terminal.entries import Entries
from callscribe.terminal.layout import NOTE, QUIET, clock
from callscribe.terminal.printer import Printer
from callscribe.terminal.shown import ShownCalls
from callscribe.terminal.words import Words


class LiveLines:
    """Makes the lines anew whenever they are asked for."""

    def __init__(
        self,
        printer: Printer,
        calls: ShownCalls,
        entries: Entries,
        words: Words,
        clock: Callable[[], datetime],
    ) -> None:
        self._printer = printer
        self._calls = calls
        self._entries = entries
        self._words = words
        self._clock = clock

    def make(self, status: str) -> list[Text]:
        """What is being said, oldest first, then the calls.

        Args:
            status: a quiet word before the calls.
        """
        lines: list[Text] = []
        speaking = sorted(
            (
                (call, voice, event)
                for call in self._calls
                for voice, event in call.partials.items()
            ),
            key=lambda item: (item[0].tag, item[2].start_ms),
        )
        budget = max(1, self._printer.console.height // 2)
        hidden = len(speaking) - budget if len(speaking) > budget else 0
        if hidden:
            hidden += 1
            speaking = speaking[-(budget - 1) :] if budget > 1 else []
        rows_each = max(1, budget // max(1, len(speaking)))
        for call, voice, event in speaking:
            words = self._words.partial(event)
            lag = call.lag_now.get(voice, 0)
            if lag >= phrases.LAG_NOTE_MS:
                words.append(f"  ({lag / 1000:.0f} s behind)", NOTE)
            columns = self._entries.columns(self._calls)
            prefix = columns.prefix(
                clock(event.start_ms),
                self._calls.tag_of(call),
                call.name(voice),
                self._calls.style(call, voice),
            )
            lines += columns.lay_out(self._printer.console, prefix, words, max_rows=rows_each)
        if hidden:
            more = "..." if self._printer.ascii else "…"
            lines.append(Text(f"       {more} and {hidden} more speaking", QUIET))
        if self._calls or status:
            lines.append(self._calls_line(status))
        return lines

    def _calls_line(self, status: str) -> Text:
        """`live  A 3:12 Alice Adams   B 0:04 Bob`, dim; with what is unusual about a call said after it."""
        line = Text(style=QUIET, no_wrap=True)
        if status:
            line.append(clean(status), NOTE)
        for call in self._calls:
            line.append("   " if line.plain else "")
            line.append("* " if self._printer.ascii else "● ")
            if self._calls.many:
                line.append(f"{call.tag} ")
            if call.started_at is not None:
                elapsed = self._clock() - call.started_at
                line.append(clock(int(elapsed.total_seconds() * 1000)) + " ")
            line.append(call.who)
            if call.paused_ms is not None:
                line.append(" paused", NOTE)
            if call.on_hold:
                line.append(" on hold", NOTE)
        line.truncate(max(1, self._printer.width - 1), overflow="ellipsis")
        return line
