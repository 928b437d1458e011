"""The record of a data folder, opened: store, hub, journal, recordings."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from callscribe.calls.speakers import Contacts
from callscribe.contacts import ContactFile
from callscribe.journal import spill
from callscribe.journal.hub import Hub
from callscribe.journal.journal import Journal
from callscribe.journal.stages import Stage
from callscribe.reading.unread import Unread
from callscribe.recordings.objects import SCHEME, Objects
from callscribe.recordings.shelf import Shelf
from callscribe.recordings.writing import Recorder
from callscribe.settings import Settings
from callscribe.speech.waiting import Waiting
from callscribe.store.base import Archive, TokenBook
from callscribe.store.opening import open_store, open_tokens
from callscribe.upkeep import Retention, Upkeep

STAGES: tuple[Stage, ...] = ()
"""What every event passes before anybody knows of it, in order; docs/adding-a-stage.md."""


@dataclass(frozen=True)
class Record:
    """Where events are kept, and how they become known."""

    store: Archive
    hub: Hub
    journal: Journal
    interrupted: list[str]
    """Calls that a dead server had left open."""
    contacts: Contacts
    saved_contacts: ContactFile
    shelf: Shelf
    recorder: Recorder
    upkeep: Upkeep
    """Deletes, and works on the record on the side."""
    tokens: TokenBook
    """Who may use the API, beside the pages' token."""


def open_shelf(settings: Settings) -> Shelf:
    """The recordings of a data folder.

    Raises:
        SettingsError: the object storage cannot be used.
    """
    where = settings.recordings
    folder = settings.data / "recordings"
    if where.startswith(SCHEME):
        return Shelf(folder, keep_raw=settings.keep_original, objects=Objects(where))
    return Shelf(Path(where).expanduser() if where else folder, keep_raw=settings.keep_original)


@contextlib.asynccontextmanager
async def open_record(settings: Settings) -> AsyncIterator[Record]:
    """The record in the data folder, with what a dead server could not write put in, and its calls ended.

    On leaving, everything that was published is written, and every recording is complete.

    Raises:
        StoreError: the folder is in use, or cannot be read or written.
    """
    kept = Retention(settings.keep_calls_days, settings.keep_text_days, settings.keep_audio_days)
    data = settings.data
    with open_store(data) as store, open_tokens(data) as tokens:
        key = spill.key_of(data)
        spill.take_in(store, spill.folders_for(data), key)
        contacts = Contacts(settings.contacts)
        saved = ContactFile(data, contacts.give)
        shelf = open_shelf(settings)
        with (
            contextlib.closing(shelf.recorder()) as recorder,
            contextlib.closing(Hub(store.last_id())) as hub,
        ):
            beside = spill.Spill(spill.folders_for(data), key)
            journal = Journal(store, hub, stages=STAGES, spill=beside)
            journal.start()
            try:
                interrupted = store.interruptions()
                await journal.take_in(interrupted)
                upkeep = Upkeep(
                    store,
                    journal.publish,
                    keepers=[Unread(data), Waiting(data)],
                    shelf=shelf,
                    retention=kept,
                )
                async with upkeep.running():
                    yield Record(
                        store,
                        hub,
                        journal,
                        [end.call for end in interrupted],
                        contacts,
                        saved,
                        shelf,
                        recorder,
                        upkeep,
                        tokens,
                    )
            finally:
                await journal.close()
                await asyncio.to_thread(recorder.close)
