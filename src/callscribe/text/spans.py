"""The unit the rules produce: a stretch of the recogniser's words and how it is written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

Kind = Literal[
    "word",
    "number",
    "ordinal",
    "money",
    "percent",
    "date",
    "time",
    "phone",
    "code",
    "spelled",
    "acronym",
    "web",
    "unknown",
]
"""What a span is. The punctuation model sees the kind in place of the figures."""


class Span(NamedTuple):
    """Words `[start, stop)` written as `text`."""

    start: int
    stop: int
    text: str
    kind: Kind


class Setting(NamedTuple):
    """What the rules need to know about the language."""

    british: bool = False
    """Day before month, pounds are money."""


def cue_distance(words: Sequence[str], i: int, cues: frozenset[str], reach: int = 10) -> int | None:
    """How many words before `i` the nearest of `cues` stands, or None when not within `reach`."""
    for back in range(1, reach + 1):
        if i - back < 0:
            return None
        if words[i - back].removesuffix("'s") in cues:
            return back
    return None
