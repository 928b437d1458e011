"""`callscribe attach` and `detach`: transcribe a call that is up already, and stop doing so."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from callscribe.cli.control import Server, Token
from callscribe.cli.program import program
from callscribe.cli.remote import DEFAULT_SERVER, Remote, ServerError, place
from callscribe.outlet import say
from callscribe.transcript import wording

_SID = re.compile(r"CA[0-9a-fA-F]{32}")

CallSid = Annotated[str, typer.Argument(help="The call's full SID, as Twilio's console shows it.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""

    def path(call_sid: str, verb: str) -> str:
        if not _SID.fullmatch(call_sid):
            raise ServerError(f"{call_sid!r} is not a call SID: CA and 32 hexadecimal digits.")
        return f"/api/calls/{call_sid}/{verb}"

    @app.command("attach")
    def attach_command(
        call_sid: Annotated[
            str,
            typer.Argument(
                help="The call's full SID. Without it, the calls in progress are listed.",
                show_default=False,
            ),
        ] = "",
        server: Server = DEFAULT_SERVER,
        token: Token = "",
    ) -> None:
        """Start transcribing a call that is already in progress on your account."""
        with Remote(place(server, token)) as remote:
            if not call_sid:
                for line in listed(remote.get("/api/attachable")):
                    say(line)
                return
            answer = remote.post(path(call_sid, "attach"))
        call = str(answer["call"])
        say(
            f"Transcribing {call_sid}. Follow it: {program()} watch {remote.place.url} --call {call}"
        )

    @app.command("detach")
    def detach_command(
        call_sid: CallSid, server: Server = DEFAULT_SERVER, token: Token = ""
    ) -> None:
        """Stop transcribing a call without hanging up."""
        with Remote(place(server, token)) as remote:
            remote.post(path(call_sid, "detach"))
        say(f"No longer transcribing {call_sid}. The call continues.")


def listed(calls: list[dict[str, str]]) -> list[str]:
    """Calls that can be attached to, one a line."""
    if not calls:
        return ["There are no other calls in progress."]
    return [
        f"{call['sid']}  {wording.full(call['from_name'], call['from'])}"
        f" to {wording.full('', call['to'])}"
        for call in calls
    ]
