"""`callscribe calls`: the saved calls, newest first."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer
from rich.console import Console

from callscribe.cli.options import with_settings
from callscribe.outlet import data, tell
from callscribe.settings import Settings
from callscribe.store.base import NoRecordError
from callscribe.store.opening import open_store
from callscribe.terminal.call_list import print_calls, shortest_length


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("calls")
    @with_settings(names=["data"])
    def calls_command(
        settings: Settings,
        limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many.")] = 50,
        as_json: Annotated[
            bool, typer.Option("--json", help="One JSON array on standard output.")
        ] = False,
    ) -> None:
        """List the saved calls, newest first. Works beside a running server."""
        try:
            with open_store(settings.data, read_only=True) as store:
                found = store.calls(limit=limit + 1)
        except NoRecordError as error:
            if not as_json:
                raise
            # A program that asks for the calls gets an answer: there are none.
            tell(error)
            found = []
        calls, more = found[:limit], len(found) > limit
        if as_json:
            data(msgspec.json.format(msgspec.json.encode(calls)))
            return
        if not calls:
            tell(
                f"No calls in {settings.data} yet. With `callscribe serve` running, "
                "call your number or run `callscribe simulate`."
            )
            return
        console = Console(highlight=False)
        print_calls(console, calls)
        if console.is_terminal:
            rest = "   Older ones: --limit" if more else ""
            console.print(
                f"Read one: callscribe show {calls[0].sid[: shortest_length([c.sid for c in calls])]}{rest}",
                style="dim",
            )
