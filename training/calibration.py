"""What the recogniser's confidence is worth: fits a model's calibration and writes it into `model.json`.

`confidences.py` hears the development speakers and made-up calls. Two kinds of map are tried, an
isotonic one and a logistic one of two parameters; the one that foretells speakers better that it was
not fitted on is fitted on all of them and kept as at most 12 points.
"""

from __future__ import annotations

import argparse
import itertools
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

POINTS = 12
CLOSE = 1e-3  # a logistic map sees no confidence nearer to 0 or 1 than this
KNOTS = (0.0, 0.2, 0.4, 0.6, 0.75, 0.85, 0.92, 0.96, 0.98, 0.99, 0.995, 1.0)
"""Where the logistic curve is kept: close together where it is steep."""

Points = list[tuple[float, float]]
Fit = Callable[["Heard"], Points]


@dataclass(frozen=True)
class Heard:
    """Recognised words, one row each.

    Attributes:
        sets: name of the set a word is from.
        speakers: who said it; synthetic voices by family.
        raw: the recogniser's confidence, 0 to 1.
        right: whether that word was said there.
    """

    sets: np.ndarray
    speakers: np.ndarray
    raw: np.ndarray
    right: np.ndarray

    def __getitem__(self, rows: np.ndarray) -> Heard:
        return Heard(self.sets[rows], self.speakers[rows], self.raw[rows], self.right[rows])

    @property
    def weights(self) -> np.ndarray:
        """A set counts by the square root of its words: no long one rules, no short one is noise."""
        _, place, counts = np.unique(self.sets, return_inverse=True, return_counts=True)
        weights = 1 / np.sqrt(counts[place])
        return weights / weights.mean()


def isotonic(heard: Heard, most: int = POINTS) -> Points:
    """The best map that never falls (pool adjacent violators), thinned to at most `most` points."""
    order = np.argsort(heard.raw, kind="stable")
    levels: list[tuple[float, float, float]] = []  # weight, mean confidence, share right
    for weight, raw, right in zip(
        heard.weights[order], heard.raw[order], heard.right[order], strict=True
    ):
        new = (float(weight), float(raw), float(right))
        while levels and (levels[-1][2] >= new[2] or levels[-1][1] >= new[1]):
            new = _pool(levels.pop(), new)
        levels.append(new)
    while len(levels) > most:
        # Pool the two neighbours whose joining changes the map least.
        cost = [
            a[0] * b[0] / (a[0] + b[0]) * (b[2] - a[2]) ** 2 for a, b in itertools.pairwise(levels)
        ]
        at = int(np.argmin(cost))
        levels[at : at + 2] = [_pool(levels[at], levels[at + 1])]
    points = [(raw, right) for _, raw, right in levels]
    return points if len(points) > 1 else [(0.0, points[0][1]), (1.0, points[0][1])]


def _pool(
    a: tuple[float, float, float], b: tuple[float, float, float]
) -> tuple[float, float, float]:
    weight = a[0] + b[0]
    return (
        weight,
        (a[0] * a[1] + b[0] * b[1]) / weight,
        (a[0] * a[2] + b[0] * b[2]) / weight,
    )


def logistic(heard: Heard) -> Points:
    """A logistic curve over the confidence's log odds (Platt's method), at `KNOTS`."""
    x, weights = _log_odds(heard.raw), heard.weights
    design = np.stack([x, np.ones_like(x)], 1)
    # Platt's targets: a share of exactly 0 or 1 is not believed.
    total = heard.right.sum()
    target = np.where(heard.right, (total + 1) / (total + 2), 1 / (len(x) - total + 2))
    theta = np.array([1.0, 0.0])
    for _ in range(100):  # Newton's method, in steps of at most 1
        p = 1 / (1 + np.exp(-np.clip(design @ theta, -30, 30)))
        gradient = design.T @ (weights * (p - target))
        curvature = (design * (weights * p * (1 - p))[:, None]).T @ design + 1e-6 * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        theta -= step / max(1.0, np.abs(step).max())
        if np.abs(step).max() < 1e-9:
            break
    theta[0] = max(theta[0], 0.0)
    knots = np.array(KNOTS)
    probabilities = 1 / (1 + np.exp(-(theta[0] * _log_odds(knots) + theta[1])))
    return list(zip(KNOTS, probabilities.tolist(), strict=True))


