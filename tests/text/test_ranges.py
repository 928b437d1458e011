"""Numbers that may share a scale: nobody's figures are made up."""

from __future__ import annotations

import itertools
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


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("ten fifteen percent", "10, 15 percent"),
        ("ninety ninety five percent", "90, 95 percent"),
        ("two three percent", "two, three percent"),
        ("five six seven percent", "5, 6, 7 percent"),
        ("twenty thirty dollars", "20, 30 dollars"),
        ("twenty five thirty dollars", "25, 30 dollars"),
        ("five ten bucks", "five, ten bucks"),
        ("fifteen twenty minutes", "15, 20 minutes"),
        ("ten twelve years ago", "10, 12 years ago"),
        ("twenty thirty miles", "20, 30 miles"),
        ("eighteen nineteen people", "18, 19 people"),
        ("five thirty forty people", "five thirty, forty people"),
        ("nine eleven twelve people", "nine eleven, twelve people"),
        ("nine ten o'clock", "nine, ten o'clock"),
        ("nine ten o clock", "nine, ten o'clock"),
        ("two three p m", "two, three PM"),
        ("ten eleven p m", "10, 11 PM"),
        ("one hundred two hundred dollars", "one hundred, two hundred dollars"),
        ("one hundred and fifty two hundred dollars", "one hundred and fifty two hundred dollars"),
        ("a hundred fifty two hundred people", "a hundred fifty two hundred people"),
        ("hundred and twenty and five", "hundred and twenty and five"),
        ("fifteen hundred two thousand", "1,500 2,000"),
        ("thirty five forty", "thirty five forty"),
        ("sixty forty", "sixty forty"),
        ("five ten fifteen twenty", "five ten fifteen twenty"),
        ("two thirty three thirty", "two thirty three thirty"),
        ("six hundred and fifty five thirty twenty", "six hundred and fifty five thirty twenty"),
        ("one point two one point three", "1.2 1.3"),
        ("twenty ten twenty eleven", "2010 2011"),
        ("ten minus three", "10 minus three"),
        ("eight o clock", "8 o'clock"),
        ("eight or nine o clock", "8 or 9 o'clock"),
    ],
)
def test_numbers_side_by_side_never_become_one_that_nobody_said(said: str, expected: str) -> None:
    assert written(said) == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("four twelve dollars", "$412"),
        ("ten fifteen a m", "10:15 AM"),
        ("nineteen ninety nine", "1999"),
        ("twenty twenty five", "2025"),
        ("my pin is ten fifteen twenty", "my pin is 101520"),
        ("five five five twelve thirty four", "5551234"),
        ("version two point oh point one", "version 2.0.1"),
        ("minus five", "-5"),
    ],
)
def test_one_number_in_pieces_stays_one(said: str, expected: str) -> None:
    assert written(said) == expected


@given(
    st.lists(
        st.sampled_from("ten fifteen twenty thirty forty fifty sixty ninety".split()),
        min_size=2,
        max_size=4,
        unique=True,
    ),
    st.sampled_from("dollars bucks percent people minutes years miles euros degrees".split()),
)
def test_guesses_at_one_quantity_keep_their_own_figures(row: list[str], unit: str) -> None:
    values = {"ten": 10, "fifteen": 15, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50,
              "sixty": 60, "ninety": 90}  # fmt: skip
    row.sort(key=values.__getitem__)
    figures = re.findall(r"\d+", written(f"{' '.join(row)} {unit}").replace(",", ", "))
    near = all(values[b] <= 3 * values[a] for a, b in itertools.pairwise(row))
    if near:
        assert figures == [str(values[word]) for word in row]
    else:  # no guesses: in words, or one number ("fifteen sixty miles")
        assert len(figures) < 2
