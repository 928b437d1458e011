"""Pronunciations that travel with a model, in `adapt/pronunciations.txt.xz`: `word P R O N`, a line
for each way to say a word, the usual one first."""

from __future__ import annotations

import lzma
from collections.abc import Mapping, Sequence
from pathlib import Path

from callscribe.models.adapt.phones import PHONES

PAUSE = 0.35
"""Probability of silence after a word."""
MOST = 3
"""Pronunciations of a word that a graph takes."""
Pronunciation = tuple[str, ...]
SPOKEN_PHONES = frozenset(PHONES[1:])


def load(path: Path) -> dict[str, list[Pronunciation]]:
    """Read the file.

    Raises:
        OSError, ValueError: it is missing, or is not such a file.
    """
    found: dict[str, list[Pronunciation]] = {}
    try:
        with lzma.open(path, "rt", encoding="ascii") as stream:
            for line in stream:
                word, *phones = line.split()
                found.setdefault(word, []).append(tuple(phones))
    except (lzma.LZMAError, EOFError, UnicodeError) as error:
        raise ValueError(f"{path} is damaged: {error}") from error
    return found


def save(words: Mapping[str, Sequence[Pronunciation]], path: Path) -> None:
    """Write the file."""
    lines = [
        f"{word} {' '.join(phones)}\n"
        for word, several in sorted(words.items())
        for phones in several
    ]
    # A tenth of the time that the best preset takes, for a file a sixth larger.
    with lzma.open(path, "wt", encoding="ascii", preset=1) as stream:
        stream.writelines(lines)
