"""Live calls in a terminal: what is over is printed and stays, what is being said is rewritten below it.

The view folds each call's events (`callscribe.transcript`) and turns what changes into lines. It never touches the
event loop: `show` only changes state, `flush` writes. The driver runs `flush` in a thread, so that a terminal that
stands still (Ctrl-S, a slow link) holds up nobody but itself.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, tzinfo
from types import TracebackType
from typing import Literal, Self, TextIO

from rich.console import Console
from rich.text import Text

from callscribe.events import AnyEvent, Published
from callscribe.outlet import clean
from callscribe.terminal.entries import Entries
from callscribe.terminal.live_lines import LiveLines
from callscribe.terminal.printer import Printer
from callscribe.terminal.shown import ShownCalls
from callscribe.terminal.teller import Teller
from callscribe.terminal.words import Words
from callscribe.transcript.fold import Transcript
from callscribe.transcript.parts import Utterance


class TerminalView:
    """Shows published events on a Rich console.

    On a terminal: colours, and a live region at the bottom. With NO_COLOR, a dumb terminal or a pipe: plain lines, one
    a fact, finals only.

    Args:
        console: where to print. Its width is asked anew at every line.
        raw: show the recogniser's own words instead of the written form.
        fillers: what happens to the tokens marked as fillers ("uh", "um").
        second_reader: utterances are read a second time, and printed when that is done or has taken too long; without
            this it is known from the first such reading on.
        saved_hint: how to see a finished call again, given its id; printed in its closing line.
        now: the wall clock, for the running duration.
        timezone: for times of day; None is the machine's.
        environ: NO_COLOR and the terminal's kind are read from it.
    """

    def __init__(
        self,
        console: Console,
        *,
        raw: bool = False,
        fillers: Literal["keep", "dim", "hide"] = "dim",
        second_reader: bool = False,
        saved_hint: Callable[[str], str] | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        timezone: tzinfo | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self.console = console
        words = Words(raw=raw, fillers=fillers)
        self._printer = Printer(console, environ)
        self._calls = ShownCalls()
        self._entries = Entries(self._printer, self._calls)
        self._second_reader = second_reader
        self._teller = Teller(
            self._calls,
            self._entries,
            words,
            saved_hint=saved_hint or (lambda call: f"callscribe show {call[:12]}"),
            now=now,
            timezone=timezone,
            second_reader=second_reader,
        )
        self._live = LiveLines(
            self._printer, self._calls, self._entries, words, self._teller.waiting, now
        )
        self._status = ""
        self._state = threading.RLock()
        """Held while what is known is read or changed, never while writing: taking an event in must not wait for a
        terminal that stands still."""
        self._swapped: TextIO | None = None

    @property
    def interactive(self) -> bool:
        """There is a live region."""
        return self._printer.interactive

    @property
    def closed(self) -> bool:
        """Nothing is written any more: it was closed, or the terminal is gone."""
        return self._printer.closed

    def expect_second_readings(self, expected: bool) -> None:
        """Whether utterances are read a second time; for the calls that begin from now on."""
        with self._state:
            self._second_reader = self._teller.second_reader = expected

    def show(self, published: Published) -> None:
        """Take an event in; nothing is written until `flush`."""
        with self._state:
            self._teller.tell(published.event)

    def flush(self) -> None:
        """Write what has gathered and bring the live region up to date, in one write. May block.

        Raises:
            ViewClosed: the terminal is gone.
        """
        self._printer.paint(self._live_lines)

    def redraw(self) -> None:
        """The terminal was resized: rewrite the live region even if its lines are the same."""
        self._printer.paint(self._live_lines, always=True)

    def resume(self) -> None:
        """After the process was stopped and continued: other programs have written to the screen meanwhile."""
        self._printer.forget()
        self.redraw()

    def status(self, text: str) -> None:
        """A quiet word in the live region, e.g. "reconnecting"; empty takes it away. Not kept in the scrollback."""
        with self._state:
            if text and not self.interactive and text != self._status:
                self._printer.print(Text(f"({clean(text)})"))
            self._status = text

    def say(self, text: str | Text) -> None:
        """Print a line of the program's own above the live region, at the next flush.

        When it has to wrap, it hangs under what follows its first column (`Page     http://...`).
        """
        with self._state:
            self._entries.say(text)

    def catch_up(self, call: str, events: Iterable[AnyEvent], *, last: int = 12) -> None:
        """Open a call that was already live when we came: its heading, then the `last` entries."""
        with self._state:
            if call not in self._calls:
                transcript = Transcript(call, events, second_reader=self._second_reader)
                self._teller.recount(transcript, last=last)

    def recount(
        self, transcript: Transcript, *, below: Callable[[Utterance], Iterable[Text]] = lambda _: ()
    ) -> None:
        """A whole call: its heading, its entries, with lines of one's own below what was said, and its end."""
        with self._state:
            self._teller.recount(transcript, below=below)

    def guard(self, stream: TextIO) -> TextIO:
        """`stream` (stderr) wrapped so that its lines appear above the live region instead of through it.

        Returned unchanged when it is not the terminal that this view draws on.
        """
        return self._printer.guard(stream)

    def close(self) -> None:
        """Print what is left, take the live region away, give the cursor back. Idempotent."""
        with self._state:
            self._teller.leave()
            self._status = ""
        self._printer.close()
        if self._swapped is not None:
            sys.stderr, self._swapped = self._swapped, None

    def __enter__(self) -> Self:
        guarded = self.guard(sys.stderr)
        if guarded is not sys.stderr:
            self._swapped, sys.stderr = sys.stderr, guarded
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _live_lines(self) -> list[Text]:
        with self._state:
            self._teller.release()
            return self._live.make(self._status)
