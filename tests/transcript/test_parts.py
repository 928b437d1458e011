"""The words of an utterance."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from callscribe.events import Token, Word
from callscribe.transcript.parts import Stretch, stretches


def test_words_know_when_they_were_said_and_how_sure_that_is() -> None:
    words = (Word("um", 0, 90, 0.9), Word("four", 100, 200, 0.8), Word("twelve", 210, 300, 0.4))
    tokens = (Token("Um,", 0, 1, filler=True), Token("$412.", 1, 3))
    assert stretches("Um, $412.", tokens, words) == (
        Stretch("Um,", True, 0, 90, 0.9, "um"),
        Stretch(" "),
        Stretch("$412.", False, 100, 300, 0.4, "four twelve"),
    )


def test_without_tokens_the_cut_is_at_spaces() -> None:
    assert stretches(" a  b ", (), ()) == tuple(map(Stretch, (" ", "a", "  ", "b", " ")))
    assert stretches("", (), ()) == ()


@given(
    st.text("abc ", max_size=30),
    st.lists(
        st.tuples(st.text("abc", max_size=4), st.integers(-2, 5), st.integers(-2, 5)), max_size=8
    ),
)
def test_stretches_always_join_to_the_text(text: str, given: list[tuple[str, int, int]]) -> None:
    tokens = [Token(words, start, stop) for words, start, stop in given]
    words = [Word("a", 0, 1, 0.5)] * 3
    assert "".join(each.text for each in stretches(text, tokens, words)) == text
