"""What the server does on the side."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from callscribe.errors import StoreError
from callscribe.events import AnyEvent, CallDeleted, CallEnded, TextDeleted
from callscribe.recordings.files import TrackFile
from callscribe.recordings.shelf import Shelf
from callscribe.store.base import Archive, Erased
from callscribe.store.sqlite import SqliteStore
from callscribe.upkeep import Retention, Upkeep
from tests.recordings.made import Key, tone
from tests.recordings.test_recordings import kinds
from tests.store.test_search import CALL, OTHER, said, started


class Indexing:
    def __init__(self, left: int, fails: bool = False) -> None:
        self.left = left
        self.fails = fails

    def index_more(self, limit: int = 500) -> int:
        if self.fails:
            raise StoreError("no")
        self.left = max(0, self.left - limit)
        return self.left

    def erased(self) -> list[object]:
        return []


async def nobody(_: AnyEvent) -> None:
    pass


async def test_all_is_indexed_piece_by_piece() -> None:
    indexing = Indexing(1000)
    await Upkeep(cast(Archive, indexing), nobody, pause_s=0).index_all()
    assert indexing.left == 0


async def test_a_failing_store_is_left_alone() -> None:
    await Upkeep(cast(Archive, Indexing(1, fails=True)), nobody).index_all()


async def test_it_ends_with_the_server() -> None:
    async with Upkeep(cast(Archive, Indexing(10**9)), nobody).running():
        pass


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with SqliteStore.open(tmp_path / "data") as opened:
        for call, at in ((CALL, "2026-01-01"), (OTHER, "2026-03-01")):
            opened.append(
                [
                    started(call, f"{at}T10:00:00.000Z"),
                    said("The parcel is lost.", call=call),
                    CallEnded(call=call, at=f"{at}T10:05:00.000Z", duration_ms=300_000),
                ]
            )
        yield opened


class Keeping:
    """Somebody who keeps files."""

    def __init__(self, fails: int = 0) -> None:
        self.forgot: list[str] = []
        self.fails = fails

    def forget(self, call: str, what: Erased) -> None:
        if self.fails:
            self.fails -= 1
            raise OSError("busy")
        self.forgot.append(call)


async def until_nothing_is_left(store: SqliteStore) -> None:
    while store.erased():  # noqa: ASYNC110 - the store has no event
        await asyncio.sleep(0.001)


async def test_a_deleted_call_is_told_and_its_traces_go(store: SqliteStore) -> None:
    told: list[AnyEvent] = []

    async def tell(event: AnyEvent) -> None:
        told.append(event)

    keeping = Keeping(fails=1)
    upkeep = Upkeep(store, tell, keepers=[keeping], pause_s=0, retry_s=0)
    async with upkeep.running():
        assert await upkeep.delete([CALL, "unknown"]) == [CALL]
        await asyncio.wait_for(until_nothing_is_left(store), 20)
    assert told == [CallDeleted(call=CALL)]
    assert keeping.forgot == [CALL]
    assert [call.id for call in store.calls()] == [OTHER]


async def test_traces_that_a_dead_server_left_go_at_the_start(store: SqliteStore) -> None:
    store.erase([CALL])
    keeping = Keeping()
    async with Upkeep(store, nobody, keepers=[keeping], pause_s=0).running():
        await asyncio.wait_for(until_nothing_is_left(store), 20)
    assert keeping.forgot == [CALL]


class Storage(Shelf):
    """Does not take what is finished, a few times."""

    fails = 3

    def _finish_now(self, name: TrackFile) -> None:
        if self.fails:
            self.fails -= 1
            raise OSError("no answer")
        super()._finish_now(name)


async def test_a_recording_that_storage_did_not_take_is_tried_again(
    store: SqliteStore, tmp_path: Path
) -> None:
    shelf = Storage(tmp_path / "recordings")
    recorder = shelf.recorder()
    async with Upkeep(store, nobody, shelf=shelf, pause_s=0, retry_s=0.001).running():
        recorder.opened(Key(), 0)
        recorder.placed(Key(), 0, tone(200))
        recorder.closed(Key())
        await asyncio.to_thread(recorder.close)
        async with asyncio.timeout(20):
            while kinds(shelf.folder) != [".flac", ".peaks"]:  # noqa: ASYNC110 - a thread moves them
                await asyncio.sleep(0.001)
    assert shelf.waiting == 0


def at(moment: str) -> dt.datetime:
    return dt.datetime.fromisoformat(moment)


async def test_calls_are_kept_as_long_as_is_said(store: SqliteStore) -> None:
    now = at("2026-03-10T00:00:00Z")
    upkeep = Upkeep(store, nobody, retention=Retention(calls_days=30), now=lambda: now, pause_s=0)
    await upkeep.expire_once()
    assert [call.id for call in store.calls()] == [OTHER]


async def test_text_is_kept_as_long_as_is_said(store: SqliteStore) -> None:
    now = at("2026-03-10T00:00:00Z")
    told: list[AnyEvent] = []

    async def tell(event: AnyEvent) -> None:
        told.append(event)

    upkeep = Upkeep(store, tell, retention=Retention(text_days=30), now=lambda: now, pause_s=0)
    await upkeep.expire_once()
    assert told == [TextDeleted(call=CALL)]
    record = store.call(CALL)
    assert record is not None
    assert (record.utterances, record.call.last_text, record.call.from_) == ((), "", "+14155550123")
    assert [hit.call for hit in store.search("parcel").hits] == [OTHER]
    assert not any("parcel" in str(p.event) for p in store.events_after(0, call=CALL))
    await upkeep.expire_once()  # nothing more to do
