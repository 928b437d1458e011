"""Two readings of one utterance as one. Pure.

The readers are of different kinds and make different mistakes, so what both heard is nearly always right. Where they
differ, the surer one is believed: the confidence of both is the measured chance that a word is right.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from callscribe.events import Word
from callscribe.text.lexicon import NUMBER_WORDS, PROFANITY

CREDIT: Final = 0.0
"""How much surer the first reader must be to be believed where they differ. On held-out people a tenth more or less
changes nothing or costs words."""
ONLY_FIRST: Final = 0.9
"""A word that only the first reader heard, where the second heard none, is kept from this confidence on."""
ONLY_SECOND: Final = 0.3
"""A word that only the second reader heard, where the first heard none, is kept from this confidence on."""


NUMBER_SURE: Final = 0.6
"""From this mean confidence on, numbers that the first reader heard stand against words that are none."""


class Rules(NamedTuple):
    """The four numbers above, which differ with what is read."""

    credit: float = CREDIT
    only_first: float = ONLY_FIRST
    only_second: float = ONLY_SECOND
    number_sure: float = NUMBER_SURE


SHORT_ANSWER: Final = Rules(credit=-0.1, number_sure=0.15)
"""For a word or two with nothing around them, which the second reader makes much of: "five" becomes "bye", "eight"
"hey". The first, made for the telephone, knows numbers far better there. Settled on development speakers' digits,
commands and letters, as they are and made strange."""
_SHORT_FIRST: Final = 2
_SHORT_SECOND: Final = 3


def rules_for(first: Sequence[Word], second: Sequence[Word]) -> Rules:
    """What counts for these two readings of an utterance."""
    short = len(first) <= _SHORT_FIRST and len(second) <= _SHORT_SECOND
    return SHORT_ANSWER if short else Rules()


def unite(
    first: Sequence[Word], second: Sequence[Word], rules: Rules | None = None
) -> tuple[Word, ...]:
    """The words that were most likely said, in order.

    Args:
        first: the first reading's, on the record's line.
        second: the second's, on the same line.
        rules: by default those for such readings.

    Word times are the first reader's where it heard the same word, for they are exact to a few hundredths of a
    second; other words lie between their neighbours.
    """
    rules = rules or rules_for(first, second)
    matcher = difflib.SequenceMatcher(
        a=[word.text for word in second], b=[word.text for word in first], autojunk=False
    )
    united: list[Word] = []
    exact: list[bool] = []
    for tag, a0, a1, b0, b1 in matcher.get_opcodes():
        theirs, ours = second[a0:a1], first[b0:b1]
        if tag == "equal":
            for one, other in zip(theirs, ours, strict=True):
                sure = max(one.confidence, other.confidence)
                united.append(msgspec.structs.replace(other, confidence=sure))
                exact.append(True)
        else:
            chosen, is_first = _choose(theirs, ours, rules)
            united += chosen
            exact += [is_first] * len(chosen)
    return _in_order(united, exact)


def _choose(
    second: Sequence[Word], first: Sequence[Word], rules: Rules
) -> tuple[Sequence[Word], bool]:
    """What to believe where they differ, and whether it is the first reader's."""
    if any(word.text in PROFANITY for word in second):
        return first, True  # a swear word that only one heard is not written
    if not second:
        return [word for word in first if word.confidence >= rules.only_first], True
    if not first:
        return [word for word in second if word.confidence >= rules.only_second], False
    sure = mean_confidence(first)
    if sure >= rules.number_sure and are_numbers(first) and not are_numbers(second):
        return first, True  # a number is not replaced by what is none
    if sure > mean_confidence(second) + rules.credit:
        return first, True
    return second, False


def are_numbers(words: Sequence[Word]) -> bool:
    """Whether all of them are number words."""
    return all(word.text in NUMBER_WORDS for word in words)


def mean_confidence(words: Sequence[Word]) -> float:
    """Of one word or more."""
    return sum(word.confidence for word in words) / len(words)


def _in_order(words: Sequence[Word], exact: Sequence[bool]) -> tuple[Word, ...]:
    """Words whose times are not exact are kept between those that are."""
    placed = list(words)
    low = 0
    for i, word in enumerate(placed):
        if not exact[i]:
            high = next(
                (placed[j].start_ms for j in range(i + 1, len(placed)) if exact[j]), word.end_ms
            )
            start = min(max(word.start_ms, low), max(high, low))
            end = min(max(word.end_ms, start), max(high, start))
            placed[i] = msgspec.structs.replace(word, start_ms=start, end_ms=end)
        low = max(low, placed[i].end_ms)
    return tuple(placed)
