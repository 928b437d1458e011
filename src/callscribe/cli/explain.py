"""`callscribe explain`: Twilio's error numbers in plain words."""

from __future__ import annotations

import json as json_module
import textwrap
from typing import Annotated

import typer

from callscribe.carriers.twilio.explain import Explanation, explain, known_codes
from callscribe.errors import CallscribeError
from callscribe.outlet import data, say


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("explain")
    def explain_command(
        code: Annotated[
            str, typer.Argument(help="The number, e.g. 31920. Without it: all of them.")
        ] = "",
        json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    ) -> None:
        """Explain a Twilio error number, and what to do about it."""
        if not code:
            found = [one for one in map(explain, known_codes()) if one is not None]
            if json:
                data(json_module.dumps([_facts(one) for one in found], indent=2).encode())
            else:
                for one in found:
                    say(f"{one.code}  {one.title}")
            return
        number = code.upper().removeprefix("ERROR").strip(" :#-")
        if not (number.isascii() and number.isdigit() and len(number) < 10):
            raise CallscribeError(f"{code[:40]!r} is not an error number, e.g. 31920.")
        explained = explain(int(number))
        if explained is None:
            raise CallscribeError(
                f"There is no explanation of error {number} here. See https://www.twilio.com/docs/api/errors/{number}"
            )
        if json:
            data(json_module.dumps(_facts(explained), indent=2).encode())
            return
        say(f"{explained.code}  {explained.title}")
        for text in (explained.meaning, explained.cure):
            say("\n" + textwrap.fill(text, 88))
        say(f"\n{explained.more_info}")


def _facts(one: Explanation) -> dict[str, object]:
    return {
        "code": one.code,
        "title": one.title,
        "meaning": one.meaning,
        "cure": one.cure,
        "more_info": one.more_info,
    }
