"""Numbers as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callscribe.phone import is_withheld
from callscribe.transcript import numbers


@pytest.mark.parametrize(
    ("number", "words"),
    [
        ("+15005550012", "+1 (500) 555-0012"),
        ("+442079460018", "+44 20 7946 0018"),
        ("+4930123456", "+49 30 123456"),
        ("+390612345678", "+39 06 1234 5678"),
        ("+1 500 555 0142", "+1 (500) 555-0142"),
        ("+1 (500) 555-0142", "+1 (500) 555-0142"),
        ("+44.20.7946.0018", "+44 20 7946 0018"),
        ("+1 500 555 0142 ext. 7", "+1 500 555 0142 ext. 7"),
        ("+1", "+1"),
        ("+999999999999", "+999999999999"),
        ("12345", "12345"),
        ("Alice", "Alice"),
        ("sip:ann@example.com;transport=tls", "ann@example.com"),
        ("client:ben", "ben"),
        ("client:", ""),
        ("sip:anonymous@anonymous.invalid", ""),
        ("RESTRICTED", ""),
        ("+7378742833", ""),
        ("", ""),
        ("Anonymous", ""),
        ("+266696687", ""),
    ],
)
def test_written(number: str, words: str) -> None:
    assert numbers.written(number) == words


@given(st.text(max_size=20) | st.from_regex(r"\+[0-9]{1,17}", fullmatch=True))
def test_anything_can_be_written(number: str) -> None:
    written = numbers.written(number)
    assert written or is_withheld(number)
    if number.startswith("+") and number[1:].isascii() and number[1:].isdigit() and written:
        assert "".join(c for c in written if c.isdigit()) == number[1:]
