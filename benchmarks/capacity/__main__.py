"""Measure how many calls a core holds.

    make bench        or   python -m benchmarks.capacity [--quick] [--cores SERVER,LOAD]

Server and load run on the same machine, each on a core of its own. The load grows stair by stair until words are shown
more than half a second later than the recogniser's own look-ahead, or audio is lost. Writes docs/capacity.md and
docs/images/capacity.png; what has been measured is kept in benchmarks/.results, and a run goes on where one stopped.
"""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import asdict

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.capacity import alone, report, systems
from benchmarks.capacity.stairs import Climb, Stair, climb
from benchmarks.capacity.tape import tapes

BOUND_S = 0.5
RESULTS = systems.ROOT / "benchmarks" / ".results" / "capacity.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cores", default="", help="server's and load's core, e.g. 0,1")
    parser.add_argument("--model", default="", help="recognition model (default: the built-in one)")
    parser.add_argument("--reader", default="auto", help='second reader to measure, or "off"')
    parser.add_argument("--seconds", type=float, default=45.0, help="length of a stair")
    parser.add_argument("--quick", action="store_true", help="short stairs, to see that it works")
    parser.add_argument(
        "--packaged", action="store_true", help="the package's own call in any case"
    )
    parser.add_argument(
        "--most", type=int, default=0, help="raise the load to this many tracks only"
    )
    parser.add_argument("--only", default="", help="alone, tutorial, callscribe, network or reader")
    parser.add_argument("--fresh", action="store_true", help="forget what was measured before")
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    server, load = map(int, options.cores.split(",")) if options.cores else (cores[0], cores[-1])
    if server == load:
        raise SystemExit("The server and the load need a core each; this machine offers only one.")
    os.sched_setaffinity(0, {load})
    console = Console(stderr=True)
    seconds = 12.0 if options.quick else options.seconds

    recognizer = alone.recognizer(options.model)
    source, caller, agent = tapes(recognizer, packaged=options.packaged)
    console.print(
        f"{source}, {caller.seconds / 60:.1f} minutes a side; server on core {server}, load on core {load}"
    )
    done: dict[str, object] = {}
    if RESULTS.exists() and not options.fresh:
        done = json.loads(RESULTS.read_text(encoding="utf-8"))

    def keep(name: str, value: object) -> None:
        done[name] = value
        RESULTS.parent.mkdir(parents=True, exist_ok=True)
        RESULTS.write_text(json.dumps(done, indent=1), encoding="utf-8")

    wanted = (
        [options.only] if options.only else ["alone", "tutorial", "callscribe", "network", "reader"]
    )
    if options.reader == "off" and "reader" in wanted:
        wanted.remove("reader")
    ladder = {
        "tutorial": [1, 4, 8, 10, 12, 14, 16, 20, 24],
        "callscribe": [1, 8, 16, 24, 32, 40, 50, 60, 75, 90, 110],
        "network": [1, 100, 200, 300, 400, 500, 600, 800, 1000],
        "reader": [2, 4, 8, 12, 16, 24],
    }
    what = {
        "tutorial": systems.tutorial(alone.folder(options.model), recognizer.sample_rate),
        "callscribe": systems.callscribe(options.model),
        "network": systems.network_alone(),
        "reader": systems.callscribe(options.model, two_way=True, reader=options.reader),
    }
    look_ahead: float | None = None
    with Progress(
        TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=console
    ) as progress:
        task = progress.add_task("", total=len(wanted))
        for name in wanted:
            if name in done:
                progress.advance(task)
                continue
            progress.update(task, description=name)
            if name == "alone":
                keep(name, alone.measure(server, options.model))
            else:
                known = done.get("tutorial")
                if isinstance(known, dict):
                    look_ahead = known["look_ahead_s"]
                result = climb(
                    what[name],
                    (caller, agent),
                    [n for n in ladder[name] if not options.most or n <= options.most],
                    core=server,
                    seconds=seconds,
                    bound_s=BOUND_S,
                    look_ahead_s=look_ahead,
                    tell=progress.console.print,
                )
                keep(name, asdict(result))
            progress.advance(task)
    climbs = {name: _climb(value) for name, value in done.items() if isinstance(value, dict)}
    raw = done.get("alone")
    console.print(report.write(source, raw if isinstance(raw, float) else None, climbs, BOUND_S))


def _climb(plain: dict[str, object]) -> Climb:
    stairs = tuple(Stair(**row) for row in plain["stairs"])  # type: ignore[attr-defined]
    return Climb(**{**plain, "stairs": stairs})  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
