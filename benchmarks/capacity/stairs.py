"""A system under a load that grows stair by stair until it can't keep up."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from benchmarks.capacity.load import Load, Stream
from benchmarks.capacity.systems import Running, System, busy_s, running
from benchmarks.capacity.tape import Tape
from benchmarks.capacity.words import Lag, Shown, match, spoken


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
    said: int = 0
    """Words that were said, of which `words` were shown."""
    others: float = 0.0
    """Share of the core that other processes took."""
    revised: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """From the end of speech to the second reader's words: median, 95th and 99th percentile, seconds; zeros: none."""


@dataclass(frozen=True)
class Climb:
    """A system's stairs."""

    name: str
    start_s: float
    stairs: tuple[Stair, ...]
    look_ahead_s: float
    """What the recogniser alone takes from spoken to shown (95th percentile) when decoding takes no time."""

    def holds(self, stair: Stair, bound_s: float) -> bool:
        """Whether the system kept up at this load."""
        shown = stair.words == 0 or stair.partial[1] <= self.look_ahead_s + bound_s
        # Whoever takes the core's last hundredths, the kernel's network for one, a full core falls behind.
        full = stair.cpu + stair.others >= 0.98
        return shown and stair.lost_ms == 0 and not full and stair.load_late_s <= 0.1

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
    look_ahead_s: float,
    tell: Callable[[str], None],
    to_the_end: bool = False,
) -> Climb:
    """Raise the load through `tracks` until the system can't keep up.

    Args:
        tapes: one for one-track streams, two for two-way calls (whose tracks count twice).
        seconds: a stair lasts; its first third is not counted.
        look_ahead_s: the recogniser's own delay, on top of which `bound_s` comes.
        to_the_end: go through all of `tracks`, also when it can't keep up any more.
    """
    used = tuple(tapes[: 2 if system.two_way else 1])
    with running(system, core) as server:
        load = Load(server.port, used)
        marks: list[_Mark] = []
        try:
            for wanted in tracks:
                load.open(wanted // len(used) - len(load.streams))
                load.run(seconds / 3)
                load.late_s = 0.0
                begun, cpu, busy = time.monotonic(), server.cpu_s(), busy_s(core)
                load.run(seconds * 2 / 3)
                ended = time.monotonic()
                share = (server.cpu_s() - cpu) / (ended - begun)
                others = max(0.0, (busy_s(core) - busy) / (ended - begun) - share)
                marks.append(
                    _Mark(
                        wanted,
                        begun,
                        ended,
                        share,
                        others,
                        server.memory_mb(),
                        load.late_s,
                        load.overflow,
                    )
                )
                stair = _stair(server, load.streams, marks[-1])
                words = (
                    f", {stair.words} of {stair.said} words shown after {stair.partial[1]:.2f} s, "
                    f"final after {stair.final[1]:.2f} s (95 %)"
                )
                tell(
                    f"{system.name}: {wanted} tracks, core {share:.0%} (others {others:.0%})"
                    f"{words if stair.words else ''}"
                )
                if not to_the_end and not Climb("", 0, (), look_ahead_s).holds(stair, bound_s):
                    break
            load.run(3)
            stairs = [
                _stair(server, load.streams, mark) for mark in marks
            ]  # now with the late finals
        finally:
            load.close()
    return Climb(system.name, server.start_s, tuple(stairs), look_ahead_s)


class _Mark(NamedTuple):
    """What was measured while a stair lasted; words come on top when they are known."""

    tracks: int
    begun: float
    ended: float
    cpu: float
    others: float
    memory_mb: float
    load_late_s: float
    overflow: int


def _stair(server: Running, streams: Sequence[Stream], mark: _Mark) -> Stair:
    shown = server.shown()
    found: list[Lag] = []
    slowest, said = 0.0, 0
    for stream in streams:
        for k, track in enumerate(("inbound", "outbound")[: len(stream.tapes)]):
            heard = shown.get((stream.call, track)) or shown.get((stream.sid, track)) or Shown()
            words = spoken(stream, k)
            said += sum(mark.begun <= at < mark.ended - 1 for _, at in words)
            mine = [
                lag for lag in match(words, heard) if mark.begun <= lag.spoken_at < mark.ended - 1
            ]
            found += mine
            if mine:
                slowest = max(slowest, float(np.percentile([lag.shown_s for lag in mine], 95)))
    dropped = sum(
        int(event["end_ms"]) - int(event["start_ms"])  # type: ignore[call-overload]
        for at, event in server.events("gap")
        if event["reason"] == "overload"
    )
    better = [
        float(event["lag_ms"]) / 1000  # type: ignore[arg-type]
        for at, event in server.events("revised")
        if mark.begun <= at < mark.ended
    ]
    return Stair(
        tracks=mark.tracks,
        cpu=mark.cpu,
        memory_mb=mark.memory_mb,
        words=len(found),
        partial=percentiles([lag.shown_s for lag in found]),
        final=percentiles(
            [lag.final_s for lag in found if lag.last and math.isfinite(lag.final_s)]
        ),
        worst_stream=slowest,
        lost_ms=dropped + mark.overflow * 20,
        load_late_s=mark.load_late_s,
        said=said,
        others=mark.others,
        revised=percentiles(better),
    )


def percentiles(values: Sequence[float]) -> tuple[float, float, float]:
    """Median, 95th and 99th percentile; zeros for nothing."""
    if not values:
        return (0.0, 0.0, 0.0)
    low, high, top = np.percentile(values, [50, 95, 99])
    return float(low), float(high), float(top)
