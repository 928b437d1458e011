"""The list of calls: by what is known of them, and by what was said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, column, select, text

from callscribe.records import CallFilter
from callscribe.search import query as queries
from callscribe.search.numbers import PART
from callscribe.search.query import QueryError
from callscribe.search.words import plain
from callscribe.store.index import BUCKETS, bucket, number_facet
from callscribe.store.naming import Names, numbers_beginning
from callscribe.store.narrowing import CALL_JOINS, conditions_of, filtered, place_of
from callscribe.store.schema import calls
from callscribe.store.ticks import TICKS, ticks


def list_calls(
    connection: Connection, wanted: CallFilter, words: str, limit: int, cursor: str, names: Names
) -> tuple[list[str], str]:
    """Ids of calls, the newest first, and the cursor of the next page.

    Args:
        words: each of them is part of a name, a number, a tag or the room, or was said on the call.

    Raises:
        QueryError: the filter or the cursor makes no sense.
    """
    before = _before(connection, cursor)
    if wanted.call:
        one = select(calls.c.id, calls.c.place)
        rows: Sequence[Row[Any]] = connection.execute(
            one.where(calls.c.id == wanted.call, calls.c.place < before)
        ).all()  # type: ignore[assignment]
    elif not words.strip():
        rows = _listed(connection, filtered(wanted, names), wanted, before, limit + 1)
    else:
        named = [*filtered(wanted, names), *_named(words, names)]
        known = _listed(connection, named, wanted, before, limit + 1)
        heard = _heard(connection, wanted, words, before, limit + 1, names)
        found = {row.id: row for row in (*known, *heard)}
        rows = sorted(found.values(), key=lambda row: row.place, reverse=True)
    page = rows[:limit]
    return [row.id for row in page], str(page[-1].place) if len(rows) > limit else ""


def _before(connection: Connection, cursor: str) -> int:
    """The place that a page ended at: the cursor says it, or is the id of its last call."""
    if not cursor:
        return 1 << 62
    known: int | None = connection.execute(
        select(calls.c.place).where(calls.c.id == cursor)
    ).scalar()
    if known is not None:
        return known
    place = place_of(cursor, 1)
    return place[0] if place else 1 << 62


def _listed(
    connection: Connection, phrases: Sequence[str], wanted: CallFilter, before: int, limit: int
) -> Sequence[Row[Any]]:
    """Calls by what is known of them: phrases for the index of calls, and what of the filter is not in it."""
    conditions = ["calls.place < :before"]
    values: dict[str, Any] = {"before": before, "limit": limit}
    matching = " AND ".join(phrases)
    source = "calls"
    if matching:
        source = "call_search CROSS JOIN calls ON calls.place = call_search.rowid"
        conditions += ["call_search MATCH :matching", "call_search.rowid < :before"]
        values["matching"] = matching
    for name, condition, value in (
        ("since", "calls.place >= :since", ticks(wanted.since) if wanted.since else None),
        ("until", "calls.place < :until", ticks(wanted.until) if wanted.until else None),
        ("shortest", "calls.duration_ms >= :shortest", wanted.shortest_ms),
        ("longest", "calls.duration_ms <= :longest", wanted.longest_ms),
    ):
        if value is not None:
            conditions.append(condition)
            values[name] = value
    if wanted.missed is False:
        conditions.append("calls.place NOT IN (SELECT rowid FROM call_search('missed'))")
    order = "call_search.rowid" if matching else "calls.place"
    sql = f"""
        SELECT calls.id, calls.place FROM {source}
        WHERE {" AND ".join(conditions)} ORDER BY {order} DESC LIMIT :limit
        """  # noqa: S608 - what people typed is bound
    return connection.execute(text(sql), values).all()


def _named(words: str, names: Names) -> list[str]:
    """Each word as the beginning of a name, a number, a tag or a room; figures as a part of a number, too."""
    options = []
    for word in plain(words):
        kinds = [f"{{facets}} : {queries.quoted(kind + word)} *" for kind in "pntrw"]
        if word.isdigit() and len(word) >= PART:
            kinds.append(f"{{digits}} : {queries.quoted('s' + word)} *")
        saved = map(number_facet, numbers_beginning(names, word)[:_MOST_NAMED])
        kinds += [f"{{facets}} : {queries.quoted(facet)}" for facet in saved if facet]
        options.append("(" + " OR ".join(kinds) + ")")
    if not options:
        raise QueryError(f"{words!r} is nothing to search for.")
    figures_ = "".join(c for c in words if c.isdigit())
    if len(figures_) >= PART and not any(c.isalpha() for c in words):  # "(415) 555-0123"
        together = f"{{digits}} : {queries.quoted('s' + figures_)} *"
        return [f"({' AND '.join(options)} OR {together})"]
    return options


_MOST_NAMED = 200
"""Contacts that a word of the list's filter may stand for."""
_LONG_S = 4 * 3600
"""Calls that are longer are looked at one by one when a list is filtered by words."""
_HEARD_PIECE = 2000


