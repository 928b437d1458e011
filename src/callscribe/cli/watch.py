"""`callscribe watch`: a running server's calls in this terminal."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator
from typing import Annotated

import typer

from callscribe.cli.feed import Feed
from callscribe.cli.remote import DEFAULT_SERVER, Place, Remote, ServerError, place
from callscribe.events import AnyEvent
from callscribe.records import CallRecord
from callscribe.terminal import JsonLines, TerminalView, run_view
from callscribe.terminal.canvas import canvas


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("watch")
    def watch_command(
        url: Annotated[
            str, typer.Argument(help="The server's address, or the link it printed.")
        ] = DEFAULT_SERVER,
        token: Annotated[
            str,
            typer.Option(
                help="The server's token, if it runs on another machine.", show_default=False
            ),
        ] = "",
        call: Annotated[
            str,
            typer.Option(
                help="Only this call: its SID, or its first characters.", show_default=False
            ),
        ] = "",
        json: Annotated[
            bool | None,
            typer.Option(
                "--json/--no-json",
                help="One JSON event per line. The default when output is piped.",
                show_default=False,
            ),
        ] = None,
        server: Annotated[
            str,
            typer.Option(
                "--server", help="The server's address: another way to give it.", show_default=False
            ),
        ] = "",
        raw: Annotated[
            bool, typer.Option("--raw", help="The recogniser's own words instead of written text.")
        ] = False,
    ) -> None:
        """Show the live calls of a running server. Ctrl-C ends it; the server keeps running."""
        as_json = not sys.stdout.isatty() if json is None else json
        with contextlib.suppress(asyncio.CancelledError):
            asyncio.run(_watch(place(server or url, token), call=call, as_json=as_json, raw=raw))


async def _watch(server: Place, *, call: str, as_json: bool, raw: bool) -> None:
    task = asyncio.current_task()
    if task is not None:
        # Both end the view in order, so that the terminal gets its cursor back.
        for number in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(NotImplementedError, RuntimeError):
                asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    with Remote(server) as remote:
        wanted = await asyncio.to_thread(remote.record, call) if call else None
        if wanted is not None and wanted.call.ended_at is not None:
            raise ServerError(f"That call is over. See it: {server.url}/calls/{wanted.call.id}")
        if as_json:
            lines = JsonLines(sys.stdout.buffer)
            feed = Feed(server, call=wanted.call.id if wanted else "")
            async with _closing(feed):
                await feed.connect()
                await run_view(feed, lines)
            return
        view = TerminalView(
            canvas(),
            raw=raw,
            saved_hint=lambda sid: f"{server.url}/calls/{sid}",
        )
        with view:
            feed = Feed(server, call=wanted.call.id if wanted else "", on_state=view.status)
            async with _closing(feed):
                await feed.connect()
                live = await asyncio.to_thread(_live, remote, wanted)
                for call_id, events, after in live:
                    feed.skip[call_id] = after
                    view.catch_up(call_id, events)
                if not live:
                    view.say(f"No calls right now. Watching {server.url}; Ctrl-C ends it.")
                await run_view(feed, view)


@contextlib.asynccontextmanager
async def _closing(feed: Feed) -> AsyncIterator[None]:
    try:
        yield
    finally:
        await feed.close()


def _live(remote: Remote, wanted: CallRecord | None) -> list[tuple[str, list[AnyEvent], int]]:
    """The calls that are live now, the oldest first: id, events so far, id of the newest of these."""
    calls = [wanted.call] if wanted is not None else list(reversed(remote.calls()))
    return [(call.id, *remote.events(call.id)) for call in calls if call.ended_at is None]
