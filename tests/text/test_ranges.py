"""Numbers that may share a scale: nobody's figures are made up."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callscribe.text.rules import written_spans
from callscribe.text.spans import Setting
from callscribe.text.writer import Writer


def written(said: str) -> str:
    return " ".join(s.text for s in written_spans(said.split(), Setting()) if s.text)


@pytest.mark.parametrize(
    "said",
    [
        "forty or fifty thousand dollars",
        "five to ten thousand dollars",
        "three four five hundred people",
        "ten fifteen thousand",
        "two three million",
        "one or two hundred",
        "one or one and a half million dollars",
        "two point five to three million",
        "five hundred to six hundred thousand dollars",
        "a hundred or two hundred thousand dollars",
        "a hundred twenty or thirty thousand",
        "four hundred and twenty or thirty thousand",
        "twenty or ten thousand",
        "between five and six hundred dollars",
        "forty or maybe fifty thousand dollars",
        "forty uh fifty thousand",
        "thirty or forty thousand miles",
        "two to four hundred percent",
        "eight one hundred dollar bills",
    ],
)
def test_a_scale_that_may_be_shared_leaves_words(said: str) -> None:
    assert written(said).replace(",", "") == said


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("it is forty or fifty thousand dollars", "It is forty or fifty thousand dollars."),
        ("three four five hundred people came", "Three, four, five hundred people came."),
    ],
)
def test_in_a_sentence(said: str, expected: str) -> None:
    assert Writer.for_language("en").final(said.split()).text == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("nine hundred to one thousand", "900 to 1,000"),
        ("ten to two hundred", "10 to 200"),
        ("seventy five to one hundred dollars", "$75 to $100"),
        ("five hundred or six thousand", "500 or 6,000"),
        ("twenty five thousand or thirty thousand dollars", "$25,000 or $30,000"),
        ("forty or fifty dollars", "$40 or $50"),
        ("one million two hundred thousand and five", "1,200,005"),
        ("one eight hundred five five five oh one two three", "1-800-555-0123"),
        ("my account number is three four five hundred", "my account number is 34500"),
        ("date of birth twelve twenty five two thousand", "date of birth 12/25/2000"),
        ("call us at five five five four thousand", "call us at 555-4000"),
        ("two thousand three hundred", "2,300"),
    ],
)
def test_a_scale_of_ones_own_is_written(said: str, expected: str) -> None:
    assert written(said) == expected


_NUMBERS = st.sampled_from(
    "one two three five eight ten twelve fifteen twenty thirty forty fifty ninety".split()
)


@given(
    st.lists(_NUMBERS, min_size=2, max_size=4, unique=True),
    st.sampled_from(["or", "to", "uh"]),
    st.sampled_from(["thousand", "million", "billion"]),
    st.sampled_from(["", " dollars", " people", " percent", " miles"]),
)
def test_no_row_of_small_numbers_before_a_scale_gets_a_figure(
    row: list[str], joint: str, scale: str, unit: str
) -> None:
    values = "one two three five eight ten twelve fifteen twenty thirty forty fifty ninety".split()
    row.sort(key=values.index)
    said = f" {joint} ".join(row) + f" {scale}{unit}"
    assert not re.search(r"\d", written(said)), said


@pytest.mark.parametrize("said", ["forty or fifty thousand dollars", "five to ten million people"])
def test_no_partial_shows_a_figure_in_the_wrong_scale(said: str) -> None:
    writer = Writer.for_language("en")
    words = said.split()
    shown = [writer.partial(words[:n]).text for n in range(1, len(words) + 1)]
    assert not any(re.search(r"\d,\d{3}|\$\d", text) for text in shown)
    assert shown[-1].lower() == said
