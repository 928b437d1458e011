"""Words as the index knows them: letters and digits in lower case, without accents.

The index's tokeniser (SQLite's `unicode61` with `remove_diacritics 2`) cuts text the same way; this is its twin for
marking what was found and for guessing what was meant.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

_WORD = re.compile(r"[^\W_]+")


class Found(NamedTuple):
    """A word at `[start, stop)` of a text, folded."""

    word: str
    start: int
    stop: int


def fold(text: str) -> str:
    """Lower case, without accents: `Élodie` is `elodie`."""
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", text.lower())
    return "".join(c for c in apart if not unicodedata.combining(c))


def words(text: str) -> Iterator[Found]:
    """The words of a text with their places."""
    for match in _WORD.finditer(text):
        yield Found(fold(match.group()), match.start(), match.end())


def plain(text: str) -> list[str]:
    """The words of a text alone."""
    return [found.word for found in words(text)]


_LATIN = "abcdefghijklmnopqrstuvwxyz"
_GREEK = "αβγδεζηθικλμνξοπρστυφχψως"
_CYRILLIC = "абвгдеежзийклмнопрстуфхцчшщъыьэюяіїєґ"


def one_letter_off(word: str) -> set[str]:
    """Every word that differs from `word` by one letter: one wrong, missing, too many, or two exchanged."""
    letters = next((a for a in (_GREEK, _CYRILLIC) if any(c in a for c in word)), _LATIN)
    found = set()
    for i in range(len(word) + 1):
        head, tail = word[:i], word[i:]
        found |= {head + letter + tail for letter in letters}
        if tail:
            found.add(head + tail[1:])
            found |= {head + letter + tail[1:] for letter in letters}
        if len(tail) > 1:
            found.add(head + tail[1] + tail[0] + tail[2:])
    found.discard(word)
    return found
