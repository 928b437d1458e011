"""`make wer`: word error rates of the built-in model, of any other, and of a peer, in one run.

    python -m benchmarks.accuracy [--model NAME_OR_FOLDER ...] [--no-adapted] [--no-peer] [--most N] [--fresh]

Results are kept in `work/accuracy/` as they come, so an interrupted run goes on where it stopped; the report is
`docs/accuracy.md` with `docs/images/accuracy.png`. Nothing here reaches a network.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from benchmarks import conditions, sets
from benchmarks.engines import Callscribe, Engine, PocketSphinx, built_in_or
from benchmarks.scoring import (
    Errors,
    bootstrap,
    judge,
    normalise,
    perfect_digit_strings,
    word_errors,
)
from benchmarks.sets import ROOT, Utterance
from callscribe.models.folder import resolve
from callscribe.recognition.calibration import Calibration

WORK = ROOT / "work" / "accuracy"
REPORT = ROOT / "docs" / "accuracy.md"
PHRASES = ROOT / "benchmarks" / "bank_phrases.txt"
ADAPTED = "phone-en with a page of a bank's phrases"
REAL_CALLS = ("calls-caller", "calls-agent", "segments-caller", "segments-agent")


@dataclass(frozen=True)
class TestSet:
    """One row of the report."""

    name: str
    title: str
    load: Callable[[], Iterable[Utterance]]
    condition: conditions.Condition = conditions.clean
    loses_frames: bool = False
    needs_shared: bool = True


def test_sets(most: int) -> list[TestSet]:
    """All of them; `most` limits the utterances of each set of read speech."""
    rows = []
    for side in ("caller", "agent"):
        rows.append(
            TestSet(
                f"calls-{side}",
                f"real calls, {side}s, whole channels",
                partial(sets.calls, side, segments=False),
            )
        )
    for side in ("caller", "agent"):
        rows.append(
            TestSet(
                f"segments-{side}",
                f"real calls, {side}s, segments",
                partial(sets.calls, side, segments=True),
            )
        )
    both = lambda: [*sets.calls("caller", segments=False), *sets.calls("agent", segments=False)]  # noqa: E731
    rows += [
        TestSet("calls-quiet", "real calls, 30 dB quieter", both, conditions.quiet),
        TestSet("calls-loud", "real calls, overdriven", both, conditions.loud),
        TestSet("calls-noisy", "real calls, noise at 10 dB", both, conditions.noisy),
        TestSet("calls-lost", "real calls, 5 % of frames lost", both, loses_frames=True),
        TestSet("digits", "spoken digits (FSDD)", partial(sets.heldout, "fsdd", most=most)),
        TestSet("spelling", "spelling, numbers, dates (AN4)", partial(sets.heldout, "an4", most=most)),
        TestSet("telephone", "telephone, short phrases (WUW)", partial(sets.heldout, "wuw2", most=most)),
        TestSet("commands", "single words (Speech Commands)", partial(sets.heldout, "speech-commands", most=most)),
        TestSet("read", "read books (LibriSpeech)", partial(sets.heldout, "librispeech", most=most)),
        TestSet("demo", "the demo call (synthetic voices)", sets.demo, needs_shared=False),
    ]  # fmt: skip
    return rows


@dataclass
class Result:
    """One engine on one set."""

    errors: list[Errors]
    perfect_strings: int
    strings: int
    cpu_seconds: float
    audio_seconds: float
    confidences: list[list[tuple[float, bool]]] = field(default_factory=list)
    """For each recording (the recogniser's own confidence, whether right) of its words."""

    @property
    def pooled(self) -> Errors:
        return sum(self.errors, Errors())


def measure(engine: Engine, test_set: TestSet, tick: Callable[[], None]) -> Result:
    """Run an engine over a set."""
    result = Result([], 0, 0, 0.0, 0.0)
    for utterance in test_set.load():
        seed = int(hashlib.sha256(utterance.id.encode()).hexdigest()[:8], 16)
        pcm = test_set.condition(utterance.pcm, seed)
        arrives = conditions.lost_frames(pcm, seed) if test_set.loses_frames else None
        heard = engine.hear(pcm, arrives)
        reference, hypothesis = normalise(utterance.text), normalise(heard.text)
        result.errors.append(word_errors(reference, hypothesis))
        right, said = perfect_digit_strings(reference, hypothesis)
        result.perfect_strings += right
        result.strings += said
        result.cpu_seconds += heard.cpu_seconds
        result.audio_seconds += utterance.seconds
        result.confidences.append(judge(utterance.text, heard.words))
        tick()
    return result


def keep(path: Path, result: Result) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(result)), encoding="utf-8")


