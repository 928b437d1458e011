"""Measure the two ends of the path in one run, this checkout and another one taking turns.

    make bench-path       or   python -m benchmarks.path [--against ANOTHER/CHECKOUT] [--rounds N] [--streams N]

* **message to recogniser**: from the moment the carrier sends a media message to the moment its last sample is in the
  recogniser's hands, over the socket, the parser, the time line and the queue. The recogniser costs nothing.
* **final to screen**: from `publish` to a script that follows `/api/events`, to the page, and to the terminal; the
  commit to the record, flushed to the disk, is part of it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from benchmarks.path.load import FRAME_SAMPLES, page, stream

HERE = Path(__file__).parents[2]
SUBJECT = Path(__file__).parent / "subject.py"


@dataclass(frozen=True)
class Amount:
    """What happens in a round."""

    streams: int = 10
    seconds: float = 10.0
    """Of audio on each of them."""
    finals: int = 60
    viewers: int = 10
    """Pages that follow the call."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--against", type=Path, help="another checkout, measured in turns")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--streams", type=int, default=Amount.streams)
    parser.add_argument("--seconds", type=float, default=Amount.seconds, help="of audio a round")
    parser.add_argument("--finals", type=int, default=Amount.finals)
    parser.add_argument("--viewers", type=int, default=Amount.viewers, help="pages that follow")
    options = parser.parse_args()
    amount = Amount(options.streams, options.seconds, options.finals, options.viewers)
    trees = {"this": HERE} | ({"other": options.against.resolve()} if options.against else {})
    found: dict[str, dict[str, list[float]]] = {name: {} for name in trees}
    for _ in range(options.rounds):
        for name, tree in trees.items():
            for what, values in asyncio.run(measure(tree, amount)).items():
                found[name].setdefault(what, []).extend(values)
    for line in table(found):
        print(line)


async def measure(tree: Path, amount: Amount) -> dict[str, list[float]]:
    """One server's figures: for each thing measured, seconds."""
    with tempfile.TemporaryDirectory() as data:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("CALLSCRIBE_")}
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(SUBJECT),
            data,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            limit=1 << 28,
            cwd=data,
            env=environment | {"PYTHONPATH": str(tree / "src")},
        )
        assert process.stdin is not None
        assert process.stdout is not None
        place = json.loads(await process.stdout.readline())
        url, call = place["url"], place["call"]

        payloads = [os.urandom(FRAME_SAMPLES)] * round(amount.seconds / 0.02)
        sent = await asyncio.gather(
            *(stream(url, number, payloads) for number in range(amount.streams))
        )
        paths = await viewers(url, call, amount.viewers)
        tasks = []
        for path in paths:
            ready = asyncio.Event()
            tasks.append((path, asyncio.create_task(page(url, path, ready))))
            await asyncio.wait_for(ready.wait(), 10)
        process.stdin.write(json.dumps({"finals": amount.finals, "every_s": 0.1}).encode() + b"\n")
        await process.stdin.drain()
        await process.stdout.readline()
        await asyncio.sleep(0.5)
        for _, task in tasks:
            task.cancel()
        seen = [(path, await task) for path, task in tasks]
        process.stdin.close()
        told = json.loads(await process.stdout.readline())
        await process.wait()
    return figures(told, sent, seen)


async def viewers(url: str, call: str, count: int) -> list[str]:
    """Addresses that are followed: a script's, and the page's own where there is one."""
    async with (
        httpx.AsyncClient(trust_env=False) as client,
        client.stream("GET", f"{url}/live?call={call}") as answer,
    ):
        pages = answer.status_code == 200
    own = f"/live?call={call}" if pages else f"/api/events?call={call}&partials={call}"
    return [f"/api/events?after=0&call={call}", *[own] * count]


def figures(
    told: dict[str, Any], sent: list[list[float]], seen: list[tuple[str, dict[str, float]]]
) -> dict[str, list[float]]:
    """Delays, in seconds."""
    found: dict[str, list[float]] = {
        "message to recogniser": [],
        "final to script": [],
        "final to page": [],
        "final to terminal": [],
    }
    # Which stream a session belongs to: streams open in order of their first messages, as sessions do. Those before
    # them were opened at start, to measure the machine.
    sessions = sorted(filter(None, told["heard"]), key=lambda heard: heard[0])[-len(sent) :]
    pairs = zip(sorted(sent), sessions, strict=True)
    for times, heard in pairs:
        count, index = 0, 0
        for at, samples in heard:
            count += samples
            while index < len(times) and (index + 1) * FRAME_SAMPLES <= count:
                found["message to recogniser"].append(at - times[index])
                index += 1
    published = told["published"]
    for place, (_, came) in enumerate(seen):
        what = "final to script" if place == 0 else "final to page"
        found[what] += [came[number] - at for number, at in published.items() if number in came]
    painted = told["painted"]
    found["final to terminal"] += [
        painted[number] - at for number, at in published.items() if number in painted
    ]
    return found


def table(found: dict[str, dict[str, list[float]]]) -> Iterable[str]:
    """Median and 95th percentile in milliseconds, one line for each thing measured."""
    yield f"{'':<24}" + "".join(f"{name:>30}" for name in found)
    yield f"{'':<24}" + "".join(f"{'median':>14}{'p95':>8}{'n':>8}" for _ in found)
    for what in next(iter(found.values())):
        cells = ""
        for values in (of[what] for of in found.values()):
            if not values:
                cells += f"{'-':>14}{'-':>8}{0:>8}"
                continue
            p95 = sorted(values)[int(0.95 * (len(values) - 1))]
            cells += f"{statistics.median(values) * 1000:>14.2f}{p95 * 1000:>8.2f}{len(values):>8}"
        yield f"{what:<24}{cells}"


if __name__ == "__main__":
    main()
