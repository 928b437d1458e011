"""A system under a load that grows stair by stair until it can't keep up."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.capacity.load import Load, Stream
from benchmarks.capacity.systems import Running, System, running
from benchmarks.capacity.tape import Tape
from benchmarks.capacity.words import Lag, lags

_ENOUGH = 20
"""Words from which on a median means something."""


@dataclass(frozen=True)
class Stair:
    """What was measured at one load."""

    tracks: int
    cpu: float
    """Share of the core."""
    memory_mb: float
    words: int
    partial: tuple[float, float, float]
    """Spoken -> first shown: median, 95th and 99th percentile, seconds."""
    final: tuple[float, float, float]
    """From the last word of an utterance to its final."""
    worst_stream: float
    """95th percentile of the slowest stream, seconds."""
    lost_ms: int
    load_late_s: float
    """How late the load generator itself was; above 0.1 the figure is not the system's."""


@dataclass(frozen=True)
class Climb:
    """A system's stairs."""

    name: str
    start_s: float
    stairs: tuple[Stair, ...]
    look_ahead_s: float
    """Spoken -> shown (95th percentile) at the lowest load: what the system takes without any."""

    def holds(self, stair: Stair, bound_s: float) -> bool:
        """Whether the system kept up at this load."""
        shown = stair.words == 0 or stair.partial[1] <= self.look_ahead_s + bound_s
        return shown and stair.lost_ms == 0 and stair.cpu < 0.98

    def capacity(self, bound_s: float) -> float:
        """Tracks at which the bound is passed, between the last stair that held and the first that did not."""
        held = 0.0
        last: Stair | None = None
        for stair in self.stairs:
            if not self.holds(stair, bound_s):
                late = stair.words > 0 and stair.partial[1] > self.look_ahead_s + bound_s
                if last is None or not late:
                    return held  # audio was lost, or the core was full
                room = self.look_ahead_s + bound_s - last.partial[1]
                rise = max(stair.partial[1] - last.partial[1], 1e-9)
                return held + (stair.tracks - last.tracks) * min(1.0, max(0.0, room / rise))
            held, last = float(stair.tracks), stair
        return held


def climb(
    system: System,
    tapes: Sequence[Tape],
    tracks: Iterable[int],
    *,
    core: int,
    seconds: float,
    bound_s: float,
    look_ahead_s: float | None,
    tell: Callable[[str], None],
    to_the_end: bool = False,
) -> Climb:
    """Raise the load through `tracks` until the system can't keep up.

    Args:
        tapes: one for one-track streams, two for two-way calls (whose tracks count twice).
        seconds: a stair lasts; its first third is not counted.
        look_ahead_s: of the recogniser, if it has been measured.
        to_the_end: go through all of `tracks`, also when it can't keep up any more.
    """
    stairs: list[Stair] = []
    used = tuple(tapes[: 2 if system.two_way else 1])
    with running(system, core) as server:
        load = Load(server.port, used)
        marks: list[tuple[int, float, float, float, float, float, int]] = []
        try:
            for wanted in tracks:
                load.open(wanted // len(used) - len(load.streams))
                load.run(seconds / 3)
                load.late_s = 0.0
                begun, cpu = time.monotonic(), server.cpu_s()
                load.run(seconds * 2 / 3)
                ended = time.monotonic()
                share = (server.cpu_s() - cpu) / (ended - begun)
                marks.append(
                    (wanted, begun, ended, share, server.memory_mb(), load.late_s, load.overflow)
                )
                stair = _stair(server, load.streams, marks[-1])
                if look_ahead_s is None and stair.words >= _ENOUGH:
                    look_ahead_s = stair.partial[1]
                stairs.append(stair)
                tell(
                    f"{system.name}: {wanted} tracks, core {share:.0%}, shown after "
                    f"{stair.partial[1]:.2f} s, final after {stair.final[1]:.2f} s (95 %)"
                )
                ahead_s = 0.0 if look_ahead_s is None else look_ahead_s
                if not to_the_end and not Climb("", 0, (), ahead_s).holds(stair, bound_s):
                    break
            load.run(3)
            stairs = [
                _stair(server, load.streams, mark) for mark in marks
            ]  # now with the late finals
        finally:
            load.close()
    return Climb(system.name, server.start_s, tuple(stairs), look_ahead_s or 0.0)


def _stair(
    server: Running,
    streams: Sequence[Stream],
    mark: tuple[int, float, float, float, float, float, int],
) -> Stair:
    wanted, begun, ended, share, memory, late, overflow = mark
    updates = server.updates()
    found: list[Lag] = []
    slowest = 0.0
    for stream in streams:
        for k, track in enumerate(("inbound", "outbound")[: len(stream.tapes)]):
            said = updates.get((stream.call, track)) or updates.get((stream.sid, track)) or []
            mine = [lag for lag in lags(stream, k, said) if begun <= lag.spoken_at < ended - 1]
            found += mine
            if mine:
                slowest = max(slowest, float(np.percentile([lag.shown_s for lag in mine], 95)))
    dropped = sum(
        int(event["end_ms"]) - int(event["start_ms"])  # type: ignore[call-overload]
        for at, event in server.events("gap")
        if event["reason"] == "overload"
    )
    return Stair(
        wanted,
        share,
        memory,
        len(found),
        _percentiles([lag.shown_s for lag in found]),
        _percentiles([lag.final_s for lag in found if lag.last and math.isfinite(lag.final_s)]),
        slowest,
        dropped + overflow * 20,
        late,
    )


def _percentiles(values: Sequence[float]) -> tuple[float, float, float]:
    if not values:
        return (0.0, 0.0, 0.0)
    low, high, top = np.percentile(values, [50, 95, 99])
    return float(low), float(high), float(top)