def recall(path: Path, *, confidences: bool = True) -> Result | None:
    """A kept result, if there is one; with `confidences` only one that has them."""
    if not path.exists():
        return None
    kept = json.loads(path.read_text(encoding="utf-8"))
    if confidences and "confidences" not in kept:
        return None
    kept["errors"] = [Errors(**e) for e in kept["errors"]]
    return Result(**kept)


def fingerprint(folder: Path) -> str:
    """Changes whenever a file of the model does."""
    digest = hashlib.sha256()
    for path in sorted(
        p for p in folder.rglob("*") if p.is_file() and p.suffix not in (".md", ".json")
    ):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]


@dataclass(frozen=True)
class Entry:
    """An engine that is measured."""

    key: str
    """For kept results."""
    name: str
    load: Callable[[], Engine]
    only: tuple[str, ...] = ()
    """Names of the sets that it is measured on; empty: all."""
    confidences: bool = True
    """Whether it tells how sure it is of a word."""
    calibration: Calibration | None = None
    """The model's. Words are measured and kept with the recogniser's own confidence."""


class Measured(NamedTuple):
    """What became of an engine."""

    name: str
    results: dict[str, Result]
    """By the name of the set."""
    calibration: Calibration | None = None


def entry(model: str, *, title: str = "", only: tuple[str, ...] = ()) -> Entry:
    """callscribe with a model, which is only loaded when something is to be measured."""
    found = resolve(model)

    def load() -> Engine:
        from callscribe.recognition.vosk import VoskRecognizer

        return Callscribe(title or found.name, VoskRecognizer(found.path, name=found.name))

    key = f"callscribe-{found.name}-{fingerprint(found.path)}".replace(" ", "_")
    return Entry(key, title or found.name, load, only, calibration=found.calibration)


def engines(models: list[str], *, adapted: bool, peer: bool) -> list[Entry]:
    """What is measured, in the report's order."""
    made = [entry(model) for model in models]
    if adapted:
        made.append(entry(str(adapt_built_in()), title=ADAPTED, only=REAL_CALLS))
    if peer:
        clean = tuple(
            r.name for r in test_sets(1) if r.condition is conditions.clean and not r.loses_frames
        )
        made.append(
            Entry("pocketsphinx", PocketSphinx.name, PocketSphinx, only=clean, confidences=False)
        )
    return made


def adapt_built_in(text: Path = PHRASES, work: Path = WORK) -> Path:
    """The folder of the built-in model adapted with `text`; made when it is not there yet.

    A process of its own: the libraries that build graphs and those that decode with them do not get on in one.
    """
    _, base = built_in_or("")
    about = (base / "model.json").read_bytes()  # goes along, with the calibration
    mark = hashlib.sha256(fingerprint(base).encode() + about + text.read_bytes()).hexdigest()[:12]
    out = work / f"adapted-{mark}"
    if not out.is_dir():
        work.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "callscribe", "models", "adapt", str(base)]
        subprocess.run([*command, "--text", str(text), "--out", str(out)], check=True)
    return out


def run(models: list[str], *, adapted: bool, peer: bool, most: int, fresh: bool) -> list[Measured]:
    """Everything, with a progress bar."""
    rows = [row for row in test_sets(most) if not row.needs_shared or sets.SHARED.is_dir()]
    outcome: list[Measured] = []
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        for each in engines(models, adapted=adapted, peer=peer):
            engine: Engine | None = None
            results: dict[str, Result] = {}
            for row in rows:
                if each.only and row.name not in each.only:
                    continue
                path = WORK / each.key / f"{row.name}-{most}.json"
                result = None if fresh else recall(path, confidences=each.confidences)
                if result is None:
                    engine = engine or each.load()
                    task = progress.add_task(
                        f"{each.name}: {row.title}", total=len(list(row.load()))
                    )
                    result = measure(engine, row, lambda task=task: progress.advance(task))  # type: ignore[misc]
                    keep(path, result)
                results[row.name] = result
            outcome.append(Measured(each.name, results, each.calibration))
    return outcome


