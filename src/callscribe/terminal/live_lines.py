"""The live region's lines: what is being said or not sure yet, then one line on the calls themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from rich.text import Text

from callscribe.outlet import clean
from callscribe.terminal.entries import Entries
from callscribe.terminal.layout import NOTE, QUIET
from callscribe.terminal.printer import Printer
from callscribe.terminal.shown import ShownCall, ShownCalls
from callscribe.terminal.words import Words
from callscribe.transcript import wording
from callscribe.transcript.parts import Utterance


class LiveLines:
    """Makes the lines anew whenever they are asked for."""

    def __init__(
        self,
        printer: Printer,
        calls: ShownCalls,
        entries: Entries,
        words: Words,
        waiting: Callable[[ShownCall], Iterable[Utterance]],
        clock: Callable[[], datetime],
    ) -> None:
        """
        Args:
            waiting: what a call's people have said that is not printed yet.
            clock: the wall clock.
        """
        self._printer = printer
        self._calls = calls
        self._entries = entries
        self._words = words
        self._waiting = waiting
        self._clock = clock

    def make(self, status: str) -> list[Text]:
        """What is not sure yet and what is being said, oldest first, then the calls.

        Args:
            status: a quiet word before the calls.
        """
        lines: list[Text] = []
        speaking = sorted(
            (
                (call, said)
                for call in self._calls
                for said in (*self._waiting(call), *call.speaking.values())
            ),
            key=lambda item: (item[0].tag, item[1].order),
        )
        budget = max(1, self._printer.console.height // 2)
        hidden = len(speaking) - budget if len(speaking) > budget else 0
        if hidden:
            hidden += 1
            speaking = speaking[-(budget - 1) :] if budget > 1 else []
        rows_each = max(1, budget // max(1, len(speaking)))
        for call, said in speaking:
            words = self._words.final(said) if said.final else self._words.partial(said)
            who = said.person.who
            if not said.final and (late := wording.behind(call.transcript.lag.get(who, 0))):
                words.append(f"  ({late})", NOTE)
            columns = self._entries.columns(self._calls)
            prefix = columns.prefix(
                wording.clock(said.start_ms),
                self._calls.tag_of(call),
                said.person.name,
                self._calls.style(call, who),
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
            if call.transcript.is_over:
                continue  # its last lines wait for their second reading
            line.append("   " if line.plain else "")
            line.append("* " if self._printer.ascii else "● ")
            if call.lettered:
                line.append(f"{call.tag} ")
            if call.started_at is not None:
                elapsed = self._clock() - call.started_at
                line.append(wording.clock(int(elapsed.total_seconds() * 1000)) + " ")
            line.append(call.who)
            state = wording.state(call.transcript.call)
            if state.name != "live":
                line.append(f" {state.word.lower()}", NOTE)
        line.truncate(max(1, self._printer.width - 1), overflow="ellipsis")
        return line
