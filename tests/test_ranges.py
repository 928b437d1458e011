"""Bounds of numbers."""

from __future__ import annotations

import pytest

from callscribe.errors import SettingsError
from callscribe.ranges import Range


def test_both_ends_are_within() -> None:
    assert [Range(1, 3).check(value, "it") for value in (1, 3)] == [1, 3]


@pytest.mark.parametrize("value", [0, 4, -(10**50), 10**50])
def test_what_lies_outside_is_said_in_bearable_length(value: int) -> None:
    with pytest.raises(SettingsError, match="it must be between 1 and 3, not") as error:
        Range(1, 3).check(value, "it")
    assert len(str(error.value)) < 80
