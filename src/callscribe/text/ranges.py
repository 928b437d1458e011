"""Numbers side by side that may be several or one: "forty or fifty thousand dollars", "twenty thirty dollars".

Nobody can tell from the words alone whether the first is 40 or 40,000, or whether it is 20 to 30 dollars or 2,030, so
no figure is written that nobody said.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

from callscribe.text.cardinals import (
    Words,
    at,
    below_hundred,
    below_thousand,
    cardinal,
    decimals,
    is_digit,
)
from callscribe.text.lexicon import (
    COUNTED,
    HESITATIONS,
    MONEY_BRITISH,
    MONEY_COUNTRIES,
    MONEY_WORDS,
    NUMBER_WORDS,
    REPEATS,
    SCALES,
    UNIT_WORDS,
    ZEROS,
)
from callscribe.text.spans import Span

_JOINTS = frozenset({"or", "to", "through", "and"})
_HEDGES = frozenset({"maybe", "perhaps", "probably", "like", "say", "even", "about", "around"})
_FRACTIONS = {("and", "a", "half"), ("and", "a", "quarter"), ("and", "three", "quarters")}
_SCALES = {"hundred": 100, **SCALES}
_TOLL_FREE = ("one", "hundred")
_LONGEST_ROW = 12
_READ_OUT = 7
"""So many numbers, of which only the last has a scale, are read out."""
FARTHEST_GUESS = 3
"""Of two guesses at one quantity the second is at most so many times the first: "twenty fifty people", but not
"fifteen ninety five minutes"."""


class _Item(NamedTuple):
    """One number of a row."""

    start: int
    value: float
    """As it was said: 40 for "forty", 600,000 for "six hundred thousand"; any fraction counts as a half."""
    scales: tuple[int, ...]
    """What those before may share: 1,000 and 100,000 for "six hundred thousand", nothing for "forty"."""
    stop: int


def joins(words: Words, i: int) -> bool:
    """Whether the word at `i` joins two numbers, of which the second begins right after it."""
    return at(words, i) in _JOINTS and at(words, i + 1) in NUMBER_WORDS


def shared_scale(words: Words, i: int, *, labelled: bool) -> list[Span]:
    """A row of numbers from `i` whose last one has a scale that one before may share, in words; empty for no such row.

    Args:
        labelled: the words before say that figures are read out ("my number is"). Then only numbers joined by a word
            make a row.
    """
    if is_digit(at(words, i - 1)):
        return []  # in the middle of what is read out
    either = _shared_end(words, i)
    if either:
        return either
    if _toll_free(words, i):
        return []
    row: list[_Item] = []
    joints: list[str] = []
    joint, j = "", i
    while len(row) < _LONGEST_ROW and (item := _item(words, j)) is not None:
        row.append(item)
        joints.append(joint)
        joint, j = _joint(words, item.stop)
    while row and not row[-1].scales:
        row.pop()
    if len(row) < 2:
        return []
    last = row[-1]
    joined = any(joints[1 : len(row)])
    if len(row) >= _READ_OUT and not joined and all(item.value < 10 for item in row[:-1]):
        return []  # "four one five five five five two thousand": a telephone number
    read_out = is_digit(at(words, last.stop)) or at(words, last.stop) in REPEATS
    toll_free = (words[i], words[last.stop - 1]) == _TOLL_FREE and last.stop == i + 3
    if not joined and (labelled or read_out or toll_free):
        return []
    pairs = zip(row[:-1], joints[1:], strict=False)
    if not any(_may_share(item, joint, last) for item, joint in pairs):
        return []
    return _as_said(words, row)


def _toll_free(words: Words, i: int) -> bool:
    """Whether "(one) eight hundred five five five" begins at `i`: a telephone number is read out."""
    i += at(words, i) == "one"
    digits = all(is_digit(at(words, i + k)) for k in range(2, 5))
    return at(words, i) == "eight" and at(words, i + 1) == "hundred" and digits


def _shared_end(words: Words, i: int) -> list[Span]:
    """ "four or five fifty dollars": 4 or 4.50, 5.50 or 550?"""
    first, second = below_hundred(words, i), below_hundred(words, i + 2)
    if (
        first is None
        or second is None
        or first[0] >= 10
        or second[0] >= 10
        or at(words, i + 1) not in {"or", "to"}
    ):
        return []
    end = below_hundred(words, i + 3)
    if end is None or end[0] < 10 or not _is_counted(words, end[1]) or _is_half_day(words, end[1]):
        return []
    return _as_said(words, [_Item(i, first[0], (), i + 1), _Item(i + 2, second[0], (), end[1])])


def side_by_side(words: Words, i: int, *, labelled: bool) -> list[Span]:
    """A row of numbers from `i`, joined by no word, that may be guesses at one quantity as well as one number in
    pieces, each by itself: "20, 30 dollars", "two, three PM", "a hundred fifty two hundred"; empty for no such row.

    Args:
        labelled: as in `shared_scale`; then they are one number in pieces.
    """
    if labelled or at(words, i - 1) in NUMBER_WORDS or at(words, i - 1) in REPEATS:
        return []
    hundreds = _hundreds(words, i)
    if hundreds:
        return hundreds
    row: list[_Item] = []
    j = i
    while len(row) < _LONGEST_ROW and (found := below_hundred(words, j)) is not None:
        row.append(_Item(j, found[0], (), found[1]))
        j = found[1]
    goes_on = at(words, j) in NUMBER_WORDS or at(words, j) in REPEATS
    if len(row) < 2 or (goes_on and not _is_counted(words, j)):
        return []
    values = [int(item.value) for item in row]
    upwards = all(one < other for one, other in itertools.pairwise(values))
    if _is_half_day(words, j):
        guessed = upwards and all(other == one + 1 for one, other in itertools.pairwise(values))
    elif _is_counted(words, j):
        guessed = upwards and _guessed(values)
    else:
        return []
    if not guessed:
        return []
    spans = _as_said(words, row)
    if len(spans) < len(row) or (len(row) == 2 and values[0] < 10):
        return spans  # "five thirty, forty people" and "five, ten people" stay in words
    comma = [","] * (len(row) - 1) + [""]
    return [
        span._replace(text=f"{value}{mark}")
        for span, value, mark in zip(spans, values, comma, strict=True)
    ]


def _guessed(values: list[int]) -> bool:
    """Whether numbers that go upwards may be guesses at one quantity."""
    first, second = values[:2]
    if first < 10 and len(values) == 2:
        return second == first + 1 or (first >= 5 and second in {10, 15, 20})
    pairs = list(itertools.pairwise(values))
    steps = all(value % 5 == 0 for value in values) and all(
        other <= FARTHEST_GUESS * one for one, other in pairs if one >= 10
    )
    return steps or all(other - one <= 2 for one, other in pairs)


def _hundreds(words: Words, i: int) -> list[Span]:
    """Hundreds that begin before others end: "one hundred (and) fifty two hundred" is 100 and 5,200 or 150 and 200."""
    article = at(words, i) == "a" and at(words, i + 1) == "hundred"
    if at(words, i) in {"hundred", *SCALES}:  # and nothing says how many: "hundred and twenty"
        rest = below_hundred(words, i + 1 + (at(words, i + 1) == "and"))
        if rest is not None and at(words, rest[1]) not in {"hundred", *SCALES}:
            return _as_said(words, [_Item(i, 100, (), rest[1])])
    if article or at(words, i) == "hundred":
        value, stop = 100, i + 1 + article
    else:
        found = below_thousand(words, i)
        if found is None or at(words, found[1] - 1) != "hundred":
            return []
        value, stop = found
    linked = at(words, stop) == "and"
    low = below_hundred(words, stop + linked)
    if low is None or at(words, low[1]) != "hundred":
        return []
    end = low[1] + 1
    if linked and low[0] < 10:
        return []  # "three hundred and four hundred"
    if low[0] < 10 and not _is_counted(words, end):
        return []  # "three hundred four hundred": 300, 400
    clear = low[0] < 10 and not linked
    items = [_Item(i, value, (), stop if clear else end)]
    if clear:
        items.append(_Item(stop, low[0] * 100, (), end))
    return _as_said(words, items)


def _is_counted(words: Words, i: int) -> bool:
    """Whether the word at `i` is what a number before it counts or measures."""
    word = at(words, i)
    if word in COUNTED or word in UNIT_WORDS or word in MONEY_WORDS or word in MONEY_BRITISH:
        return True
    country = any(tuple(words[i : i + len(said)]) == said for said in MONEY_COUNTRIES)
    return (
        word in {"percent", "o'clock", "oclock"}
        or country
        or ((word, at(words, i + 1)) in {("per", "cent"), ("o", "clock"), ("oh", "clock")})
    )


def _is_half_day(words: Words, i: int) -> bool:
    """Whether "a m" or "p m" stands at `i`."""
    return at(words, i) in {"am", "pm", "a.m.", "p.m."} or (
        at(words, i) in {"a", "p"} and at(words, i + 1) == "m"
    )


def _as_said(words: Words, row: list[_Item]) -> list[Span]:
    """The row in words, with commas between numbers that no word joins; what is as likely one number has none."""
    spans: list[Span] = []
    start = row[0].start
    for item, following in itertools.zip_longest(row, row[1:]):
        between = range(item.stop, following.start) if following else range(0)
        if following and not between and _one_in_pieces(item, following):
            continue
        text = " ".join(words[start : item.stop])
        comma = "," if following and not between else ""
        spans.append(Span(start, item.stop, text + comma, "number"))
        spans += [Span(k, k + 1, words[k], "word") for k in between]
        start = following.start if following else start
    return spans


def _one_in_pieces(item: _Item, following: _Item) -> bool:
    """Whether two numbers side by side are as likely one: "two fifty (or three hundred)"."""
    first, second = item.value, following.value
    if not 10 <= second < 100 or first >= 100:
        return False
    if first < 10:
        return second not in {10, 15, 20}
    near = 0 < second - first <= 2 or (first % 5 == second % 5 == 0 and first < second)
    return not near


def _may_share(item: _Item, joint: str, last: _Item) -> bool:
    """Whether `item`, followed by `joint`, may be meant in a scale of the row's last number."""
    for scale in last.scales:
        if item.value >= scale:
            continue
        lead = last.value / scale
        # People count upwards: "ten to two hundred" can't be a thousand to two hundred.
        upwards = item.value < lead
        downwards = joint == "or" and lead > 1 and item.value < 10 * lead
        # "four hundred twenty or thirty thousand"
        within_hundred = 0 < item.value % 100 < lead < 100
        if upwards or downwards or within_hundred or not joint:
            return True
    return False


