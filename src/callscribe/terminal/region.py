"""The few lines at the bottom of the terminal that are rewritten in place.

No alternate screen and no scroll region: what is above belongs to the terminal's own scrollback, so
it can be copied, searched and survives the program. The region is repainted with one write, so that
nothing is ever seen half done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import IO, NamedTuple

_UP = "\x1b[{}A"
_CLEAR_BELOW = "\x1b[J"
_HIDE_CURSOR = "\x1b[?25l"
_SHOW_CURSOR = "\x1b[?25h"
_NO_WRAP, _WRAP = "\x1b[?7l", "\x1b[?7h"
"""A line that the terminal takes for wider than we do (joined emoji, scripts of India) ends at the margin: were it
wrapped, the region would be a row higher than we know, and each paint would leave a row behind."""


class Line(NamedTuple):
    """One painted line."""

    ansi: str
    """As written, without a newline."""
    cells: int
    """Columns that it takes, less than the terminal's width when it was painted."""


def reflows(environ: Mapping[str, str]) -> bool:
    """Whether the terminal wraps lines anew when its width changes (nearly all do) or cuts them
    off.

    xterm, the Linux console and GNU screen cut. Guessing wrong costs a stale line, or one too many
    erased.
    """
    if environ.get("TMUX"):
        return True
    return not (
        environ.get("XTERM_VERSION")
        or environ.get("STY")
        or environ.get("TERM", "").split("-")[0] == "linux"
    )


class LiveRegion:
    """Paints lines that the next paint replaces. The cursor rests at the start of its last line."""

    def __init__(self, file: IO[str], width: Callable[[], int], *, reflowing: bool) -> None:
        self._file = file
        self._width = width
        self._reflowing = reflowing
        self._painted: tuple[Line, ...] = ()
        self._cursor_hidden = False

    @property
    def painted(self) -> tuple[Line, ...]:
        """What is on the screen now."""
        return self._painted

    def paint(self, above: str, lines: Sequence[Line]) -> None:
        """Print `above` (whole lines) where the region was, and the region below it. One write,
        flushed."""
        out = [self._home(), _CLEAR_BELOW, above]
        if lines:
            out += [_NO_WRAP, "\n".join(line.ansi for line in lines), _WRAP, "\r"]
        if bool(lines) != self._cursor_hidden:
            out.append(_HIDE_CURSOR if lines else _SHOW_CURSOR)
            self._cursor_hidden = bool(lines)
        self._painted = tuple(lines)
        self._file.write("".join(out))
        self._file.flush()

    def forget(self) -> None:
        """Something else has written to the screen (the program was stopped and continued): start
        below it."""
        self._painted = ()
        self._cursor_hidden = False

    def _home(self) -> str:
        """Move the cursor to the start of the region's first line, wherever a resize has put
        that."""
        above_last = self._painted[:-1]
        if self._reflowing:
            width = max(1, self._width())
            rows = sum(max(1, -(-line.cells // width)) for line in above_last)
        else:
            rows = len(above_last)
        return "\r" + (_UP.format(rows) if rows else "")
