"""The command line: parses and prints. What it runs is built and joined by `callscribe.server`.

Each command is a module here with a `register(app)` function.
"""

from __future__ import annotations

import errno
import importlib
import io
import os
import sys
from collections.abc import Iterator, MutableMapping, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from typer._click.exceptions import ClickException  # Typer's own click has no other name
from typer.core import TyperGroup

import callscribe
from callscribe.cli.program import program
from callscribe.errors import CallscribeError, SettingsError
from callscribe.outlet import prepare, say, tell, unwritable

UNWRITABLE = (errno.ENOSPC, errno.EBADF, errno.EIO)
"""What writing to a full disk, to a closed output and to a terminal that is gone fail with."""


class Command(NamedTuple):
    """What is known of a command before its module is imported."""

    module: str
    """In this package."""
    summary: str
    """The first sentence of its help."""


COMMANDS: dict[str, Command] = {
    "serve": Command("serve", "Take calls: webhook, media socket, recognition, pages."),
    "simulate": Command(
        "simulate",
        "Call a server as Twilio would, and report what was sent and what came back.",
    ),
    "watch": Command("watch", "Show the live calls of a running server."),
    "calls": Command("calls", "List the saved calls, newest first."),
    "show": Command("show", "Show a saved call."),
    "search": Command("search", "Search what was said in all saved calls."),
    "audio": Command("audio", "Save a recorded call's audio to a file, one channel per person."),
    "export": Command(
        "export", "Export calls to files: text, Markdown, SRT, WebVTT, JSON, CSV, HTML."
    ),
    "import": Command(
        "export", "Import exported calls (JSON) into the record, also while the server runs."
    ),
    "delete": Command(
        "delete",
        "Delete calls for good: the record, what was said, the audio, and every trace of them on the disk.",
    ),
    "dial": Command("dial", "Place a call from a running server's number, and transcribe it."),
    "attach": Command(
        "attach", "Start transcribing a call that is already in progress on your account."
    ),
    "detach": Command("attach", "Stop transcribing a call without hanging up."),
    "hangup": Command("control", "End a live call for everybody on it."),
    "pause": Command(
        "control", "Pause a live call: until you resume it, nothing is heard or kept."
    ),
    "resume": Command("control", "Resume a paused call."),
    "swap": Command(
        "control",
        "Swap the names of a call's two people, including in what they have already said.",
    ),
    "rename": Command("control", "Rename a person, including in what they have already said."),
    "contacts": Command("contacts", "Names for phone numbers."),
    "tokens": Command("tokens", "Tokens for programs that use the API."),
    "models": Command(
        "models", "Recognition models: list them, download one, teach one your words."
    ),
    "text": Command(
        "text",
        "Turn spoken words into readable text, line by line, from standard input to standard output.",
    ),
    "settings": Command(
        "settings", "Show the current settings and where each comes from, secrets masked."
    ),
    "doctor": Command(
        "doctor", "Check everything a call needs, and say how to fix what doesn't work."
    ),
    "explain": Command("explain", "Explain a Twilio error number, and what to do about it."),
    "demo": Command(
        "demo", "See a phone call become text: the real server, called by a simulated Twilio."
    ),
}
"""In the order in which `callscribe --help` shows them."""


class _Modules(MutableMapping[str, Any]):
    """The commands by name. A command's module is imported when it is asked for: importing them all takes a second."""

    def __init__(self) -> None:
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._loaded:
            module = importlib.import_module(f"callscribe.cli.{COMMANDS[name].module}")
            app = typer.Typer(rich_markup_mode=None)
            app.callback()(_nothing)  # else Typer takes an only command for the program itself
            module.register(app)
            made = typer.main.get_group(app).commands
            for command in made.values():
                _name_types_plainly(command)
            self._loaded |= made
        return self._loaded[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        del self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


_PLAIN = {"str": "text", "int": "number", "float": "number"}


def _plainly(label: str) -> str:
    """A type as help names it, `<list[str]>`, without Python's words: `<text>`."""
    name = label.strip("<>").removeprefix("list[").removesuffix("]").removesuffix(" range")
    return f"<{_PLAIN.get(name, name.lower())}>"


def _name_types_plainly(command: Any) -> None:
    """Let a command's help speak of texts and numbers, not of Python's types."""
    for inner in getattr(command, "commands", {}).values():
        _name_types_plainly(inner)
    for param in command.params:
        shown = getattr(param, "display_type", None)
        if shown is not None:
            param.display_type = lambda ctx, shown=shown: _plainly(shown(ctx))


class _Group(TyperGroup):
    """All commands, none of them imported to be listed."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = _Modules()

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.summary) for name, command in COMMANDS.items()])


def _nothing() -> None:
    pass


def _version(asked: bool) -> None:
    if asked:
        say(f"callscribe {callscribe.__version__}")
        raise typer.Exit


def build_app() -> typer.Typer:
    """The command line."""
    app = typer.Typer(
        name="callscribe",
        cls=_Group,
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

    return app


def main() -> None:
    """Entry point: errors that we can explain end with their explanation and status 1, never with a traceback.

    Wrong usage ends with status 2, Ctrl-C with 130; an output that nobody reads any more is Typer's to end.
    """
    prepare(COMMANDS, program())
    have_a_home()
    try:
        check_arguments(sys.argv[1:])
        status = typer.main.get_command(build_app()).main(standalone_mode=False)
    except ClickException as error:
        # By our outlet: it quotes what was typed, or pasted.
        text = io.StringIO()
        error.show(text)
        tell(text.getvalue(), end="")
        sys.exit(error.exit_code)
    except typer.Abort:
        tell("Aborted.")
        sys.exit(1)
    except CallscribeError as error:
        tell(f"callscribe: {error}")
        sys.exit(1)
    except (MemoryError, RuntimeError, OSError) as error:
        if _is_want_of_memory(error):
            tell(
                "callscribe: This machine, or the limit set for this process, does not have enough memory or threads "
                f"({error}). Give it more (ulimit -v, ulimit -u, the container's limits), or a smaller model."
            )
            sys.exit(1)
        if not isinstance(error, OSError) or error.errno not in UNWRITABLE or error.filename:
            raise
        tell(f"callscribe: {unwritable(error)}")  # help, which is printed past our outlet
        sys.exit(1)
    sys.exit(status if isinstance(status, int) else 0)


def _is_want_of_memory(error: Exception) -> bool:
    match error:
        case MemoryError():
            return True
        case OSError():
            return error.errno in (errno.ENOMEM, errno.EAGAIN) and error.filename is None
        case _:
            return "can't start new thread" in str(error)  # all that CPython says of it


def have_a_home() -> None:
    """Give a user without a home folder, as in a container, the one that container engines give: the root."""
    try:
        Path.home()
    except RuntimeError:
        os.environ["HOME"] = os.sep


def check_arguments(arguments: Sequence[str]) -> None:
    """See that every argument is text, or the name of a file that is there.

    Raises:
        SettingsError: one is not.
    """
    for argument in arguments:
        try:
            argument.encode()
        except UnicodeEncodeError:
            if not Path(argument).exists():
                raise SettingsError(
                    f"The argument {argument!r} is not valid text in this terminal's encoding."
                ) from None
