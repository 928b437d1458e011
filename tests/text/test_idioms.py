"""Numbers that are names or sayings are written so only where nothing else can be meant."""

from __future__ import annotations

import pytest

from callscribe.text.rules import written_spans
from callscribe.text.spans import Setting


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("we're open twenty four seven", "we're open 24/7"),
        ("twenty four seven support", "24/7 support"),
        ("i have twenty four seven pound bags", "i have twenty four seven pound bags"),
        ("the number is twenty four seven three", "the number is 2473"),
        ("a fifty fifty chance", "a 50-50 chance"),
        ("fifty fifty two", "fifty fifty two"),
        ("room fifty fifty", "room 5050"),
        ("fifty fifty pound bags", "fifty fifty pound bags"),
        ("at the seven eleven on main street", "at the 7-Eleven on main street"),
        ("i went to seven eleven", "i went to 7-Eleven"),
        ("seven eleven people", "seven eleven people"),
        ("meet me at seven eleven", "meet me at seven eleven"),
        ("the seven eleven train", "the 7:11 train"),
        ("seven eleven a m", "7:11 AM"),
        ("twenty twenty vision", "20/20 vision"),
        ("vitamin a one c", "vitamin A1C"),
    ],
)
def test_sayings(said: str, expected: str) -> None:
    assert " ".join(span.text for span in written_spans(said.split(), Setting())) == expected
