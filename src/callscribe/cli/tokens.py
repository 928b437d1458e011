"""`callscribe tokens`: tokens for programs, named, scoped and revocable."""

from __future__ import annotations

import re
from typing import Annotated

import msgspec
import typer

from callscribe.cli.options import with_settings
from callscribe.errors import SettingsError
from callscribe.outlet import data, say, tell
from callscribe.records import TokenRecord
from callscribe.settings import Settings
from callscribe.store.base import NoRecordError
from callscribe.store.opening import open_tokens
from callscribe.web.grants import SCOPES
from callscribe.web.tokens import digest, new_token, now
from callscribe.web.v1.tokens import TOKEN_NAME


def register(app: typer.Typer) -> None:
    """Add the command group."""
    tokens = typer.Typer(
        help="Tokens for programs that use the API.", no_args_is_help=True, rich_markup_mode=None
    )
    app.add_typer(tokens, name="tokens")

    @tokens.command("add")
    @with_settings(names=["data"])
    def add_command(
        settings: Settings,
        name: Annotated[str, typer.Argument(help="What the token is for, e.g. crm.")],
        scope: Annotated[
            list[str] | None,
            typer.Option("--scope", help=f"One of: {', '.join(SCOPES)}. Repeatable."),
        ] = None,
    ) -> None:
        """Create a token and print it; it is shown only once. Without --scope it may only read."""
        say(add(settings, name, scope or ["read"]))
        tell(f"Only a digest is kept. Revoke it with: callscribe tokens revoke {name}")

    @tokens.command("list")
    @with_settings(names=["data"])
    def list_command(
        settings: Settings,
        as_json: Annotated[
            bool, typer.Option("--json", help="One JSON array on standard output.")
        ] = False,
    ) -> None:
        """List the tokens and when each was last used."""
        try:
            with open_tokens(settings.data) as book:
                found = book.all()
        except NoRecordError:
            found = []
        if as_json:
            data(msgspec.json.format(msgspec.json.encode(found)))
            return
        if not found:
            tell("There are no tokens. Make one: callscribe tokens add NAME")
        for line in listing(found):
            say(line)

    @tokens.command("revoke")
    @with_settings(names=["data"])
    def revoke_command(
        settings: Settings,
        name: Annotated[str, typer.Argument(help="A name from `callscribe tokens list`.")],
    ) -> None:
        """Revoke a token. It stops working at once, in a running server too."""
        revoke(settings, name)
        tell(f"{name} is revoked.")


def add(settings: Settings, name: str, scopes: list[str]) -> str:
    """Make a token, and keep its digest.

    Raises:
        SettingsError: the name or a scope cannot be.
        StoreError: the name is taken, or the record cannot be written.
    """
    if not re.fullmatch(TOKEN_NAME, name):
        raise SettingsError(
            f"A token's name must be 1 to 60 letters, digits, dots or dashes, not {name[:80]!r}."
        )
    unknown = [scope for scope in scopes if scope not in SCOPES]
    if unknown:
        raise SettingsError(f"There is no scope {unknown[0]}. The scopes are: {', '.join(SCOPES)}.")
    token = new_token()
    with open_tokens(settings.data, create=True) as book:
        book.add(name, digest(token), list(dict.fromkeys(scopes)), now())
    return token


def revoke(settings: Settings, name: str) -> None:
    """Let a token open nothing any more.

    Raises:
        SettingsError: there is no such token.
        StoreError: the record cannot be written.
    """
    with open_tokens(settings.data) as book:
        if not book.revoke(name, now()):
            raise SettingsError(f"There is no token called {name}. See: callscribe tokens list")


def listing(tokens: list[TokenRecord]) -> list[str]:
    """One line a token: name, scopes, since when, last used; columns apart by two blanks and more."""
    rows = [
        (
            token.name,
            " ".join(token.scopes),
            f"made {token.created_at[:10]}",
            f"revoked {token.revoked_at[:10]}"
            if token.revoked_at
            else f"used {token.last_used_at[:10]}"
            if token.last_used_at
            else "never used",
        )
        for token in tokens
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(3)] if rows else []
    return [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]])
        for row in rows
    ]
