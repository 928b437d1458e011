from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callscribe.speech.endings import Ending, ending


@pytest.mark.parametrize(
    "text",
    [
        "i lost my card",
        "is there anything else i can help you with",
        "can you send me a new one",
        "two hundred and forty dollars",
        "four one five five five five oh one two three",
        "one four one five five five five oh one two three",
        "my number is double four one five triple five oh one two",
        "oh seven seven double oh nine oh oh one two three",
        "four one one one one one one one one one one one one one one one",
        "i was born on march third nineteen eighty two",
        "the third of march twenty twenty four",
        "march three nineteen eighty two",
        "may the fifth two thousand and five",
        "december thirty first two thousand five",
        "press one",
        "well oh",
    ],
)
def test_sentences_and_whole_numbers(text: str) -> None:
    assert ending(text.split()) is Ending.SENTENCE


@pytest.mark.parametrize(
    "text", ["my number is", "transfer it and", "um", "i lost my card uh", "we meet at six um"]
)
def test_open_sentences(text: str) -> None:
    assert ending(text.split()) is Ending.OPEN


@pytest.mark.parametrize(
    "text",
    [
        "we meet at six",
        "the train leaves at five thirty",
        "around eleven forty five",
        "i was nineteen",
        "i paid two hundred",
        "i paid two hundred forty five",
        "there are two",
        "on march nineteen",
    ],
)
def test_amounts_that_may_go_on(text: str) -> None:
    assert ending(text.split()) is Ending.AMOUNT


@pytest.mark.parametrize(
    "text",
    [
        "oh",
        "four",
        "yeah it's four",
        "the code is one",
        "ending in twenty four",
        "my number is four one five",
        "i think it was six three",
        "four one five five five five oh one",
        "four one five for",
        "eight two to",
        "eight hundred five five five",
        "one eight seven two seven seven four one zero zero seven three",
        "oh seven seven double oh nine oh oh one two",
        "call double",
        "three point",
        "four one five uh",
        "four one five um five five",
        "fifteen sixty two",
        "twenty three forty",
    ],
)
def test_numbers_in_the_middle(text: str) -> None:
    assert ending(text.split()) is Ending.DIGITS


def test_case_does_not_matter() -> None:
    assert ending(["My", "code", "is", "Four", "Two"]) is Ending.DIGITS


_DIGITS = st.sampled_from("zero oh one two three four five six seven eight nine".split())


@given(digits=st.lists(_DIGITS, min_size=2, max_size=9))
def test_fewer_than_ten_digits_are_never_a_whole_number(digits: list[str]) -> None:
    assert ending(["number", "is", *digits]) is Ending.DIGITS


@given(
    words=st.lists(
        st.sampled_from(
            "one oh two ten twenty hundred thousand double point march third the of to for is at and so".split()
        ),
        min_size=1,
    )
)
def test_any_words_have_an_ending(words: list[str]) -> None:
    assert ending(words) in Ending
