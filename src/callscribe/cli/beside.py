"""The record of a data folder for commands that change it: opened, or through the server that has it open."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from callscribe import files
from callscribe.cli.remote import Place, Remote, token_of
from callscribe.journal import spill
from callscribe.server import ADDRESS_FILE
from callscribe.settings import Settings
from callscribe.store.base import Archive, InUseError
from callscribe.store.opening import open_store


@contextlib.contextmanager
def record_of(settings: Settings) -> Iterator[Archive | Remote]:
    """The store, when nobody has the folder open, and nobody opens it meanwhile; else the server that has.

    Raises:
        StoreError: the record cannot be opened, or whoever has it open has not written down where it listens.
    """
    try:
        store = open_store(settings.data)
    except InUseError as error:
        try:
            url = files.read(settings.data / ADDRESS_FILE).decode().strip()
        except (OSError, UnicodeDecodeError):
            raise error from None
        with Remote(Place(url, token_of(settings))) as remote:
            yield remote
        return
    with store:
        # What a server that died could not write is a part of the record, too, and must not come back once deleted.
        spill.take_in(store, spill.folders_for(settings.data), spill.key_of(settings.data))
        yield store
