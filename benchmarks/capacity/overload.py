"""More than a core can follow: is all of it kept, does every final come, and how soon is it over?"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.capacity.load import Load
from benchmarks.capacity.systems import Running, System, figures, open_files, running
from benchmarks.capacity.tape import FRAME_S, Tape


@dataclass(frozen=True)
class Overload:
    """What became of it."""

    tracks: int
    times: float
    """How many times the measured capacity."""
    seconds: float
    """How long."""
    sent_s: float
    """Audio sent, all tracks together."""
    heard_s: float
    """Audio accepted by the server, by its own count at the streams' ends."""
    lost_s: float
    """Audio dropped by the server, or that sockets did not take in time."""
    closed: int
    """Sockets that the server closed."""
    waited: int
    """Tracks that had to wait for room."""
    worst_lag_s: float
    """Of the tracks that had a place."""
    streams: int
    ended: int
    """Streams transcribed to their end, all finals published."""
    finals: int
    recovery_s: float
    """From the end of the load until everything was transcribed."""


def overload(
    system: System,
    tape: Tape,
    tracks: int,
    *,
    capacity: float,
    core: int,
    seconds: float,
    patience_s: float,
    tell: Callable[[str], None],
) -> Overload:
    """Speak on so many tracks for so long, end all calls, and wait until everything is transcribed.

    Args:
        patience_s: how long to wait for that.
    """
    with running(system, core) as server:
        load = Load(server.port, (tape,))
        load.open(tracks)
        worst, end, next_look = 0.0, time.monotonic() + seconds, 0.0
        while time.monotonic() < end:
            load.run(min(5.0, max(0.1, end - time.monotonic())))
            if time.monotonic() > next_look:
                worst = max(worst, _lag(server))
                next_look = time.monotonic() + 4
        closed, sent = load.broken, sum(stream.sent for stream in load.streams)
        load.close()
        stopped = time.monotonic()
        while time.monotonic() < stopped + patience_s and ended(server) < tracks:
            time.sleep(0.5)
        recovery = time.monotonic() - stopped
        whole, heard_s, lost_s = _accounts(server, load)
        found = Overload(
            tracks=tracks,
            times=tracks / capacity if capacity else 0.0,
            seconds=seconds,
            sent_s=sent * FRAME_S,
            heard_s=heard_s,
            lost_s=lost_s,
            closed=closed,
            waited=sum(not event["over"] for _, event in server.events("transcription_waits")),
            worst_lag_s=worst,
            streams=tracks,
            ended=whole,
            finals=sum(1 for _ in server.events("final")),
            recovery_s=recovery,
        )
        tell(
            f"{system.name}, {tracks} tracks: {found.sent_s:.0f} s sent, {found.heard_s:.0f} s heard, "
            f"{found.ended} of {tracks} transcribed to the end {recovery:.0f} s after it"
        )
        return found


def _lag(server: Running) -> float:
    try:
        return figures(server)["lag_s"]
    except OSError:
        return 0.0


def ended(server: Running) -> int:
    """Streams transcribed to their end so far."""
    return sum(1 for _ in server.events("stream_ended"))


def _accounts(server: Running, load: Load) -> tuple[int, float, float]:
    """Streams transcribed to their end, and the seconds of audio that were accepted and that were lost."""
    ends = [event for _, event in server.events("stream_ended")]
    heard = sum(event["counters"]["frames"] for event in ends)  # type: ignore[index]
    dropped = sum(event["counters"]["dropped_ms"] for event in ends)  # type: ignore[index]
    return len(ends), heard * FRAME_S, dropped / 1000 + load.overflow * FRAME_S


@dataclass(frozen=True)
class Soak:
    """Many calls one after the other, faster than people speak."""

    calls: int
    speed: float
    call_s: float
    """Length of a call, seconds of audio."""
    seconds: float
    memory_mb: Sequence[float]
    """After each tenth of the calls; pages that processes share counted once."""
    open_files: Sequence[int]
    sent_s: float
    heard_s: float
    ended: int
    lost_s: float


def soak(
    system: System,
    tape: Tape,
    calls: int,
    *,
    at_once: int,
    call_s: float,
    speed: float,
    core: int,
    tell: Callable[[str], None],
) -> Soak:
    """Make so many calls, some at a time, and look at memory and handles after each tenth."""
    memory: list[float] = []
    files: list[int] = []
    sent = 0
    begun = time.monotonic()
    with running(system, core) as server:
        load = Load(server.port, (tape,), speed=speed)
        while len(load.streams) < calls:
            fresh = min(at_once, calls - len(load.streams))
            before = len(load.streams)
            load.open(fresh)
            load.run(call_s / speed)
            load.close()
            sent += sum(stream.sent for stream in load.streams[before:])
            # The server must not get further and further behind: the next ones come when these are done.
            limit = time.monotonic() + 60
            while ended(server) < len(load.streams) - at_once and time.monotonic() < limit:
                time.sleep(0.02)
            if len(load.streams) * 10 // calls > len(memory):
                limit = time.monotonic() + 60
                while ended(server) < len(load.streams) and time.monotonic() < limit:
                    time.sleep(0.05)
                memory.append(server.memory_mb())
                files.append(open_files(server))
        whole, heard_s, lost_s = _accounts(server, load)
    tell(
        f"soak: {calls} calls, memory {memory[0]:.0f} -> {memory[-1]:.0f} MB, files {files[0]} -> {files[-1]}"
    )
    return Soak(
        calls, speed, call_s, time.monotonic() - begun, memory, files, sent * FRAME_S, heard_s, whole, lost_s,
    )  # fmt: skip
