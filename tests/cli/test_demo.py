"""`callscribe demo` as people run it, and what it leaves behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from callscribe.cli.demo import afterwards, delete_folder
from callscribe.errors import StoreError
from callscribe.settings import Settings
from callscribe.store.opening import open_store
from tests.e2e.running import PATIENCE_S


def started(tmp_path: Path, *arguments: str) -> subprocess.Popen[str]:
    here = tmp_path / "here"
    here.mkdir()
    return subprocess.Popen(
        [sys.executable, "-m", "callscribe", "demo", *arguments],
        env=os.environ | {"XDG_STATE_HOME": str(tmp_path / "state"), "COLUMNS": "120"},
        cwd=here,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_without_a_terminal_it_prints_the_call_once_and_ends(tmp_path: Path) -> None:
    process = started(tmp_path, "--speed", "10")
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, err
    assert out.count("Ended after") == 1
    assert "--allow-unsigned" not in out
    assert list((tmp_path / "here").iterdir()) == [], "nothing lies about"
    with open_store(tmp_path / "state" / "callscribe" / "demo", read_only=True) as store:
        (call,) = store.calls()
    assert call.status == "completed"


def test_interrupted_it_says_so_with_its_status(tmp_path: Path) -> None:
    process = started(tmp_path)
    assert process.stdout is not None
    for line in process.stdout:
        if "Incoming" in line:
            process.send_signal(signal.SIGINT)
            break
    _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert "Traceback" not in err


def test_only_a_record_is_deleted(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    assert delete_folder(folder) == f"There is nothing to delete in {folder}."
    folder.mkdir()
    (folder / "thesis.txt").write_text("", encoding="utf-8")
    with pytest.raises(StoreError, match="left alone"):
        delete_folder(folder)
    with open_store(tmp_path / "other"), pytest.raises(StoreError, match="already"):
        delete_folder(tmp_path / "other")
    assert delete_folder(tmp_path / "other") == f"Deleted {tmp_path / 'other'}."
    assert not (tmp_path / "other").exists()


def test_what_to_do_next_names_the_folder_that_was_given(tmp_path: Path) -> None:
    lines = afterwards(Settings(data=tmp_path), "http://127.0.0.1:1")
    assert lines[0] == "Page     http://127.0.0.1:1/ stays until you press Ctrl-C"
    assert lines[1].endswith(f"demo --delete --data {tmp_path}")
