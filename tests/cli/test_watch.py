"""`callscribe watch` as people run it: its own process, a real server, a terminal."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pyte
import pytest

from callscribe.events import AnyEvent
from tests.web.script import Call
from tests.web.serving import TOKEN, Serving

COMMAND = [sys.executable, "-m", "callscribe", "watch"]
ENVIRONMENT = {
    **{k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "CALLSCRIBE_TOKEN", "TMUX")},
    "TERM": "xterm-256color",
    "XTERM_VERSION": "XTerm(388)",
    "PYTHONIOENCODING": "utf-8",
    "CALLSCRIBE_SECOND_READER": "off",
}
PATIENCE_S = 30


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Serving]:
    with Serving(tmp_path) as serving:
        yield serving


def opening(call: Call) -> list[AnyEvent]:
    return [call.start(), *call.people("Alice Adams", "Support")]


class Lines:
    """`watch --json` in a pipe."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, *arguments],
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
        )
        self._rest = b""

    def take(self, count: int) -> list[dict[str, object]]:
        """The next events; fails if they do not come."""
        assert self.process.stdout is not None
        deadline = time.monotonic() + PATIENCE_S
        while self._rest.count(b"\n") < count:
            ready, _, _ = select.select([self.process.stdout], [], [], deadline - time.monotonic())
            assert ready, f"only {self._rest!r}"
            chunk = os.read(self.process.stdout.fileno(), 65536)
            assert chunk, self.process.stderr.read() if self.process.stderr else ""
            self._rest += chunk
        *lines, self._rest = self._rest.split(b"\n", count)
        return [json.loads(line) for line in lines]

    def connected(self, server: Serving) -> None:
        """Its stream begins when it is connected: publish until something arrives."""
        call = Call(9)
        server.publish(*opening(call))
        for number in range(PATIENCE_S * 10):
            server.publish(call.final("Alice Adams", "ping", start_ms=1000 + number))
            if select.select([self.process.stdout], [], [], 0.1)[0]:  # type: ignore[type-var]
                return
        raise AssertionError("nothing arrives")

    def stop(self) -> int:
        self.process.terminate()
        self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode


class Screen:
    """`watch` in a terminal of its own."""

    def __init__(self, *arguments: str, columns: int = 80, rows: int = 24) -> None:
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self._main, terminal = pty.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.process = subprocess.Popen(
            [*COMMAND, *arguments],
            env=ENVIRONMENT,
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
        )
        os.close(terminal)

    def lines(self) -> list[str]:
        return [line.rstrip() for line in self.screen.display if line.strip()]

    def until(self, *words: str, gone: str = "") -> list[str]:
        """What the screen shows once all of `words` are on it (and `gone` is not)."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            text = "\n".join(self.lines())
            if all(word in text for word in words) and not (gone and gone in text):
                return self.lines()
            ready, _, _ = select.select([self._main], [], [], deadline - time.monotonic())
            assert ready, f"waited for {words}, saw:\n{text}"
            try:
                data = os.read(self._main, 65536)
            except OSError:
                data = b""
            assert data, f"it ended; waited for {words}, saw:\n{text}"
            self._stream.feed(data)

    def resize(self, columns: int, rows: int) -> None:
        self.screen.resize(rows, columns)
        fcntl.ioctl(self._main, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        os.killpg(self.process.pid, signal.SIGWINCH)

    def interrupt(self) -> int:
        os.killpg(self.process.pid, signal.SIGINT)
        with contextlib.suppress(OSError):
            while data := os.read(self._main, 65536):
                self._stream.feed(data)
        os.close(self._main)
        return self.process.wait(PATIENCE_S)


def test_json_across_a_lost_connection_and_a_restart(server: Serving) -> None:
    lines = Lines(server.url)
    lines.connected(server)
    call = Call(1)
    before = server.store.last_id()
    server.publish(*opening(call), call.final("Alice Adams", "one", start_ms=1000))
    server.cut()
    server.publish(call.final("Support", "two", start_ms=2000))
    server.stop()
    server.start()
    server.publish(call.final("Alice Adams", "three", start_ms=3000))
    after = server.store.last_id()
    wanted = [p.event for p in server.store.events_after(before)]
    assert len(wanted) == after - before
    seen: list[dict[str, object]] = []
    while len([e for e in seen if e["call"] == call.sid]) < len(wanted):
        seen += lines.take(1)
    ours = [e for e in seen if e["call"] == call.sid]
    assert [e.get("text") for e in ours if e["type"] == "final"] == ["one", "two", "three"]
    assert lines.stop() == 0


def test_a_terminal_shows_live_calls_and_survives_the_server(server: Serving) -> None:
    call = Call(1)
    server.publish(*opening(call), call.final("Alice Adams", "said before", start_ms=1000))
    screen = Screen(server.url)
    screen.until("Alice Adams", "said before", "●")
    server.publish(call.partial("Support", "still being", utterance="s", revision=1, start_ms=2000))
    screen.until("still being")
    screen.resize(50, 20)
    screen.until("still being")
    server.publish(call.final("Support", "Still being said.", start_ms=2000, utterance="s"))
    screen.until("Still being said.", gone="still being")
    server.stop()
    screen.until("reconnecting")
    server.start()
    server.publish(call.final("Alice Adams", "after the restart", start_ms=4000))
    lines = screen.until("after the restart", gone="reconnecting")
    assert len([line for line in lines if "Still being said." in line]) == 1
    server.publish(*call.end(ended_by="Alice Adams"))
    screen.until("Alice Adams hung up", f"{server.url}/calls/")
    screen.interrupt()
    assert not screen.screen.cursor.hidden
    assert "Traceback" not in "\n".join(screen.lines())


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def test_one_call_only_and_not_one_that_is_over(server: Serving) -> None:
    call = Call(1)
    server.publish(*opening(call), *call.end())
    done = run(server.url, "--call", call.sid)
    assert done.returncode == 1
    assert f"That call is over. See it: {server.url}/calls/{call.sid}" in done.stderr
    done = run(server.url, "--call", "CAnone")
    assert done.returncode == 1
    assert "There is no call CAnone" in done.stderr


def test_clear_errors() -> None:
    done = run("http://127.0.0.1:9")
    assert (done.returncode, done.stdout) == (1, "")
    assert "Nothing answers at http://127.0.0.1:9" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_token_is_needed_from_elsewhere(tmp_path: Path) -> None:
    with Serving(tmp_path) as server:
        # Another name than a loopback one makes the request one from elsewhere.
        url = server.url.replace("127.0.0.1", "0.0.0.0")
        done = run(url)
        assert "needs the token" in done.stderr
        done = run(url, "--token", "not-the-right-token-at-all")
        assert "does not accept this token" in done.stderr
        lines = Lines(f"{url}/?token={TOKEN}")
        lines.connected(server)
        assert lines.stop() == 0
