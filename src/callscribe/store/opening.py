"""The one place that knows which store there is."""

from __future__ import annotations

from pathlib import Path

from callscribe.errors import StoreError
from callscribe.store.base import Archive, NoRecordError, TokenBook
from callscribe.store.sqlite import SqliteStore
from callscribe.store.tokens import SqliteTokens


def open_store(data: Path, *, read_only: bool = False) -> Archive:
    """Open the record in a data folder.

    Args:
        data: the folder; made when missing, unless `read_only`.
        read_only: change nothing, not even beside a running server or in a folder that cannot be written.

    Raises:
        NoRecordError: there is none (`read_only`).
        StoreError: with what to do: another process writes there, a newer or older version wrote it, damaged, no
            permission, disk full.
    """
    return SqliteStore.open(data, read_only=read_only)


def open_tokens(data: Path, *, create: bool = False) -> TokenBook:
    """The tokens of the record in a data folder; also beside a running server.

    Args:
        create: make the record if there is none, or bring it up to date, when no server does so already.

    Raises:
        NoRecordError: there is none, and `create` is not given.
        StoreError: as `open_store`.
    """
    if create:
        _make_current(data)
    elif not SqliteTokens.there(data):
        raise NoRecordError(f"{data} holds no callscribe record. Name its folder with --data.")
    return SqliteTokens.open(data)


def _make_current(data: Path) -> None:
    try:
        open_store(data, read_only=True).close()
    except StoreError:
        open_store(data).close()
