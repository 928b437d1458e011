"""Names of all scripts pass, and what steers a display does not."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callscribe.names import fit, misplaced

NAMES = [
    "Zoë",
    "Bob\u0301",
    "می\u200cخواهم",
    "മലയാള\u200dം",
    "👩\u200d👩\u200d👧",
    "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "❤\ufe0f",
    "שלום",
    "Nguyễn Văn An",
    "<b>&",
]


@pytest.mark.parametrize("name", NAMES)
def test_names_of_all_scripts_stay_as_they_are(name: str) -> None:
    assert misplaced(name) == ""
    assert fit(name) == name


@pytest.mark.parametrize(
    ("text", "character", "left"),
    [
        ("a\x1b]0;x\x07b", "U+001B", "a ]0;x b"),
        ("a\x9b2J", "U+009B", "a 2J"),
        ("x\u202eevil", "U+202E", "x evil"),
        ("\u2066abc", "U+2066", "abc"),
        ("a\u2028b", "U+2028", "a b"),
        ("a\udc9bb", "U+DC9B", "a b"),
        ("a\u200bb", "U+200B", "a b"),
        ("\ufeffabc", "U+FEFF", "abc"),
    ],
)
def test_what_steers_a_display_is_found_and_left_out(text: str, character: str, left: str) -> None:
    assert misplaced(text) == character
    assert fit(text) == left


@pytest.mark.parametrize("text", ["", "  ", "\u200d", "\u2800", "\u3164", "\u0301", "\u200b"])
def test_what_cannot_be_seen_is_no_name(text: str) -> None:
    assert fit(text) == ""


@given(st.text())
def test_what_was_made_fit_is_fit(text: str) -> None:
    once = fit(text)
    assert misplaced(once) == ""
    assert fit(once) == once
    assert not any(unicodedata.category(one) == "Cc" for one in once)
