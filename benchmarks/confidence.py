"""Whether a word's confidence is its chance to be right: reliability diagram and expected calibration error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.accuracy import Measured
from callscribe.recognition.calibration import Calibration

Floats = npt.NDArray[np.float64]

GROUPS = {
    "real calls": ("calls-caller", "calls-agent"),
    "held-out speakers": ("digits", "spelling", "telephone", "commands", "read"),
    "real calls, made worse": ("calls-quiet", "calls-loud", "calls-noisy", "calls-lost"),
}
"""Title -> sets. Segments are left out: their words are those of the whole channels."""
DRAWN = ("real calls", "held-out speakers")
BANDS = 10
"""Of equal width."""
FEWEST = 10
"""Words that a band needs to be drawn."""
ROUNDS = 1000

TEXT = """
## Confidence

The confidence of a word is meant to be the chance that the word is right. "Raw" is the recogniser's own figure, the
word's weight among the alternatives it looked at; "calibrated" is what callscribe gives: a rising map through a few
points, kept in the model's `model.json`, turns the one into the other. `training/calibration.py` fitted it on
development speakers and made-up calls; none of these sets was used. A word is right when an alignment of fewest edits
pairs it with the same word in the reference; inserted words are wrong.

The expected calibration error (ECE) is the mean over all words of how far the share of right words in a word's band
lies from the band's mean confidence, with ten bands of equal width. 0 is perfect; few words do not get there by chance.

"""


@dataclass(frozen=True)
class Words:
    """Recognised words, one row each.

    Attributes:
        recording: number of the recording that a word is in.
        raw: the recogniser's own confidence.
        right: 1 for words that were said there, else 0.
    """

    recording: npt.NDArray[np.int64]
    raw: Floats
    right: Floats

    def calibrated(self, calibration: Calibration) -> Floats:
        return np.array([calibration(raw) for raw in self.raw])


@dataclass(frozen=True)
class Band:
    """Words of about the same confidence.

    Attributes:
        words: how many.
        confidence: their mean.
        right: share of them that is right.
        low, high: 95 % bootstrap interval of that share, over recordings.
    """

    words: int
    confidence: float
    right: float
    low: float
    high: float


def pooled(measured: Measured, group: str) -> Words | None:
    """The words of a group's sets; None when none of them was measured."""
    recordings = [
        recording
        for name in GROUPS[group]
        if name in measured.results
        for recording in measured.results[name].confidences
    ]
    if not any(recordings):
        return None
    rows = [(number, *word) for number, words in enumerate(recordings) for word in words]
    number, raw, right = zip(*rows, strict=True)
    return Words(np.array(number), np.array(raw), np.array(right, float))


def band_of(confidence: Floats) -> npt.NDArray[np.int64]:
    """The number of the band that each word is in; a confidence of exactly 1 belongs to the last."""
    return np.minimum((confidence * BANDS).astype(np.int64), BANDS - 1)


def bands(words: Words, confidence: Floats) -> list[Band]:
    """Those that have words, rising."""
    rng = np.random.default_rng(1)
    recordings = int(words.recording.max()) + 1
    counts = np.zeros((2, recordings, BANDS))
    place = band_of(confidence)
    np.add.at(counts[0], (words.recording, place), 1)
    np.add.at(counts[1], (words.recording, place), words.right)
    drawn = rng.multinomial(recordings, np.full(recordings, 1 / recordings), ROUNDS)
    total, right = drawn @ counts[0], drawn @ counts[1]
    found = []
    for band in np.unique(place):
        inside = place == band
        there = total[:, band] > 0
        low, high = np.percentile(right[there, band] / total[there, band], [2.5, 97.5])
        mean = float(confidence[inside].mean()), float(words.right[inside].mean())
        found.append(Band(int(inside.sum()), *mean, float(low), float(high)))
    return found


def calibration_error(words: Words, confidence: Floats) -> float:
    """The expected calibration error, 0 to 1."""
    place = band_of(confidence)
    return float(
        sum(
            abs((confidence - words.right)[place == band].sum()) / len(confidence)
            for band in np.unique(place)
        )
    )


