"""The built-in language model: groups of text, mixed for service calls, pruned to a size.

Each group gets an interpolated absolute-discounting trigram; the mixture weights are EM estimates on
held-out text; then the n-grams that cost least when dropped are dropped (Stolcke's entropy pruning,
on the static mixture).
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

import numpy as np

from callscribe.models.adapt.g2p import G2p
from callscribe.models.adapt.language_model import (
    BEGIN,
    Backoff,
    Counted,
    Floats,
    Ints,
    number_words,
    triples,
)
from training import corpora
from training.lexicon import Lexicon
from training.phrases import FIRST, LAST, ONES, RADIO

TUNE = {
    "calls": 2.0, "caller": 2.0, "service": 2.0, "clinic": 1.5, "template": 1.7, "order": 1.0, "request": 0.7,
    "chat": 0.6, "enrol": 0.5, "meeting": 0.4, "earnings": 0.3, "spoken": 0.5, "books": 0.3,
}  # fmt: skip
"""Shares of the text that the mixture is fitted to, in UNIT triples."""
UNIT = 6000
VOTE = {
    "calls": 8.0, "caller": 5.0, "service": 2.0, "clinic": 3.0, "order": 2.0, "request": 2.0, "template": 1.5,
    "enrol": 2.0, "spoken": 8.0,
}  # fmt: skip
"""What an occurrence counts when the vocabulary is chosen; 1 elsewhere."""
FEWEST_VOTES = 3
LEAST_WEIGHT = 0.004
LARGE = 3e5  # trigrams; a larger group's single occurrences are left out

Triples = tuple[Ints, Ints, Ints]


def vocabulary(sources: dict[str, tuple[list[str], list[str]]], size: int) -> list[str]:
    """The words with most votes, and all names, letters, digits and radio alphabet words."""
    votes: Counter[str] = Counter()
    for group, (train, _) in sources.items():
        for line in train:
            for word in line.split():
                votes[word] += VOTE.get(group, 1.0)
    frequent = {w for w, n in votes.most_common(size) if n >= FEWEST_VOTES}
    frequent = {w for w in frequent if w.replace("'", "").isalpha()}
    return sorted(frequent | {*FIRST, *LAST, *RADIO, *ONES})


class Mixture:
    """Weighted groups, as one distribution."""

    def __init__(self, groups: dict[str, Counted], tuning: Triples) -> None:
        self.models = list(groups.values())
        likelihood = np.stack([m.p3(*tuning) for m in self.models], 1)
        weights = np.full(len(groups), 1 / len(groups))
        for _ in range(60):
            share = likelihood * weights
            weights = (share / share.sum(1, keepdims=True)).mean(0)
        weights = np.maximum(weights, LEAST_WEIGHT)
        self.weights = weights / weights.sum()
        self.by_group = dict(zip(groups, self.weights.round(3).tolist(), strict=True))

    def sum(self, part) -> Floats:
        """The weighted sum of `part(model)` over the groups."""
        return sum(w * part(m) for w, m in zip(self.weights, self.models, strict=True))

    def p3(self, counted: Triples) -> Floats:
        return self.sum(lambda m: m.p3(*counted))

    def backoff(self, words: list[str]) -> Backoff:
        """Every n-gram of the groups with the mixture's probability."""
        v, begin = len(words) + 2, len(words)
        p1 = self.sum(lambda m: m.p1(np.arange(v)))
        p1[begin] = 0
        p1 = np.maximum(p1 / p1.sum(), 1e-9)
        bigrams = np.unique(np.concatenate([m.bigrams for m in self.models]))
        kept = [
            m.trigrams[m.trigram_counts >= (2 if len(m.trigrams) > LARGE else 1)]
            for m in self.models
        ]
        trigrams = np.unique(np.concatenate(kept))
        trigrams = trigrams[np.isin(trigrams // v, bigrams)]
        history = trigrams // v
        p2 = self.sum(lambda m: m.p2(bigrams // v, bigrams % v))
        p3 = self.sum(lambda m: m.p3(history // v, history % v, trigrams % v))
        return Backoff(tuple(words), p1, bigrams, p2, trigrams, p3)

    def prune(self, full: Backoff, keep: int) -> Backoff:
        """Drop all but `keep` n-grams: those whose P(history) p log(p / backed-off p) is least."""
        v, begin = full.v, full.v - 2
        y, z = full.bigrams // v, full.bigrams % v
        seen = self.sum(lambda m: m.unigram_share(np.arange(v)))
        seen[begin] = self.sum(lambda m: np.array([m.start_share(begin)]))[0]
        cost2 = seen[y] * full.p2 * np.log(full.p2 / (full.b2[y] * full.p1[z]))
        index = np.searchsorted(full.histories, full.trigrams // v)
        seen2 = self.sum(lambda m: m.bigram_share(full.histories))[index]
        lower = full.bigram(full.trigrams // v % v, full.trigrams % v)
        cost3 = seen2 * full.p3 * np.log(full.p3 / (full.b3[index] * lower))
        least = np.sort(np.concatenate([cost2, cost3]))[-keep]
        keep3 = cost3 > least
        needed = np.unique((full.trigrams // v)[keep3])  # a trigram's history must be reachable
        keep2 = (cost2 > least) | np.isin(full.bigrams, needed)
        return Backoff(
            full.words,
            full.p1,
            full.bigrams[keep2],
            full.p2[keep2],
            full.trigrams[keep3],
            full.p3[keep3],
        )


def tuning_triples(held: dict[str, Triples]) -> Triples:
    rng, parts = np.random.default_rng(0), []
    for group, units in TUNE.items():
        size = len(held[group][0])
        first = int(rng.integers(0, size))
        chosen = np.arange(first, first + int(UNIT * units)) % size  # small ones over again
        parts.append([array[chosen] for array in held[group]])
    x, y, z = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return x, y, z


def make(text: Path, work: Path, out: Path, size: int, keep: int) -> Backoff:
    """Count, mix, prune and save to `out`."""
    sources = corpora.sources(text, work)
    lexicon = Lexicon(work / "g2p.json")
    words = vocabulary(sources, size)
    guessed = lexicon.guess(words, G2p.load(work / "g2p.npz"))
    print(f"{len(guessed)} pronunciations guessed, as of {guessed[:10]}")
    words = [w for w in words if w in lexicon]
    numbers = number_words(words)
    v = len(numbers)
    assert numbers[BEGIN] == v - 2
    groups = {g: Counted(triples(train, numbers), v) for g, (train, _) in sources.items()}
    held = {g: triples(dev, numbers) for g, (_, dev) in sources.items()}
    tuning = tuning_triples(held)
    mixture = Mixture(groups, tuning)
    print("mixture", mixture.by_group)
    mixture.prune(mixture.backoff(words), keep).save(out)
    model = Backoff.load(out)  # as everybody else will read it
    counts = len(words), len(model.bigrams), len(model.trigrams)
    print("{} words, {} bigrams, {} trigrams".format(*counts), end="; ")
    print(f"perplexity of the tuning text {model.perplexity(tuning):.1f}")
    for group, counted in held.items():
        full = float(np.exp(-np.log(mixture.p3(counted)).mean()))
        print(f"  {group:9} mixture {full:6.1f} pruned {model.perplexity(counted):6.1f}")
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("text", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--words", type=int, default=22_000)
    parser.add_argument("--ngrams", type=int, default=290_000)
    a = parser.parse_args()
    make(a.text, a.work, a.out, a.words, a.ngrams)


if __name__ == "__main__":
    main()
