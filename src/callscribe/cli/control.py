"""`callscribe pause`, `resume`, `hangup`, `rename`, `swap`: what can be done to a live call of a running server."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import typer

from callscribe.cli.program import program
from callscribe.cli.remote import DEFAULT_SERVER, Remote, ServerError, place
from callscribe.events import Track
from callscribe.outlet import clean, say
from callscribe.records import CallRecord, CallSummary
from callscribe.transcript import wording

Server = Annotated[
    str, typer.Option("--server", help="The server's address, or the link it printed.")
]
Token = Annotated[
    str,
    typer.Option(
        "--token", help="The server's token, if it runs on another machine.", show_default=False
    ),
]
SomeCall = Annotated[
    str,
    typer.Argument(
        help="The call's SID, or its first characters. Not needed when only one call is live."
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""

    @app.command("pause")
    def pause_command(
        call: SomeCall = "", server: Server = DEFAULT_SERVER, token: Token = ""
    ) -> None:
        """Pause a live call: until you resume it, nothing is heard or kept."""
        found = ask(server, token, call, "pause")
        say(f"Paused: {who(found)}. Resume it with: {program()} resume {found.id[:12]}")

    @app.command("resume")
    def resume_command(
        call: SomeCall = "", server: Server = DEFAULT_SERVER, token: Token = ""
    ) -> None:
        """Resume a paused call."""
        found = ask(server, token, call, "resume")
        say(f"Transcribing again: {who(found)}.")

    @app.command("hangup")
    def hangup_command(
        call: SomeCall = "", server: Server = DEFAULT_SERVER, token: Token = ""
    ) -> None:
        """End a live call for everybody on it."""
        found = ask(server, token, call, "hangup")
        say(f"Hung up: {who(found)}.")

    @app.command("swap")
    def swap_command(
        call: SomeCall = "", server: Server = DEFAULT_SERVER, token: Token = ""
    ) -> None:
        """Swap the names of a call's two people, including in what they have already said."""
        found = ask(server, token, call, "swap")
        with Remote(place(server, token)) as remote:
            names = people(remote.record(found.id))
        say(f"Swapped: {named(names)}.")

    @app.command("rename")
    def rename_command(
        who_now: Annotated[
            str, typer.Argument(metavar="NOW", help="The person's current name, as shown.")
        ],
        name: Annotated[str, typer.Argument(metavar="NAME", help="The new name.")],
        call: SomeCall = "",
        server: Server = DEFAULT_SERVER,
        token: Token = "",
    ) -> None:
        """Rename a person, including in what they have already said."""
        with Remote(place(server, token)) as remote:
            found = live_call(remote, call)
            whole = remote.record(found.id)
            leg, track = voice(whole, who_now)
            remote.post(
                f"/api/calls/{found.id}/rename", {"leg": leg, "track": track, "speaker": name}
            )
        say(f"{clean(wording.isolated(who_now))} is now called {clean(wording.isolated(name))}")


def ask(server: str, token: str, sid: str, what: str) -> CallSummary:
    """Have a running server do something to a live call; returns the call.

    Raises:
        ServerError: see `live_call`; or it could not be done.
    """
    with Remote(place(server, token)) as remote:
        found = live_call(remote, sid)
        remote.post(f"/api/calls/{found.id}/{what}")
    return found


def live_call(remote: Remote, sid: str) -> CallSummary:
    """The call that is meant: by its SID, or the only live one.

    Raises:
        ServerError: none, several, or not this one.
    """
    if sid:
        return remote.record(sid).call
    live = [call for call in remote.calls() if call.ended_at is None]
    if len(live) == 1:
        return live[0]
    if not live:
        raise ServerError("No call is live now.")
    lines = "\n".join(f"  {call.id}  {who(call)}" for call in live)
    raise ServerError(
        f"{len(live)} calls are live. Say which one, by the first characters of its SID:\n{lines}"
    )


def people(whole: CallRecord) -> dict[str, tuple[str, Track]]:
    """Names on a call, each with its leg and track."""
    found: dict[str, tuple[str, Track]] = {}
    for person in whole.participants:
        found[person.speaker] = (person.leg, person.track)
    for track in whole.tracks:
        found[track.speaker] = (track.leg, track.track)
    return found


def named(names: Iterable[str]) -> str:
    """Names in a sentence."""
    everybody = tuple(names)
    return clean(wording.names(everybody, len(everybody)))


def voice(whole: CallRecord, name: str) -> tuple[str, Track]:
    """Leg and track of the speaker called `name`.

    Raises:
        ServerError: there is none; says who there is.
    """
    known = people(whole)
    same = [where for known_name, where in known.items() if known_name.lower() == name.lower()]
    if len(same) == 1:
        return same[0]
    raise ServerError(
        f"Nobody on this call is called {clean(wording.isolated(name))}. "
        + (f"The people on it: {named(known)}." if known else "Nobody has a name yet.")
    )


def who(call: CallSummary) -> str:
    """Both parties, in words."""
    return clean(wording.title(call))
