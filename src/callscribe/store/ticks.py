"""Places in the order of time: hundredths of a second since 1970, each given once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Container

TICKS = 100
"""Places a second."""


def ticks(moment: str) -> int:
    """The place of a moment (ISO 8601); 0 when it is none."""
    try:
        parsed = dt.datetime.fromisoformat(moment)
    except ValueError:
        return 0
    if parsed.tzinfo is None:
        parsed = parsed.replace(tzinfo=dt.UTC)
    return max(0, int(parsed.timestamp() * TICKS))


def free(wanted: int, taken: Container[int]) -> int:
    """The first place from `wanted` on that is not taken."""
    while wanted in taken:
        wanted += 1
    return wanted
