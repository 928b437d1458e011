"""Measure how many calls a core holds.

    make bench        or   python -m benchmarks.capacity [--quick] [--cores SERVER,LOAD]

Server and load run on the same machine, each on a core of its own. The load grows stair by stair until words are shown
more than half a second later than the recogniser alone could show them, or audio is lost; the other parts follow from
what was found. Writes docs/capacity.md and docs/images/capacity.png after every part. What has been measured is kept in
benchmarks/.results, and a run goes on where one stopped. The whole takes about an hour and a half; `--quick` takes
shorter stairs, fewer calls and a smaller record, about a quarter of an hour.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import subprocess
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.accuracy import fingerprint
from benchmarks.capacity import alone, overload, report, sides, systems, unloaded
from benchmarks.capacity.stairs import climb, percentiles
from benchmarks.capacity.tape import Said, Tape, calls, right, words_alone
from benchmarks.path import __main__ as path
from callscribe.models.choice import second_reader
from callscribe.models.folder import resolve

BOUND_S = 0.5
RESULTS = systems.ROOT / "benchmarks" / ".results"


@dataclass(frozen=True)
class Form:
    """How thoroughly it is measured."""

    name: str
    stair_s: float
    real_calls: int | None
    """So many of the real calls; None: all."""
    ladders: dict[str, list[int]]
    overload_s: float
    ten_s: float
    soak_calls: int
    soak_call_s: float
    rows: int
    catch_calls: int
    catch_s: float


THOROUGH = Form(
    "thorough", 45.0, None,
    {
        "tutorial": [1, 4, 8, 10, 12, 14, 16, 20, 24],
        "callscribe": [1, 8, 16, 24, 32, 40, 50, 60, 75, 90, 110, 130],
        "free": [1, 100, 200, 300, 400, 500, 600, 800, 1000],
        "network": [1, 200, 400, 500, 600, 700, 800, 900, 1000],
        "reader": [2, 4, 8, 12, 16, 24],
    },
    120.0, 60.0, 2000, 15.0, 1_000_000, 10, 120.0,
)  # fmt: skip
QUICK = Form(
    "quick", 12.0, 6,
    {
        "tutorial": [8, 12, 16, 20, 24],
        "callscribe": [8, 24, 32, 40, 48, 56, 64, 80],
        "free": [1, 100, 200, 250, 300, 400, 500, 600, 800],
        "network": [1, 200, 300, 400, 500, 600, 700, 850, 1000],
        "reader": [4, 8, 12],
    },
    40.0, 12.0, 2000, 3.0, 20_000, 6, 60.0,
)  # fmt: skip
PARTS = (
    "unloaded", "alone", "tutorial", "callscribe", "shares", "reader", "free", "network", "costs", "path", "twice",
    "ten", "catching", "soak", "fan", "start", "rows",
)  # fmt: skip


class Bench:
    """The parts; each gives plain values that JSON can keep."""

    def __init__(
        self,
        form: Form,
        options: argparse.Namespace,
        server: int,
        found: tuple[Tape, Tape],
        done: dict[str, Any],
        tell: Callable[[str], None],
    ) -> None:
        self.form, self.options, self.core = form, options, server
        self.caller, self.agent = found
        self.done = done
        self.tell = tell

    def measure(self, part: str) -> Any:
        return getattr(self, f"_{part}")()

    @property
    def held(self) -> int:
        """Tracks that callscribe holds on the core; a guess before it is known."""
        known = self.done.get("callscribe")
        return max(2, int(report.climb_of(known).capacity(BOUND_S))) if known else 24

    def _climb(
        self,
        system: systems.System,
        ladder: list[int],
        *,
        to_the_end: bool = False,
    ) -> Any:
        if "unloaded" not in self.done:
            self.done["unloaded"] = self._unloaded()
        result = climb(
            system,
            (self.caller, self.agent),
            [n for n in ladder if not self.options.most or n <= self.options.most],
            core=self.core,
            seconds=self.form.stair_s,
            bound_s=BOUND_S,
            look_ahead_s=self.done["unloaded"]["alone_s"][1],
            tell=self.tell,
            to_the_end=to_the_end,
        )
        return asdict(result)

    def _unloaded(self) -> Any:
        return asdict(unloaded.measure(self.options.model, self.form.real_calls, self.tell))

    def _alone(self) -> Any:
        return alone.measure(self.core, self.options.model, self.form.real_calls)

    def _tutorial(self) -> Any:
        model = resolve(self.options.model)
        system = systems.tutorial(model.path, model.sample_rate)
        return self._climb(system, self.form.ladders["tutorial"])

    def _callscribe(self) -> Any:
        system = systems.callscribe(self.options.model)
        return self._climb(system, self.form.ladders["callscribe"])

    def _shares(self) -> Any:
        ladder = sorted({max(1, self.held * share // 100) for share in (25, 50, 75, 100)})
        system = systems.callscribe(self.options.model)
        return self._climb(system, ladder, to_the_end=True)

    def _free(self) -> Any:
        return self._climb(systems.free_recognizer(), self.form.ladders["free"])

    def _network(self) -> Any:
        return self._climb(systems.network_alone(), self.form.ladders["network"])

    def _reader(self) -> Any:
        system = systems.callscribe(self.options.model, two_way=True, reader=self.options.reader)
        return self._climb(system, self.form.ladders["reader"])

    def _twice(self) -> Any:
        system = systems.callscribe(self.options.model)
        return self._overload(system, 2 * self.held, self.form.overload_s)

    def _ten(self) -> Any:
        system = systems.callscribe(self.options.model, "--capacity", str(self.held))
        return self._overload(system, 10 * self.held, self.form.ten_s)

    def _overload(self, system: systems.System, tracks: int, seconds: float) -> Any:
        most = self.options.most or tracks
        found = overload.overload(
            system, self.caller, min(tracks, most), capacity=self.held, core=self.core, seconds=seconds,
            patience_s=200 if self.form is QUICK else 60 + 12 * seconds, tell=self.tell,
        )  # fmt: skip
        return asdict(found)

    def _soak(self) -> Any:
        found = overload.soak(
            systems.callscribe(self.options.model), self.caller,
            min(self.form.soak_calls, 10 * self.options.most or self.form.soak_calls),
            at_once=10, call_s=self.form.soak_call_s, speed=20, core=self.core, tell=self.tell,
        )  # fmt: skip
        return asdict(found)

    def _costs(self) -> Any:
        model, tracks = self.options.model, max(2, self.held // 4 * 2)
        kinds = [
            systems.callscribe(model, *systems.UNBOUNDED, name="worker processes"),
            systems.callscribe(model, *systems.UNBOUNDED, "--workers", "threads", name="threads"),
            systems.callscribe(model, *systems.UNBOUNDED, "--recording", "on", name="with recording"),
            systems.callscribe(model, *systems.UNBOUNDED, two_way=True, name="two-way calls"),
        ]  # fmt: skip
        return [
            asdict(
                sides.cost(
                    kind, (self.caller, self.agent), tracks, core=self.core, seconds=self.form.stair_s, tell=self.tell
                )
            )
            for kind in kinds
        ]  # fmt: skip

    def _start(self) -> Any:
        return sides.start_up(self.options.model, self.core)

    def _path(self) -> Any:
        mine = os.sched_getaffinity(0)
        os.sched_setaffinity(0, mine | {self.core})  # two processes of one server and its viewers
        try:
            found = asyncio.run(path.measure(systems.ROOT, path.Amount()))
        finally:
            os.sched_setaffinity(0, mine)
        return {what: percentiles(values) for what, values in found.items()}

    def _fan(self) -> Any:
        return [
            asdict(
                sides.fan_out(
                    self.options.model, self.caller, viewers, core=self.core, seconds=self.form.stair_s, tell=self.tell
                )
            )
            for viewers in (1, 100, 900)
        ]  # fmt: skip

    def _catching(self) -> Any:
        found = sides.catching_up(
            systems.callscribe(self.options.model, two_way=True, reader=self.options.reader),
            systems.callscribe(self.options.model, two_way=True),
            (self.caller, self.agent), self.form.catch_calls, core=self.core, seconds=self.form.catch_s,
            speed=8, patience_s=6 * self.form.catch_s, tell=self.tell,
        )  # fmt: skip
        return asdict(found)

    def _rows(self) -> Any:
        return asdict(sides.rows(self.options.rows or self.form.rows, self.tell))


def _tapes(most: int | None, model: str, done: dict[str, Any]) -> tuple[str, Tape, Tape]:
    """Where the calls come from, and both sides with the words on them, which `done` keeps."""
    source, caller, agent = calls(most)
    mark = f"{fingerprint(alone.folder(model))}, {source}"
    if done.get("words", {}).get("of") != mark:
        loaded = alone.recognizer(model)
        found = [right(words_alone(side.payload, loaded), side.text) for side in (caller, agent)]
        done["words"] = {
            "of": mark,
            "sides": [[[w.text, w.end_s] for w in words] for words in found],
        }
    words = [tuple(Said(text, end_s) for text, end_s in side) for side in done["words"]["sides"]]
    return source, Tape(caller.payload, words[0]), Tape(agent.payload, words[1])


def _processor() -> str:
    """Its name, where the system tells."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _commit() -> str:
    """What is measured, as git names it."""
    found = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=systems.ROOT, check=False, capture_output=True, text=True
    )  # fmt: skip
    return found.stdout.strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cores", default="", help="server's and load's core, e.g. 0,1")
    parser.add_argument("--model", default="", help="recognition model (default: the built-in one)")
    parser.add_argument("--reader", default="auto", help='second reader to measure, or "off"')
    parser.add_argument("--seconds", type=float, default=0.0, help="length of a stair")
    parser.add_argument("--quick", action="store_true", help="the short form")
    parser.add_argument("--minutes", type=float, default=0.0, help="begin no part after so many")
    parser.add_argument(
        "--packaged", action="store_true", help="the package's own call in any case"
    )
    parser.add_argument("--most", type=int, default=0, help="raise the load to so many tracks only")
    parser.add_argument("--rows", type=int, default=0, help="size of the record, in utterances")
    parser.add_argument("--only", default="", help=f"some parts: {','.join(PARTS)}")
    parser.add_argument("--fresh", action="store_true", help="forget what was measured before")
    parser.add_argument("--results", type=Path, help="where what was measured is kept")
    parser.add_argument("--no-report", action="store_true", help="measure only")
    options = parser.parse_args()
    begun = time.monotonic()
    cores = sorted(os.sched_getaffinity(0))
    server, load = map(int, options.cores.split(",")) if options.cores else (cores[0], cores[-1])
    if server == load:
        raise SystemExit("The server and the load need a core each; this machine offers only one.")
    os.sched_setaffinity(0, {load})
    console = Console(stderr=True)
    form = QUICK if options.quick else THOROUGH
    if options.seconds:
        form = replace(form, stair_s=options.seconds)
    if options.packaged:
        form = replace(form, real_calls=0)
    results = options.results or RESULTS / f"capacity-{form.name}.json"
    done: dict[str, Any] = {}
    if results.exists() and not options.fresh:
        done = json.loads(results.read_text(encoding="utf-8"))
    wanted = options.only.split(",") if options.only else list(PARTS)
    if options.reader == "off" or second_reader(options.reader, language="en") is None:
        wanted = [part for part in wanted if part not in ("reader", "catching")]

    source, caller, agent = _tapes(form.real_calls, options.model, done)
    console.print(
        f"{source}, {caller.seconds / 60:.1f} minutes a side; server on core {server}, load on core {load}"
    )
    done["about"] = {
        "form": form.name,
        "source": source,
        "minutes": caller.seconds / 60,
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "stair_s": form.stair_s,
        "machine": f"{_processor()}, {os.cpu_count()} cores, Python {platform.python_version()}",
    }
    with Progress(
        TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=console
    ) as progress:
        bench = Bench(form, options, server, (caller, agent), done, progress.console.print)
        task = progress.add_task("", total=len(wanted))
        for part in wanted:
            progress.update(task, description=part)
            late = 0 < options.minutes < (time.monotonic() - begun) / 60
            if part not in done and not late:
                busy = os.getloadavg()[0]
                try:
                    done[part] = bench.measure(part)
                except (Exception, SystemExit) as error:
                    progress.console.print(f"{part} could not be measured: {error!r}")
                else:
                    done.setdefault("measured", {})[part] = {"commit": _commit(), "load": busy}
                    results.parent.mkdir(parents=True, exist_ok=True)
                    results.write_text(json.dumps(done, indent=1), encoding="utf-8")
                    if not options.no_report:
                        report.write(done, BOUND_S)
            progress.advance(task)
    if not options.no_report:
        console.print(report.write(done, BOUND_S))


if __name__ == "__main__":
    main()
