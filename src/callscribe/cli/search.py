"""`callscribe search QUERY`: what was said, in all saved calls."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from callscribe.cli.filters import with_filter
from callscribe.cli.options import data_option, with_settings
from callscribe.cli.program import program
from callscribe.outlet import data, drawing, tell
from callscribe.records import CallFilter, SearchPage
from callscribe.settings import Settings
from callscribe.store.base import NoRecordError
from callscribe.store.opening import open_store
from callscribe.terminal.canvas import canvas
from callscribe.terminal.found import print_found

_HELP = """Search what was said in all saved calls. Works while the server runs.

All words of QUERY must be there; "in quotes" one after the other. refund* also finds refunds. OR, NOT (or a minus) and
brackets do what they say: '(refund OR credit) NOT card'. Numbers are found however they were said or written: 412 finds
"four one two".
"""


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("search", help=_HELP)
    @with_settings(names=["data"])
    @with_filter
    def search_command(
        settings: Settings,
        wanted: CallFilter,
        query: Annotated[list[str], typer.Argument(metavar="QUERY", help="What to search for.")],
        speaker: Annotated[
            str, typer.Option("--speaker", help="Only what a person of this name said.")
        ] = "",
        limit: Annotated[
            int, typer.Option("--limit", "-n", min=1, max=1000, help="How many to show at most.")
        ] = 20,
        by: Annotated[
            str, typer.Option("--by", help="Order: time (newest first) or rank (best first).")
        ] = "time",
        cursor: Annotated[
            str, typer.Option("--cursor", help="Continue where the last page ended: its `cursor`.")
        ] = "",
        as_json: Annotated[
            bool, typer.Option("--json", help="One JSON object on standard output.")
        ] = False,
    ) -> None:
        if by not in ("time", "rank"):
            raise typer.BadParameter("either `time` or `rank`", param_hint="--by")
        wanted = msgspec.structs.replace(wanted, speaker=speaker)
        try:
            with open_store(settings.data, read_only=True) as store:
                page = store.search(
                    " ".join(query), wanted, limit=limit, by_rank=by == "rank", cursor=cursor
                )
        except NoRecordError as error:
            if not as_json:
                raise
            tell(error)
            page = SearchPage(hits=())
        if as_json:
            data(msgspec.json.format(msgspec.json.encode(page)))
            return
        if page.unindexed:
            more = " or more" if page.unindexed >= 1000 else ""
            tell(
                f"{page.unindexed}{more} older utterances are not indexed yet and cannot be found; "
                "a running `callscribe serve` is indexing them."
            )
        if not page.hits:
            hint = f" Did you mean: {page.did_you_mean}" if page.did_you_mean else ""
            tell(f"Nothing found.{hint}")
            return
        console = canvas(drawing())
        print_found(console, page, show=f"{program()} show {{sid}}{data_option(settings.data)}")
        if page.cursor and console.is_terminal:
            console.print(f"More: --cursor {page.cursor}", style="dim")
