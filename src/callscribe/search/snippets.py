"""The part of an utterance that a search found, with what was looked for marked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from callscribe.records import SnippetPart
from callscribe.search.numbers import Figures, figures
from callscribe.search.query import Marks
from callscribe.search.words import words

AROUND = 60
"""Characters shown on each side of what was found, more or less."""


class Span(NamedTuple):
    start: int
    stop: int


def found_in(text: str, marks: Marks) -> list[Span]:
    """Where in the text the query's words and numbers are; in order, without overlaps."""
    spans: list[Span] = []
    there = list(words(text))
    plain = [found.word for found in there]
    for i, found in enumerate(there):
        if any(found.word.startswith(prefix) for prefix in marks.prefixes):
            spans.append(Span(found.start, found.stop))
        for phrase in marks.phrases:
            if phrase and plain[i : i + len(phrase)] == list(phrase):
                spans.append(Span(found.start, there[i + len(phrase) - 1].stop))
    if marks.numbers:
        spans += numbers_in(text, marks.numbers)
    return apart(spans)


def numbers_in(text: str, wanted: Sequence[Figures]) -> list[Span]:
    """Where in the text these numbers are, however they are written or said."""
    return [
        Span(number.start, number.stop)
        for number in figures(text)
        if any(number.answers(asked) for asked in wanted)
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


def snippet(text: str, spans: list[Span]) -> tuple[SnippetPart, ...]:
    """The text, shortened at its ends with an ellipsis, in parts that are marked or not."""
    first, last = (spans[0].start, spans[-1].stop) if spans else (0, 0)
    start = _cut_before(text, first - AROUND)
    stop = _cut_after(text, max(last, start + AROUND) + AROUND)
    parts = [SnippetPart(text="…")] if start else []
    place = start
    for span in spans:
        if span.start > place:
            parts.append(SnippetPart(text=text[place : span.start]))
        parts.append(SnippetPart(text=text[span.start : span.stop], marked=True))
        place = span.stop
    if text[place:stop]:
        parts.append(SnippetPart(text=text[place:stop]))
    if stop < len(text):
        parts.append(SnippetPart(text="…"))
    return tuple(parts)


def _cut_before(text: str, place: int) -> int:
    """The start of the word at `place`."""
    if place <= AROUND // 4:
        return 0
    return text.rfind(" ", 0, place) + 1


def _cut_after(text: str, place: int) -> int:
    if place >= len(text) - AROUND // 4:
        return len(text)
    end = text.find(" ", place)
    return end if end >= 0 else len(text)
