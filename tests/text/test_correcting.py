"""Corrected words keep the times of those that were recognised."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from callscribe.events import Token
from callscribe.text.correcting import aligned


def tokens(text: str) -> tuple[Token, ...]:
    return tuple(Token(text=word, start=n, stop=n + 1) for n, word in enumerate(text.split()))


def spans(text: str, before: str) -> list[tuple[str, int, int]]:
    return [(token.text, token.start, token.stop) for token in aligned(text, tokens(before))]


def test_untouched_words_keep_their_place() -> None:
    assert spans("I want a refund, now.", "i want a reef fund now") == [
        ("I", 0, 1), ("want", 1, 2), ("a", 2, 3), ("refund,", 3, 5), ("now.", 5, 6)
    ]  # fmt: skip
    assert spans("Mister Dubois", "dubai") == [("Mister", 0, 0), ("Dubois", 0, 1)]
    assert spans("so yes", "yes") == [("so", 0, 0), ("yes", 0, 1)]
    assert spans("new words", "") == [("new", 0, 0), ("words", 0, 0)]


@given(
    st.lists(st.sampled_from("a b c d".split()), max_size=12).map(" ".join),
    st.lists(st.sampled_from("a b c d".split()), max_size=12).map(" ".join),
)
def test_times_never_run_backwards(text: str, before: str) -> None:
    found = aligned(text, tokens(before))
    assert [token.text for token in found] == text.split()
    places = [place for token in found for place in (token.start, token.stop)]
    assert places == sorted(places)
    assert all(0 <= place <= len(before.split()) for place in places)
