"""A query and a filter as conditions on the index."""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import Any

from callscribe.records import CallFilter
from callscribe.search import query as queries
from callscribe.search.query import Node, QueryError
from callscribe.search.words import plain
from callscribe.store.index import BUCKETS, bucket, name_facets, number_facet
from callscribe.store.naming import Names, numbers_named
from callscribe.store.ticks import ticks

CALL_JOINS = (
    "CROSS JOIN search_rows ON search_rows.id = search.rowid"
    " CROSS JOIN calls ON calls.id = search_rows.call"
)
"""CROSS JOIN keeps SQLite from beginning anywhere but at the index."""


def filtered(wanted: CallFilter, names: Names = MappingProxyType({})) -> list[str]:
    """The part of the query that narrows it, each for the facets column.

    Args:
        names: what people saved for numbers: calls of these are calls of that person, whatever the index calls them. Of
            a speaker it is a part of the condition only (`said_by`).
    """
    if wanted.since and wanted.until and wanted.since > wanted.until:
        raise QueryError("The time to begin at is later than the time to end at.")
    phrases: list[str] = []
    alternatives: list[list[str]] = []
    for kind, name in (("p", wanted.person), ("s", wanted.speaker)):
        if name.strip():
            if not plain(name):
                raise QueryError(f"{name!r} is not a name to search for.")
            saved = filter(None, map(number_facet, numbers_named(names, name)))
            alternatives.append([name_facets(kind, name), *saved])
    for tag in wanted.tags:
        if not plain(tag):
            raise QueryError(f"{tag!r} is not a tag to search for.")
        phrases.append(name_facets("t", tag))
    if wanted.number.strip():
        numbers = _asked_numbers(wanted.number)
        alternatives.append([f"n{number}" for number in numbers])
    if wanted.direction is not None:
        phrases.append(f"d{wanted.direction}")
    if wanted.flow is not None:
        phrases.append(f"f{wanted.flow}")
    if wanted.missed:
        phrases.append("missed")
    if wanted.shortest_ms is not None or wanted.longest_ms is not None:
        low = bucket(wanted.shortest_ms or 0)
        high = BUCKETS if wanted.longest_ms is None else bucket(wanted.longest_ms)
        if high < low:
            raise QueryError("The shortest duration is longer than the longest.")
        alternatives.append([f"l{bucket}" for bucket in range(low, high + 1)])
    return [
        *(f"{{facets}} : {queries.quoted(phrase)}" for phrase in phrases),
        *(
            "(" + " OR ".join(f"{{facets}} : {queries.quoted(o)}" for o in options) + ")"
            for options in alternatives
        ),
    ]


def _asked_numbers(number: str) -> list[str]:
    figures = "".join(c for c in number if c.isascii() and c.isdigit())
    if len(figures) < 3:
        raise QueryError(f"{number!r} is not a phone number to search for.")
    options = [figures]
    if figures.startswith("00"):
        options.append(figures[2:])
    elif figures.startswith("0"):
        options.append(figures[1:])
    return options


def place_of(cursor: str, numbers: int) -> tuple[int, ...] | None:
    """The numbers in a cursor; None without one."""
    if not cursor:
        return None
    pieces = cursor.split("-")
    if len(pieces) != numbers or not all(
        p.isascii() and p.isdigit() and len(p) < 19 for p in pieces
    ):
        raise QueryError("The cursor does not belong to these results.")
    return tuple(int(piece) for piece in pieces)


_SAID_BY = """
    (search.rowid IN (SELECT rowid FROM search WHERE search MATCH :called) OR EXISTS (
        SELECT 1 FROM utterances AS said
        JOIN participants AS one ON one.call = said.call AND one.leg = said.leg AND one.track = said.track
        WHERE said.call = search_rows.call AND said.utterance = search_rows.utterance
        AND one.number IN (SELECT value FROM json_each(:numbers))
        AND NOT EXISTS (
            SELECT 1 FROM renames
            WHERE renames.call = said.call AND renames.leg = said.leg AND renames.track = said.track
        )
    ))"""
"""Whoever spoke is called so in the index, or is not and has a number that is."""


def conditions_of(node: Node, wanted: CallFilter, names: Names) -> tuple[list[str], dict[str, Any]]:
    """What must hold of a row, as SQL, and the values in it."""
    matching = " AND ".join([*filtered(wanted, names), queries.compile_query(node)])
    if wanted.missed is False:
        matching = f'({matching}) NOT {{facets}} : "missed"'
    conditions = ["search MATCH :matching"]
    values: dict[str, Any] = {"matching": matching}
    if numbers := numbers_named(names, wanted.speaker):
        conditions.append(_SAID_BY)
        called = queries.quoted(name_facets("s", wanted.speaker))
        values |= {"called": f"{{facets}} : {called}", "numbers": json.dumps(numbers)}
    for name, condition, value in (
        ("since", "search.rowid >= :since", ticks(wanted.since) if wanted.since else None),
        ("until", "search.rowid < :until", ticks(wanted.until) if wanted.until else None),
        ("shortest", "calls.duration_ms >= :shortest", wanted.shortest_ms),
        ("longest", "calls.duration_ms <= :longest", wanted.longest_ms),
        (
            "call",
            "search.rowid IN (SELECT id FROM search_rows WHERE call = :call)",
            wanted.call or None,
        ),
    ):
        if value is not None:
            conditions.append(condition)
            values[name] = value
    return conditions, values
