"""The command line: the composition root, which alone builds the parts and joins them.

Each command is a module here with a `register(app)` function.
"""

from __future__ import annotations

import importlib
import sys
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
"""In the order in which `callscribe --help` shows them."""


def _version(asked: bool) -> None:
    if asked:
        print(f"callscribe {callscribe.__version__}")
        raise typer.Exit


def build_app() -> typer.Typer:
    """The command line with every command on it."""
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

    for name in COMMANDS:
        importlib.import_module(f"callscribe.cli.{name}").register(app)
    return app


def main() -> None:
    """Entry point: errors that we can explain end with their explanation and status 1, never with a traceback.

    Wrong usage (status 2), Ctrl-C (130) and an output that nobody reads any more are Typer's to end.
    """
    command = typer.main.get_command(build_app())
    try:
        command.main()
    except CallscribeError as error:
        print(f"callscribe: {error}", file=sys.stderr)
        sys.exit(1)
