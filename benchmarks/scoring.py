"""Word errors, with confidence.

Both sides are normalised alike before they are compared: lower case, no punctuation, fillers dropped, and the few
words that have two spellings brought to one. What is normalised is listed here and nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

FILLERS = frozenset({"uh", "um", "mm", "hmm", "er", "ah", "mhm", "uhm", "[unk]", "<unk>"})
SPELLINGS = {"ok": "okay", "alright": "all right", "goodbye": "good bye", "checkbook": "check book"}
DIGITS = frozenset("zero oh one two three four five six seven eight nine".split())


def normalise(text: str) -> list[str]:
    """Words as they are compared."""
    words: list[str] = []
    for word in re.findall(r"[a-z']+|\[unk\]", text.lower().replace("-", " ")):
        word = word.strip("'") if word.strip("'") else ""
        if word and word not in FILLERS:
            words += SPELLINGS.get(word, word).split()
    return words


@dataclass(frozen=True)
class Errors:
    """Counts of one utterance, or their sum."""

    substitutions: int = 0
    deletions: int = 0
    insertions: int = 0
    words: int = 0

    def __add__(self, other: Errors) -> Errors:
        return Errors(
            self.substitutions + other.substitutions,
            self.deletions + other.deletions,
            self.insertions + other.insertions,
            self.words + other.words,
        )

    @property
    def total(self) -> int:
        return self.substitutions + self.deletions + self.insertions

    @property
    def rate(self) -> float:
        """Errors per reference word; 0 when there is nothing to say and nothing was said."""
        return self.total / self.words if self.words else float(self.total > 0)


def word_errors(reference: Sequence[str], hypothesis: Sequence[str]) -> Errors:
    """Fewest edits that turn the reference into the hypothesis (substitutions preferred at equal cost)."""
    rows = len(reference) + 1
    # A cell is (edits, substitutions, deletions, insertions).
    previous = [(j, 0, 0, j) for j in range(len(hypothesis) + 1)]
    for i in range(1, rows):
        current = [(i, 0, i, 0)]
        for j, heard in enumerate(hypothesis, 1):
            cost, s, d, n = previous[j - 1]
            best = (cost, s, d, n) if reference[i - 1] == heard else (cost + 1, s + 1, d, n)
            cost, s, d, n = previous[j]
            best = min(best, (cost + 1, s, d + 1, n), key=lambda cell: cell[0])
            cost, s, d, n = current[j - 1]
            best = min(best, (cost + 1, s, d, n + 1), key=lambda cell: cell[0])
            current.append(best)
        previous = current
    _, substitutions, deletions, insertions = previous[-1]
    return Errors(substitutions, deletions, insertions, len(reference))


def right_words(reference: Sequence[str], hypothesis: Sequence[str]) -> list[bool]:
    """For each word of the hypothesis whether it was said there, by an alignment of fewest edits."""
    rows, columns = len(reference) + 1, len(hypothesis) + 1
    edits = np.zeros((rows, columns), int)
    edits[:, 0], edits[0] = np.arange(rows), np.arange(columns)
    for i, said in enumerate(reference, 1):
        for j, heard in enumerate(hypothesis, 1):
            edits[i, j] = min(
                edits[i - 1, j - 1] + (said != heard), edits[i - 1, j] + 1, edits[i, j - 1] + 1
            )
    right = [False] * len(hypothesis)
    i, j = rows - 1, columns - 1
    while i and j:
        same = reference[i - 1] == hypothesis[j - 1]
        if edits[i, j] == edits[i - 1, j - 1] + (not same):
            i, j = i - 1, j - 1
            right[j] = same
        elif edits[i, j] == edits[i - 1, j] + 1:
            i -= 1
        else:
            j -= 1
    return right


def judge(reference: str, words: Sequence[tuple[str, float]]) -> list[tuple[float, bool]]:
    """(confidence, whether right) of each recognised word that counts; fillers do not.

    Args:
        words: as the recogniser gave them, with their confidence. One that becomes two words when normalised is
            right when both are.
    """
    pieces = [normalise(text) for text, _ in words]
    right = iter(right_words(normalise(reference), [word for piece in pieces for word in piece]))
    judged = []
    for (_, confidence), piece in zip(words, pieces, strict=True):
        verdicts = [next(right) for _ in piece]
        if verdicts:
            judged.append((confidence, all(verdicts)))
    return judged


def digit_strings(words: Sequence[str], shortest: int = 3) -> list[tuple[str, ...]]:
    """Runs of at least `shortest` digit words, `oh` counted as `zero`."""
    runs: list[tuple[str, ...]] = []
    run: list[str] = []
    for word in [*words, ""]:
        if word in DIGITS:
            run.append("zero" if word == "oh" else word)
            continue
        if len(run) >= shortest:
            runs.append(tuple(run))
        run = []
    return runs


def perfect_digit_strings(reference: Sequence[str], hypothesis: Sequence[str]) -> tuple[int, int]:
    """(strings heard letter-perfect, strings said). Each string heard is used once."""
    said = digit_strings(reference)
    heard = digit_strings(hypothesis)
    right = 0
    for string in said:
        if string in heard:
            heard.remove(string)
            right += 1
    return right, len(said)


def bootstrap(
    items: Sequence[Errors],
    statistic: Callable[[Errors], float] = lambda e: e.rate,
    *,
    rounds: int = 1000,
) -> tuple[float, float]:
    """95 % interval of the pooled error rate, resampling utterances (percentile bootstrap, fixed seed)."""
    if not items:
        return (0.0, 0.0)
    totals = np.array([e.total for e in items], dtype=float)
    words = np.array([e.words for e in items], dtype=float)
    rng = np.random.default_rng(1)
    picks = rng.integers(0, len(items), size=(rounds, len(items)))
    rates = totals[picks].sum(axis=1) / np.maximum(words[picks].sum(axis=1), 1.0)
    low, high = np.percentile(rates, [2.5, 97.5])
    return float(low), float(high)
