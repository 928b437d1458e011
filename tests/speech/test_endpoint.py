from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callscribe.speech.endpoint import (
    Decision,
    EndpointOptions,
    decide,
    needed_silence_ms,
)

OPTIONS = EndpointOptions()


@pytest.mark.parametrize(
    ("text", "needed"),
    [
        ("i lost my card", OPTIONS.silence_ms),
        ("is there anything else i can help you with", OPTIONS.silence_ms),
        ("can you send me a new one", OPTIONS.silence_ms),
        ("my number is", OPTIONS.unfinished_silence_ms),
        ("transfer it and", OPTIONS.unfinished_silence_ms),
        ("my number is four one five", OPTIONS.number_silence_ms),
        ("the code is one", OPTIONS.number_silence_ms),
        ("four one five five five five oh one two three", OPTIONS.silence_ms),
        ("we meet at six", OPTIONS.unfinished_silence_ms),
        ("two hundred and forty dollars", OPTIONS.silence_ms),
        ("", OPTIONS.nothing_said_ms),
    ],
)
def test_how_long_a_pause_must_be_depends_on_the_last_words(text: str, needed: int) -> None:
    assert needed_silence_ms(text.split(), 3000, OPTIONS) == needed


def test_long_talk_is_divided_at_shorter_and_shorter_pauses() -> None:
    needed = [needed_silence_ms(["so", "then"], ms, OPTIONS) for ms in range(0, 25_000, 1000)]

    assert needed == sorted(needed, reverse=True)
    assert needed[0] == OPTIONS.silence_ms
    assert needed[20] == OPTIONS.shortest_pause_ms


def test_a_long_number_is_waited_for_longer_than_long_talk() -> None:
    digits = "my card number is four one one one".split()

    assert needed_silence_ms(digits, 15_000, OPTIONS) == OPTIONS.number_silence_ms
    assert needed_silence_ms(["so", "then"], 15_000, OPTIONS) < OPTIONS.silence_ms
    assert needed_silence_ms(digits, OPTIONS.longest_ms, OPTIONS) == OPTIONS.shortest_pause_ms


def test_talk_without_a_pause_is_split_at_the_bound() -> None:
    decision = decide(["on"], length_ms=20_000, silence_ms=0, unchanged_ms=0, options=OPTIONS)

    assert decision is Decision.SPLIT


def test_words_that_no_longer_change_on_a_noisy_line_are_over() -> None:
    for unchanged, wanted in ((1000, Decision.GO_ON), (1600, Decision.END)):
        decision = decide(
            ["bye"], length_ms=3000, silence_ms=0, unchanged_ms=unchanged, options=OPTIONS
        )
        assert decision is wanted


@given(
    words=st.lists(st.sampled_from(["one", "my", "card", "five", "and"])),
    length_ms=st.integers(0, 20_000),
    silence_ms=st.integers(0, 5000),
    unchanged_ms=st.integers(0, 20_000),
)
def test_nothing_goes_on_for_ever(
    words: list[str], length_ms: int, silence_ms: int, unchanged_ms: int
) -> None:
    def judge(**changed: int) -> Decision:
        times = {"length_ms": length_ms, "silence_ms": silence_ms, "unchanged_ms": unchanged_ms}
        return decide(words, **(times | changed), options=OPTIONS)

    assert judge(silence_ms=OPTIONS.number_silence_ms) is Decision.END
    assert judge(length_ms=OPTIONS.longest_ms) is not Decision.GO_ON
