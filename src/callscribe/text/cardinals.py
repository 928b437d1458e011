"""Number words to numbers: "four hundred twelve", "twenty first", "two point five million".

All functions take the words, a position and read forward; they answer None when no number starts there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from callscribe.text.lexicon import (
    BIG_SCALES,
    NUMBER_LABELS,
    NUMBER_WORDS,
    ORDINALS,
    REPEATS,
    SCALES,
    TEENS,
    TENS,
    UNIT_WORDS,
    UNITS,
    ZEROS,
)

Words = Sequence[str]


class Atom(NamedTuple):
    """One number as grammar allows it, at `[start, stop)` of the words."""

    digits: str
    """As figures without separators; keeps zeros in front ("oh" is "0", "double five" is "55")."""
    start: int
    stop: int
    value: int
    spelled: bool = False
    """True for single digits and repeats of one, as numbers are read out."""


class Amount(NamedTuple):
    """A quantity: sign, whole part, decimals and a scale kept as a word."""

    whole: int
    decimals: str
    """Figures after the point, "" for none."""
    scale: str
    """"million", "billion"... or ""."""
    negative: bool
    stop: int
    words: int
    """Length of the number itself, without sign."""

    @property
    def plain_small(self) -> bool:
        """True for one to nine said alone, which running text keeps as words."""
        return (
            self.words == 1
            and self.whole < 10
            and not (self.decimals or self.scale or self.negative)
        )

    def text(self, *, separators: bool = True) -> str:
        """Figures: "1,250", "-60.24", "2.5 million"."""
        whole = f"{self.whole:,}" if separators else str(self.whole)
        decimals = f".{self.decimals}" if self.decimals else ""
        scale = f" {self.scale}" if self.scale else ""
        return f"{'-' if self.negative else ''}{whole}{decimals}{scale}"


def at(words: Words, i: int) -> str:
    """The word at `i`, or "" outside the words."""
    return words[i] if 0 <= i < len(words) else ""


def is_o_of_clock(words: Words, i: int) -> bool:
    """Whether the "o" at `i` is that of "eight o clock"."""
    return at(words, i) in ZEROS and at(words, i + 1) == "clock"


def is_digit(word: str) -> bool:
    """True for one to nine and the words for zero."""
    return word in UNITS or word in ZEROS


def below_hundred(words: Words, i: int) -> tuple[int, int] | None:
    """Value and stop of one to ninety nine."""
    word = at(words, i)
    if word in UNITS:
        return UNITS[word], i + 1
    if word in TEENS:
        return TEENS[word], i + 1
    if word in TENS:
        unit = UNITS.get(at(words, i + 1))
        return (TENS[word] + unit, i + 2) if unit else (TENS[word], i + 1)
    return None


def _read_out_follows(words: Words, i: int) -> bool:
    """True when single digits are being read out from `i`: "eight hundred | five five five"."""
    return at(words, i) in UNITS and (is_digit(at(words, i + 1)) or at(words, i + 1) in REPEATS)


def below_thousand(words: Words, i: int) -> tuple[int, int] | None:
    """Value and stop of one to nine thousand nine hundred ninety nine said in hundreds."""
    head = below_hundred(words, i)
    if head is None:
        return None
    value, stop = head
    if at(words, stop) != "hundred":
        return head
    value *= 100
    stop += 1
    tail = stop + 1 if at(words, stop) == "and" else stop
    low = below_hundred(words, tail)
    if low is None or _read_out_follows(words, tail) or at(words, low[1]) == "hundred":
        return value, stop
    # "fifteen hundred two thousand": nobody says 1,502 thousand
    if value < 1000 or at(words, low[1]) not in SCALES:
        return value + low[0], low[1]
    return value, stop


def cardinal(words: Words, i: int) -> Atom | None:
    """The longest whole number that starts at `i`: groups up to 9,999, each with a smaller scale than the last."""
    if is_o_of_clock(words, i):
        return None
    if at(words, i) in ZEROS:
        return Atom("0", i, i + 1, 0, True)
    total, smallest, stop = 0, 10**18, i
    while smallest > 1:
        linked = total > 0 and at(words, stop) == "and"
        group = below_thousand(words, stop + linked)
        if group is None:
            break
        value, end = group
        scale = SCALES.get(at(words, end), 1)
        if total and (
            value * scale >= smallest
            or (linked and value >= 100)  # "two thousand and three hundred" are two numbers
            or (scale == 1 and _read_out_follows(words, stop + linked))
        ):
            break
        total += value * scale
        stop, smallest = end + (scale > 1), scale
    if stop == i:
        return None
    return Atom(str(total), i, stop, total, stop == i + 1 and total < 10)


def atom(words: Words, i: int) -> Atom | None:
    """A cardinal, or a repeated digit ("double five" is "55")."""
    times = REPEATS.get(at(words, i))
    if times is None:
        return cardinal(words, i)
    word = at(words, i + 1)
    if not is_digit(word):
        return None
    digit = str(UNITS.get(word, 0))
    return Atom(digit * times, i, i + 2, int(digit * times), True)


def decimals(words: Words, i: int) -> tuple[str, int]:
    """Figures after "point" at `i`: single digits, or one number below a hundred."""
    figures = ""
    while is_digit(at(words, i)):
        if figures and at(words, i + 1) == "point" and is_digit(at(words, i + 2)):
            break  # "one point two | one point three"
        figures += str(UNITS.get(words[i], 0))
        i += 1
    if not figures:
        pair = below_hundred(words, i)
        if pair is not None and pair[0] >= 10:
            return str(pair[0]), pair[1]
    return figures, i


def amount(words: Words, i: int) -> Amount | None:
    """A quantity at `i`: "minus sixty", "two point five billion", "twelve and a half million".

    "oh" does not start one. A trailing scale from a million up stays a word when one number stands before it.
    """
    negative = at(words, i) in {"minus", "negative"}
    if negative and (
        at(words, i - 1) in NUMBER_WORDS or tuple(words[max(0, i - 2) : i]) == ("plus", "or")
    ):
        return None  # "ten minus three", "plus or minus ten"
    if negative:
        i += 1
    if at(words, i) == "a" and at(words, i + 1) in {"hundred", *SCALES}:
        if at(words, i - 1) in {"half", "of"} and at(words, i - 2) != "out":
            return None  # "half a million", "a quarter of a million"
        number = cardinal(["one", *words[i + 1 : i + 14]], 0)
        if number is None:
            return None
        number = number._replace(start=i, stop=i + number.stop)
    elif at(words, i) == "point":
        number = Atom("0", i, i, 0)
    elif at(words, i) in ZEROS - {"zero"}:
        return None
    else:
        number = cardinal(words, i)
    if number is None:
        return None
    stop, whole, figures, scale = number.stop, number.value, "", ""
    if at(words, stop) == "point":
        figures, after = decimals(words, stop + 1)
        if figures:
            stop = after
    if at(words, i) == "point" and not figures:
        return None
    if not figures:
        figures, stop = _fraction(words, i, stop, whole)
    last = at(words, stop - 1)
    if figures and at(words, stop) in SCALES:
        scale = words[stop]
        stop += 1
        if scale == "thousand" and len(figures) <= 3:
            whole, figures, scale = int(f"{whole}{figures:0<3}"), "", ""
    elif last in BIG_SCALES and whole % SCALES[last] == 0 and whole // SCALES[last] < 10_000:
        scale, whole = last, whole // SCALES[last]
    return Amount(whole, figures, scale, negative, stop, stop - i)


_HALVED = frozenset({*BIG_SCALES, *UNIT_WORDS, "thousand", "percent", "dollars", "euros"})
_FRACTIONS = {
    ("and", "a", "half"): "5", ("and", "a", "quarter"): "25", ("and", "three", "quarters"): "75",
}  # fmt: skip


def _fraction(words: Words, i: int, stop: int, whole: int) -> tuple[str, int]:
    """Decimals for "and a half" after a number from ten up, before a unit or after a label ("size eight and a half").

    Smaller numbers stay words: "two and a half hours".
    """
    for said, figures in _FRACTIONS.items():
        after = stop + len(said)
        if tuple(words[stop:after]) != said or words[stop - 1] in {*SCALES, "hundred"}:
            continue
        if at(words, after) in _HALVED or whole >= 10 or at(words, i - 1) in NUMBER_LABELS:
            return figures, after
    return "", stop


def ordinal(words: Words, i: int) -> tuple[int, int] | None:
    """Value and stop of an ordinal: "first", "twenty first", "one hundred eleventh"."""
    j = i
    while at(words, j) in _ORDINAL_HEADS and j - i < 12:
        j += 1
    value = ORDINALS.get(at(words, j))
    if value is None:
        return None
    if j == i:
        return value, i + 1
    # The last word carries the ending; the words before it are a cardinal that leaves room for it.
    head = cardinal(words, i)
    if head is None or head.stop < j - (words[j - 1] == "and"):
        return None
    if value in (100, 1000) and head.value < 1000:
        return head.value * value, j + 1
    room = 10 if head.value % 100 >= 20 else 100
    if head.value % room == 0 and 0 < value < room and head.value >= 20:
        return head.value + value, j + 1
    return None


_ORDINAL_HEADS = frozenset({*UNITS, *TEENS, *TENS, *SCALES, "hundred", "and"})


def ordinal_text(value: int) -> str:
    """ "21st", "112th", "1,000th"."""
    ending = "th"
    if value % 100 not in (11, 12, 13):
        ending = {1: "st", 2: "nd", 3: "rd"}.get(value % 10, "th")
    return f"{value:,}{ending}"
