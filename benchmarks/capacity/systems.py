"""What is measured, each as a process pinned to its own core: how it is started, and what its lines say."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.capacity.words import Shown, Update

ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True)
class System:
    """One way of turning streams into text."""

    name: str
    command: Sequence[str]
    """`{port}` and `{data}` are filled in."""
    two_way: bool = False


UNBOUNDED = ("--capacity", "100000")
"""Whatever comes is followed live: what is looked for is where that ends."""


def callscribe(
    model: str, *more: str, two_way: bool = False, reader: str = "off", name: str = ""
) -> System:
    """The product, as its users start it.

    Args:
        more: flags; without any it takes what comes, whatever it can follow.
    """
    second = "a second reader" if reader == "auto" else reader
    name = name or ("callscribe" if reader == "off" else f"callscribe with {second}, two-way calls")
    return System(
        name,
        [
            *(sys.executable, "-m", "callscribe", "serve", "--json", "--allow-unsigned", "--log-level", "error"),
            *("--port", "{port}", "--data", "{data}", "--second-reader", reader, "--greeting", ""),
            *("--tracks", "both" if two_way else "inbound", *(("--model", model) if model else ())),
            *(more or UNBOUNDED),
        ],
        two_way,
    )  # fmt: skip


def tutorial(folder: Path, rate: int) -> System:
    return System(
        "the tutorials' loop",
        [sys.executable, "-m", "benchmarks.baselines.tutorial", "{port}", str(folder), str(rate)],
    )


def free_recognizer() -> System:
    """The product with a recogniser that costs nothing and hears nothing."""
    return System(
        "callscribe, free recogniser",
        [sys.executable, "-m", "benchmarks.capacity.free", "{port}", "{data}"],
    )


def network_alone() -> System:
    """The product without anything that looks at the sound."""
    return System(
        "callscribe, network path alone",
        [sys.executable, "-m", "benchmarks.capacity.free", "{port}", "{data}", "network"],
    )


Key = tuple[str, str]
"""Call or stream SID, and the track."""


@dataclass
class Running:
    """A system at work."""

    process: subprocess.Popen[bytes]
    port: int
    start_s: float
    """From the start of the process until it accepted connections."""
    lines: list[tuple[float, bytes]] = field(default_factory=list)
    """Everything it printed, with the monotonic second at which it was read."""
    _read: int = 0
    """Lines that `shown` has read."""
    _shown: dict[Key, Shown] = field(default_factory=dict)

    def shown(self) -> dict[Key, Shown]:
        """What it has said of every track so far. Each line is read once."""
        while self._read < len(self.lines):
            at, line = self.lines[self._read]
            self._read += 1
            if (b'"stream"' in line or b'"partial"' in line or b'"final"' in line) and line[
                :1
            ] == b"{":
                self._take(at, line)
        return self._shown

    def _take(self, at: float, line: bytes) -> None:
        try:
            said = json.loads(line)
        except json.JSONDecodeError:
            return  # two of its threads printed at once
        if "stream" in said and "text" in said and "type" not in said:
            shown = self._shown.setdefault((said["stream"], "inbound"), Shown())
            shown.take(Update(at, said["text"], said["final"]))
        elif said.get("type") in {"partial", "final"}:
            shown = self._shown.setdefault((said["call"], said["track"]), Shown())
            shown.take(Update(at, said["raw_text"], said["type"] == "final"))

    def events(self, kind: str) -> Iterator[tuple[float, dict[str, object]]]:
        """callscribe's events of one type."""
        mark = f'"type":"{kind}"'.encode()
        for at, line in list(self.lines):
            if mark in line:
                yield at, json.loads(line)

    def processes(self) -> list[int]:
        """It and all its children."""
        found, todo = [], [self.process.pid]
        while todo:
            pid = todo.pop()
            found.append(pid)
            for task in Path(f"/proc/{pid}/task").glob("*/children"):
                todo += map(int, task.read_text().split())
        return found

    def cpu_s(self) -> float:
        """Processor seconds used so far, children included."""
        total = 0.0
        for pid in self.processes():
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return total

    def memory_mb(self) -> float:
        """Memory in use, pages that processes share counted once."""
        total = 0
        for pid in self.processes():
            for row in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if row.startswith("Pss:"):
                    total += int(row.split()[1])
        return total / 1024


@contextmanager
def running(system: System, core: int, data: Path | None = None) -> Iterator[Running]:
    """The system on one core; ended on leaving.

    Args:
        data: its data folder; else a new one, which is deleted.

    Raises:
        SystemExit: it did not start.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as new:
        command = [
            part.replace("{port}", str(port)).replace("{data}", str(data or new))
            for part in system.command
        ]
        begun = time.monotonic()
        process = subprocess.Popen(
            ["taskset", "-c", str(core), *command],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if system.name.startswith("the tut") else subprocess.DEVNULL,
        )
        try:
            while not _answers(port):
                if process.poll() is not None or time.monotonic() > begun + 60:
                    raise SystemExit(f"{system.name} did not start: {' '.join(command)}")
                time.sleep(0.02)
            found = Running(process, port, time.monotonic() - begun)
            threading.Thread(target=_read, args=(process, found.lines), daemon=True).start()
            if process.stderr is not None:
                threading.Thread(target=_drain, args=(process,), daemon=True).start()
            yield found
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def busy_s(core: int) -> float:
    """Seconds for which a core has worked for anybody since the machine started."""
    for line in Path("/proc/stat").read_text().splitlines():
        name, *ticks = line.split()
        if name == f"cpu{core}":
            user, nice, system, _, _, irq, softirq, steal = map(int, ticks[:8])
            return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")
    raise ValueError(f"there is no core {core}")


def figures(server: Running) -> dict[str, float]:
    """What a running callscribe says of itself (`/api/operations`), all in one."""
    told = json.loads(fetch(f"http://127.0.0.1:{server.port}/api/operations"))
    return {**{k: v for k, v in told.items() if isinstance(v, int | float)}, **told["more"]}


def open_files(server: Running) -> int:
    """Open files and sockets of the server and its children."""
    return sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in server.processes())


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _read(process: subprocess.Popen[bytes], lines: list[tuple[float, bytes]]) -> None:
    if process.stdout is not None:
        for line in process.stdout:
            lines.append((time.monotonic(), line))


def _drain(process: subprocess.Popen[bytes]) -> None:
    """A development server logs every request."""
    if process.stderr is not None:
        for _ in process.stderr:
            pass


def fetch(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return bytes(answer.read())
