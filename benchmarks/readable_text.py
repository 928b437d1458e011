"""How well the written form of an utterance matches what people write.

    python -m benchmarks.readable_text [SHARED]

Punctuation and capitals are measured on lines that no training has read (the test part of
`training.cased_text.part_of`); numbers on the cases of an independent project.
"""

from __future__ import annotations

import argparse
import random
import re
import statistics
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from callscribe.text import Writer, WriterOptions
from training import cased_text

UTTERANCES = 1500
"""At most so many utterances a source."""


class Labelled(NamedTuple):
    """One word as said, with what follows it and whether it is written with a capital."""

    word: str
    mark: str
    capital: bool
    name: bool
    """A capital that is not due to a sentence start, and not "I"."""


# ------------------------------------------------------------------ punctuation and capitals


def labelled(line: str) -> list[Labelled] | None:
    """The words of a written line, or None when figures in it leave open how they were said."""
    found: list[Labelled] = []
    for unit in cased_text.units(line, merge=False):
        if unit.key == "<acronym>":
            letters = unit.written.lower()
            found += [Labelled(c, "", True, True) for c in letters[:-1]]
            found.append(Labelled(letters[-1], unit.mark, True, True))
        elif unit.key.startswith("<"):
            return None
        else:
            capital = unit.written[:1].isupper()
            own = capital and not unit.starts and not re.fullmatch(r"i('\w+)?", unit.key)
            found.append(Labelled(unit.key, unit.mark, capital, own))
    return found or None


def utterances(
    path: Path, name: str, which: cased_text.Part = "test"
) -> tuple[list[list[Labelled]], int, int]:
    """Utterances of one to three lines, and how many lines were left out for figures and as known.

    A line whose words also stand in a line of another part (which training may have read) is known and left out.
    """
    known: set[int] = set()
    kept: list[tuple[int, str]] = []
    for number, line in cased_text.lines(path):
        part = cased_text.part_of(name, number)
        if part == which:
            kept.append((number, line))
        else:
            known.add(_fingerprint(line))
    rows, figures, repeated = [], 0, 0
    for _, line in kept:
        if _fingerprint(line) in known:
            repeated += 1
            continue
        row = labelled(line)
        if row is None:
            figures += 1
        elif len(row) <= 80:
            rows.append(row)
    draw = random.Random(zlib.crc32(name.encode()))
    joined, i = [], 0
    while i < len(rows):
        count = draw.choice((1, 1, 2, 3))
        joined.append([word for row in rows[i : i + count] for word in row])
        i += count
    draw.shuffle(joined)
    return joined[:UTTERANCES], figures, repeated


def _fingerprint(line: str) -> int:
    return zlib.crc32(re.sub(r"[^a-z0-9 ]", "", line.lower()).encode())


class Score:
    """Hits, claims and truths of one mark."""

    def __init__(self) -> None:
        self.hits = self.claimed = self.true = 0

    def add(self, claimed: bool, true: bool) -> None:
        self.hits += claimed and true
        self.claimed += claimed
        self.true += true

    def summary(self) -> dict[str, float | int]:
        total = self.claimed + self.true
        return {
            "f1": round(2 * self.hits / total, 3) if total else 0.0,
            "precision": round(self.hits / self.claimed, 3) if self.claimed else 0.0,
            "recall": round(self.hits / self.true, 3) if self.true else 0.0,
            "count": self.true,
        }


MARK_NAMES = {",": "comma", ".": "full stop", "?": "question mark"}


