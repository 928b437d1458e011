from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.scoring import (
    Errors,
    bootstrap,
    digit_strings,
    judge,
    normalise,
    perfect_digit_strings,
    right_words,
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


@pytest.mark.parametrize(
    ("reference", "hypothesis", "right"),
    [
        ("a b c", "a b c", [True, True, True]),
        ("a b c", "a x c", [True, False, True]),
        ("a b c", "a c", [True, True]),
        ("a b", "x a b", [False, True, True]),
        ("", "a", [False]),
        ("a", "", []),
    ],
)
def test_right_words_are_those_an_alignment_pairs(
    reference: str, hypothesis: str, right: list[bool]
) -> None:
    assert right_words(reference.split(), hypothesis.split()) == right


@settings(deadline=None)
@given(
    st.lists(st.sampled_from("abc"), max_size=7),
    st.lists(st.sampled_from("abc"), max_size=7),
)
def test_right_words_agree_with_the_counts(reference: list[str], hypothesis: list[str]) -> None:
    errors = word_errors(reference, hypothesis)
    right = right_words(reference, hypothesis)
    assert len(right) == len(hypothesis)
    wrong = right.count(False)
    missing = len(reference) - right.count(True)
    assert max(wrong, missing) <= errors.total <= wrong + missing


def test_judging_takes_words_as_they_are_compared() -> None:
    words = [("um", 0.2), ("alright", 0.9), ("ok", 0.8), ("by", 0.6), ("[unk]", 0.1)]
    assert judge("All right, okay. Bye!", words) == [(0.9, True), (0.8, True), (0.6, False)]
    assert judge("all", [("alright", 0.9)]) == [(0.9, False)]