def table(outcome: Sequence[Measured]) -> str:
    """Every model that gives confidences, on every group, in Markdown."""
    lines = [
        "| model | words from | words | right % | mean confidence %, raw | calibrated | ECE %, raw | calibrated |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    for measured in outcome:
        for group in GROUPS:
            words = pooled(measured, group)
            if words is None:
                continue
            kinds = [words.raw]
            if measured.calibration is not None:
                kinds.append(words.calibrated(measured.calibration))
            means = [f"{100 * kind.mean():.1f}" for kind in kinds]
            errors = [f"{100 * calibration_error(words, kind):.1f}" for kind in kinds]
            if measured.calibration is None:
                means, errors = [*means, ""], [*errors, ""]
            cells = (
                measured.name,
                group,
                str(len(words.raw)),
                f"{100 * words.right.mean():.1f}",
                *means,
                *errors,
            )
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def plot(measured: Measured, path: Path) -> None:
    """The reliability diagram: share of right words by confidence, and how many words there are."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    groups = [(group, words) for group in DRAWN if (words := pooled(measured, group)) is not None]
    figure, axes = plt.subplots(
        2,
        len(groups),
        figsize=(4.5 * len(groups), 5.6),
        sharex=True,
        squeeze=False,
        layout="constrained",
        height_ratios=(3, 1),
    )
    for column, (group, words) in enumerate(groups):
        upper, lower = axes[:, column]
        kinds = [("raw", words.raw, "#E69F00", "s")]
        if measured.calibration is not None:
            kinds.append(("calibrated", words.calibrated(measured.calibration), "#0072B2", "o"))
        upper.plot([0, 100], [0, 100], color="#999999", linewidth=1, linestyle=(0, (4, 3)))
        for index, (kind, confidence, colour, marker) in enumerate(kinds):
            drawn = [band for band in bands(words, confidence) if band.words >= FEWEST]
            x = [100 * band.confidence for band in drawn]
            y = [100 * band.right for band in drawn]
            below = [100 * max(0.0, band.right - band.low) for band in drawn]
            above = [100 * max(0.0, band.high - band.right) for band in drawn]
            label = f"{kind}: ECE {100 * calibration_error(words, confidence):.0f} %"
            upper.errorbar(
                x,
                y,
                yerr=[below, above],
                color=colour,
                marker=marker,
                markersize=5,
                linewidth=1.2,
                elinewidth=1,
                label=label,
            )
            counts = np.bincount(band_of(confidence), minlength=BANDS)
            width = 0.8 / len(kinds) * 100 / BANDS
            shift = (index - (len(kinds) - 1) / 2) * width
            bars = lower.bar(
                (np.arange(BANDS) + 0.5) * 100 / BANDS + shift, counts, width, color=colour
            )
            lower.bar_label(
                bars, [str(n) if n else "" for n in counts], fontsize=6, rotation=90, padding=2
            )
        upper.set_title(f"{group}: {len(words.raw)} words", fontsize=11)
        upper.set_xlim(0, 100)
        upper.set_ylim(0, 100)
        upper.legend(frameon=False, loc="upper left")
        lower.margins(y=0.35)
        lower.set_xlabel("confidence, %")
        for each in (upper, lower):
            each.spines[["top", "right"]].set_visible(False)
            each.grid(color="#dddddd", linewidth=0.6)
            each.set_axisbelow(True)
    axes[0, 0].set_ylabel("words that are right, %")
    axes[1, 0].set_ylabel("words")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def section(outcome: Sequence[Measured], docs: Path) -> str:
    """The report's part on confidence, with its picture; empty when nothing measured gives confidences."""
    shown = next((m for m in outcome if any(pooled(m, group) for group in DRAWN)), None)
    if shown is None:
        return ""
    picture = docs / "images" / "confidence.png"
    plot(shown, picture)
    caption = (
        f"\n![Share of right words by confidence, raw and calibrated]({picture.relative_to(docs)})\n\n"
        f"The picture is for {shown.name}. Lines are 95 % bootstrap intervals over recordings; the dashed line is "
        f"perfect; bands with fewer than {FEWEST} words are left out above.\n"
    )
    return TEXT + table(outcome) + caption
