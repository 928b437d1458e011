"""Unwritten events on any disk that can be had. With the journal they are tested in test_journal."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

import pytest

from callscribe.journal import spill
from callscribe.journal.spill import Spill, folders_for, key_of, left_behind, take_in
from tests import said
from tests.store.memory import Disk


def files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def test_what_is_given_is_on_a_disk_until_it_is_taken_back(tmp_path: Path) -> None:
    beside = Spill([tmp_path], "key")
    events = [said.final(f"u{number}") for number in range(5)]
    beside.add(events[:2])
    beside.add(events[2:])
    assert await beside.settled()
    ((file, found),) = left_behind([tmp_path], "key")
    assert file == beside.place
    assert found == events
    assert left_behind([tmp_path], "another") == []
    beside.clear()
    beside.add(events[:1])
    assert await beside.settled()
    ((_, again),) = left_behind([tmp_path], "key")
    assert again[-1] == events[0]
    beside.clear()
    assert await beside.settled()
    assert files_in(tmp_path) == []


async def test_a_disk_that_does_not_answer_is_given_up_for_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()
    append = spill._append

    def frozen(file: Path, events: object, *, fresh: bool) -> None:
        if file.parent.name == "frozen":
            gate.wait(30)
        append(file, events, fresh=fresh)  # type: ignore[arg-type]

    monkeypatch.setattr(spill, "_append", frozen)
    beside = Spill([tmp_path / "frozen", tmp_path / "well"], "key", patience_s=0.05)
    beside.add([said.final("u1")])
    assert await beside.settled()
    assert beside.place is not None
    assert beside.place.parent.name == "well"
    beside.clear()
    assert await beside.settled()
    assert files_in(tmp_path / "well") == []
    gate.set()  # now it writes after all
    await asyncio.gather(*beside._removing)
    assert files_in(tmp_path / "frozen") == []


async def test_without_any_disk_it_is_said_that_nothing_is_kept(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    beside = Spill([tmp_path / "file" / "a", tmp_path / "file" / "b"], "key")
    beside.add([said.final("u1")])
    assert not await beside.settled()
    assert beside.place is None


async def test_lines_that_a_crash_tore_are_left_out_and_each_event_is_written_once(
    tmp_path: Path,
) -> None:
    beside = Spill([tmp_path], "key")
    events = [said.final(f"u{number}") for number in range(3)]
    beside.add(events)
    assert await beside.settled()
    assert beside.place is not None
    whole = beside.place.read_bytes()
    beside.place.write_bytes(whole + b"no event\n" + whole[:20])
    (tmp_path / "unwritten-key-copy.jsonl").write_bytes(whole)
    store = Disk().open()
    store.append(events[:1])  # it took this one after all
    assert take_in(store, [tmp_path, tmp_path], "key") == 2
    assert [published.event for published in store.events_after(0)] == events
    assert files_in(tmp_path) == []


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="this system has no links")
def test_links_that_others_left_in_a_shared_folder_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"")
    (tmp_path / "unwritten-key-1.jsonl").symlink_to(tmp_path / "secret")
    assert left_behind([tmp_path], "key") == []


def test_records_have_keys_of_their_own(tmp_path: Path) -> None:
    assert key_of(tmp_path / "a") != key_of(tmp_path / "b")
    assert folders_for(tmp_path)[0] == tmp_path
