"""What stands beside the words: start-up, viewers, recording, threads, a record of a million rows, catching up."""

from __future__ import annotations

import selectors
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.capacity.load import Load
from benchmarks.capacity.overload import ended
from benchmarks.capacity.systems import Running, System, callscribe, figures, open_files, running
from benchmarks.capacity.tape import Tape
from callscribe.events import CallEnded, CallStarted, FinalTranscript, Word
from callscribe.store.sqlite import SqliteStore

Tell = Callable[[str], None]


def start_up(model: str, core: int) -> dict[str, float]:
    """Seconds from the start of the process until it accepts connections: the first time, which measures the
    capacity, and the second; and what was measured."""
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        for name in ("first", "second"):
            with running(callscribe(model, "--capacity", "auto"), core, Path(folder)) as server:
                found[name] = server.start_s
                found["tracks"] = figures(server)["capacity_tracks"]
    return found


@dataclass(frozen=True)
class Cost:
    """One way of running the product, at one load."""

    name: str
    tracks: int
    cpu: float
    """Share of the core."""
    memory_mb: float
    empty_mb: float
    """Before the first call."""
    files: int


def cost(
    system: System, tapes: Sequence[Tape], tracks: int, *, core: int, seconds: float, tell: Tell
) -> Cost:
    """Processor and memory at one load."""
    used = tuple(tapes[: 2 if system.two_way else 1])
    with running(system, core) as server:
        time.sleep(1.0)
        empty = server.memory_mb()
        load = Load(server.port, used)
        load.open(tracks // len(used))
        load.run(seconds / 3)
        share = _share(server, load, seconds * 2 / 3)
        found = Cost(system.name, tracks, share, server.memory_mb(), empty, open_files(server))
        load.close()
    tell(f"{system.name}: {tracks} tracks, core {share:.0%}, {found.memory_mb:.0f} MB")
    return found


def _share(server: Running, load: Load, seconds: float) -> float:
    """Of the core, while the load runs on for so long."""
    begun, before = time.monotonic(), server.cpu_s()
    load.run(seconds)
    return (server.cpu_s() - before) / (time.monotonic() - begun)


@dataclass(frozen=True)
class Fan:
    """So many viewers of the same calls."""

    viewers: int
    connected: int
    events: int
    delay_s: tuple[float, float, float]
    """From when the server's own output had a final until a viewer had it: median, 95th percentile, worst."""
    cpu: float


class _Viewers(threading.Thread):
    """Server-sent events read by many, and when each final came first to each."""

    def __init__(self, port: int, count: int) -> None:
        super().__init__(daemon=True)
        self.seen: list[list[float]] = []
        self.connected = 0
        self.done = False
        self._selector = selectors.DefaultSelector()
        for number in range(count):
            try:
                sock = socket.create_connection(("127.0.0.1", port), timeout=10)
                sock.sendall(
                    f"GET /api/events?partials=none HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()
                )
            except OSError:
                continue
            sock.setblocking(False)
            self.seen.append([])
            self._selector.register(sock, selectors.EVENT_READ, len(self.seen) - 1)
            if number % 50 == 49:
                time.sleep(0.05)

    def run(self) -> None:
        answered: set[int] = set()
        while not self.done:
            for key, _ in self._selector.select(0.1):
                try:
                    data = key.fileobj.recv(262144)  # type: ignore[union-attr]
                except BlockingIOError:
                    continue
                except OSError:
                    data = b""
                if not data:
                    self._selector.unregister(key.fileobj)
                    continue
                if b" 200 OK" in data[:40]:
                    answered.add(key.data)
                    self.connected = len(answered)
                now = time.monotonic()
                self.seen[key.data] += [now] * data.count(b'"type":"final"')


def fan_out(model: str, tape: Tape, viewers: int, *, core: int, seconds: float, tell: Tell) -> Fan:
    """Eight tracks, and so many viewers of everything."""
    with running(callscribe(model), core) as server:
        watching = _Viewers(server.port, viewers)
        watching.start()
        time.sleep(2.0 + viewers / 250)
        load = Load(server.port, (tape,))
        load.open(8)
        share = _share(server, load, seconds)
        load.close()
        time.sleep(2.0)
        watching.done = True
        watching.join()
        printed = [at for at, _ in server.events("final")]
    delays = [
        max(0.0, at - shown)
        for seen in watching.seen
        for shown, at in zip(printed, seen, strict=False)
    ]
    low, high = np.percentile(delays, [50, 95]) if delays else (0.0, 0.0)
    found = Fan(
        viewers, watching.connected, len(printed), (float(low), float(high), max(delays, default=0.0)), share
    )  # fmt: skip
    tell(
        f"{found.connected} of {viewers} viewers: a final after {found.delay_s[1]:.3f} s (95 %), core {share:.0%}"
    )
    return found


@dataclass(frozen=True)
class Rows:
    """A record of so many utterances."""

    rows: int
    bytes: int
    first_rate: float
    """Finals written a second while the record was small, in batches of 100."""
    last_rate: float
    """...and at the end."""
    list_ms: float
    """The newest hundred calls."""
    call_ms: float
    """One call of a hundred utterances, whole."""
    search_ms: float
    """A rare word, newest first."""


def rows(count: int, tell: Tell) -> Rows:
    """Write a record and read it."""
    words = [f"w{n:04}" for n in range(3000)]
    rng = np.random.default_rng(1)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        rates: list[float] = []
        with SqliteStore.open(Path(folder)) as store:
            for first in range(0, count, 100):
                call = f"CA{first:032x}"
                minute = first // 100
                at = f"2026-01-{1 + minute // 1440 % 28:02}T{minute // 60 % 24:02}:{minute % 60:02}:00.000Z"
                finals = [
                    _final(call, at, n, [words[i] for i in rng.integers(0, 3000, 12)])
                    for n in range(100)
                ]
                begun = time.perf_counter()
                store.append([CallStarted(call=call, at=at, from_="+15005550010"), *finals])
                store.append([CallEnded(call=call, at=at, duration_ms=300_000)])
                rates.append(100 / (time.perf_counter() - begun))
            call = f"CA{count // 200 * 100:032x}"
            found = Rows(
                count,
                sum(path.stat().st_size for path in Path(folder).iterdir()),
                float(np.median(rates[: max(1, len(rates) // 20)])),
                float(np.median(rates[-max(1, len(rates) // 20) :])),
                _ms(lambda: store.calls(limit=100)),
                _ms(lambda: store.call(call)),
                _ms(lambda: store.search("w0007 w0008", limit=20)),
            )
    tell(
        f"{count} rows: {found.first_rate:.0f} -> {found.last_rate:.0f} finals/s, list {found.list_ms:.1f} ms"
    )
    return found


def _final(call: str, at: str, number: int, said: list[str]) -> FinalTranscript:
    start = number * 3000
    words = tuple(Word(w, start + 200 * i, start + 200 * i + 180, 0.9) for i, w in enumerate(said))
    text = " ".join(said)
    return FinalTranscript(
        call=call, at=at, leg=call, track="inbound", speaker="Caller", utterance=f"MZ-in-{number}", revision=1,
        text=text, raw_text=text, start_ms=start, end_ms=start + 2400, words=words, confidence=0.9,
    )  # fmt: skip


def _ms(what: Callable[[], object]) -> float:
    times = []
    for _ in range(5):
        begun = time.perf_counter()
        what()
        times.append(time.perf_counter() - begun)
    return 1000 * float(np.median(times))


@dataclass(frozen=True)
class CatchingUp:
    """Calls that came too fast for the second reader to follow, read when they are over."""

    calls: int
    audio_s: float
    """Of two-way calls."""
    settled: int
    seconds: float
    """From the calls' end until all were settled, or patience ran out."""
    cpu_s: float
    """In that time."""
    cpu_all_s: float
    """Since the calls began, for both readers."""
    cpu_first_s: float
    """For the same calls without a second reader."""
    speed: float = 1.0
    """So many times faster than people speak did they come."""


def catching_up(
    system: System,
    without: System,
    tapes: tuple[Tape, ...],
    calls: int,
    *,
    core: int,
    seconds: float,
    speed: float,
    patience_s: float,
    tell: Tell,
) -> CatchingUp:
    """Two-way calls, more than can be read while they last.

    Args:
        seconds: length of a call, seconds of audio.
        speed: so many times faster than people speak do they come: what idle processors read meanwhile, one utterance
            after the other, is no catching up.
        without: the same system without a second reader.
    """

    def hear(system: System, done: Callable[[Running], int], ready_s: float) -> _Heard:
        with running(system, core) as server:
            time.sleep(ready_s)
            load = Load(server.port, tapes, speed=speed)
            load.open(calls)
            before = server.cpu_s()
            load.run(seconds / speed)
            load.close()
            over, at_end = time.monotonic(), server.cpu_s()
            while done(server) < calls and time.monotonic() < over + patience_s:
                time.sleep(0.25)
            took, spent = time.monotonic() - over, server.cpu_s()
            return _Heard(done(server), took, spent - at_end, spent - before)

    first = hear(without, ended, 1.0)
    both = hear(system, _settled, 3.0)  # the reader loads beside
    tell(f"catching up: {both.calls} of {calls} calls read {both.seconds:.0f} s after their end")
    return CatchingUp(
        calls, calls * seconds, both.calls, both.seconds, both.cpu_s, both.cpu_all_s, first.cpu_all_s, speed
    )  # fmt: skip


class _Heard(NamedTuple):
    """How many calls were done with, and how long after their end; what it took from then on and in all."""

    calls: int
    seconds: float
    cpu_s: float
    cpu_all_s: float


def _settled(server: Running) -> int:
    return sum(1 for _ in server.events("record_settled"))
