from __future__ import annotations

import io

from rich.table import Table
from rich.text import Text

from callscribe.terminal.canvas import canvas
from tests.test_outlet import HOSTILE, OBEYED


def test_what_is_drawn_obeys_nobody_and_has_no_markup() -> None:
    out = io.StringIO()
    console = canvas(out, width=100)
    table = Table()
    table.add_row(f"[bold]{HOSTILE}[/bold]", Text(HOSTILE), ":smile:")
    console.print(table)
    console.print(f"[red]{HOSTILE}[/red]", style="dim")
    assert not OBEYED & set(out.getvalue())
    assert out.getvalue().count("[bold]Eve ]0;title 31m red") == 1
    assert "[red]Eve" in out.getvalue()
    assert ":smile:" in out.getvalue()