def percent(value: float) -> str:
    return f"{100 * value:.1f}"


def table(outcome: list[Measured], rows: list[TestSet]) -> str:
    """The report's main table in Markdown."""
    lines = []
    for name, results, _ in outcome:
        lines += [
            f"### {name}",
            "",
            "| set | words | WER % (95 %) | S / D / I | digit strings right | CPU s per s |",
            "|---|---:|---:|---:|---:|---:|",
        ]
        for row in rows:
            if row.name not in results:
                continue
            result = results[row.name]
            low, high = bootstrap(result.errors)
            errors = result.pooled
            strings = f"{result.perfect_strings} of {result.strings}" if result.strings else ""
            lines.append(
                f"| {row.title} | {errors.words} | {percent(errors.rate)} ({percent(low)}-{percent(high)}) "
                f"| {errors.substitutions} / {errors.deletions} / {errors.insertions} | {strings} "
                f"| {result.cpu_seconds / result.audio_seconds:.3f} |"
            )
        lines.append("")
    return "\n".join(lines)


def plot(outcome: list[Measured], rows: list[TestSet], path: Path) -> None:
    """Word error rates side by side, with their intervals."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    rows = [row for row in rows if any(row.name in results for _, results, _ in outcome)]
    figure, axes = plt.subplots(figsize=(9, 0.5 * len(rows) + 1.4), layout="constrained")
    colours = ("#0072B2", "#E69F00", "#009E73", "#CC79A7")
    height = 0.8 / len(outcome)
    for index, (name, results, _) in enumerate(outcome):
        rates, below, above, places = [], [], [], []
        for place, row in enumerate(rows):
            if row.name not in results:
                continue
            rate = results[row.name].pooled.rate
            low, high = bootstrap(results[row.name].errors)
            rates.append(100 * rate)
            below.append(max(0.0, 100 * (rate - low)))
            above.append(max(0.0, 100 * (high - rate)))
            places.append(place + (index - (len(outcome) - 1) / 2) * height)
        axes.barh(places, rates, height * 0.9, color=colours[index % 4], label=name)
        axes.errorbar(
            rates, places, xerr=[below, above], fmt="none", ecolor="#333333", elinewidth=1
        )
    axes.set_yticks(range(len(rows)), [row.title for row in rows])
    axes.invert_yaxis()
    axes.set_xlabel("word error rate, % (lower is better; lines: 95 % interval)")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="x", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.legend(frameon=False, loc="lower right")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def main() -> int:
    parser = argparse.ArgumentParser(
        description="Measure word error rates and write docs/accuracy.md."
    )
    parser.add_argument(
        "--model", action="append", help="a model's name or folder; repeatable; default: built in"
    )
    parser.add_argument(
        "--peer", action=argparse.BooleanOptionalAction, default=True, help="measure pocketsphinx"
    )
    parser.add_argument(
        "--adapted",
        action=argparse.BooleanOptionalAction,
        default=importlib.util.find_spec("pywrapfst") is not None and sets.SHARED.is_dir(),
        help="measure what a page of phrases does for the built-in model on the real calls",
    )
    parser.add_argument(
        "--most", type=int, default=60, help="utterances of each set of read speech"
    )
    parser.add_argument("--fresh", action="store_true", help="forget kept results")
    arguments = parser.parse_args()
    if not sets.SHARED.is_dir():
        print(f"{sets.SHARED} is not there: only the demo call is measured.", file=sys.stderr)
    outcome = run(
        arguments.model or [""],
        adapted=arguments.adapted,
        peer=arguments.peer,
        most=arguments.most,
        fresh=arguments.fresh,
    )
    from benchmarks.report import write

    write(outcome, test_sets(arguments.most), arguments.most)
    print(REPORT)
    return 0


if __name__ == "__main__":
    sys.exit(main())
