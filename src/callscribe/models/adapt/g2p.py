"""Pronunciations of words that no dictionary has: a joint n-gram model of letters and phones.

A word and its pronunciation are cut into units, each of one or two letters and none to two phones
(Bisani and Ney, "Joint-sequence models for grapheme-to-phoneme conversion", 2008). An n-gram model of
the units, with absolute discounting, is searched for the best row of units that spells the word.
"""

from __future__ import annotations

import io
import json
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np

ORDER = 6
DISCOUNT = 0.7
BEAM = 40
_BITS = 10  # an n-gram of unit numbers is packed into 60 bits
LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz")

Unit = tuple[str, tuple[str, ...]]
"""Letters, phones."""

_SHAPES = ((1, 1), (1, 0), (1, 2), (2, 1), (2, 2))


class G2p:
    """word -> phones. Build one with `train` or `load`."""

    def __init__(self, units: list[Unit], counts: Mapping[int, int]) -> None:
        self._units = units
        self._counts = counts
        self._by_letters: dict[str, list[int]] = defaultdict(list)
        for number, (letters, _) in enumerate(units, 2):  # 0 fills a key, 1 is the word's edge
            self._by_letters[letters].append(number)
        totals: Counter[int] = Counter()
        kinds: Counter[int] = Counter()
        for key, count in counts.items():
            totals[key >> _BITS] += count
            kinds[key >> _BITS] += 1
        self._totals, self._kinds = totals, kinds

    def __call__(self, word: str) -> tuple[str, ...]:
        """Phones of `word`; letters beyond a to z are passed over. Empty if nothing is left."""
        text = "".join(letter for letter in word.lower() if letter in LETTERS)
        # position -> history of unit numbers -> (log probability, phones)
        beams: list[dict[tuple[int, ...], tuple[float, tuple[str, ...]]]]
        beams = [{} for _ in range(len(text) + 1)]
        beams[0][(1,)] = 0.0, ()
        for at in range(len(text)):
            best = sorted(beams[at].items(), key=lambda entry: -entry[1][0])[:BEAM]
            for history, (score, phones) in best:
                for size in (1, 2):
                    for unit in self._by_letters.get(text[at : at + size], ()):
                        if at + size > len(text):
                            continue
                        total = score + math.log(self._probability(history, unit))
                        key = (*history, unit)[-(ORDER - 1) :]
                        known = beams[at + size].get(key)
                        if known is None or total > known[0]:
                            beams[at + size][key] = total, phones + self._units[unit - 2][1]
        ends = [
            (score + math.log(self._probability(history, 1)), phones)
            for history, (score, phones) in beams[-1].items()
            if phones
        ]
        return max(ends)[1] if ends else ()

    def _probability(self, history: tuple[int, ...], unit: int) -> float:
        p = 1 / (len(self._units) + 2)
        key = 0
        for size in range(len(history) + 1):
            if size:
                key |= history[-size] << _BITS * (size - 1)
            total = self._totals.get(key, 0)
            if not total:
                break
            count = self._counts.get(key << _BITS | unit, 0)
            spare = DISCOUNT * self._kinds[key] / total
            p = max(count - DISCOUNT, 0.0) / total + spare * p
        return p

    def save(self, path: Path) -> None:
        keys = np.array(sorted(self._counts), np.int64)
        counts = np.array([min(self._counts[int(k)], 65535) for k in keys], np.uint16)
        units = json.dumps([[letters, " ".join(phones)] for letters, phones in self._units])
        buffer = io.BytesIO()
        steps = np.diff(keys, prepend=0).view(np.uint8).reshape(-1, 8).T  # bytes of a rank together
        text = np.frombuffer(units.encode(), np.uint8)
        np.savez_compressed(buffer, units=text, steps=np.ascontiguousarray(steps), counts=counts)
        path.write_bytes(buffer.getvalue())

    @classmethod
    def load(cls, path: Path) -> G2p:
        """Read what `save` wrote.

        Raises:
            OSError, ValueError, KeyError: the file is missing, or is not such a file.
        """
        with np.load(path, allow_pickle=False) as stored:
            units = json.loads(stored["units"].tobytes().decode())
            steps = np.ascontiguousarray(stored["steps"].T).view(np.int64).ravel()
            counts = stored["counts"].tolist()
        keys = np.cumsum(steps).tolist()
        parsed = [(letters, tuple(phones.split())) for letters, phones in units]
        return cls(parsed, dict(zip(keys, counts, strict=True)))


