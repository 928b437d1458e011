from __future__ import annotations

import subprocess
import sys


def run(said: bytes, *arguments: str) -> tuple[int, bytes, bytes]:
    done = subprocess.run(
        [sys.executable, "-m", "callscribe", "text", *arguments],
        input=said,
        capture_output=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_one_line_for_one() -> None:
    said = b"it costs four hundred twelve dollars\n\nforty or fifty thousand dollars"
    status, out, err = run(said)
    assert (status, err) == (0, b"")
    assert out == b"It costs $412.\n\nForty or fifty thousand dollars.\n"


def test_british() -> None:
    assert run(b"ten pounds fifty", "--language", "en-GB")[1].startswith("£10.50".encode())


def test_hidden_fillers() -> None:
    assert run(b"uh hello there", "--fillers", "hide")[1].lower().startswith(b"hello there")


def test_bad_input_is_named() -> None:
    status, out, err = run(b"hello\n\xff\xfe\n")
    assert status == 1
    assert out.startswith(b"Hello")
    assert err.strip() == b"callscribe: Line 2 is not UTF-8 text."
    assert b"only English" in run(b"", "--language", "de")[2]
    assert b"--fillers" in run(b"", "--fillers", "drop")[2]
