"""How long after the end of an utterance its first better reading comes: the demo call, with two people, in real time.

    python -m benchmarks.reading_delay [--reader NAME_OR_FOLDER] [--write]

`--write` puts the sentence into `docs/accuracy.md`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import statistics
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.sets import ROOT
from callscribe.cli.demo import OURS, demo_settings, phone
from callscribe.events import Published, RecordSettled, RevisedTranscript
from callscribe.server import load_recognizer, running_server
from callscribe.settings import Settings
from callscribe.web.listening import listen

REPORT = ROOT / "docs" / "accuracy.md"
BEGIN, END = "<!-- delay -->", "<!-- end of delay -->"


def delays_ms(reader: str = "auto") -> list[int]:
    """From the end of each utterance to its `revised`, by a real server with one call on this machine."""
    with tempfile.TemporaryDirectory() as folder:
        settings = demo_settings(Settings(data=Path(folder), second_reader=reader))
        return asyncio.run(_play(settings))


async def _play(settings: Settings) -> list[int]:
    recognizer, _ = load_recognizer(settings)
    found: list[RevisedTranscript] = []
    with contextlib.closing(recognizer):
        listener = listen(settings.host, 0)
        async with running_server(settings, recognizer, listener, own_number=OURS) as server:
            if server.reading is None:
                return []
            await server.reading.service.ready
            with server.record.hub.subscribe() as events:
                calling = asyncio.create_task(phone(server, settings.auth_token.reveal(), 1.0))
                async for published in events:
                    if not isinstance(published, Published):
                        continue
                    if isinstance(published.event, RevisedTranscript):
                        found.append(published.event)
                    elif isinstance(published.event, RecordSettled):
                        break
                await calling
    return firsts_ms(found)


def firsts_ms(readings: Iterable[RevisedTranscript]) -> list[int]:
    """The delay of each utterance's first better reading. A surer one after the call does not make that later."""
    found: dict[str, int] = {}
    for reading in readings:
        found.setdefault(reading.utterance, reading.lag_ms)
    return list(found.values())


def sentence(delays: Sequence[int]) -> str:
    """The measurement in one sentence."""
    if len(delays) < 2:
        return "There was no second reader to time."
    cuts = statistics.quantiles(delays, n=20)
    return (
        f"With one call of two people on {os.cpu_count()} cores, in real time, the better reading came "
        f"{statistics.median(delays) / 1000:.1f} s (median) and {cuts[18] / 1000:.1f} s (95th percentile) after the "
        f"end of an utterance, the silence that ends it included ({len(delays)} utterances of the demo call)."
    )


def marked(text: str) -> str:
    """The sentence as it stands in the report."""
    return f"{BEGIN}\n{text}\n{END}"


def put_in(text: str, report: Path = REPORT) -> None:
    """Put the sentence in the place of the one before it."""
    page = report.read_text(encoding="utf-8")
    before, rest = page.split(BEGIN, 1)
    report.write_text(before + marked(text) + rest.split(END, 1)[1], encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reader", default="auto", help="a second reader's name or folder")
    parser.add_argument("--write", action="store_true", help="put it into docs/accuracy.md")
    arguments = parser.parse_args()
    found = sentence(delays_ms(arguments.reader))
    print(found)
    if arguments.write:
        put_in(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