def score_marks(
    writer: Writer, rows: Iterable[Sequence[Labelled]]
) -> dict[str, dict[str, float | int]]:
    """F1 of each mark, of marks inside utterances (not at their end), and of capitals."""
    scores = {
        name: Score()
        for name in ("comma", "full stop", "question mark", "full stop inside", "capitals", "names")
    }
    for row in rows:
        written = writer.final([w.word for w in row])
        for token in written.tokens:
            last = row[token.stop - 1]
            mark = token.text[-1:] if token.text[-1:] in MARK_NAMES else ""
            for sign, name in MARK_NAMES.items():
                scores[name].add(mark == sign, last.mark == sign)
            if token.stop < len(row):
                scores["full stop inside"].add(mark in {".", "?"}, last.mark in {".", "?"})
            if token.stop - token.start == 1:
                capital = token.text[:1].isupper()
                scores["capitals"].add(capital, last.capital)
                # sentence starts are not names; whether one is, cannot be seen from its capital
                if last.name or not last.capital:
                    scores["names"].add(
                        capital and not _after_stop(written.tokens, token.start), last.name
                    )
    return {name: score.summary() for name, score in scores.items()}


def _after_stop(tokens: Sequence[Any], start: int) -> bool:
    for k, token in enumerate(tokens):
        if token.start == start:
            return k == 0 or tokens[k - 1].text[-1:] in {".", "?"}
    return False


# ------------------------------------------------------------------ numbers

ACCEPTED = (
    "capitals and marks at the end of words, for a case is a fragment (in every column)",
    "separators in thousands: 1,156,173 for 1156173",
    "times without a zero in front and with AM/PM for a.m./p.m.: 7 AM for 07:00 a.m.",
    "dates keep the speaker's order and ordinal: the 25th of July 2012 for 25 july 2012",
    "telephone numbers grouped otherwise: the same figures in the same order",
    "one to nine and first to ninth said alone stay words: second for 2nd",
    "cents and currencies without a sign of their own as words: 1 cent for $0.01, 460 billion won for ₩460 billion",
    "a zero before the point: 0.02 for .02",
    "units stay words: 8.8 miles for 8.8 mi; percent without a space: 18.16% for 18.16 %",
    "e-mail and web addresses, codes: the same characters, spaces apart",
    "750 BC for 750BC; Saint for St.; 164,580 for 164.58 thousand",
)

_UNITS = {
    "miles per hour": "mph", "square miles": "sq mi", "square kilometers": "km²", "square meters": "m²",
    "kilo watt hours": "kwh", "kilowatt hours": "kwh", "astronomical units": "au", "kilo liters": "kl",
    "milliliters": "ml", "milligrams": "mg", "kilograms": "kg", "grams": "g", "kilometers": "km", "meters": "m",
    "hours": "h", "c c": "cc", "cc": "cc", "foot": "ft", "feet": "ft", "miles": "mi", "hectares": "ha",
    "kilobytes": "kb", "peta bytes": "pb", "megawatts": "mw", "kilowatts": "kw", "horsepower": "hp",
    "megahertz": "mhz", "kilohertz": "khz", "milli volt": "mv", "volts": "v", "percent": "%",
}  # fmt: skip
LEFT_OUT = ("kilograms force", "mega siemens", "per square kilometer", "c u d n n", "twenty!", "—")
"""Cases that are no speech on a telephone call, left out and counted."""

_SMALL = {
    w: str(n) for n, w in enumerate("zero one two three four five six seven eight nine".split())
}
_SMALL_ORDINALS = {
    "zeroth": "0th", "first": "1st", "second": "2nd", "third": "3rd", "fourth": "4th", "fifth": "5th",
    "sixth": "6th", "seventh": "7th", "eighth": "8th", "ninth": "9th",
}  # fmt: skip


def _plain(text: str) -> str:
    text = text.lower().strip()
    text = re.sub(r"[.,?]+(?=\s|$)", "", text.replace("a.m.", "am").replace("p.m.", "pm"))
    return re.sub(r"\s+", " ", text)


def _without_separators(text: str) -> str:
    return re.sub(r"(?<=\d),(?=\d{3})", "", text)


def _canon_time(text: str) -> str:
    text = re.sub(r"\b0(\d)(?=:)", r"\1", text)
    text = re.sub(r":00 (?=[ap]m)", " ", text)
    return text


def _canon_date(text: str) -> str:
    text = text.replace(",", "").replace(" of ", " ").removeprefix("the ")
    text = re.sub(r"\b(\d+)(st|nd|rd|th)\b", r"\1", text)
    return text.replace(" bc", "bc")


