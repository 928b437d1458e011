"""What the commands of a running server show: the terminal view or JSON lines, fed by the hub."""

from __future__ import annotations

import sys

from callscribe.cli.options import data_option
from callscribe.cli.program import program
from callscribe.journal.follow import JournalFollower
from callscribe.server import Server
from callscribe.settings import Settings
from callscribe.terminal.canvas import canvas
from callscribe.terminal.driver import run_view
from callscribe.terminal.jsonlines import JsonLines
from callscribe.terminal.view import TerminalView

AnyView = TerminalView | JsonLines


def choose_view(settings: Settings, *, json_when_piped: bool = True) -> AnyView:
    """JSON lines when asked for or when nobody looks at a terminal; else the terminal view."""
    if settings.json or (json_when_piped and not sys.stdout.isatty()):
        return JsonLines(sys.stdout.buffer)
    return TerminalView(
        canvas(),
        raw=settings.raw,
        fillers=settings.fillers,
        saved_hint=lambda call: f"{program()} show {call[:12]}{data_option(settings.data)}",
    )


async def show_server(server: Server, view: AnyView) -> None:
    """Feed the view what happens on the server until its hub closes."""
    if isinstance(view, TerminalView):
        view.expect_second_readings(server.reading is not None)
    record = server.record
    with JournalFollower(record.store, record.hub, after=None) as follower:
        await run_view(follower, view)
