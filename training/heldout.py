"""Speakers that no training touches: `heldout_speakers.txt`, how it is drawn, and how it is read.

About 4 % of the speakers of every corpus with more than three are set apart by a fixed draw. Each
goes to one of two splits: constants are chosen on `dev`, reports are made on `test`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

LIST = Path(__file__).with_name("heldout_speakers.txt")
SHARE = 0.04
SEED = 7  # the first model was trained without exactly these speakers: do not change it

HEADER = """\
# Speakers of ../shared/data/speech that no training touches (drawn by `python -m training.heldout`).
# corpus, speaker, split: constants are chosen on `dev`; reports are made on `test`.
"""


def draw(speakers: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Map the held-out ones of `speakers`, (corpus, name) pairs, to "dev" or "test"."""
    by_corpus: dict[str, set[str]] = defaultdict(set)
    for corpus, name in speakers:
        by_corpus[corpus].add(name)
    rng = random.Random(SEED)
    held = []
    for corpus, names in sorted(by_corpus.items()):
        if len(names) > 3:
            count = max(1, round(SHARE * len(names)))
            held += [(corpus, name) for name in rng.sample(sorted(names), count)]
    return _split(held)


def _split(held: list[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Alternate within each family of corpora, in the order of a hash; a lone speaker is for test."""
    families: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for corpus, name in held:
        families[corpus.split("-")[0]].append((corpus, name))
    split = {}
    for members in families.values():
        members.sort(key=lambda m: hashlib.sha256("/".join(m).encode()).hexdigest())
        for number, member in enumerate(members):
            split[member] = "dev" if number % 2 else "test"
    return split


def read(path: Path = LIST) -> dict[tuple[str, str], str]:
    """Read the list: (corpus, speaker) -> "dev" or "test"."""
    rows = (line.split() for line in path.read_text().splitlines() if line[:1] not in ("", "#"))
    return {(corpus, speaker): split for corpus, speaker, split in rows}


def main() -> None:
    parser = argparse.ArgumentParser(description="Draw the held-out speakers and write the list.")
    parser.add_argument("speech", type=Path, help="folder of the speech data's manifest.jsonl")
    lines = (parser.parse_args().speech / "manifest.jsonl").read_text().splitlines()
    split = draw((r["corpus"], r["speaker"]) for r in map(json.loads, lines))
    rows = sorted((corpus, speaker, name) for (corpus, speaker), name in split.items())
    LIST.write_text(HEADER + "".join(f"{c}\t{s}\t{n}\n" for c, s, n in rows))


if __name__ == "__main__":
    main()
