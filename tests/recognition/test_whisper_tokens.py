from __future__ import annotations

import pytest
import tokenizers

from callscribe.errors import ModelError
from callscribe.recognition.whisper_tokens import Vocabulary, loops
from callscribe.recognition.windows import WINDOW_MS, Stretch
from tests.readers import tiny_en


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return Vocabulary(tokenizers.Tokenizer.from_file(str(tiny_en() / "tokenizer.json")))


def test_the_tokens_of_each_written_word(vocabulary: Vocabulary) -> None:
    tokens = vocabulary.encode("Unforgettable, isn't it?")
    assert [vocabulary.decode(each) for each in vocabulary.words(tokens, "en")] == [
        " Unforgettable,", " isn't", " it?",
    ]  # fmt: skip


def test_in_a_language_without_spaces_each_whole_character_is_a_word(
    vocabulary: Vocabulary,
) -> None:
    tokens = vocabulary.encode("\u4f60\u597d")
    assert len(tokens) > 2  # some bytes of a character each
    groups = vocabulary.words(tokens, "zh")
    assert [vocabulary.decode(each) for each in groups] == [" ", "\u4f60", "\u597d"]


def test_what_stands_between_time_stamps(vocabulary: Vocabulary) -> None:
    zero = vocabulary.no_times + 1
    one, two = vocabulary.encode("yes please")
    assert vocabulary.stretches([zero + 5, one, two, zero + 50, zero + 100, one]) == (
        Stretch(100, 1000, 2),
        Stretch(2000, WINDOW_MS, 1),
    )


def test_figures_and_currency_signs_are_forbidden(vocabulary: Vocabulary) -> None:
    forbidden = set(vocabulary.forbidden)
    assert forbidden.issuperset(vocabulary.encode("7") + vocabulary.encode("$"))
    assert not forbidden & set(vocabulary.encode("seven dollars"))


def test_a_language_that_a_model_does_not_know_is_told(vocabulary: Vocabulary) -> None:
    assert vocabulary.language("de-AT") == vocabulary.language("de")
    with pytest.raises(ModelError, match=r"does not know <\|xx\|>"):
        vocabulary.language("xx")


def test_loops_are_found_and_repeated_digits_are_none() -> None:
    assert loops([1, 2] * 4)
    assert loops([5, 5, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3, 9])
    assert loops([7] * 8)
    assert loops([1, *range(20), *range(20), *range(20)])
    assert not loops([*range(20), *range(20)])
    assert not loops([7] * 7)
    assert not loops([1, 2, 3, 1, 2, 3, 4])
    assert not loops([])
