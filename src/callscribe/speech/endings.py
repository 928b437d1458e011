"""What the last words of an utterance say about whether more is coming.

English; what is said in other languages ends like a sentence.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto
from itertools import pairwise
from typing import Final

from callscribe.text.lexicon import (
    HESITATIONS,
    MONTHS,
    ORDINALS,
    REPEATS,
    TEENS,
    TENS,
    UNITS,
    ZEROS,
)

DANGLING_WORDS: Final = frozenset(
    "a an the my your his her our their its and or but because so if when where who of to from is "
    "am was i i'm i'll i'd we we're they it's number".split()
)
"""An English sentence seldom ends on one of these. (It does on "with", "for", "that", "on".)"""

_MULTIPLES: Final = {"hundred": 2, "thousand": 3}
"""How many digits they stand for after another word ("eight hundred")."""
_SINGLE: Final = {**UNITS, **dict.fromkeys(ZEROS - {"o"}, 0)}
_OPEN_MARKS: Final = frozenset({"point", "dash", *REPEATS})
_NUMBER_WORDS: Final = frozenset({*_SINGLE, *TEENS, *TENS, *_MULTIPLES, *_OPEN_MARKS})
_SOUNDS_LIKE: Final = {"to": 2, "too": 2, "for": 4}
"""Recognised in place of a digit, after another digit."""
_ANNOUNCING_WORDS: Final = frozenset(
    "number numbers code pin zip date extension dial account card phone digits reference area is it's ending".split()
)
"""A number near after one of these is being read out, even when so far it is a single word."""
_BEFORE_A_NUMBER: Final = frozenset(
    "yes yeah yep okay ok sure so well um uh er hmm and the it's that's alright right no".split()
)
"""What people say before they begin to read a number out."""
_CLOCK_WORDS: Final = frozenset("at by around until till to from before after about".split())
_CENTURIES: Final = frozenset({"eighteen", "nineteen", "twenty"})


class Ending(Enum):
    SENTENCE = auto()
    """Nothing says that more is coming; a whole telephone number, card number or date is such an ending too."""
    OPEN = auto()
    """The sentence is not over ("my", "and")."""
    AMOUNT = auto()
    """A number that may be whole, but might go on ("at six", "two hundred and forty")."""
    DIGITS = auto()
    """In the middle of a number that is read out in groups."""


def ending(words: Sequence[str]) -> Ending:
    """Judge the last of `words`, which may not be empty."""
    said = [word.lower() for word in words]
    if said[-1] in HESITATIONS:
        while said and said[-1] in HESITATIONS:
            said.pop()
        return Ending.DIGITS if said and ending(said) is Ending.DIGITS else Ending.OPEN
    begin = _number_begin(said)
    if begin == len(said):
        return Ending.OPEN if said[-1] in DANGLING_WORDS else Ending.SENTENCE
    before, run = said[:begin], [word for word in said[begin:] if word != "and"]
    announced = not _ANNOUNCING_WORDS.isdisjoint(before[-2:])
    begins = all(word in _BEFORE_A_NUMBER for word in before)
    if run in (["one"], ["oh"], ["point"]) and before and not announced:
        # A pronoun, a sigh, a noun.
        return Ending.SENTENCE
    if run[-1] in _OPEN_MARKS:
        return Ending.DIGITS
    if _is_whole(_digits(run)) or _is_date(before, run):
        return Ending.SENTENCE
    if before and before[-1] in _CLOCK_WORDS and _is_clock_time(run):
        return Ending.AMOUNT
    if _is_one_amount(run) and not announced and not begins:
        return Ending.AMOUNT
    return Ending.DIGITS


def _number_begin(words: Sequence[str]) -> int:
    """Where the number at the end begins: the index of its first word, or how many words there are."""
    begin = len(words)
    for at in range(len(words) - 1, -1, -1):
        word, previous = words[at], words[at - 1] if at else ""
        if (
            word in _NUMBER_WORDS
            or (word in _SOUNDS_LIKE and previous in _SINGLE)
            or (word == "and" and previous in _MULTIPLES and begin < len(words))
        ):
            begin = at
        else:
            break
    return begin


def _digits(run: Sequence[str]) -> str:
    """The digits that the words stand for, one after the other: "twenty three double five" is 2355."""
    digits = ""
    repeat = 1
    last = ""
    for word in run:
        if word in REPEATS:
            repeat = REPEATS[word]
            continue
        if word in _MULTIPLES:
            digits += "0" * _MULTIPLES[word]
        elif last in TENS and word in UNITS:
            digits = digits[:-1] + str(UNITS[word])
        elif word in TEENS or word in TENS:
            digits += str(TEENS.get(word) or TENS[word])
        elif word in _SINGLE or word in _SOUNDS_LIKE:
            digits += str(_SINGLE.get(word, _SOUNDS_LIKE.get(word))) * repeat
        repeat, last = 1, word
    return digits


def _is_whole(digits: str) -> bool:
    """A whole telephone number (North American, or with its leading 0 or 1) or card number."""
    if len(digits) == 10:
        return digits[0] not in "01"
    if len(digits) == 11:
        return digits[0] in "01"
    return len(digits) >= 16


def _is_one_amount(run: Sequence[str]) -> bool:
    """One number as it is counted ("two hundred forty"), not digits or groups one after the other."""
    if run[0] in ZEROS or not _NUMBER_WORDS.issuperset(run):
        return False
    return all(
        after in _MULTIPLES or before in _MULTIPLES or (before in TENS and after in UNITS)
        for before, after in pairwise(run)
    )


def _is_clock_time(run: Sequence[str]) -> bool:
    """An hour, and minutes as a number of their own: "five thirty", "eleven forty five", "six oh five"."""
    hour = UNITS.get(run[0]) or TEENS.get(run[0], 99)
    return hour <= 12 and 1 < len(run) <= 3 and _is_two_digits(run[1:])


def _is_two_digits(words: Sequence[str]) -> bool:
    match list(words):
        case [word]:
            return word in TENS or word in TEENS
        case [first, second]:
            return (first in TENS or first == "oh") and second in UNITS
    return False


def _is_date(before: Sequence[str], run: Sequence[str]) -> bool:
    """With its year: "march third nineteen eighty two", "the third of march twenty twenty four"."""
    for back, word in enumerate(reversed(before[-4:])):
        if word in MONTHS:
            day = before[len(before) - back :]
            if all(part in ORDINALS or part == "the" or part in TENS for part in day):
                # The day may be at the run's beginning: "march three nineteen eighty two".
                return any(_is_year(run[skip:]) for skip in range(3))
            return False
    return False


def _is_year(words: Sequence[str]) -> bool:
    match list(words):
        case [century, *rest] if century in _CENTURIES:
            return rest == ["hundred"] or _is_two_digits(rest)
        case ["two", "thousand", *rest]:
            return not rest or (len(rest) == 1 and rest[0] in UNITS) or _is_two_digits(rest)
    return False
