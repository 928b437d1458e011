"""`callscribe delete`: calls, for good."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Annotated, Protocol
from urllib.parse import quote

import msgspec
import typer

from callscribe.cli.beside import record_of
from callscribe.cli.filters import moment
from callscribe.cli.options import with_settings
from callscribe.cli.remote import Remote, not_ours
from callscribe.cli.show import find
from callscribe.erasure import Keeper, erase, remove_traces
from callscribe.errors import CallscribeError, StoreError
from callscribe.outlet import say, tell
from callscribe.reading.unread import Unread
from callscribe.server import open_shelf
from callscribe.settings import Settings
from callscribe.speech.waiting import Waiting
from callscribe.store.base import Archive
from callscribe.store.opening import open_store


class _Record(Protocol):
    """A record that calls can be deleted from: a server's, or one that nobody has open."""

    def chosen(self, number: str, before: str) -> int:
        """How many calls there are of a number, before a moment."""
        ...

    def delete_one(self, call: str) -> None: ...

    def delete_many(self, number: str, before: str, confirmed: int) -> int: ...


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("delete")
    @with_settings(names=["data", "recordings"])
    def delete_command(
        settings: Settings,
        call: Annotated[
            str, typer.Argument(metavar="CALL", help="The call's SID, or its first characters.")
        ] = "",
        number: Annotated[
            str, typer.Option("--number", help="All calls with this phone number.")
        ] = "",
        before: Annotated[
            str,
            typer.Option("--before", metavar="DATE", help="All calls that began before this date."),
        ] = "",
        yes: Annotated[
            bool, typer.Option("--yes", "-y", help="Don't ask for confirmation.")
        ] = False,
    ) -> None:
        """Delete calls for good: the record, what was said, the audio, and every trace of them on the disk.

        Works with or without a running server. Calls still in progress are kept.
        """
        if bool(call) == bool(number or before):
            raise typer.BadParameter("give either a call, or --number, --before or both")
        since = moment(before) if before else ""
        open_store(settings.data, read_only=True).close()  # makes no record where there is none
        with _record(settings) as record:
            if call:
                with open_store(settings.data, read_only=True) as reader:
                    found = find(reader, call).call
                _confirm(f"Delete the call {found.sid} for good?", yes)
                record.delete_one(found.id)
                say(f"Deleted {found.sid}.")
                return
            count = record.chosen(number, since)
            if not count:
                tell("No calls match.")
                return
            calls = "1 call" if count == 1 else f"{count} calls"
            _confirm(f"Delete {calls} for good?", yes)
            say(f"Deleted {record.delete_many(number, since, count)} of {calls}.")


def _confirm(question: str, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise CallscribeError(f"{question} Confirm with --yes.")
    if not typer.confirm(question):
        raise typer.Exit(1)


@contextlib.contextmanager
def _record(settings: Settings) -> Iterator[_Record]:
    """The record, through the server that has it open, or directly.

    Raises:
        CallscribeError: neither can be had.
    """
    with record_of(settings) as record:
        if isinstance(record, Remote):
            yield _Served(record)
            return
        record.append(record.interruptions())  # nobody else will end them
        yield _Opened(record, file_keepers(settings))


def file_keepers(settings: Settings) -> list[Keeper]:
    """Who keeps files about calls in a data folder."""
    return [open_shelf(settings), Unread(settings.data), Waiting(settings.data)]


class _Served:
    """Through a running server."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote

    def chosen(self, number: str, before: str) -> int:
        return self._ask({"number": number, "before": before}).calls

    def delete_one(self, call: str) -> None:
        self._remote.delete(f"/api/calls/{quote(call, safe='')}")

    def delete_many(self, number: str, before: str, confirmed: int) -> int:
        return len(self._ask({"number": number, "before": before, "confirm": confirmed}).deleted)

    def _ask(self, body: dict[str, object]) -> _Deletions:
        try:
            return msgspec.convert(self._remote.post("/api/deletions", body), _Deletions)
        except msgspec.ValidationError as error:
            raise not_ours(self._remote.place, str(error)) from None


class _Deletions(msgspec.Struct):
    calls: int
    deleted: list[str]


class _Opened:
    """In a folder that nobody else has open. The traces are gone when a method is back."""

    def __init__(self, store: Archive, keepers: list[Keeper]) -> None:
        self._store = store
        self._keepers = keepers

    def chosen(self, number: str, before: str) -> int:
        return len(self._store.chosen(number=number, before=before, limit=1_000_000))

    def delete_one(self, call: str) -> None:
        self._delete([call])

    def delete_many(self, number: str, before: str, confirmed: int) -> int:
        return self._delete(self._store.chosen(number=number, before=before, limit=confirmed))

    def _delete(self, calls: list[str]) -> int:
        gone = sum(len(batch) for batch in erase(self._store, calls))
        try:
            for _ in remove_traces(self._store, self._keepers):
                pass
        except (OSError, StoreError) as error:
            raise CallscribeError(
                f"The calls are deleted, but traces are left: {error} They are removed the next time the server starts."
            ) from None
        return gone