def _pack(numbers: Iterable[int]) -> int:
    key = 0
    for number in numbers:
        key = key << _BITS | number
    return key


def _align(word: str, phones: tuple[str, ...], cost: Callable[[Unit], float]) -> list[Unit]:
    """The cheapest way to cut the pair into units; empty if there is none."""
    rows, columns = len(word) + 1, len(phones) + 1
    best = [[math.inf] * columns for _ in range(rows)]
    back: list[list[Unit | None]] = [[None] * columns for _ in range(rows)]
    best[0][0] = 0.0
    for i in range(rows):
        for j in range(columns):
            here = best[i][j]
            if here == math.inf:
                continue
            for letters, sounds in _SHAPES:
                if i + letters < rows and j + sounds < columns:
                    unit = word[i : i + letters], phones[j : j + sounds]
                    total = here + cost(unit)
                    if total < best[i + letters][j + sounds]:
                        best[i + letters][j + sounds] = total
                        back[i + letters][j + sounds] = unit
    units: list[Unit] = []
    i, j = rows - 1, columns - 1
    while (step := back[i][j]) is not None:
        units.append(step)
        i, j = i - len(step[0]), j - len(step[1])
    return units[::-1]


def train(
    dictionary: Iterable[tuple[str, tuple[str, ...]]], rounds: int = 4, sample: int = 6
) -> G2p:
    """Learn from (word, phones) pairs.

    The cost of a unit comes from how often its letters and phones meet: first anywhere in a word,
    then in the best cuts of every `sample`-th word, over again; last, all words are cut.
    """
    pairs = [(w, p) for w, p in dictionary if set(w) <= LETTERS]
    counts: Counter[Unit] = Counter()
    for word, phones in pairs[::sample]:
        for i, letter in enumerate(word):  # near the diagonal
            j = min(len(phones) - 1, round(i * len(phones) / len(word)))
            for near in range(max(0, j - 1), min(len(phones), j + 2)):
                counts[letter, phones[near : near + 1]] += 1
    for number in range(rounds + 1):
        chosen = pairs if number == rounds else pairs[::sample]
        cut = [_align(word, phones, _cost(counts)) for word, phones in chosen]
        counts = Counter(unit for row in cut for unit in row)
    least = 4 if len(pairs) > 1000 else 1
    kept = [u for u, n in counts.most_common((1 << _BITS) - 2) if n >= least]
    return _count_ngrams(cut, sorted(kept))


def _cost(counts: Counter[Unit]) -> Callable[[Unit], float]:
    letters: Counter[str] = Counter()
    for (spelling, _), count in counts.items():
        letters[spelling] += count
    total = sum(letters.values())
    known: dict[Unit, float] = {}

    def cost(unit: Unit) -> float:
        if unit not in known:
            spelling, phones = unit
            joint = counts[unit] + 0.01
            # a unit of two letters replaces two: without a price of its own it would always win
            extra = 1.0 * (len(spelling) - 1) + 1.5 * max(0, len(phones) - 1) + 1.0 * (not phones)
            known[unit] = extra - math.log(
                joint / (total if len(spelling) > 1 else letters[spelling] + 1)
            )
        return known[unit]

    return cost


def _count_ngrams(cut: list[list[Unit]], units: list[Unit]) -> G2p:
    numbers = {unit: number for number, unit in enumerate(units, 2)}
    counts: Counter[int] = Counter()
    for row in cut:
        if not row or any(unit not in numbers for unit in row):
            continue
        word = [1, *(numbers[unit] for unit in row), 1]
        for end in range(1, len(word)):
            for size in range(1, min(ORDER, end + 1) + 1):
                counts[_pack(word[end - size + 1 : end + 1])] += 1
    few = 1 if len(cut) > 20_000 else 0
    kept = {k: n for k, n in counts.items() if n > few or k < 1 << 2 * _BITS}
    return G2p(units, kept)
