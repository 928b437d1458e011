"""How long searches and indexing take in a large record.

    make bench-search                      # 100,000 calls, 3 million utterances, in benchmarks/.search
    python -m benchmarks.search --calls 1000 --data /tmp/small

The record is made up: words by Zipf's law, names, phone numbers, amounts. Making it goes on where it stopped. Times are
of the store's own methods, as the command and the API call them; files are in the system's cache as far as they fit.
"""

from __future__ import annotations

import argparse
import datetime as dt
import itertools
import json
import random
import sqlite3
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from callscribe.events import CallEnded, FinalTranscript, Word
from callscribe.records import CallFilter
from callscribe.store.opening import open_store
from callscribe.store.ticks import ticks

START = dt.datetime(2023, 1, 1, tzinfo=dt.UTC)
DAYS = 1000
CALLS_A_PIECE = 500
COMMON = (
    "the and i you to a it that of is in was for yeah we have on so my do be this what they not are know with"
    " just if but your can like one okay me at get right there no or all will please thank call need would about"
).split()
SYLLABLES = [
    a + b
    for a in "bdfghklmnprstvwz"
    for b in ("a", "e", "i", "o", "u", "ar", "en", "il", "on", "us")
]
DIGITS = "zero one two three four five six seven eight nine".split()


def vocabulary(size: int) -> list[str]:
    """Common English words first, made-up ones after."""
    made = random.Random(1)
    found = dict.fromkeys(COMMON)
    while len(found) < size:
        found["".join(made.choices(SYLLABLES, k=made.randint(2, 4)))] = None
    return list(found)


class Maker:
    """Makes calls, each from its number alone, so that making goes on where it stopped."""

    def __init__(self, utterances: int) -> None:
        self.words = vocabulary(30_000)
        self.names = [word.capitalize() for word in self.words[5_000:10_000]]
        weights = 1 / np.arange(1, len(self.words) + 1) ** 1.05
        self._cumulated = np.cumsum(weights / weights.sum())
        self._per_call = utterances

    def call(self, number: int) -> tuple[tuple[object, ...], list[tuple[object, ...]]]:
        """The call's row, and its utterances' rows."""
        dice = random.Random(number)
        sid = f"CA{number:032x}"
        started = (
            START
            + dt.timedelta(days=DAYS) * (number / 100_000)
            + dt.timedelta(seconds=dice.random())
        )
        names = (dice.choice(self.names), dice.choice(self.names))
        digits = np.random.default_rng(number)
        picked = np.searchsorted(
            self._cumulated, digits.random(self._per_call * 14)
        )  # 14 words an utterance at most
        rows: list[tuple[object, ...]] = []
        at_ms = 1000
        for n in range(self._per_call):
            spoken = [self.words[i] for i in picked[n * 14 : n * 14 + dice.randint(5, 14)]]
            written = list(spoken)
            if dice.random() < 0.15:
                figures = f"{dice.randrange(2_000_000_000, 9_999_999_999)}"
                spoken += [DIGITS[int(c)] for c in figures]
                written.append(f"{figures[:3]}-{figures[3:6]}-{figures[6:]}")
            elif dice.random() < 0.1:
                amount = dice.randrange(1, 1000)
                written.append(f"{amount}")
                spoken += [DIGITS[int(c)] for c in str(amount)]
            text = " ".join(written).capitalize() + "."
            words = [
                {
                    "text": w,
                    "start_ms": at_ms + 300 * k,
                    "end_ms": at_ms + 300 * k + 250,
                    "confidence": 0.9,
                }
                for k, w in enumerate(spoken)
            ]
            rows.append(
                (number * 100 + n + 1, sid, f"u{n}", sid, ("inbound", "outbound")[n % 2], names[n % 2], 1, at_ms,
                 at_ms + 300 * len(words), text, " ".join(spoken), json.dumps(words, separators=(",", ":")), "[]", 0.9,
                 100, started.isoformat())
            )  # fmt: skip
            at_ms += 300 * len(words) + 500
        ended = started + dt.timedelta(milliseconds=at_ms)
        call = (
            sid, number * 100, "", f"+1{dice.randrange(2_000_000_000, 2_000_050_000)}", "+15005550006", names[0], "",
            dice.choice(("inbound", "inbound", "outbound")), dice.choice(("answer", "forward", "conference")), "",
            "completed", stamp(started), stamp(ended), at_ms, "", "", 0, None, self._per_call, "", "",
            ticks(stamp(started)),
        )  # fmt: skip
        return call, rows


