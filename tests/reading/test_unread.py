from __future__ import annotations

import stat
from pathlib import Path

import pytest

from callscribe.reading.unread import Kept, Unread
from tests.reading.made import final, reading


def kept(utterance: str = "u1", start_ms: int = 1000, call: str = "CA1") -> Kept:
    return Kept(
        final=final("hello there", utterance=utterance, start_ms=start_ms, call=call),
        at_ms=start_ms - 300,
        sound=b"\x80" * 800,
        revision=3,
        hints=("Ann",),
    )


@pytest.mark.parametrize("memory", [False, True])
def test_what_is_kept_comes_back_in_the_order_of_talk(tmp_path: Path, memory: bool) -> None:
    unread = Unread(tmp_path, memory=memory)
    unread.keep(kept("u2", 5000))
    unread.keep(kept("u1", 1000))
    unread.keep(kept("u9", 0, call="CA2"))
    assert unread.of("CA1") == [kept("u1", 1000), kept("u2", 5000)]
    assert sorted(unread.calls()) == ["CA1", "CA2"]
    assert (tmp_path / "unread").exists() is not memory


@pytest.mark.parametrize("memory", [False, True])
def test_what_is_newly_known_takes_its_place_and_what_is_dropped_is_gone(
    tmp_path: Path, memory: bool
) -> None:
    unread = Unread(tmp_path, memory=memory)
    read = Kept(final=final("hello"), at_ms=0, sound=b"x", reading=reading("hello"), revision=4)
    unread.keep(kept())
    unread.keep(read)
    assert unread.of("CA1") == [read]
    unread.drop("CA1", "u1")
    unread.drop("CA1", "u1")
    assert unread.of("CA1") == []
    unread.keep(kept())
    unread.drop_call("CA1")
    assert unread.calls() == []


def test_another_process_finds_it(tmp_path: Path) -> None:
    Unread(tmp_path).keep(kept())
    assert Unread(tmp_path).calls() == ["CA1"]
    assert Unread(tmp_path).of("CA1") == [kept()]


def test_only_its_owner_may_read_it_and_nothing_is_left_behind(tmp_path: Path) -> None:
    unread = Unread(tmp_path)
    unread.keep(kept())
    (file,) = (tmp_path / "unread" / "CA1").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    unread.drop_call("CA1")
    assert not (tmp_path / "unread").exists()


def test_what_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    unread = Unread(tmp_path)
    unread.keep(kept("u1"))
    unread.keep(kept("u2", 2000))
    (tmp_path / "unread" / "CA1" / "u1.utt").write_bytes(b"half")
    assert [each.final.utterance for each in unread.of("CA1")] == ["u2"]
    assert unread.calls() == ["CA1"]


def test_an_id_cannot_leave_the_folder(tmp_path: Path) -> None:
    Unread(tmp_path).keep(kept("../../up", call="../x"))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [
        tmp_path / "unread" / "_x" / "_.._up.utt"
    ]
    assert Unread(tmp_path).calls() == ["../x"]
