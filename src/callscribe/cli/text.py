"""`callscribe text`: spoken words in, readable lines out."""

from __future__ import annotations

import sys
from typing import Annotated, cast

import typer

from callscribe.errors import CallscribeError
from callscribe.outlet import clean, raw, tell
from callscribe.text.writer import Fillers, Writer, WriterOptions

_FILLERS = ("keep", "dim", "hide")


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("text")
    def text_command(
        language: Annotated[
            str, typer.Option("--language", help='Language of the words, e.g. "en" or "en-GB".')
        ] = "en",
        fillers: Annotated[
            str, typer.Option("--fillers", help='"keep" or "hide" words like "uh".')
        ] = "keep",
    ) -> None:
        """Turn spoken words into readable text, line by line, from standard input to standard output."""
        if fillers not in _FILLERS:
            raise CallscribeError(f'--fillers must be "keep" or "hide", not {fillers!r}.')
        writer = Writer.for_language(language, WriterOptions(fillers=cast(Fillers, fillers)))
        if not writer.supported:
            raise CallscribeError(
                f"There are no rules for writing {language!r} yet; only English, e.g. --language en-GB."
            )
        if sys.stdin.isatty():
            tell("Type spoken words, one utterance a line; end with Ctrl-D.")
        for number, line in enumerate(sys.stdin.buffer, start=1):
            try:
                words = line.decode("utf-8").split()
            except UnicodeDecodeError:
                raise CallscribeError(f"Line {number} is not UTF-8 text.") from None
            raw(clean(writer.final(words).text).encode() + b"\n")