def _canon_money(text: str) -> str:
    text = _without_separators(text)
    cents = re.fullmatch(r"(\d+) cents?", text)
    if cents:
        return f"$0.{int(cents[1]):02d}"
    won = re.fullmatch(r"(.*) won", text)
    if won:
        return f"₩{won[1]}"
    return text.replace("$0.506", "$.506")


def _canon_measure(text: str) -> str:
    text = _without_separators(text)
    for words, unit in _UNITS.items():
        text = re.sub(rf" {re.escape(words)}$", f" {unit}", text)
    text = re.sub(r"\bone (?=mv$)", "1 ", text)
    return re.sub(r"(?<=\d)%", " %", text)


def _canon_figures(text: str) -> str:
    return re.sub(r"(?<=[\d+])[ -](?=\d)", "", text)


def _canon_decimal(text: str) -> str:
    scaled = re.fullmatch(r"(\d+)\.(\d{1,3}) thousand", text)
    if scaled:
        return f"{scaled[1]}{scaled[2]:0<3}"
    return re.sub(r"^0(?=\.)", "", _without_separators(text))


CANON: dict[str, Callable[[str], str]] = {
    "cardinal": lambda t: _without_separators(_SMALL.get(t, t)),
    "ordinal": lambda t: _without_separators(_SMALL_ORDINALS.get(t, t)),
    "date": _canon_date,
    "time": _canon_time,
    "money": _canon_money,
    "measure": _canon_measure,
    "telephone": lambda t: _canon_figures(_canon_figures(t)),
    "decimal": _canon_decimal,
    "electronic": lambda t: t.replace(" ", ""),
    "whitelist": lambda t: t.replace("saint ", "st. ").replace("st ", "st. ").replace(" ", ""),
    "word": lambda t: t,
}


def score_numbers(writer: Writer, folder: Path) -> dict[str, dict[str, Any]]:
    """Share of cases right for each kind: exactly, with the accepted differences, and for doing nothing."""
    kinds: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.glob("*.txt")):
        kind = path.stem
        if kind not in CANON:
            continue
        canon = CANON[kind]
        cases = exact = right = nothing = left_out = 0
        wrong: list[str] = []
        for line in path.read_text(encoding="utf-8").splitlines():
            said, _, expected = line.partition("~")
            if not expected:
                continue
            if any(part in said for part in LEFT_OUT):
                left_out += 1
                continue
            cases += 1
            got = writer.final(said.lower().split()).text
            target = canon(_plain(expected))
            exact += _plain(got) == _plain(expected)
            nothing += canon(_plain(said)) == target
            if canon(_plain(got)) == target:
                right += 1
            else:
                wrong.append(f"{said} → {got} (expected {expected})")
        kinds[kind] = {
            "cases": cases,
            "right": right,
            "share": round(right / cases, 3) if cases else 0.0,
            "exact": exact,
            "do_nothing": nothing,
            "left_out": left_out,
            "wrong": wrong,
        }
    return kinds


# ------------------------------------------------------------------ all of it


def timings(writer: Writer, rows: Sequence[Sequence[Labelled]]) -> dict[str, float]:
    """Milliseconds of processor time for a final and for a partial: median and 95th percentile."""
    result: dict[str, float] = {}
    for name, call in (("final", writer.final), ("partial", writer.partial)):
        spent = []
        for row in rows:
            words = [w.word for w in row]
            began = time.thread_time()
            call(words)
            spent.append((time.thread_time() - began) * 1000)
        cuts = statistics.quantiles(spent, n=20)
        result[f"{name}_median_ms"] = round(statistics.median(spent), 2)
        result[f"{name}_p95_ms"] = round(cuts[18], 2)
    return result


