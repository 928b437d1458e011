"""The command line: the composition root, which alone builds the parts and joins them.

Each command is a module here with a `register(app)` function.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

import callscribe
from callscribe.errors import CallscribeError

COMMANDS: tuple[str, ...] = (
    "serve",
    "simulate",
    "watch",
    "calls",
    "show",
    "dial",
    "attach",
    "control",
    "models",
    "settings",
    "doctor",
    "explain",
    "demo",
)
"""The modules, in the order in which `callscribe --help` shows their commands; most have one, of their name."""

_ELSEWHERE: dict[str, str] = {
    "detach": "attach",
    "pause": "control",
    "resume": "control",
    "swap": "control",
    "rename": "control",
}
"""Commands that live in a module of another name."""


def _version(asked: bool) -> None:
    if asked:
        print(f"callscribe {callscribe.__version__}")
        raise typer.Exit


def build_app(names: Sequence[str] = COMMANDS) -> typer.Typer:
    """The command line with the commands of these modules on it."""
    app = typer.Typer(
        name="callscribe",
        help="Turns phone calls into text while people are still talking, on your own machine.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    @app.callback()
    def root(
        version: Annotated[
            bool,
            typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
        ] = False,
    ) -> None:
        pass

    for name in names:
        importlib.import_module(f"callscribe.cli.{name}").register(app)
    return app


def needed(arguments: Sequence[str]) -> tuple[str, ...]:
    """The modules that a command line needs: importing the others would only make it slower to start.

    Args:
        arguments: without the program's name.
    """
    if arguments and arguments[0] in COMMANDS:
        return (arguments[0],)
    if arguments and arguments[0] in _ELSEWHERE:
        return (_ELSEWHERE[arguments[0]],)
    if "--version" in arguments[:1]:
        return ()
    return COMMANDS  # help, and mistakes, which are answered with the nearest names


def main() -> None:
    """Entry point: errors that we can explain end with their explanation and status 1, never with a traceback.

    Wrong usage (status 2), Ctrl-C (130) and an output that nobody reads any more are Typer's to end.
    """
    command = typer.main.get_command(build_app(needed(sys.argv[1:])))
    try:
        command.main()
    except CallscribeError as error:
        print(f"callscribe: {error}", file=sys.stderr)
        sys.exit(1)
