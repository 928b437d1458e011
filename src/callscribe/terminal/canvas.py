"""Rich consoles: made here and nowhere else, so that nothing that they are given to print is obeyed by the terminal."""

from __future__ import annotations

from typing import TextIO

from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderHook, RenderResult
from rich.segment import Segment

from callscribe.outlet import harmless


def canvas(
    file: TextIO | None = None, *, stderr: bool = False, width: int | None = None
) -> Console:
    """A Rich console for an output. Text that it is given is shown as it is, with no markup in it, and is not obeyed.

    Args:
        file: by default standard output, or standard error. `callscribe.outlet.drawing()` tells what cannot be written.
        stderr: standard error.
        width: columns; by default the terminal's.
    """
    made = Console(
        file=file,
        stderr=stderr,
        width=width,
        highlight=False,
        markup=False,
        emoji=False,
    )
    made.push_render_hook(_Harmless())
    return made


class _Harmless(RenderHook):
    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        return [_Cleaned(each) for each in renderables]


class _Cleaned:
    """Draws another thing, and lets no control character of its texts through."""

    def __init__(self, drawn: ConsoleRenderable) -> None:
        self._drawn = drawn

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for segment in console.render(self._drawn, options):
            yield segment if segment.control else Segment(harmless(segment.text), segment.style)
