from __future__ import annotations

import numpy as np
import pytest

from callscribe.models.adapt.language_model import Backoff, number_words
from callscribe.models.adapt.mixing import NEW_WORD, mix
from tests.models.adapt.test_language_model import WORDS, model_of


@pytest.fixture
def base() -> Backoff:
    return model_of(["yes please", "no the order please", "the order", "on the order yes"] * 5)


def probability(model: Backoff, text: str) -> float:
    numbers = number_words(model.words)
    x, y, z = (np.array([numbers[w]]) for w in text.split())
    return float(model.trigram(x, y, z)[0])


def test_what_the_sentences_say_becomes_likely_where_they_say_it(base: Backoff) -> None:
    mixed = mix(base, ["the brevonia order please"], ["brevonia"], 0.4)
    assert probability(mixed, "<s> the brevonia") > 0.05
    assert probability(mixed, "the brevonia order") > 0.2
    assert probability(mixed, "yes on brevonia") < 0.05


def test_elsewhere_little_changes(base: Backoff) -> None:
    mixed = mix(base, ["yes brevonia"], ["brevonia"], 0.3)
    before, after = (probability(m, "no the order") for m in (base, mixed))
    assert after == pytest.approx(before, rel=0.05)


def test_every_history_still_shares_out_one(base: Backoff) -> None:
    mixed = mix(base, ["the brevonia order please", "no brevonia"], ["brevonia"], 0.4)
    v = mixed.v
    for x in range(v - 1):
        for y in range(v - 1):
            p = mixed.trigram(np.full(v, x), np.full(v, y), np.arange(v))
            assert p.sum() == pytest.approx(1, abs=1e-4)


def test_a_word_without_a_sentence_is_possible_anywhere(base: Backoff) -> None:
    mixed = mix(base, [], ["brevonia"], 0.3)
    number = number_words(mixed.words)["brevonia"]
    assert mixed.p1[number] == pytest.approx(NEW_WORD, rel=0.01)
    assert probability(mixed, "no the brevonia") > 0


def test_words_keep_their_numbers_and_marks_stay_last(base: Backoff) -> None:
    mixed = mix(base, [], ["brevonia", "zyntex"], 0.3)
    assert mixed.words == (*WORDS, "brevonia", "zyntex")
