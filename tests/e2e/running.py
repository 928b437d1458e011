"""`callscribe serve` as people run it: a process of its own, in a terminal or in a pipe."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import re
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
import time
from pathlib import Path
from typing import Any, Self

from benchmarks.scoring import Errors, normalise, word_errors

TOKEN = "0123456789abcdef0123456789abcdef"
CALLSCRIBE = (sys.executable, "-m", "callscribe")
SPEED = "3"
"""How much faster than people speak; a busy machine keeps up with it."""
PATIENCE_S = 90
"""For a busy machine; nothing waits longer than it must."""

ENVIRONMENT = {
    **{k: v for k, v in os.environ.items() if not k.startswith(("CALLSCRIBE_", "TWILIO_"))},
    "TWILIO_AUTH_TOKEN": TOKEN,
    "TERM": "xterm-256color",
    "CALLSCRIBE_SECOND_READER": "off",  # unless a test asks for it by flag
}


def limited(open_files: int) -> list[str]:
    """The beginning of a command that may open so many files; 0 leaves the limit alone."""
    return ["sh", "-c", f'ulimit -n {open_files} && exec "$@"', "sh"] if open_files else []


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def run(*arguments: str) -> str:
    """A command's output; fails with what it said."""
    done = subprocess.run(
        [*CALLSCRIBE, *arguments],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def show(data: Path, sid: str) -> dict[str, Any]:
    """`callscribe show SID --json`."""
    record: dict[str, Any] = json.loads(run("show", sid, "--data", str(data), "--json"))
    return record


class Running:
    """A server; everything it prints is gathered in `output`."""

    def __init__(
        self, data: Path, *arguments: str, terminal: bool = False, open_files: int = 0
    ) -> None:
        self.data = data
        self.url = f"http://127.0.0.1:{(port := free_port())}"
        self.output = b""
        self._grown = threading.Condition()
        if terminal:
            self._read, write = pty.openpty()
            fcntl.ioctl(write, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 140, 0, 0))
        else:
            self._read, write = os.pipe()
        self._errors = (data.parent / f"{data.name}.stderr").open("wb")
        self.process = subprocess.Popen(
            [
                *limited(open_files),
                *CALLSCRIBE,
                "serve",
                "--port",
                str(port),
                "--data",
                str(data),
                *arguments,
            ],
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=write,
            stderr=write if terminal else self._errors,
            start_new_session=True,
        )
        os.close(write)
        self._reader = threading.Thread(target=self._gather, daemon=True)
        self._reader.start()

    def _gather(self) -> None:
        with contextlib.suppress(OSError):
            while data := os.read(self._read, 65536):
                with self._grown:
                    self.output += data
                    self._grown.notify_all()

    def __enter__(self) -> Self:
        deadline = time.monotonic() + PATIENCE_S
        address = ("127.0.0.1", int(self.url.rpartition(":")[2]))
        while True:
            with contextlib.suppress(OSError), socket.create_connection(address, timeout=5):
                return self
            assert self.process.poll() is None, self.output
            assert time.monotonic() < deadline, self.output
            time.sleep(0.05)

    def __exit__(self, *_: object) -> None:
        self.end(signal.SIGKILL)
        os.close(self._read)
        self._errors.close()

    def end(self, number: int) -> int:
        """Send a signal; the exit status, when all output has been read."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        status = self.process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        return status

    def events(self) -> list[dict[str, Any]]:
        """What `--json` has printed so far."""
        return [json.loads(line) for line in self.output.split(b"\n")[:-1]]

    def until(self, kind: str, count: int = 1) -> list[dict[str, Any]]:
        """The events of one type, once there are `count`."""
        deadline = time.monotonic() + PATIENCE_S
        with self._grown:
            while True:
                found = [event for event in self.events() if event["type"] == kind]
                if len(found) >= count:
                    return found
                assert self._grown.wait(deadline - time.monotonic()), self.output[-2000:]

    def text(self) -> str:
        """The terminal's output without its control sequences."""
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", self.output.decode())


def simulate(server: Running, *arguments: str) -> subprocess.Popen[str]:
    """`callscribe simulate` beside the server; the report comes as JSON on its standard output."""
    return subprocess.Popen(
        [*CALLSCRIBE, "simulate", server.url, "--json", *arguments],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def report(simulation: subprocess.Popen[str]) -> list[dict[str, Any]]:
    """What a simulation says at its end; fails when the carrier would have logged an error."""
    output, errors = simulation.communicate(timeout=PATIENCE_S)
    assert simulation.returncode == 0, output + errors
    calls: list[dict[str, Any]] = json.loads(output)["calls"]
    return calls


def heard(record: dict[str, Any], track: str) -> list[str]:
    """The recogniser's words of a track, normalised."""
    return normalise(" ".join(u["raw_text"] for u in record["utterances"] if u["track"] == track))


def errors(record: dict[str, Any], track: str, said: list[str]) -> Errors:
    """A track's words against what was said."""
    return word_errors(normalise(" ".join(said)), heard(record, track))