def _item(words: Words, i: int) -> _Item | None:
    if at(words, i) in ZEROS:
        return None
    article = at(words, i) == "a" and at(words, i + 1) in _SCALES
    number = cardinal(["one", *words[i + 1 : i + 14]], 0) if article else cardinal(words, i)
    if number is None:
        return None
    value, stop, begin = float(number.value), number.stop + (i if article else 0), i
    after = _fraction(words, stop)
    if after > stop:
        value, stop, begin = value + 0.5, after, after
        while at(words, stop) in SCALES:
            value *= SCALES[words[stop]]
            stop += 1
    scales, scale, k = [], 1, stop
    while k > begin and words[k - 1] in _SCALES:
        k -= 1
        scale *= _SCALES[words[k]]
        scales.append(scale)
    return _Item(i, value, tuple(scales), stop)


def _fraction(words: Words, i: int) -> int:
    """Where decimals at `i`, or "and a half" before a scale, end; `i` when there are none."""
    if at(words, i) == "point":
        figures, after = decimals(words, i + 1)
        return after if figures else i
    halved = tuple(words[i : i + 3]) in _FRACTIONS and at(words, i + 3) in SCALES
    return i + 3 if halved else i


def _joint(words: Words, i: int) -> tuple[str, int]:
    """The word that joins the number before `i` to the next, "" for none, and where the next may begin."""
    joint, j = "", i
    while True:
        word = at(words, j)
        if word in _JOINTS and not joint:
            joint = word
        elif word not in _HEDGES and word not in HESITATIONS:
            return joint, j
        j += 1
