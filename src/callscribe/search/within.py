"""Finding in one text as one types: words in a row, of which the last may be unfinished, and numbers however they are
written or said. There is no language to learn here, unlike in a search (`query`).
"""

from __future__ import annotations

from callscribe.search.numbers import Figures, figures
from callscribe.search.snippets import Span, apart, numbers_in
from callscribe.search.words import plain, words


class Wanted:
    """What is looked for.

    Args:
        typed: as it stands in the field.
    """

    def __init__(self, typed: str) -> None:
        self._words: tuple[str, ...] = tuple(plain(typed))
        self._numbers: tuple[Figures, ...] = tuple(figures(typed))

    def __bool__(self) -> bool:
        return bool(self._words)

    def places(self, text: str) -> list[Span]:
        """Where in a text it is; in order, without overlaps."""
        if not self:
            return []
        spans = self._in_words(text)
        if self._numbers:
            spans += numbers_in(text, self._numbers)
        return apart(spans)

    def _in_words(self, text: str) -> list[Span]:
        there = list(words(text))
        *before, last = self._words
        count = len(self._words)
        return [
            Span(there[at].start, there[at + count - 1].stop)
            for at in range(len(there) - count + 1)
            if there[at + count - 1].word.startswith(last)
            and [found.word for found in there[at : at + count - 1]] == before
        ]
