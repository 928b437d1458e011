from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import pytest

from callscribe.events import Track
from callscribe.speech import capacity
from callscribe.speech.capacity import FILE, Measured, cores_granted, measure
from callscribe.speech.recovery import PlaceLost, RecogniserFailed
from callscribe.speech.stream import DecodingOptions, Fed, Report
from callscribe.speech.track import Progress

TAPES = [b"\x7f" * 16_000] * 2


class Machine:
    """A clock, and a worker whose decoding takes time of the processor, and more by the clock if others work too."""

    life = 1

    def __init__(self, *, cost: float, busy: float = 1.0, tells: bool = True) -> None:
        self.now = 100.0
        self._cost, self._busy, self._tells = cost, busy, tells
        self._used = 0.0

    def clock(self) -> float:
        return self.now

    def cpu_s(self) -> float:
        return self._used if self._tells else 0.0

    def open(self, stream: int, options: DecodingOptions) -> None: ...

    def begin(self, stream: int, track: Track, progress: Progress) -> None: ...

    def decode(self, stream: int, fed: Sequence[Fed], *, partials: bool) -> Report:
        samples = sum(len(each.piece.payload) for each in fed if each.piece is not None)
        self._used += self._cost * samples / 8000
        self.now += self._cost * self._busy * samples / 8000
        return Report()

    def close(self, stream: int) -> None: ...


def test_a_busy_machine_measures_what_an_idle_one_does() -> None:
    idle, busy = Machine(cost=0.02), Machine(cost=0.02, busy=3.0)
    found = measure([idle], TAPES, clock=idle.clock)
    assert 25 <= found.tracks <= 35
    assert not found.busy
    assert measure([busy], TAPES, clock=busy.clock) == (found.tracks, True)


def test_where_processor_time_is_not_told_the_clock_counts() -> None:
    busy = Machine(cost=0.02, busy=3.0, tells=False)
    slow = Machine(cost=0.06)
    assert measure([busy], TAPES, clock=busy.clock) == measure([slow], TAPES, clock=slow.clock)


def test_no_more_than_what_the_machine_grants_is_counted() -> None:
    machine = Machine(cost=0.02)
    whole = measure([machine], TAPES, clock=machine.clock).tracks
    assert measure([machine], TAPES, clock=machine.clock, cores=0.5).tracks == whole // 2
    assert measure([machine], TAPES, clock=machine.clock, cores=8).tracks == whole


def test_a_recogniser_that_fails_has_no_capacity(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(cost=0.02)

    def fails(*_: object) -> None:
        raise RecogniserFailed("no")

    monkeypatch.setattr(machine, "begin", fails)
    assert measure([machine], TAPES, clock=machine.clock).tracks == 0


class Mortal(Machine):
    """It dies so often, in the middle of a measurement, and another takes its place."""

    def __init__(self, *, deaths: int) -> None:
        super().__init__(cost=0.02)
        self._deaths = deaths
        self._decoded = 0

    def decode(self, stream: int, fed: Sequence[Fed], *, partials: bool) -> Report:
        self._decoded += 1
        if self._deaths and self._decoded == 20:
            self._deaths -= 1
            self._decoded = 0
            self._used = 0.0
            self.life += 1
            raise PlaceLost("it died")
        return super().decode(stream, fed, partials=partials)


def test_a_worker_that_dies_is_measured_again_and_never_counted() -> None:
    well, once, always = Mortal(deaths=0), Mortal(deaths=1), Mortal(deaths=1000)
    found = measure([well], TAPES, clock=well.clock)
    assert measure([once], TAPES, clock=once.clock) == found
    assert measure([always], TAPES, clock=always.clock).tracks == 0


def test_what_was_measured_by_the_clock_is_measured_again(tmp_path: Path) -> None:
    measured = Measured(tracks=7, model="m", workers=2, kind="threads", by="processor time")
    capacity.keep(tmp_path, measured)
    assert capacity.kept(tmp_path, "m", 2, "threads") == (7, False)
    assert capacity.kept(tmp_path, "m", 3, "threads") is None
    (tmp_path / FILE).write_bytes(b'{"tracks":7,"model":"m","workers":2,"kind":"threads"}')
    assert capacity.kept(tmp_path, "m", 2, "threads") is None


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({}, math.inf),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "150000 100000\n"}, 1.5),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"}, math.inf),
        (
            {
                "proc/self/cgroup": "0::/system.slice/callscribe.service\n",
                "sys/fs/cgroup/system.slice/callscribe.service/cpu.max": "400000 100000\n",
                "sys/fs/cgroup/system.slice/cpu.max": "200000 100000\n",
            },
            2.0,
        ),
        (
            {
                "proc/self/cgroup": "4:cpu,cpuacct:/\n",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "50000\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            0.5,
        ),
        (
            {
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            math.inf,
        ),
    ],
)
def test_what_control_groups_grant(tmp_path: Path, files: dict[str, str], cores: float) -> None:
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert cores_granted(tmp_path) == cores
