"""What lies where a file should be: nothing of it is waited for."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from callscribe import files


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
