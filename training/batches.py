"""Feature files in memory maps, and batches of like lengths drawn from them.

A version is a pair of files, `NAME.vN.PART.bin` (float16 frames of MEL) and `.json` (its items).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from training import perturbation
from training.network import MEL

SHORTEST, LONGEST = 16, 1720  # frames
ABRUPT = 0.2  # share of the items that begin without the silence before the first recording
READ_SHARE = 0.5  # share of the read books that a pass takes: they are two thirds of the hours
SILENT = 0.08  # items on which nobody speaks, in proportion to the others


@dataclass(frozen=True)
class Item:
    """`frames` feature frames from `first` of `store`; speech may begin at frame `lead`."""

    text: str
    corpus: str
    store: np.ndarray
    first: int
    frames: int
    lead: int

    def features(self) -> np.ndarray:
        return self.store[self.first : self.first + self.frames].astype(np.float32)


class Versions:
    """All feature files with one of the given prefixes; later ones are found on the way."""

    def __init__(self, prefixes: list[Path]) -> None:
        self._prefixes = prefixes
        self._files: dict[Path, tuple[int, list[Item]]] = {}

    def scan(self) -> None:
        for prefix in self._prefixes:
            for index in sorted(prefix.parent.glob(prefix.name + ".v*.json")):
                if index not in self._files:
                    store = np.memmap(index.with_suffix(".bin"), np.float16, "r").reshape(-1, MEL)
                    items = [_item(r, store) for r in json.loads(index.read_text())]
                    version = int(index.name.split(".v")[1].split(".")[0])
                    self._files[index] = version, items

    def items(self) -> list[Item]:
        self.scan()
        return [item for _, items in self._files.values() for item in items]

    def epoch(self, number: int, rng: np.random.Generator) -> list[Item]:
        """What pass `number` reads: one version of everything, and a part of the read books."""
        self.scan()
        chosen = []
        for prefix in self._prefixes:
            files = {k: v for k, v in self._files.items() if k.name.startswith(prefix.name + ".v")}
            versions = sorted({version for version, _ in files.values()})
            if versions:
                take = versions[number % len(versions)]
                chosen += [i for version, items in files.values() if version == take for i in items]
        return [
            item
            for item in chosen
            if SHORTEST <= item.frames <= LONGEST
            and (not item.corpus.startswith("libri") or rng.random() < READ_SHARE)
        ]


def _item(record: dict, store: np.ndarray) -> Item:
    lead = int(record["segs"][0][1]) // 80
    return Item(record["text"], record["corpus"], store, record["off"], record["n"], lead)


def batches(
    items: list[Item], most: int, rng: np.random.Generator
) -> Iterator[tuple[list[np.ndarray], list[str]]]:
    """Batches of perturbed features and their texts, at most `most` frames each with padding."""
    order = sorted(items, key=lambda item: item.frames * (1 + 0.12 * rng.random()))
    groups: list[list[Item]] = [[]]
    for item in order:
        longest = max([item.frames, *(i.frames for i in groups[-1])]) * 1.14
        if groups[-1] and (len(groups[-1]) + 1) * longest > most:
            groups.append([])
        groups[-1].append(item)
    for index in rng.permutation(len(groups)):
        group = groups[index]
        features = [_draw(item, group, rng) for item in group]
        texts = [item.text for item in group]
        if rng.random() < SILENT * len(group):
            other = group[int(rng.integers(len(group)))].features()
            features.append(perturbation.nobody(len(features[0]), rng, other))
            texts.append("")
        yield features, texts


def _draw(item: Item, group: list[Item], rng: np.random.Generator) -> np.ndarray:
    features = item.features()
    start = int(rng.integers(0, 3))  # so that every phase of the subsampling is seen
    if rng.random() < ABRUPT and 2 < item.lead < item.frames - 40:
        start = item.lead - int(rng.integers(0, 5))
    other = group[int(rng.integers(len(group)))].features() if len(group) > 1 else None
    return perturbation.perturb(features[max(0, start) :], rng, other)