def measure(shared: Path, which: cased_text.Part = "test") -> dict[str, Any]:
    """All figures, as plain dicts.

    Args:
        shared: the folder that holds `data/text-cased` and `data/itn`.
        which: the part of the text; "dev" while choosing, "test" for the report.

    Returns:
        `marks` (source to name to F1, precision, recall, count; "transcribed speech" is all of it together),
        `left_out` (source to lines left out), `numbers` (kind to counts), `accepted` (differences of convention),
        `timing` (milliseconds).
    """
    # Fillers count as words here, as they do in the references.
    writer = Writer.for_language("en", WriterOptions(fillers="keep"))
    folder = shared / "data" / "text-cased"
    marks: dict[str, Any] = {}
    left_out: dict[str, Any] = {}
    transcribed: list[list[Labelled]] = []
    for name in cased_text.sources(folder):
        rows, figures, known = utterances(folder / f"{name}.txt.gz", name, which)
        left_out[name] = {"with_figures": figures, "known": known, "utterances": len(rows)}
        if len(rows) < 20:
            continue
        if name in cased_text.TRANSCRIBED:
            transcribed += rows
        marks[name] = score_marks(writer, rows)
    marks = {"transcribed speech": score_marks(writer, transcribed), **marks}
    return {
        "marks": marks,
        "left_out": left_out,
        "numbers": score_numbers(writer, shared / "data" / "itn"),
        "accepted": list(ACCEPTED),
        "timing": timings(writer, transcribed[:500]),
    }


def markdown(result: dict[str, Any]) -> str:
    """The part of the accuracy report on readable text."""
    columns = ("comma", "full stop", "full stop inside", "question mark", "capitals", "names")
    lines = [
        "## Readable text",
        "",
        "F1 against what people wrote, on lines that training has not read, joined to utterances of one to three",
        "lines (those with figures are left out here: how they were said is unknown). Doing nothing scores 0 in every",
        'column. "Full stop inside" leaves out the end of the utterance, where guessing is easy, and counts question',
        'marks too; "names" leaves out sentence starts and "I". The recogniser\'s errors come on top.',
        "",
        "| source | " + " | ".join(columns) + " |",
        "| --- |" + " ---: |" * len(columns),
    ]
    for source, scores in result["marks"].items():
        lines.append(
            f"| {source} | " + " | ".join(f"{scores[c]['f1']:.2f}" for c in columns) + " |"
        )
    lines += [
        "",
        "Numbers, on cases of NVIDIA's NeMo text processing (Apache-2.0). The cases were all there was, and some rules",
        "were written with them in view, so these are no held-out figures.",
        "",
        "| kind | cases | right | without the differences below | doing nothing | left out |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    totals: Counter[str] = Counter()
    for kind, row in result["numbers"].items():
        for key in ("cases", "right", "exact", "do_nothing", "left_out"):
            totals[key] += row[key]
        lines.append(
            f"| {kind} | {row['cases']} | {row['right']} | {row['exact']} | {row['do_nothing']} | {row['left_out']} |"
        )
    lines += [
        f"| all | {totals['cases']} | {totals['right']} | {totals['exact']} | {totals['do_nothing']} "
        f"| {totals['left_out']} |",
        "",
        "Counted as right, because only the convention differs:",
        "",
        *(f"- {item}" for item in result["accepted"]),
        "",
        "Processor time for a final: {final_median_ms} ms (median), {final_p95_ms} ms (95th percentile); "
        "for a partial: {partial_median_ms} and {partial_p95_ms} ms.".format(**result["timing"]),
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    default = Path(__file__).resolve().parents[2] / "shared"
    parser.add_argument(
        "shared",
        type=Path,
        nargs="?",
        default=default,
        help="folder with data/ (default ../shared)",
    )
    parser.add_argument(
        "--part",
        choices=("test", "dev"),
        default="test",
        help="which part of the text; choose constants on dev only",
    )
    parser.add_argument("--wrong", action="store_true", help="list the number cases that are wrong")
    args = parser.parse_args()
    if not (args.shared / "data" / "itn").is_dir():
        raise SystemExit(
            f"{args.shared}/data/itn is missing; give the folder that holds data/ as an argument."
        )
    result = measure(args.shared, args.part)
    print(markdown(result))
    if args.wrong:
        for kind, row in result["numbers"].items():
            for case in row["wrong"]:
                print(f"{kind}: {case}")


if __name__ == "__main__":
    main()
