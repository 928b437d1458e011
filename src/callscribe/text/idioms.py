"""Numbers that are names or sayings: "24/7", "50-50", "7-Eleven"; only where nothing else can be meant."""

from __future__ import annotations

from callscribe.text.cardinals import Words, at
from callscribe.text.lexicon import (
    COUNTED,
    MONEY_BRITISH,
    MONEY_WORDS,
    NUMBER_LABELS,
    NUMBER_WORDS,
    ORDINALS,
    REPEATS,
    SPECIALS,
    UNIT_WORDS,
)
from callscribe.text.spans import Span

_SAYINGS = {("twenty", "four", "seven"): "24/7", ("fifty", "fifty"): "50-50"}
_SHOP = ("seven", "eleven")
_MEASURED = NUMBER_WORDS | UNIT_WORDS | COUNTED | MONEY_WORDS | frozenset(MONEY_BRITISH)
_ENDS_IN_S = frozenset(
    "is was as has us this yes access business always its his across service services towards support".split()
)
_BEFORE_SHOP = frozenset(
    "the a that this another nearest closest local our your my their old".split()
)
_AFTER_SHOP = frozenset(
    "on at in near by across next down and is was here there store parking clerk gas station for or i we you they he"
    " she where that over because around has had opposite beside behind please if app card".split()
) | {""}
_GOING = frozenset(
    "go goes going went gone walk walked drive drove driving run ran head headed stop".split()
)


def idiom(words: Words, i: int) -> Span | None:
    """The name or saying at `i`. "twenty four seven pound bags" and "seven eleven people" are none."""
    for said, text in SPECIALS.items():
        if tuple(words[i : i + len(said)]) == said:
            return Span(i, i + len(said), text, "code")
    for said, text in _SAYINGS.items():
        if tuple(words[i : i + len(said)]) == said and _stands_alone(words, i, i + len(said)):
            return Span(i, i + len(said), text, "code")
    if tuple(words[i : i + 2]) == _SHOP and at(words, i + 2) in _AFTER_SHOP:
        gone_to = at(words, i - 1) == "to" and at(words, i - 2) in _GOING
        if at(words, i - 1) in _BEFORE_SHOP or gone_to:
            return Span(i, i + 2, "7-Eleven", "code")
    return None


def _stands_alone(words: Words, i: int, stop: int) -> bool:
    """Whether neither the word before nor the one after makes numbers of the words between."""
    before, after = at(words, i - 1), at(words, stop)
    label = at(words, i - 2) if before == "is" else before
    if before in NUMBER_WORDS or before in REPEATS or label in NUMBER_LABELS:
        return False
    if after in _MEASURED or after in ORDINALS or after in REPEATS or after in {"point", "percent"}:
        return False
    return not after.endswith("s") or after in _ENDS_IN_S
