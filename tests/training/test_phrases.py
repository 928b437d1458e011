from __future__ import annotations

import re

import pytest

pytest.importorskip("faker", reason="faker is not installed: it is for the recipe only")
import random

from training.phrases import Phrases, number


def test_phrases_are_lower_case_words_and_the_same_for_a_seed() -> None:
    phrases = Phrases(1)
    made = [phrases.sentence() for _ in range(3000)]
    assert all(re.fullmatch(r"[a-z']+( [a-z']+)*", text) for text in made)
    again = Phrases(1)
    assert made[:50] == [again.sentence() for _ in range(50)]
    assert len(set(made)) > 2000


@pytest.mark.parametrize(
    ("n", "said"),
    [
        (0, "zero"),
        (17, "seventeen"),
        (40, "forty"),
        (99, "ninety nine"),
        (300, "three hundred"),
        (2000, "two thousand"),
        (45012, "forty five thousand twelve"),
    ],
)
def test_numbers(n: int, said: str) -> None:
    assert number(n, random.Random(0)) == said
