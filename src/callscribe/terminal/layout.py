"""How a line of the terminal view is put together: clocks, clean text, columns with a hanging
indent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from callscribe.outlet import clean
from callscribe.transcript import wording

NOTE = "yellow"
"""The style of what the reader should notice."""
QUIET = "dim"
"""The style of what is there for whoever looks for it."""

MIN_NAME_CELLS = 8
MAX_NAME_CELLS = 18
NARROW_TEXT_CELLS = 22
"""With fewer columns than this left for words, they go on lines of their own under the name."""


def cleaned(text: Text) -> Text:
    """`text` with control characters taken out and its styles kept."""
    if clean(text.plain) == text.plain:
        return text
    out = Text(style=text.style)
    for part in text.split("\n", include_separator=False, allow_blank=True):
        for piece in part.divide(
            sorted({edge for span in part.spans for edge in (span.start, span.end)})
        ):
            style = piece.spans[0].style if piece.spans else ""
            out.append(clean(piece.plain), style)
    return out


def isolated(text: str) -> str:
    """A name, or what else others chose, fit to stand within a line of ours, whatever way it is written."""
    return wording.isolated(clean(text))


def fit(text: str, cells: int, ellipsis: str = "…") -> str:
    """`text` cut to at most `cells` columns, wide characters counted as two."""
    if cell_len(text) <= cells:
        return text
    kept = ""
    for char in text:
        if cell_len(kept + char) > cells - cell_len(ellipsis):
            break
        kept += char
    return kept.rstrip() + ellipsis


def pad(text: str, cells: int) -> str:
    """`text` cut or filled with spaces to exactly `cells` columns."""
    cut = fit(text, cells)
    return cut + " " * (cells - cell_len(cut))


@dataclass(frozen=True)
class Columns:
    """Where things stand on a line `width` columns wide: time, call tag, name, words."""

    width: int
    name_cells: int = MIN_NAME_CELLS
    """0 for notes, which have no name and start where names do."""
    tag_cells: int = 0
    """0 while only one call is live."""
    time_cells: int = 5

    @property
    def before_name(self) -> int:
        return self.time_cells + 2 + (self.tag_cells + 1 if self.tag_cells else 0)

    @property
    def indent(self) -> int:
        """Column where the words begin."""
        return self.before_name + (self.name_cells + 2 if self.name_cells else 0)

    @property
    def narrow(self) -> bool:
        return self.width - self.indent < NARROW_TEXT_CELLS

    def prefix(self, time: str, tag: str, name: str, name_style: str) -> Text:
        """What stands before the words."""
        line = Text(no_wrap=True, end="")
        line.append(time.rjust(self.time_cells), "dim")
        line.append("  ")
        if self.tag_cells:
            line.append(pad(tag, self.tag_cells) + " ", "dim")
        if self.name_cells:
            # On a narrow terminal the name has its line to itself.
            cells = MAX_NAME_CELLS if self.narrow else self.name_cells
            cut = fit(clean(wording.shown(name)), cells)
            line.append(isolated(cut), name_style)
            line.append(" " * (cells - cell_len(cut) + 2))
        return line

    def lay_out(
        self, console: Console, prefix: Text, words: Text, *, max_rows: int | None = None
    ) -> list[Text]:
        """Prefix and words as lines no wider than the terminal; further lines hang under the words.

        With `max_rows` only the end of the words is kept, behind an ellipsis: in the live region
        the newest words are the ones being read.
        """
        indent = 2 if self.narrow else self.indent
        room = max(
            4, self.width - indent - 1
        )  # the last column stays free: terminals disagree on it
        rows = wrap(console, words, room)
        limit = max_rows if max_rows is None or not self.narrow else max(1, max_rows - 1)
        if limit is not None and len(rows) > limit:
            rows = rows[-limit:]
            rows[0] = wrap(console, Text("… ") + rows[0], room)[0]
        if self.narrow:
            head = prefix.copy()
            head.rstrip()
            head.truncate(max(1, self.width - 1), overflow="ellipsis")
            return [head, *(Text("  ") + row for row in rows)]
        first = rows[0] if rows else Text()
        return [prefix + first, *(Text(" " * indent) + row for row in rows[1:])]


def wrap(console: Console, text: Text, cells: int) -> list[Text]:
    """Word wrap; words longer than a line are folded."""
    return list(text.wrap(console, cells, overflow="fold"))


def join_words(items: Sequence[str]) -> str:
    """`A`, `A and B`, `A, B and C`."""
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else list(items))
