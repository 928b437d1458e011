from __future__ import annotations

import datetime as dt

import pytest

from callscribe.search.moments import in_utc

EAST = dt.timezone(dt.timedelta(hours=2))


@pytest.mark.parametrize(
    ("given", "end", "wanted"),
    [
        (" 2026-01-15 ", False, "2026-01-14T22:00:00.000Z"),
        ("2026-01-15", True, "2026-01-15T22:00:00.000Z"),
        ("2026-01-15T10:00", True, "2026-01-15T08:00:00.000Z"),
        ("2026-01-15T10:00:00-05:00", False, "2026-01-15T15:00:00.000Z"),
        ("9999-12-31", True, "9999-12-31T23:59:59.999Z"),
        ("0001-01-01", False, "0001-01-01T00:00:00.000Z"),
    ],
)
def test_a_day_or_a_moment_in_its_zone(given: str, end: bool, wanted: str) -> None:
    assert in_utc(given, zone=EAST, end=end) == wanted


@pytest.mark.parametrize("given", ["", "yesterday", "2026-13-01"])
def test_what_is_neither_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match=r"isoformat|month"):
        in_utc(given, zone=dt.UTC)
