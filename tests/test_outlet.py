from __future__ import annotations

import contextlib
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callscribe import outlet

HOSTILE = "Eve\x1b]0;title\x07\x9b31m\u202ered\x7f\x00\r\u2028\u061c\u206a\ufffb"
OBEYED = set("\x1b\x07\x9b\u202e\x7f\x00\r\u2028\u061c\u206a\ufffb")
CALLSCRIBE = (sys.executable, "-m", "callscribe")


def test_text_for_people_obeys_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    outlet.say(f"one {HOSTILE}\n\ttwo")
    outlet.tell(HOSTILE)
    out, err = capsys.readouterr()
    assert not OBEYED & set(out + err)
    assert out.startswith("one Eve ]0;title 31m red")
    assert out.endswith("\n\ttwo\n")


@given(st.text())
def test_only_line_ends_and_tabs_are_kept_of_what_is_obeyed(text: str) -> None:
    shown = outlet.safe(text)
    assert outlet.clean(shown.replace("\n", "").replace("\t", "")) == shown.replace(
        "\n", ""
    ).replace("\t", "")
    assert shown.count("\n") == text.count("\n")


@given(st.recursive(st.text() | st.integers(), lambda inner: st.lists(inner), max_leaves=5))
def test_json_stays_the_same_json(value: object) -> None:
    encoded = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
    shown = outlet.safe_json(encoded)
    assert json.loads(shown) == json.loads(encoded)
    assert not {chr(c) for c in range(0x7F, 0xA0)} & set(shown.decode())
    assert not {"\u202e", "\u061c", "\u206a", "\ufffb"} & set(shown.decode())


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_an_encoding_that_lacks_a_letter_ends_nothing(
    monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
    outlet.say("Zoë Łukasz 漢字 😀")
    outlet.data('{"name": "Zoë Łukasz 漢字 😀"}'.encode())
    lines = raw.getvalue().decode(encoding).splitlines()
    assert lines[0].startswith("Zo")
    assert json.loads(lines[1]) == {"name": "Zoë Łukasz 漢字 😀"}


def run(command: str, *, folder: Path, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["sh", "-c", command.replace("callscribe", " ".join(CALLSCRIBE), 1)],
        capture_output=True,
        timeout=120,
        cwd=folder,
        check=False,
        env={**os.environ, **environment},
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_an_output_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    done = run("callscribe explain 11200 > /dev/full", folder=tmp_path)
    assert done.returncode == 1
    assert done.stderr == b"callscribe: The output cannot be written: No space left on device.\n"


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_closed_streams_are_said_where_that_can_be(tmp_path: Path, closed: str) -> None:
    done = run(f"callscribe explain 11200 {closed}", folder=tmp_path)
    assert done.returncode == (1 if ">&-" in closed.replace("2>&-", "") else 0)
    assert b"Traceback" not in done.stdout + done.stderr
    wrong = run(f"callscribe show CA123456 {closed}", folder=tmp_path)
    assert wrong.returncode == 1
    assert b"Traceback" not in wrong.stdout + wrong.stderr


def test_a_terminal_that_is_not_utf_8(tmp_path: Path) -> None:
    (tmp_path / "callscribe.toml").write_text('greeting = "Zoë 漢"\n', encoding="utf-8")
    done = run("callscribe settings", folder=tmp_path, PYTHONIOENCODING="latin-1")
    assert done.returncode == 0, done.stderr
    assert "Zoë ?" in done.stdout.decode("latin-1")


def test_hints_are_printed_as_they_run_here(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(outlet, "_commands", None)
    monkeypatch.setattr(outlet, "_program", "callscribe")
    hint = "Start `callscribe serve`, or callscribe show CA1; callscribe is fine, ./callscribe serve too."
    outlet.say(hint)
    assert capsys.readouterr().out == hint + "\n"
    outlet.prepare(("serve", "show"), ".venv/bin/callscribe")
    assert outlet.as_run_here(hint) == (
        "Start `.venv/bin/callscribe serve`, or .venv/bin/callscribe show CA1; callscribe is fine, "
        "./callscribe serve too."
    )
    outlet.prepare(("serve", "show"), "python -m callscribe")
    once = outlet.as_run_here(hint)
    assert outlet.as_run_here(once) == once


def test_nobody_waits_for_a_reader_that_stands_still() -> None:
    read, write = os.pipe()
    os.set_blocking(write, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(write, b"-" * 4096)
    os.set_blocking(write, True)
    with open(write, "w") as stream:  # noqa: PTH123
        output = outlet.Unhurried(stream, most=5)
        for number in range(50):
            output.write(f"line {number}\n")
        output.settle(0.01)
        got = b""
        while b"dropped" not in got:
            got += os.read(read, 65536)
        assert b"line 0\n" in got
        assert re.search(rb"4\d pieces of output were dropped", got)
        output.settle(20)
    os.close(read)
