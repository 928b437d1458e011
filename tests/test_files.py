"""Small files are written whole or not at all, and nothing that lies in the place of one is waited for."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from callscribe import files
from callscribe.contacts import ContactFile
from callscribe.errors import ModelError, SettingsError, StoreError
from callscribe.models.firsts import Firsts
from callscribe.models.folder import built_in, inspect
from callscribe.names import CONTACTS
from callscribe.reading.unread import KEY_FILE, seal_of
from callscribe.speech import capacity
from callscribe.store.lock import OwnerLock, is_held
from callscribe.store.naming import SavedNames
from callscribe.web.pagetoken import kept_token


def test_a_file_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    files.write(path, b"old", synced=True)
    files.write(path, b"new")
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"new", 0o600)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        files.write(path, b"newest", synced=True)
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("file", b"new")]


def test_what_a_process_that_was_killed_had_begun_to_write_is_cleared_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    files.write(tmp_path / "one" / ".file", b"whole")
    with monkeypatch.context() as killed:
        killed.setattr(Path, "replace", lambda *_: None)
        killed.setattr(Path, "unlink", lambda *_, **__: None)
        for name in ("one", "two"):
            files.write(tmp_path / name / "file", b"half")
    assert len(list(tmp_path.glob("*/*"))) == 3

    files.clear_drafts(tmp_path)

    assert list(tmp_path.rglob("*")) == [tmp_path / "one", tmp_path / "one" / ".file"]
    files.clear_drafts(tmp_path / "nowhere")


def test_a_file_and_a_link_to_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 10)
    (tmp_path / "link").symlink_to("file")
    assert files.read(tmp_path / "file") == files.read(tmp_path / "link", most=10) == b"x" * 10


def test_more_than_it_may_have(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 11)
    with pytest.raises(files.TooLargeError) as told:
        files.read(tmp_path / "file", most=10)
    assert told.value.strerror == "it is larger than 10 bytes"
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(files.TooLargeError) as told:
        files.read(tmp_path / "sparse")
    assert told.value.strerror == "it is larger than 1 MiB"


@pytest.mark.skipif(os.name == "nt", reason="Windows' null device is no file")
def test_the_null_device_is_empty(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(os.devnull)
    assert files.read(tmp_path / "link") == files.read(Path(os.devnull)) == b""


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        files.read(tmp_path / "file")
    (tmp_path / "link").symlink_to("file")
    with pytest.raises(FileNotFoundError):
        files.read(tmp_path / "link")
    (tmp_path / "round").symlink_to("round")
    with pytest.raises(OSError, match="symbolic links"):
        files.read(tmp_path / "round")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such things in folders")
@pytest.mark.parametrize("what", ["a folder", "a named pipe", "a socket", "a device"])
def test_what_is_no_file_is_named_and_not_waited_for(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's name must be short
    place = Path("there")
    with socket.socket(socket.AF_UNIX) as listening:
        match what:
            case "a folder":
                place.mkdir()
            case "a named pipe":
                os.mkfifo(place)
            case "a socket":
                listening.bind(str(place))
            case _:
                place.symlink_to("/dev/zero")
        with pytest.raises(files.NotAFileError) as told:
            files.read(place)
    assert told.value.strerror == f"it is {what}, not a file"


@pytest.mark.skipif(os.name == "nt", reason="Windows' files have no such bits")
def test_others_are_kept_out_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "file"
    assert not files.keep_others_out(file)
    for mode, told, left in [(0o600, False, 0o600), (0o640, False, 0o640), (0o664, True, 0o660)]:
        file.touch()
        file.chmod(mode)
        assert files.keep_others_out(file) is told
        assert file.stat().st_mode & 0o777 == left
    file.chmod(0o666)  # what Windows says of every file
    monkeypatch.setattr("callscribe.files.os.name", "nt")
    told_on_windows = files.keep_others_out(file)
    monkeypatch.undo()
    assert not told_on_windows


@pytest.mark.skipif(os.name == "nt", reason="Windows has no named pipes in folders")
def test_nobody_is_waited_for_when_writing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / capacity.FILE)
    measured = capacity.Measured(model="m", workers=1, kind="k", tracks=3, by="processor time")
    capacity.keep(tmp_path, measured)
    assert (tmp_path / capacity.FILE).is_file()


def _model(folder: Path) -> object:
    for name in ("am", "conf", "graph", "ivector"):
        if (built_in().path / name).exists():
            (folder / name).symlink_to(built_in().path / name)
    return inspect(folder)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no named pipes in folders")
@pytest.mark.parametrize(
    ("name", "use", "refusal"),
    [
        ("token", kept_token, SettingsError),
        (CONTACTS, ContactFile, StoreError),
        (KEY_FILE, seal_of, OSError),
        ("callscribe.lock", lambda data: OwnerLock(data / "callscribe.lock"), StoreError),
        ("model.json", _model, ModelError),
        ("checksums.json", Firsts, ModelError),
    ],
)
def test_a_named_pipe_in_place_of_a_file_of_ours_is_an_error(
    name: str, use: Callable[[Path], object], refusal: type[Exception], tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(refusal, match=r"not a file"):
        use(tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no named pipes in folders")
def test_a_named_pipe_where_a_file_may_be_missing_is_as_none(tmp_path: Path) -> None:
    for name in (capacity.FILE, "callscribe.lock", CONTACTS):
        os.mkfifo(tmp_path / name)
    assert capacity.kept(tmp_path, "model", 1, "kind") is None
    assert is_held(tmp_path / "callscribe.lock")
    assert SavedNames(tmp_path)() == {}
