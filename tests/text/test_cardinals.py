"""Number words read back: every number that can be said comes out as itself."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callscribe.text.cardinals import amount, atom, cardinal, ordinal, ordinal_text

_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
    " seventeen eighteen nineteen"
).split()
_TENS = "_ _ twenty thirty forty fifty sixty seventy eighty ninety".split()
_SCALES = [(10**9, "billion"), (10**6, "million"), (10**3, "thousand")]


def said(number: int, *, linked: bool = False) -> list[str]:
    """A number as it is said, with "and" after hundreds when `linked`."""
    if number < 20:
        return [_ONES[number]]
    if number < 100:
        rest = number % 10
        return [_TENS[number // 10], *([_ONES[rest]] if rest else [])]
    if number < 1000:
        head = [_ONES[number // 100], "hundred"]
        rest = number % 100
        return head + (["and"] * linked + said(rest) if rest else [])
    for scale, word in _SCALES:
        if number >= scale:
            rest = number % scale
            tail = said(rest, linked=linked) if rest else []
            link = ["and"] * (linked and 0 < rest < 100)
            return [*said(number // scale, linked=linked), word, *link, *tail]
    raise AssertionError(number)


@given(number=st.integers(1, 10**12 - 1), linked=st.booleans())
@settings(deadline=None)
def test_cardinals_come_back(number: int, linked: bool) -> None:
    words = said(number, linked=linked)
    found = cardinal([*words, "people"], 0)
    assert found is not None
    assert (found.value, found.stop, found.digits) == (number, len(words), str(number))


@given(number=st.integers(1, 10**6), decimals=st.lists(st.integers(0, 9), min_size=1, max_size=5))
@settings(deadline=None)
def test_decimals_come_back(number: int, decimals: list[int]) -> None:
    words = [*said(number), "point", *(_ONES[d] for d in decimals)]
    found = amount(words, 0)
    assert found is not None
    assert found.stop == len(words)
    assert found.text(separators=False) == f"{number}.{''.join(map(str, decimals))}"


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ("first", 1),
        ("twenty second", 22),
        ("ninetieth", 90),
        ("one hundred and third", 103),
        ("two hundredth", 200),
    ],
)
def test_ordinals(words: str, value: int) -> None:
    assert ordinal(words.split(), 0) == (value, len(words.split()))


@pytest.mark.parametrize(
    "words", ["people", "twenty twelfth", "one third", "hundred", "twenty people first"]
)
def test_what_is_no_ordinal(words: str) -> None:
    assert ordinal(words.split(), 0) is None


def test_ordinal_endings() -> None:
    assert [ordinal_text(n) for n in (1, 2, 3, 4, 11, 12, 13, 21, 112, 1003)] == [
        "1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "112th", "1,003rd",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "digits"),
    [("double five", "55"), ("triple oh", "000"), ("oh", "0"), ("treble two", "222")],
)
def test_repeats(words: str, digits: str) -> None:
    found = atom(words.split(), 0)
    assert found is not None
    assert found.digits == digits


def test_read_out_digits_are_not_swallowed_by_a_hundred() -> None:
    words = "eight hundred five five five".split()
    found = cardinal(words, 0)
    assert found is not None
    assert (found.value, found.stop) == (800, 2)
