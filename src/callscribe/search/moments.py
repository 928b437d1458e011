"""Days and moments as people write them."""

from __future__ import annotations

import datetime as dt


def in_utc(given: str, *, zone: dt.tzinfo | None, end: bool = False) -> str:
    """A day or a moment, ISO 8601, in UTC as events carry it. What lies beyond all time is its end, or its beginning.

    Args:
        zone: in which it is meant unless it names its own; None: this machine's.
        end: of a whole day, the moment after it.

    Raises:
        ValueError: it is neither.
    """
    given = given.strip()
    moment = dt.datetime.fromisoformat(given)
    try:
        moment += dt.timedelta(days=1 if end and len(given) <= 10 else 0)
        zoned = moment if zone is None or moment.tzinfo else moment.replace(tzinfo=zone)
        moved = zoned.astimezone(dt.UTC)
    except (OverflowError, ValueError):
        edge = dt.datetime.max.replace(tzinfo=dt.UTC)
        moved = edge if moment.year > 1 else dt.datetime.min.replace(tzinfo=dt.UTC)
    return moved.isoformat(timespec="milliseconds").replace("+00:00", "Z")
