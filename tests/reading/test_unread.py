from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import NoReturn

import pytest
from structlog.testing import capture_logs

from callscribe import files
from callscribe.reading.unread import KEY_FILE, Kept, Unread, seal_of
from callscribe.sealing import Seal
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


def test_it_is_sealed_and_read_with_the_same_key_alone(tmp_path: Path) -> None:
    seal = seal_of(tmp_path)
    Unread(tmp_path, seal=seal).keep(kept())
    (file,) = (tmp_path / "unread" / "CA1").iterdir()
    assert b"hello" not in file.read_bytes()
    assert b"\x80" * 20 not in file.read_bytes()
    again = Unread(tmp_path, seal=seal_of(tmp_path))
    assert (again.calls(), again.of("CA1")) == (["CA1"], [kept()])


def test_with_another_key_it_stays_and_that_is_said(tmp_path: Path) -> None:
    Unread(tmp_path, seal=Seal.of("a secret of our own")).keep(kept())
    other = Unread(tmp_path, seal=Seal.of("another secret, as long"))
    assert (other.calls(), other.of("CA1")) == ([], [])
    assert Unread(tmp_path, seal=Seal.of("a secret of our own")).of("CA1") == [kept()]


def test_nothing_passes_for_another_calls(tmp_path: Path) -> None:
    unread = Unread(tmp_path, seal=Seal.fresh())
    unread.keep(kept())
    (tmp_path / "unread" / "CA1").rename(tmp_path / "unread" / "CA2")
    assert unread.of("CA2") == []


def test_the_key_beside_is_replaced_when_nothing_is_unread(tmp_path: Path) -> None:
    unread = Unread(tmp_path, seal=seal_of(tmp_path))
    key = (tmp_path / KEY_FILE).read_bytes()
    assert stat.S_IMODE((tmp_path / KEY_FILE).stat().st_mode) == 0o600
    unread.keep(kept())
    seal_of(tmp_path)
    assert (tmp_path / KEY_FILE).read_bytes() == key
    unread.drop_call("CA1")
    seal_of(tmp_path)
    assert (tmp_path / KEY_FILE).read_bytes() != key


def test_what_an_earlier_version_left_open_is_read(tmp_path: Path) -> None:
    Unread(tmp_path).keep(kept())
    assert Unread(tmp_path, seal=seal_of(tmp_path)).of("CA1") == [kept()]


def test_readers_share_the_folder_and_leave_each_others_alone(tmp_path: Path) -> None:
    general, special = Unread(tmp_path), Unread(tmp_path, reader="whisper-base.en")
    general.keep(kept())
    special.keep(kept(call="CA2"))
    assert (general.calls(), special.calls()) == (["CA1"], ["CA2"])
    general.adopt(["whisper-base.en"])
    assert general.calls() == ["CA1"]
    general.adopt([])  # there is no such reader any more
    assert (general.calls(), general.of("CA2")) == (["CA1", "CA2"], [kept(call="CA2")])
    special.keep(kept(call="CA1"))
    general.forget("CA1")
    assert (special.calls(), general.calls()) == ([], ["CA2"])


def test_a_file_that_was_cut_off_is_cleared_away(tmp_path: Path) -> None:
    unread = Unread(tmp_path)
    unread.keep(kept())
    (file,) = (tmp_path / "unread" / "CA1").iterdir()
    file.write_bytes(file.read_bytes()[:40])
    assert unread.calls() == []
    assert not (tmp_path / "unread").exists()


def test_what_cannot_be_read_now_may_be_read_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unread = Unread(tmp_path)
    unread.keep(kept())

    def exhausted(*_: object) -> NoReturn:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    with monkeypatch.context() as patch, capture_logs() as logs:
        patch.setattr(files, "read", exhausted)
        assert unread.calls() == []
    assert [log["event"] for log in logs] == ["unread audio cannot be used"]
    assert unread.of("CA1") == [kept()]


def test_what_was_not_written_to_its_end_is_cleared_away(tmp_path: Path) -> None:
    unread = Unread(tmp_path)
    unread.keep(kept())
    unread.keep(kept(call="CA2"))
    for call in ("CA1", "CA3"):
        (tmp_path / "unread" / call).mkdir(exist_ok=True)
        (tmp_path / "unread" / call / ".x7y8z9.part").write_bytes(b"half")
    unread.adopt([])
    for call in unread.calls():
        unread.drop_call(call)
    assert not (tmp_path / "unread").exists()


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


@pytest.mark.parametrize("memory", [True, False])
def test_some_utterances_can_be_asked_for(tmp_path: Path, memory: bool) -> None:
    unread = Unread(tmp_path, memory=memory)
    for number, name in enumerate(("u1", "u2", "u3")):
        unread.keep(kept(name, 1000 * number))
    assert [each.final.utterance for each in unread.of("CA1", {"u1", "u3", "u9"})] == ["u1", "u3"]


def test_an_id_cannot_leave_the_folder(tmp_path: Path) -> None:
    Unread(tmp_path).keep(kept("../../up", call="../x"))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [
        tmp_path / "unread" / "_x" / "_.._up.utt"
    ]
    assert Unread(tmp_path).calls() == ["../x"]