def _heard(
    connection: Connection, wanted: CallFilter, words: str, before: int, limit: int, names: Names
) -> Sequence[Row[Any]]:
    """Calls in which this was said."""
    typed = " ".join(plain(words))
    conditions, values = conditions_of(queries.Plain(typed), wanted, names)
    conditions.append("search.rowid < :below")
    sql = f"""
        SELECT search.rowid AS row, calls.id, calls.place FROM search {CALL_JOINS}
        WHERE {" AND ".join(conditions)} ORDER BY search.rowid DESC LIMIT :limit
        """  # noqa: S608 - what people typed is bound
    found: dict[str, Row[Any]] = {}
    below = _latest(connection, before)
    while True:
        rows = connection.execute(
            text(sql), {**values, "below": below, "limit": _HEARD_PIECE}
        ).all()
        found |= {row.id: row for row in rows if row.place < before}
        if len(rows) < _HEARD_PIECE:
            break
        below = rows[-1].row
        if sum(row.place >= below for row in found.values()) >= limit:
            break  # whatever else was said was said on earlier calls
    return sorted(found.values(), key=lambda row: row.place, reverse=True)[:limit]


def _latest(connection: Connection, before: int) -> int:
    """The place in the index before which everything is that was said on calls that began before a place in the list.

    The index is in the order in which things were said, the list in that in which calls began.
    """
    long = " OR ".join(f"l{step}" for step in range(bucket(_LONG_S * 1000), BUCKETS + 1))
    ended = connection.execute(_LONGEST, {"matching": long, "before": before}).scalar() or before
    goes_on = select(calls.c.id).where(
        calls.c.ended_at.is_(None), calls.c.place < before - _LONG_S * TICKS
    )
    if connection.execute(goes_on.limit(1)).first() is not None:
        return 1 << 62
    return max(before, int(ended)) + _LONG_S * TICKS


_LONGEST = text(
    "SELECT max(calls.place + calls.duration_ms * :ticks / 1000)"
    " FROM call_search CROSS JOIN calls ON calls.place = call_search.rowid"
    " WHERE call_search MATCH :matching AND call_search.rowid < :before"
).bindparams(ticks=TICKS)


def chosen(connection: Connection, number: str, before: str, limit: int) -> list[str]:
    """Calls that are over, of a number, that began before a moment; oldest first."""
    query = select(calls.c.id).where(calls.c.ended_at.is_not(None))
    if number:
        places = text("SELECT rowid FROM call_search WHERE call_search MATCH :matching")
        matching = " AND ".join(filtered(CallFilter(number=number)))
        query = query.where(
            calls.c.place.in_(places.bindparams(matching=matching).columns(column("rowid")))
        )
    if before:
        query = query.where(calls.c.place < ticks(before))
    return list(connection.execute(query.order_by(calls.c.place).limit(limit)).scalars())
