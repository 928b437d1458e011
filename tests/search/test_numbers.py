"""Numbers meet however they were said or written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callscribe.search.numbers import figures, index_tokens

_DIGITS = "zero one two three four five six seven eight nine".split()


@given(st.text(alphabet="0123456789", min_size=2, max_size=20))
def test_read_out_figures_are_the_written_ones(number: str) -> None:
    spoken = " ".join(_DIGITS[int(figure)] for figure in number)
    (asked,) = figures(number)
    assert any(found.answers(asked) for found in figures(spoken))
    assert number in index_tokens(spoken)


@given(st.integers(0, 999_999_999), st.integers(0, 99))
def test_separators_say_nothing(whole: int, cents: int) -> None:
    written = (f"${whole:,}.{cents:02d}", f"{whole}.{cents:02d}")
    assert len({number.forms for text in written for number in figures(text)}) == 1


@given(st.text(max_size=80))
def test_any_text_has_figures_in_their_places(text: str) -> None:
    for number in figures(text):
        assert 0 <= number.start < number.stop <= len(text)
        assert number.forms


@pytest.mark.parametrize("text", ["room 412B", "the 4th", "oh my", "half", ""])
def test_no_number(text: str) -> None:
    assert figures(text) == []
