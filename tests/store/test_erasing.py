"""What is deleted is gone: from every answer, and from the disk."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from callscribe.erasure import erase, remove_traces
from callscribe.errors import StoreError
from callscribe.events import CallEnded, RecordSettled
from callscribe.store.sqlite import SqliteStore
from tests.said import reread
from tests.store.test_search import CALL, OTHER, said, started

SECRET = "xylotrapezium"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def store(folder: Path) -> Iterator[SqliteStore]:
    with SqliteStore.open(folder) as opened:
        opened.append(
            [
                started(from_name=SECRET),
                *(
                    said(f"Number {n} is the {SECRET}.", utterance=f"u{n}", start_ms=n * 1000)
                    for n in range(200)
                ),
                CallEnded(call=CALL, at="2026-01-15T10:05:00.000Z", duration_ms=300_000),
                started(OTHER, "2026-02-15T10:00:00.000Z"),
                *(said(f"Other {n}.", call=OTHER, utterance=f"u{n}") for n in range(200)),
            ]
        )
        yield opened


def on_disk(folder: Path, word: str) -> list[str]:
    """Files that hold the word."""
    return [
        file.name
        for file in folder.rglob("*")
        if file.is_file() and word.encode() in file.read_bytes()
    ]


def delete(store: SqliteStore, *calls: str) -> list[str]:
    gone = [call for batch in erase(store, calls) for call in batch]
    for _ in remove_traces(store, []):
        pass
    return gone


def test_nothing_is_left_on_the_disk(store: SqliteStore, folder: Path) -> None:
    assert on_disk(folder, SECRET)
    assert delete(store, CALL) == [CALL]
    assert on_disk(folder, SECRET) == []
    assert on_disk(folder, CALL) == []
    assert store.call(CALL) is None
    assert store.search(SECRET).hits == ()
    assert store.search("xylotrapeziun").did_you_mean == ""
    assert [call.id for call in store.calls()] == [OTHER]
    assert len(store.search("other", limit=500).hits) == 200
    assert store.events_after(0, call=CALL) == []


def test_words_that_others_said_too_stay_known(store: SqliteStore) -> None:
    store.append([said("A common word.", utterance="c"), said("A common word.", call=OTHER)])
    delete(store, CALL)
    assert store.search("comon").did_you_mean == "common"


def test_a_call_that_goes_on_stays(store: SqliteStore) -> None:
    assert delete(store, OTHER, "unknown") == []
    assert store.call(OTHER) is not None


def test_what_comes_after_the_deletion_is_not_kept(store: SqliteStore, folder: Path) -> None:
    delete(store, CALL)
    final = said(f"The {SECRET} again.", utterance="u1")
    late = reread(final, revision=9)
    first, second, third = store.append([late, said("x", call=OTHER), RecordSettled(call=CALL)])
    assert (first, third) == (0, 0)
    assert second == store.last_id()
    assert store.call(CALL) is None
    assert on_disk(folder, SECRET) == []


def test_the_traces_go_with_the_next_opening(store: SqliteStore, folder: Path) -> None:
    store.erase([CALL])
    store.close()
    with SqliteStore.open(folder) as again:
        assert again.erased() == [(CALL, "call")]
        for _ in remove_traces(again, []):
            pass
        assert again.erased() == []
        assert on_disk(folder, SECRET) == []


def test_a_reader_of_an_old_state_is_waited_for(store: SqliteStore, folder: Path) -> None:
    reader = sqlite3.connect(folder / "callscribe.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM events").fetchone()
    store.erase([CALL])
    with pytest.raises(StoreError, match="keeps reading"):
        list(remove_traces(store, []))
    assert store.erased() == [(CALL, "call")]
    reader.close()
    for _ in remove_traces(store, []):
        pass
    assert on_disk(folder, SECRET) == []


def test_calls_are_chosen_by_number_and_day(store: SqliteStore) -> None:
    store.append([CallEnded(call=OTHER, at="2026-02-15T10:05:00.000Z")])
    assert store.chosen(number="(415) 555-0123") == [CALL, OTHER]
    assert store.chosen(number="415 555 0124") == []
    assert store.chosen(before="2026-02-01") == [CALL]
    assert store.chosen(number="+1 500 555 0006", before="2026-02-01T00:00:00.000Z") == [CALL]
    assert store.chosen(limit=1) == [CALL]