def stamp(moment: dt.datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def fill(data: Path, calls: int, utterances: int) -> None:
    """Make what is missing of the record."""
    open_store(data).close()
    connection = sqlite3.connect(data / "callscribe.db", isolation_level=None)
    connection.execute("PRAGMA synchronous=OFF")
    (there,) = connection.execute(
        "SELECT count(*) FROM calls WHERE first_event < ?", [calls * 100]
    ).fetchone()
    maker = Maker(utterances)
    columns = len(connection.execute("PRAGMA table_info(calls)").fetchall())
    for first in range(there, calls, CALLS_A_PIECE):
        made = [maker.call(number) for number in range(first, min(calls, first + CALLS_A_PIECE))]
        connection.execute("BEGIN IMMEDIATE")
        names = [row[1] for row in connection.execute("PRAGMA table_info(calls)")][:columns]
        known = dict(zip(CALL_COLUMNS, range(len(CALL_COLUMNS)), strict=True))
        used = [name for name in names if name in known]
        connection.executemany(
            f"INSERT INTO calls ({', '.join(used)}) VALUES ({', '.join('?' * len(used))})",
            [[call[known[name]] for name in used] for call, _ in made],
        )
        connection.executemany(
            f"INSERT INTO utterances ({', '.join(UTTERANCE_COLUMNS)})"
            f" VALUES ({', '.join('?' * len(UTTERANCE_COLUMNS))})",
            itertools.chain.from_iterable(rows for _, rows in made),
        )
        if connection.execute("SELECT count(*) FROM search_backlog").fetchone() == (0,):
            after = first * 100
            connection.execute("INSERT INTO search_backlog VALUES (?)", [after])
        connection.execute("COMMIT")
        print(f"\r{first + len(made):,} of {calls:,} calls made", end="", flush=True)
    print()
    # events, which are not made, count on from the utterances
    connection.execute("DELETE FROM sqlite_sequence WHERE name = 'events'")
    connection.execute("INSERT INTO sqlite_sequence VALUES ('events', ?)", [(calls + 1) * 100])
    connection.close()
    with open_store(data) as store:
        begun, left, indexed = time.perf_counter(), -1, 0
        while left:
            left = store.index_more(5000)
            indexed += 5000
            rate = indexed / (time.perf_counter() - begun)
            print(f"\r{left:,} utterances to index, {rate:,.0f} a second   ", end="", flush=True)
    print()


CALL_COLUMNS = (
    "id first_event conference_sid from_number to_number from_name to_name direction flow room status started_at"
    " ended_at duration_ms ended_by end_reason on_hold dial utterance_count last_text facets place"
).split()
UTTERANCE_COLUMNS = (
    "event call utterance leg track speaker revision start_ms end_ms text raw_text words tokens confidence lag_ms at"
).split()


def queries(maker: Maker, dice: random.Random) -> Iterator[tuple[str, str, CallFilter, bool]]:
    """Kind of the search, query, filter, by rank."""
    words = maker.words
    while True:
        rare, medium, common = (
            dice.choice(words[a:b]) for a, b in ((3000, 30_000), (200, 3000), (0, 50))
        )
        name = dice.choice(maker.names)
        number = f"{dice.randrange(2_000_000_000, 2_000_050_000)}"
        none = CallFilter()
        yield "a rare word", rare, none, False
        yield "a common word", common, none, False
        yield "two words", f"{medium} {common}", none, False
        yield "a phrase", f'"{common} {medium}"', none, False
        yield "a prefix", f"{medium[:4]}*", none, False
        yield "a short prefix", f"{medium[:2]}*", none, False
        yield "either of two", f"{rare} OR {common}", none, False
        yield "one without another", f"{medium} NOT {common}", none, False
        yield "a small number", str(dice.randrange(100, 999)), none, False
        yield "a phone number", f"({number[:3]}) {number[3:6]}-{number[6:]}", none, False
        yield "common, by rank", common, none, True
        yield "two words, by rank", f"{medium} {common}", none, True
        yield "common, of a person", common, CallFilter(person=name), False
        yield "common, of a number", common, CallFilter(number=number), False
        yield (
            "common, in a month",
            common,
            CallFilter(since="2024-03-01", until="2024-04-01"),
            False,
        )
        yield "common, in a flow", common, CallFilter(flow="forward", direction="outbound"), False
        yield "common, long calls", common, CallFilter(shortest_ms=10**7), False
        yield "one wrong letter", rare[:-1] + "q", none, False


def lists(maker: Maker, dice: random.Random) -> Iterator[tuple[str, str, str]]:
    """Kind of the list, words that filter it, cursor."""
    words = maker.words
    while True:
        deep = str(ticks(stamp(START + dt.timedelta(days=DAYS * dice.random()))))
        yield "the list", "", ""
        yield "a page deep in it", "", deep
        yield "by a common word", dice.choice(words[:50]), ""
        yield "common, deep", dice.choice(words[:50]), deep
        yield "by a rare word", dice.choice(words[3000:]), ""
        yield "by a name", dice.choice(maker.names), ""
        yield "by part of a number", str(dice.randrange(2_000, 9_999)), ""
        yield "by two letters", dice.choice(words[200:])[:2], ""


def measure(work: Callable[[], object]) -> float:
    """Milliseconds."""
    begun = time.perf_counter()
    work()
    return (time.perf_counter() - begun) * 1000


def percentile(times: list[float], percent: int) -> float:
    return statistics.quantiles(times, n=100, method="inclusive")[percent - 1]


def main() -> None:
    """Make the record, measure, print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=100_000)
    parser.add_argument("--utterances", type=int, default=30, help="in each call, at most 90")
    parser.add_argument("--data", type=Path, default=Path(__file__).parent / ".search")
    parser.add_argument("--rounds", type=int, default=30, help="searches of each kind")
    options = parser.parse_args()
    fill(options.data, options.calls, options.utterances)
    maker = Maker(options.utterances)
    asked = queries(maker, random.Random(7))
    times: dict[str, list[float]] = {}
    with open_store(options.data, read_only=True) as reader:
        for kind, query, wanted, by_rank in itertools.islice(asked, 18 * options.rounds):
            took = measure(lambda q=query, w=wanted, r=by_rank: reader.search(q, w, by_rank=r))  # type: ignore[misc]
            times.setdefault(kind, []).append(took)
        for kind, typed, cursor in itertools.islice(
            lists(maker, random.Random(8)), 8 * options.rounds
        ):
            took = measure(lambda w=typed, c=cursor: reader.list_calls(words=w, cursor=c))  # type: ignore[misc]
            times.setdefault(kind, []).append(took)
    print(
        f"{options.calls:,} calls, {options.calls * options.utterances:,} utterances; milliseconds"
    )
    print(f"{'search':24}{'median':>9}{'p95':>9}{'longest':>9}")
    everything = [took for kind in times.values() for took in kind]
    for kind, found in [*times.items(), ("all", everything)]:
        print(
            f"{kind:24}{statistics.median(found):9.1f}{percentile(found, 95):9.1f}{max(found):9.1f}"
        )
    for together in (1, 10):
        cost = indexing(options.data, together)
        print(f"indexing a final, {together} at once: {cost:.2f} ms of processor time")


def indexing(data: Path, together: int, finals: int = 300) -> float:
    """What the index costs for one final, in milliseconds of processor time.

    Args:
        together: how many finals are indexed at once: in a server those of a quarter of a second.
    """
    sid = f"CA{int(time.time()):032x}"
    made = []
    for row in Maker(30).call(50_000)[1]:
        text, raw = str(row[9]), str(row[10])
        words = tuple(Word(w, 0, 100, 0.9) for w in raw.split())
        made.append((text, raw, words))
    times: list[float] = []
    with open_store(data) as store:
        try:
            for n in range(finals):
                text, raw, words = made[n % len(made)]
                store.append(
                    [FinalTranscript(call=sid, leg=sid, track="inbound", speaker="A", utterance=f"m{n}", revision=1,
                                     text=text, raw_text=raw, start_ms=n, end_ms=n + 1, words=words)],
                    index=False,
                )  # fmt: skip
                if (n + 1) % together == 0:
                    begun = time.thread_time()
                    store.index_new()
                    times.append((time.thread_time() - begun) * 1000 / together)
        finally:
            store.append([CallEnded(call=sid)])
            store.erase([sid])  # a larger record takes its events' ids
    return statistics.median(times)


if __name__ == "__main__":
    main()
