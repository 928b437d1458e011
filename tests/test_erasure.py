"""What is deleted is nowhere: not in the record, its index and its log, nor in any file beside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from callscribe.erasure import erase, remove_traces
from callscribe.events import (
    CallEnded,
    DtmfReceived,
    FinalTranscript,
    NoteChanged,
    RevisedTranscript,
    SpeakerRenamed,
    TagsChanged,
    UtteranceCorrected,
)
from callscribe.reading.unread import FOLDER, Kept, Unread
from callscribe.recordings import files
from callscribe.recordings.shelf import Shelf
from callscribe.records import CallFilter
from callscribe.store.sqlite import SqliteStore
from tests.said import reread
from tests.store.test_search import CALL, OTHER, said, started

SAID, REREAD, CORRECTED, NOTED, TAGGED, NAMED = (
    "xylotrapezium",
    "xylotrapezius",
    "xenoglossary",
    "quibblefluff",
    "zwetschgentag",
    "Morgenthal",
)
TEXT = (SAID, REREAD, CORRECTED, NOTED, TAGGED)
SOUND = bytes(range(0x31, 0x71)) * 4
"""In no file by chance."""


def revised(final: FinalTranscript, text: str) -> RevisedTranscript:
    return reread(final, text=text, raw_text=text.lower(), revision=9)


class Disk:
    """A data folder in which a call has left something everywhere."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = SqliteStore.open(folder)
        self.unread = Unread(folder)
        self.shelf = Shelf(folder / "recordings", keep_raw=True)
        final = said(f"The {SAID} is late.")
        self.store.append(
            [
                started(),
                final,
                revised(final, f"The {REREAD} is late."),
                said(f"And a {SAID} again.", utterance="u2", start_ms=5000),
                UtteranceCorrected(
                    call=CALL, leg=CALL, track="inbound", utterance="u2", text=f"A {CORRECTED}."
                ),
                DtmfReceived(call=CALL, leg=CALL, track="inbound", digit="7", at_ms=900),
                NoteChanged(call=CALL, text=f"Ask about {NOTED}."),
                TagsChanged(call=CALL, tags=(TAGGED,)),
                SpeakerRenamed(call=CALL, leg=CALL, track="inbound", speaker=NAMED),
                CallEnded(call=CALL, at="2026-01-15T10:05:00.000Z", duration_ms=300_000),
                started(OTHER, "2026-02-15T10:00:00.000Z"),
                said("Nothing of it.", call=OTHER),
            ]
        )
        self.unread.keep(Kept(final=final, at_ms=0, sound=SOUND))
        name = files.TrackFile(CALL, CALL, "MZ1", "inbound", 0)
        for suffix in (files.RAW, files.FLAC, files.PEAKS):
            path = name.path(self.shelf.folder, suffix)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(SOUND)
        name.path(self.shelf.folder, ".part").write_bytes(SOUND)  # was being made into FLAC

    def holds(self, needle: bytes) -> list[str]:
        """Files in which it is found."""
        return sorted(
            str(file.relative_to(self.folder))
            for file in self.folder.rglob("*")
            if file.is_file() and needle in file.read_bytes()
        )

    def holds_unread(self) -> list[str]:
        """Files with sound that was to be read again, whether it is sealed there or not."""
        return [str(file) for file in (self.folder / FOLDER).rglob("*") if file.is_file()]

    def words(self, words: Sequence[str]) -> dict[str, list[str]]:
        found = {word: self.holds(word.encode()) for word in words}
        return {word: places for word, places in found.items() if places}

    def remove_traces(self) -> None:
        for _ in remove_traces(self.store, [self.unread, self.shelf]):
            pass


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    made = Disk(tmp_path / "data")
    try:
        assert set(made.words([*TEXT, NAMED])) == {*TEXT, NAMED}
        assert len(made.holds(SOUND)) >= 4
        assert made.unread.calls() == [CALL]  # in whatever way it is kept there
        yield made
    finally:
        made.store.close()


def test_of_a_deleted_call_nothing_is_left(disk: Disk) -> None:
    assert list(erase(disk.store, [CALL])) == [[CALL]]
    disk.remove_traces()
    assert disk.words([*TEXT, NAMED, CALL]) == {}
    assert disk.holds(SOUND) == []
    assert disk.holds_unread() == []
    assert disk.store.call(OTHER) is not None


def test_of_deleted_text_nothing_is_left_but_who_called_whom_and_the_sound(disk: Disk) -> None:
    assert list(erase(disk.store, [CALL], "text")) == [[CALL]]
    disk.remove_traces()
    assert disk.words(TEXT) == {}
    assert disk.holds(b'"digit"') == []
    assert {Path(place).parts[0] for place in disk.holds(SOUND)} == {"recordings"}
    assert disk.holds_unread() == []
    record = disk.store.call(CALL)
    assert record is not None
    call = record.call
    assert (record.utterances, call.note, call.tags, call.utterance_count) == ((), "", (), 0)
    assert (call.from_, call.duration_ms) == ("+14155550123", 300_000)
    assert disk.words([NAMED])
    for word in (TAGGED, NOTED):
        assert disk.store.list_calls(words=word).calls == ()
    assert disk.store.list_calls(CallFilter(tags=(TAGGED,))).calls == ()
    assert disk.store.list_calls(CallFilter(number="415 555 0123")).calls[-1].id == CALL


def test_a_reading_that_comes_later_brings_no_text_back(disk: Disk) -> None:
    list(erase(disk.store, [CALL], "text"))
    disk.remove_traces()
    assert disk.store.append([revised(said("x"), f"The {REREAD} again.")]) == [0]
    assert disk.words(TEXT) == {}


def test_text_is_due_as_long_as_there_is_any(disk: Disk) -> None:
    later = "2027-01-01T00:00:00.000Z"
    assert disk.store.expired(later, "text") == [CALL]
    list(erase(disk.store, [CALL], "text"))
    assert disk.store.expired(later, "text") == []
    disk.store.append([NoteChanged(call=CALL, text="Called back.")])
    assert disk.store.expired(later, "text") == [CALL]
