"""What reaches the terminal, or the pipe: lines that stay, and the live region below them.

Printing only gathers; `paint` writes, and alone may block. So a terminal that stands still (Ctrl-S, a slow link) holds
up nobody but whoever paints.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import TextIO, cast

from rich.color import ColorSystem
from rich.console import Console
from rich.text import Text

from callscribe.outlet import StandIn, harmless
from callscribe.terminal.jsonlines import ViewClosed
from callscribe.terminal.region import Line, LiveRegion, reflows


class Printer:
    """Prints on a Rich console.

    On a terminal: colours, and a live region at the bottom. With NO_COLOR, a dumb terminal or a pipe: plain lines only.
    """

    def __init__(self, console: Console, environ: Mapping[str, str] = os.environ) -> None:
        """
        Args:
            console: where to print. Its width is asked anew at every line.
            environ: NO_COLOR and the terminal's kind are read from it.
        """
        self.console = console
        self.interactive = (
            console.is_terminal and not console.is_dumb_terminal and not environ.get("NO_COLOR")
        )
        self.ascii = not (console.encoding or "").lower().startswith("utf")
        """It shows nothing but ASCII."""
        self._colors = _color_system(console)
        self._region = LiveRegion(
            console.file, lambda: self.console.width, reflowing=reflows(environ)
        )
        self._above: deque[str] = deque()
        self._writing = threading.RLock()
        self._closed = False

    @property
    def width(self) -> int:
        """Columns of the terminal, now."""
        return self.console.width

    @property
    def painted(self) -> tuple[Line, ...]:
        """The live region as it is on the screen."""
        return self._region.painted

    @property
    def closed(self) -> bool:
        """Nothing is written any more: it was closed, or the terminal is gone."""
        return self._closed

    def print(self, line: Text) -> None:
        """Have a line printed above the live region at the next `paint`."""
        text = self._ansi(line).rstrip(" ") if self.interactive else harmless(line.plain).rstrip()
        text = self._encodable(text)
        self._above.append(text + "\n")

    def paint(self, live: Callable[[], Sequence[Text]], *, always: bool = False) -> None:
        """Write what has gathered and bring the live region up to date, in one write. May block.

        Args:
            live: asked for the region's lines when it is this painter's turn; it may print before it answers.
            always: rewrite the region even if its lines are the same.

        Raises:
            ViewClosed: the terminal is gone.
        """
        with self._writing:
            if self._closed:
                return
            told = live()
            lines = [self._paintable(line) for line in told] if self.interactive else []
            above = self._drain()
            try:
                if self.interactive:
                    if above or always or tuple(lines) != self._region.painted:
                        self._region.paint(above, lines)
                elif above:
                    self.console.file.write(above)
                    self.console.file.flush()
            except (OSError, ValueError) as error:  # the terminal, or the file, is gone
                self._closed = True
                raise ViewClosed from error

    def forget(self) -> None:
        """Other programs have written to the screen: the region begins anew below what is there."""
        with self._writing:
            self._region.forget()

    def write_above(self, text: str) -> None:
        """Whole lines, as they are, above the live region. From any thread; never waits for a painting one."""
        self._above.append(text)
        if self._writing.acquire(blocking=False):
            try:
                if not self._closed:
                    with contextlib.suppress(OSError, ValueError):
                        self._region.paint(self._drain(), self._region.painted)
            finally:
                self._writing.release()

    def close(self) -> None:
        """Print what is left, take the live region away, give the cursor back. Idempotent."""
        with self._writing:
            with contextlib.suppress(ViewClosed):
                self.paint(list)
            self._closed = True

    def guard(self, stream: TextIO) -> TextIO:
        """`stream` (stderr) wrapped so that its lines appear above the live region instead of through it.

        Returned unchanged when it is not the terminal that the region is drawn on.
        """
        if self.interactive and stream.isatty():
            return cast(TextIO, _Guarded(self, stream))
        return stream

    def _paintable(self, line: Text) -> Line:
        return Line(self._encodable(self._ansi(line)), line.cell_len)

    def _encodable(self, text: str) -> str:
        """`text` in letters that the terminal knows."""
        if not self.ascii:
            return text
        text = text.replace("\u2068", "").replace("\u2069", "")  # else two "?" more
        return text.encode(self.console.encoding, "replace").decode(self.console.encoding)

    def _ansi(self, line: Text) -> str:
        """`line` with its styles as escape sequences, without a newline."""
        # Straight from the text: a console would look for places to break lines first, which takes as long again.
        segments = line.render(self.console)
        return "".join(
            segment.style.render(harmless(segment.text), color_system=self._colors)
            if segment.style
            else harmless(segment.text)
            for segment in segments
        ).rstrip("\n")

    def _drain(self) -> str:
        parts = []
        while self._above:
            parts.append(self._above.popleft())
        return "".join(parts)


class _Guarded(StandIn):
    """Stands in for stderr: whole lines go above the live region."""

    def __init__(self, printer: Printer, stream: TextIO) -> None:
        super().__init__(stream)
        self._printer = printer
        self._rest = ""

    def write(self, text: str) -> int:
        if self._printer.closed:  # kept by a logger for longer than the view lived
            return self._stream.write(text)
        whole, newline, self._rest = (self._rest + text).rpartition("\n")
        if newline:
            self._printer.write_above(whole + newline)
        return len(text)

    def flush(self) -> None:
        if self._printer.closed:
            self._stream.flush()
        # Otherwise every whole line has been written, and half a line would tear the region.


def _color_system(console: Console) -> ColorSystem | None:
    names = {
        "standard": ColorSystem.STANDARD,
        "256": ColorSystem.EIGHT_BIT,
        "truecolor": ColorSystem.TRUECOLOR,
        "windows": ColorSystem.WINDOWS,
    }
    return names.get(console.color_system or "")