def _log_odds(raw: np.ndarray) -> np.ndarray:
    clipped = np.clip(raw, CLOSE, 1 - CLOSE)
    return np.log(clipped / (1 - clipped))


def apply(points: Points, raw: np.ndarray) -> np.ndarray:
    """As `callscribe.recognition.calibration.Calibration` does."""
    return np.interp(raw, *np.array(points).T)


def foretold(heard: Heard, fit: Fit) -> np.ndarray:
    """For each word the probability by a map that was fitted without its speaker."""
    found = np.empty(len(heard.raw))
    for speaker in np.unique(heard.speakers):
        own = heard.speakers == speaker
        found[own] = apply(fit(heard[~own]), heard.raw[own])
    return found


def log_loss(heard: Heard, probabilities: np.ndarray) -> float:
    """Mean surprise in nats, sets weighed as in a fit."""
    p = np.clip(np.where(heard.right, probabilities, 1 - probabilities), 1e-3, 1)
    return float(np.average(-np.log(p), weights=heard.weights))


def calibration_error(confidence: np.ndarray, right: np.ndarray, bands: int = 10) -> float:
    """Expected calibration error: the mean over words of how far their band's share of right words is
    from its mean confidence (bands of equal width)."""
    band = np.minimum((confidence * bands).astype(int), bands - 1)
    error = 0.0
    for inside in (band == b for b in np.unique(band)):
        error += inside.mean() * abs(confidence[inside].mean() - right[inside].mean())
    return float(error)


FITS: dict[str, Fit] = {"isotonic": isotonic, "logistic": logistic}


def choose(heard: Heard) -> tuple[str, Points]:
    """The kind of map that foretells other speakers best, fitted on all; prints how good it is."""
    probabilities = {name: foretold(heard, fit) for name, fit in FITS.items()}
    losses = {name: log_loss(heard, p) for name, p in probabilities.items()}
    best = min(losses, key=lambda name: losses[name])
    print(f"log loss on speakers left out: raw {log_loss(heard, heard.raw):.3f}", end="")
    print("".join(f", {name} {loss:.3f}" for name, loss in losses.items()), f"-> {best}")
    print(f"{'set':24}{'words':>6}{'right':>7}{'error raw':>11}{'calibrated':>12}")
    after = probabilities[best]
    for name in [*np.unique(heard.sets), ""]:
        rows = heard.sets == name if name else np.ones(len(heard.raw), bool)
        raw, right = heard.raw[rows], heard.right[rows]
        before, now = calibration_error(raw, right), calibration_error(after[rows], right)
        print(f"{name or 'all':24}{rows.sum():6}{right.mean():7.0%}{before:11.3f}{now:12.3f}")
    return best, FITS[best](heard)


def rounded(points: Points) -> Points:
    """Three digits are enough, four near the ends; points that fall together are one."""
    kept: dict[float, float] = {}
    for raw, right in points:
        kept[round(raw, 4)] = round(right, 3)
    return list(kept.items())


def write(points: Points, folder: Path) -> None:
    """Put the calibration into the folder's `model.json`; whatever else it says stays."""
    path = folder / "model.json"
    about = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    about["calibration"] = [list(point) for point in rounded(points)]
    text = json.dumps(about, indent=2, ensure_ascii=False)
    text = re.sub(r"\[\s+([0-9.]+),\s+([0-9.]+)\s+\]", r"[\1, \2]", text)
    path.write_text(text + "\n", encoding="utf-8")


def fit(folder: Path, work: Path, text: Path, most: int = 30, minutes: float = 60) -> None:
    """Listen for as long as that may take, choose, write."""
    from training.confidences import listen  # here: fitting itself needs no audio libraries

    kind, points = choose(listen(folder, work, text, most, minutes))
    write(points, folder)
    print(f"{folder / 'model.json'}: {kind}, {len(rounded(points))} points")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("text", type=Path, help="folder of the packed dialogue text")
    parser.add_argument("--most", type=int, default=30, help="recordings of each corpus")
    parser.add_argument("--minutes", type=float, default=60, help="stop hearing after this long")
    a = parser.parse_args()
    fit(a.model, a.work, a.text, a.most, a.minutes)


if __name__ == "__main__":
    main()
