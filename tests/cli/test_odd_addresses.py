"""Addresses and numbers that cannot be, on every command line that takes one: a reason, never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ACCOUNT = {
    "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
    "TWILIO_AUTH_TOKEN": "0" * 32,
    "HTTPS_PROXY": "http://127.0.0.1:9",
}


@pytest.mark.parametrize(
    "arguments",
    [
        ("pause", "--server", "https://[bad"),
        ("watch", "https://[bad"),
        ("watch", "--server", "a..b"),
        ("simulate", "https://[bad"),
        ("simulate", "--public-url", "https://[bad"),
        ("simulate", "http://a..b"),
        ("serve", "--host", "a..b"),
        ("serve", "--public-url", "https://[bad"),
        ("serve", "--public-url", "https://calls.example.com:x"),
        ("serve", "--public-url", "http://calls.example.com"),
        (
            "serve",
            "--dry-run",
            "--public-url",
            "https://calls.example.com",
            "--api-url",
            "https://[b",
        ),
        ("serve", "--port", "9" * 30),
        ("serve", "--hold-seconds", "9" * 5000),
        ("calls", "-n", "9" * 30),
        ("explain", "9" * 5000),
    ],
)
def test_what_cannot_be_is_told(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "callscribe", *arguments],
        env={k: v for k, v in os.environ.items() if not k.startswith("CALLSCRIBE_")} | ACCOUNT,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=120,
        check=False,
    )
    assert done.returncode in (1, 2), done.stdout
    assert "Traceback" not in done.stderr
    assert 10 < len(done.stderr) < 1000
