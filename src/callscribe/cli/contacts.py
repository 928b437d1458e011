"""`callscribe contacts`: names for numbers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Annotated, Protocol

import msgspec
import typer

from callscribe.calls.speakers import clean_name
from callscribe.cli.beside import record_of
from callscribe.cli.options import with_settings
from callscribe.cli.remote import Remote
from callscribe.contacts import ContactFile
from callscribe.errors import SettingsError
from callscribe.names import fit, not_a_name
from callscribe.outlet import data, say, tell
from callscribe.phone import is_number, normal
from callscribe.settings import Settings
from callscribe.transcript import wording


class _Book(Protocol):
    """Where names are saved: a server's, or the file that nobody else has open."""

    def save(self, number: str, name: str) -> bool:
        """Give a number a name, or take it away; whether it had one."""
        ...


def register(app: typer.Typer) -> None:
    """Add the command group."""
    contacts = typer.Typer(
        help="Names for phone numbers.", no_args_is_help=True, rich_markup_mode=None
    )
    app.add_typer(contacts, name="contacts")

    @contacts.command("list")
    @with_settings(names=["data"])
    def list_command(
        settings: Settings,
        as_json: Annotated[
            bool, typer.Option("--json", help="One JSON array on standard output.")
        ] = False,
    ) -> None:
        """List saved contacts and those from the settings."""
        saved = ContactFile(settings.data).all()
        rows = [{"number": number, "name": name, "from": "saved"} for number, name in saved.items()]
        rows += [
            {"number": normal(number), "name": clean_name(name), "from": "settings"}
            for number, name in settings.contacts.items()
            if normal(number) not in saved
        ]
        if as_json:
            data(msgspec.json.format(msgspec.json.encode(rows)))
            return
        if not rows:
            tell(
                "There are no contacts. Save one: callscribe contacts add +15005550010 'Alice Smith'"
            )
        width = max((len(row["number"]) for row in rows), default=0)
        for row in rows:
            end = "  (settings)" if row["from"] == "settings" else ""
            say(f"{row['number'].ljust(width)}  {wording.isolated(row['name'])}{end}")

    @contacts.command("add")
    @with_settings(names=["data"])
    def add_command(
        settings: Settings,
        number: Annotated[str, typer.Argument(help="The number, with + and country code.")],
        name: Annotated[str, typer.Argument(help="The name.")],
    ) -> None:
        """Give a number a name, on past and future calls, even while the server runs."""
        if why := not_a_name(name):
            raise SettingsError(why)
        called = fit(name)
        wanted = _checked(number)
        with _book(settings) as book:
            book.save(wanted, called)
        tell(wording.renamed(wanted, wording.isolated(called)))

    @contacts.command("remove")
    @with_settings(names=["data"])
    def remove_command(
        settings: Settings,
        number: Annotated[str, typer.Argument(help="A number from `callscribe contacts list`.")],
    ) -> None:
        """Remove a number's name."""
        wanted = _checked(number)
        with _book(settings) as book:
            if not book.save(wanted, ""):
                raise SettingsError(
                    f"There is no saved contact with the number {wanted}. See: callscribe contacts list"
                )
        tell(f"{wanted} no longer has a name.")


def _checked(number: str) -> str:
    if not is_number(number):
        raise SettingsError(
            f"{number[:60]!r} is not a phone number. Write it with + and the country code, like +15005550010."
        )
    return normal(number)


@contextlib.contextmanager
def _book(settings: Settings) -> Iterator[_Book]:
    """The contacts, through the server that has the folder open, or in the file.

    Raises:
        CallscribeError: neither can be had.
    """
    with record_of(settings) as record:
        yield _Served(record) if isinstance(record, Remote) else ContactFile(settings.data)


class _Served:
    """Through a running server."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote

    def save(self, number: str, name: str) -> bool:
        path = "/api/contacts"
        before = self._remote.get(path)["contacts"]
        self._remote.post(path, {"number": number, "name": name})
        return number in before
