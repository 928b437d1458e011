"""Trigram language models as arrays: counted from text, mixed, kept small, read by the graph.

Words have numbers; `<s>` and `</s>` are the last two. Histories and n-grams are packed into int64
keys: y * v + z for the bigram (y, z), (x * v + y) * v + z for the trigram (x, y, z), where v is the
size of the vocabulary with both marks. In arrays of triples, x = -1 means "no second word of
history". All probabilities are plain, not logarithms.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

BEGIN, END = "<s>", "</s>"
_LEAST = 1e-9
_STEP = 1 / 12  # stored probabilities are exp(-_STEP * uint8): within 4 %

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def number_words(words: Sequence[str]) -> dict[str, int]:
    """Word -> its number, with `<s>` and `</s>` last."""
    return {word: number for number, word in enumerate([*words, BEGIN, END])}


def find(keys: Ints, values: Floats, wanted: Ints) -> Floats:
    """`values` where `wanted` is among the sorted `keys`, else 0."""
    if not len(keys):
        return np.zeros(np.shape(wanted))
    at = np.clip(np.searchsorted(keys, wanted), 0, len(keys) - 1)
    return np.where(keys[at] == wanted, values[at], 0.0)


def triples(lines: Iterable[str], numbers: dict[str, int]) -> tuple[Ints, Ints, Ints]:
    """Every word of `lines` with its two words of history, as arrays x, y, z.

    A word without a number ends the history and is not predicted.
    """
    begin, end = numbers[BEGIN], numbers[END]
    stream: list[int] = []
    for line in lines:
        stream += (-1, begin, *(numbers.get(word, -1) for word in line.split()), end)
    all_words = np.array(stream, np.int64)
    x, y, z = all_words[:-2], all_words[1:-1], all_words[2:]
    known = (z >= 0) & (z != begin) & (y != end)
    x = np.where((y == begin) | (y < 0), -1, x)
    return x[known], y[known], z[known]


class Counted:
    """Interpolated absolute discounting over counted triples.

    Kneser-Ney's lower orders would prune badly, so plain counts are used at every order. The
    discounts are estimated, but are at most `most` (of the three orders): in a text where nearly
    everything occurs once, the estimate takes nearly all.
    """

    def __init__(
        self,
        counted: tuple[Ints, Ints, Ints],
        size: int,
        most: tuple[float, float, float] = (0.9, 0.95, 0.95),
    ) -> None:
        x, y, z = counted
        self.v = size
        self._one, self._one_counts = _count(z)
        self.total = max(float(self._one_counts.sum()), 1.0)
        has_one = y >= 0
        self.bigrams, self.bigram_counts = _count(y[has_one] * size + z[has_one])
        has_two = has_one & (x >= 0)
        keys = (x[has_two] * size + y[has_two]) * size + z[has_two]
        self.trigrams, self.trigram_counts = _count(keys)
        self._first = _Histories.of(self.bigrams // size, self.bigram_counts)
        self._second = _Histories.of(self.trigrams // size, self.trigram_counts)
        self._discounts = (
            _discount(self._one_counts, most[0]),
            _discount(self.bigram_counts, most[1]),
            _discount(self.trigram_counts, most[2]),
        )

    def unigram_share(self, z: Ints) -> Floats:
        """Relative frequency of each word."""
        return find(self._one, self._one_counts, z) / self.total

    def bigram_share(self, keys: Ints) -> Floats:
        """Relative frequency of each bigram."""
        return find(self.bigrams, self.bigram_counts, keys) / self.total

    def start_share(self, begin: int) -> float:
        """Sentence starts for each word."""
        return float(find(self._first.keys, self._first.counts, np.array([begin]))[0] / self.total)

    def knows(self, histories: Ints, order: int) -> npt.NDArray[np.bool_]:
        """Whether something followed these histories (y of order 2, x * v + y of order 3)."""
        known = self._first if order == 2 else self._second
        return np.asarray(find(known.keys, known.counts, histories) > 0)

    def p1(self, z: Ints) -> Floats:
        d = self._discounts[0]
        counts = find(self._one, self._one_counts, z)
        begin = self.v - 2  # never predicted: nothing is kept for it
        spare: float = d * max(len(self._one), 1) / self.total / (self.v - 1)
        return np.where(z == begin, 0.0, np.maximum(counts - d, 0) / self.total + spare)

    def p2(self, y: Ints, z: Ints) -> Floats:
        counts = find(self.bigrams, self.bigram_counts, y * self.v + z)
        return self._first.smooth(y, counts, self._discounts[1], self.p1(z))

    def p3(self, x: Ints, y: Ints, z: Ints) -> Floats:
        lower, history = self.p2(y, z), x * self.v + y
        counts = find(self.trigrams, self.trigram_counts, history * self.v + z)
        smooth = self._second.smooth(history, counts, self._discounts[2], lower)
        return np.where(x >= 0, smooth, lower)


@dataclass(frozen=True)
class _Histories:
    """For each history: how many words followed it, and how many different ones."""

    keys: Ints
    counts: Floats
    kinds: Floats

    @classmethod
    def of(cls, histories: Ints, counts: Floats) -> _Histories:
        keys, index = np.unique(histories, return_inverse=True)
        kinds = np.bincount(index, minlength=len(keys)).astype(np.float64)
        totals: Floats = np.bincount(index, counts, len(keys)).astype(np.float64)
        return cls(keys, totals, kinds)

    def smooth(self, history: Ints, counts: Floats, discount: float, lower: Floats) -> Floats:
        total, kinds = find(self.keys, self.counts, history), find(self.keys, self.kinds, history)
        kept = np.maximum(counts - discount, 0) + discount * kinds * lower
        return np.where(total > 0, kept / np.maximum(total, 1), lower)


def _count(keys: Ints) -> tuple[Ints, Floats]:
    unique, counts = np.unique(keys, return_counts=True)
    return unique, counts.astype(np.float64)


def _discount(counts: Floats, most: float) -> float:
    once, twice = float((counts == 1).sum()), float((counts == 2).sum())
    return min(most, once / max(1.0, once + 2 * twice))


@dataclass
class Backoff:
    """A back-off trigram model: what is not listed is a weight times the shorter history's.

    Attributes:
        words: without the marks.
        p1: by word number, with the marks; p2, p3: beside the sorted keys bigrams, trigrams.
        b2: back-off weight by word number; b3: beside the sorted two-word `histories`.
    """

    words: tuple[str, ...]
    p1: Floats
    bigrams: Ints
    p2: Floats
    trigrams: Ints
    p3: Floats
    b2: Floats = field(init=False)
    b3: Floats = field(init=False)
    histories: Ints = field(init=False)

    def __post_init__(self) -> None:
        v = self.v
        first = self.bigrams // v
        self.b2 = _left_over(first, self.p2, self.p1[self.bigrams % v], v)
        self.histories, index = np.unique(self.trigrams // v, return_inverse=True)
        lower = self.bigram(self.trigrams // v % v, self.trigrams % v)
        self.b3 = _left_over(index, self.p3, lower, len(self.histories))

    @property
    def v(self) -> int:
        """Size of the vocabulary with `<s>` and `</s>`."""
        return len(self.words) + 2

    def bigram(self, y: Ints, z: Ints) -> Floats:
        """P(z | y); y = -1 means no history."""
        listed = find(self.bigrams, self.p2, y * self.v + z)
        lower = self.p1[z] * np.where(y >= 0, self.b2[y], 1.0)
        return np.where((listed > 0) & (y >= 0), listed, lower)

    def trigram(self, x: Ints, y: Ints, z: Ints) -> Floats:
        """P(z | x y)."""
        lower, history = self.bigram(y, z), x * self.v + y
        listed = find(self.trigrams, self.p3, history * self.v + z)
        weight = find(self.histories, self.b3, history)
        backed = np.where(weight > 0, weight, 1.0) * lower
        return np.where((x < 0) | (y < 0), lower, np.where(listed > 0, listed, backed))

    def perplexity(self, counted: tuple[Ints, Ints, Ints]) -> float:
        """Of triples as `triples` makes them."""
        return float(np.exp(-np.log(self.trigram(*counted)).mean()))

    def with_words(self, extra: Sequence[str]) -> Backoff:
        """The same model with more words, which have next to no probability yet."""
        words = (*self.words, *extra)
        marks = len(self.words) + np.arange(2)
        place = np.concatenate([np.arange(len(self.words)), marks + len(extra)])
        p1 = np.full(len(words) + 2, _LEAST)
        p1[place] = self.p1
        old, new = self.v, len(words) + 2
        y, z = place[self.bigrams // old], place[self.bigrams % old]
        x3, y3 = place[self.trigrams // old // old], place[self.trigrams // old % old]
        z3 = place[self.trigrams % old]
        return sorted_backoff(words, p1, y * new + z, self.p2, (x3 * new + y3) * new + z3, self.p3)

    def save(self, path: Path) -> None:
        """Write the model in little room; back-off weights follow from the probabilities."""
        v = self.v
        last = self.bigrams % v
        parents = np.searchsorted(self.bigrams, self.trigrams // v)
        if not np.array_equal(self.bigrams[np.minimum(parents, len(last) - 1)], self.trigrams // v):
            raise ValueError("a trigram's history is not among the bigrams")
        arrays: dict[str, Any] = {
            "words": np.frombuffer("\n".join(self.words).encode(), np.uint8),
            "p1": _quantise(self.p1),
            "followers": np.bincount(self.bigrams // v, minlength=v).astype(np.uint16),
            "last2": last.astype(np.uint32 if v > 65535 else np.uint16),
            "p2": _quantise(self.p2),
            "followers2": np.bincount(parents, minlength=len(last)).astype(np.uint16),
            "last3": (self.trigrams % v).astype(np.uint32 if v > 65535 else np.uint16),
            "p3": _quantise(self.p3),
        }
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **arrays)
        path.write_bytes(buffer.getvalue())

    @classmethod
    def load(cls, path: Path) -> Backoff:
        """Read what `save` wrote.

        Raises:
            OSError, ValueError, KeyError: the file is missing, or is not such a file.
        """
        with np.load(path, allow_pickle=False) as stored:
            a = {name: stored[name] for name in stored.files}
        words = tuple(a["words"].tobytes().decode().split("\n"))
        v = len(words) + 2
        first = np.repeat(np.arange(v, dtype=np.int64), a["followers"])
        bigrams = first * v + a["last2"]
        trigrams = np.repeat(bigrams, a["followers2"]) * v + a["last3"]
        p1, p2, p3 = (_expand(a[name]) for name in ("p1", "p2", "p3"))
        p1[v - 2] = 0
        return cls(words, p1, bigrams, p2, trigrams, p3)


def sorted_backoff(
    words: tuple[str, ...], p1: Floats, bigrams: Ints, p2: Floats, trigrams: Ints, p3: Floats
) -> Backoff:
    """A model from n-grams in any order."""
    two, three = np.argsort(bigrams), np.argsort(trigrams)
    return Backoff(words, p1, bigrams[two], p2[two], trigrams[three], p3[three])


def _left_over(history: Ints, p: Floats, lower: Floats, size: int) -> Floats:
    left = np.clip(1 - np.bincount(history, p, size), 1e-6, 1)
    return np.asarray(left / np.clip(1 - np.bincount(history, lower, size), 1e-6, 1))


def _quantise(p: Floats) -> npt.NDArray[np.uint8]:
    steps = np.round(-np.log(np.maximum(p, _LEAST)) / _STEP)
    return np.clip(steps, 0, 255).astype(np.uint8)


def _expand(steps: npt.NDArray[np.uint8]) -> Floats:
    return np.exp(-_STEP * steps.astype(np.float64))
