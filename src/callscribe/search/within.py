"""Finding in one text as one types: words in a row, of which the last may be unfinished, and numbers however they are
written or said. There is no language to learn here, unlike in a search (`query`).
"""

from __future__ import annotations

from callscribe.search.numbers import Figures, figures
from callscribe.search.snippets import Span
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
            spans += [
                Span(number.start, number.stop)
                for number in figures(text)
                if any(number.answers(asked) for asked in self._numbers)
            ]
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


def apart(spans: list[Span]) -> list[Span]:
    """The spans in order; those that overlap as one."""
    merged: list[Span] = []
    for span in sorted(spans):
        if merged and span.start < merged[-1].stop:
            merged[-1] = Span(merged[-1].start, max(merged[-1].stop, span.stop))
        else:
            merged.append(span)
    return merged
