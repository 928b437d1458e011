from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.scoring import (
    Errors,
    bootstrap,
    digit_strings,
    normalise,
    perfect_digit_strings,
    word_errors,
)

words = st.lists(st.sampled_from("a b c d".split()), max_size=8)


def test_the_kinds_of_error_are_told_apart() -> None:
    assert word_errors("a b c".split(), "a x c".split()) == Errors(1, 0, 0, 3)
    assert word_errors("a b c".split(), "a c".split()) == Errors(0, 1, 0, 3)
    assert word_errors("a b c".split(), "a b b c".split()) == Errors(0, 0, 1, 3)
    assert word_errors([], "a".split()).rate == 1.0


@given(words, words)
def test_errors_are_a_distance(left: list[str], right: list[str]) -> None:
    errors = word_errors(left, right)
    assert errors.total == word_errors(right, left).total
    assert (errors.total == 0) == (left == right)
    assert errors.words - errors.deletions + errors.insertions == len(right)


def test_both_spellings_count_as_one_word() -> None:
    assert normalise("Alright, OK - um, don't") == ["all", "right", "okay", "don't"]


def test_digit_strings_are_runs_of_three() -> None:
    assert digit_strings("call four one five oh one now one two".split()) == [
        ("four", "one", "five", "zero", "one")
    ]
    assert perfect_digit_strings("one two three".split(), "zip one two three".split()) == (1, 1)
    assert perfect_digit_strings("one two three".split(), "one two two".split()) == (0, 1)


def test_the_interval_holds_the_rate() -> None:
    low, high = bootstrap([Errors(1, 0, 0, 4), Errors(0, 0, 0, 4), Errors(2, 0, 1, 4)] * 10)
    assert 0 <= low <= 4 / 12 <= high
