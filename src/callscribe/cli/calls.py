"""`callscribe calls`: the saved calls, newest first."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from callscribe.cli.filters import with_filter
from callscribe.cli.options import with_settings
from callscribe.cli.program import program
from callscribe.outlet import data, drawing, tell
from callscribe.records import CallFilter, CallPage
from callscribe.settings import Settings
from callscribe.store.base import NoRecordError
from callscribe.store.opening import open_store
from callscribe.terminal.call_list import print_calls, shortest_length
from callscribe.terminal.canvas import canvas


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("calls")
    @with_settings(names=["data"])
    @with_filter
    def calls_command(
        settings: Settings,
        wanted: CallFilter,
        words: Annotated[
            list[str] | None,
            typer.Argument(
                metavar="WORDS",
                help="Only calls with these words in a name, a number, a tag, the room or what was said.",
            ),
        ] = None,
        after: Annotated[
            str,
            typer.Option(
                "--after",
                metavar="CURSOR",
                help="Continue after this call: the `id` of the last one listed.",
            ),
        ] = "",
        limit: Annotated[
            int,
            typer.Option("--limit", "-n", min=1, max=1_000_000, help="How many to show at most."),
        ] = 50,
        as_json: Annotated[
            bool, typer.Option("--json", help="One JSON array on standard output.")
        ] = False,
    ) -> None:
        """List the saved calls, newest first. Works while the server runs."""
        try:
            with open_store(settings.data, read_only=True) as store:
                page = store.list_calls(
                    wanted, words=" ".join(words or ()), limit=limit, cursor=after
                )
        except NoRecordError as error:
            if not as_json:
                raise
            # A program that asks for the calls gets an answer: there are none.
            tell(error)
            page = CallPage(calls=())
        calls = list(page.calls)
        if as_json:
            data(msgspec.json.format(msgspec.json.encode(calls)))
            return
        if not calls and (words or after or wanted != CallFilter()):
            tell("No calls match.")
            return
        if not calls:
            tell(
                f"No calls in {settings.data} yet. With `callscribe serve` running, "
                "call your number or run `callscribe simulate`."
            )
            return
        console = canvas(drawing())
        print_calls(console, calls)
        if console.is_terminal:
            rest = f"   Older ones: --after {calls[-1].id}" if page.cursor else ""
            console.print(
                f"Read one: {program()} show {calls[0].sid[: shortest_length([c.sid for c in calls])]}{rest}",
                style="dim",
            )
