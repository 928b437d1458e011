"""`callscribe settings`: the current settings, and the reference page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from callscribe.cli.options import with_settings
from callscribe.errors import SettingsError
from callscribe.outlet import say
from callscribe.settings import Settings, describe, reference

START, STOP = "<!-- generated: settings -->\n", "<!-- /generated -->"


def register(app: typer.Typer) -> None:
    @app.command("settings")
    @with_settings(names=["data"])
    def settings_command(
        settings: Settings,
        write_reference: Annotated[
            Path | None,
            typer.Option(
                "--write-reference",
                help="Update the generated part of this Markdown page.",
            ),
        ] = None,
    ) -> None:
        """Show the current settings and where each comes from, secrets masked."""
        if write_reference is not None:
            write(write_reference)
            return
        for line in listing(settings):
            say(line)


def listing(settings: Settings) -> list[str]:
    """One line a setting: its name, its value, and where that comes from."""
    texts = describe(settings)
    names = max(map(len, texts))
    values = min(48, max(map(len, texts.values())))
    return [
        f"{name:<{names}}  {text:<{values}}  {settings.sources.get(name, 'default')}"
        for name, text in texts.items()
    ]


def write(page: Path) -> None:
    """Replace what lies between the page's markers.

    Raises:
        SettingsError: the page is not there or has no markers.
    """
    try:
        text = page.read_text(encoding="utf-8")
        before, rest = text.split(START, 1)
        _, after = rest.split(STOP, 1)
    except (OSError, ValueError):
        raise SettingsError(f"{page} has no part marked {START.strip()} ... {STOP}.") from None
    page.write_text(before + START + reference() + STOP + after, encoding="utf-8")
