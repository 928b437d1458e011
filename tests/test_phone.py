"""Phone numbers, written and compared."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from callscribe.phone import is_number, normal


def test_however_a_number_is_grouped_it_is_the_same() -> None:
    written = ["+15005550006", "+1 500 555-0006", "+1 (500) 555.0006", "+1\u00a0500/5550006"]
    assert {normal(number) for number in written} == {"+15005550006"}
    assert all(is_number(number) for number in written)


def test_what_is_no_number() -> None:
    wrong = ["", "+", "15005550006", "+0500", "+1500", "+1" * 9, "+1500555000x", "client:kelly"]
    assert not any(is_number(text) for text in wrong)


@given(st.text())
def test_comparing_twice_changes_nothing(text: str) -> None:
    assert normal(normal(text)) == normal(text)
