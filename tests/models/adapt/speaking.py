"""Texts as a graph takes them in, frame by frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from callscribe.models.adapt.phones import INDEX, entering, in_word, plain, staying


def spoken(
    said: Mapping[str, Sequence[str]], text: str, pronunciation: int, pauses: bool
) -> list[int]:
    """Transition ids of a text: phones of one to three frames, perhaps with silence around words.

    Args:
        said: every word's pronunciations.
        pronunciation: which of them, if a word has so many.
    """
    numbers = [1] if pauses else []
    for word in text.split():
        phones = said[word][min(pronunciation, len(said[word]) - 1)].split()
        numbers += in_word([INDEX[p] for p in phones]) + ([1] if pauses else [])
    ids, before = [], 0
    for place, number in enumerate(numbers):
        ids += [entering(number, before), *[staying(number)] * (place % 3)]
        before = plain(number)
    return ids
