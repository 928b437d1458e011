"""From a recogniser's own confidence to the probability that the word is right.

A recogniser's confidence is the weight of a word among the alternatives it looked at (in Vosk, the posterior of the
word in its lattice). It knows nothing of what was never among them, so it is too high. What it is worth is measured on
speech with known words and kept with the model.
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Calibration:
    """A rising map through a few points, straight between them and level beyond the first and the last.

    Raises:
        ValueError: fewer than two points, a number outside 0 to 1, or points that do not rise; says which.
    """

    points: tuple[tuple[float, float], ...]
    """(the recogniser's confidence, the share of words that are right), both 0 to 1."""

    def __post_init__(self) -> None:
        if len(self.points) < 2:
            raise ValueError(f"at least two points are needed, not {len(self.points)}")
        for point in self.points:
            if not all(0 <= value <= 1 for value in point):
                raise ValueError(f"{list(point)} is not between 0 and 1")
        for before, after in itertools.pairwise(self.points):
            if not before[0] < after[0]:
                raise ValueError(
                    f"the first numbers must rise, but {after[0]:g} follows {before[0]:g}"
                )
            if before[1] > after[1]:
                raise ValueError(
                    f"the second numbers must not fall, but {after[1]:g} follows {before[1]:g}"
                )

    def __call__(self, raw: float) -> float:
        """The probability, 0 to 1, that a word of this raw confidence is right."""
        at = bisect.bisect_right(self.points, raw, key=_raw)
        if at == 0:
            return self.points[0][1]
        if at == len(self.points):
            return self.points[-1][1]
        (x0, y0), (x1, y1) = self.points[at - 1 : at + 1]
        return y0 + (y1 - y0) * (raw - x0) / (x1 - x0)


def _raw(point: Sequence[float]) -> float:
    return point[0]
