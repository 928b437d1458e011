"""`callscribe dial`: place a call that is transcribed."""

from __future__ import annotations

from typing import Annotated

import typer

from callscribe.cli.control import Server, Token
from callscribe.cli.program import program
from callscribe.cli.remote import DEFAULT_SERVER, Remote, place
from callscribe.outlet import say


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("dial")
    def dial_command(
        to: Annotated[str, typer.Argument(help="The number to call, e.g. +15005550010.")],
        connect: Annotated[
            str,
            typer.Option(
                "--connect",
                help="The number to connect them to when they answer.",
                show_default=False,
            ),
        ] = "",
        server: Server = DEFAULT_SERVER,
        token: Token = "",
    ) -> None:
        """Place a call from a running server's number, and transcribe it."""
        with Remote(place(server, token)) as remote:
            answer = remote.post("/api/calls", {"to": to, "connect": connect})
        call = str(answer["call"])
        then = f", then {connect}" if connect else ""
        say(f"Calling {to}{then}. Follow it: {program()} watch {remote.place.url} --call {call}")
