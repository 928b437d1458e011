"""A whole call written into the record at once: made ready beside it, in memory, and put in by one short transaction.

Writing a long call event by event takes seconds, in which live calls would wait for the store. Here only finished rows
are put in.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table, create_engine, func, select
from sqlalchemy.pool import StaticPool

from callscribe.events import AnyEvent
from callscribe.store import index, projections, schema

_TABLES = (
    schema.events,
    schema.calls,
    schema.legs,
    schema.renames,
    schema.participants,
    schema.tracks,
    schema.utterances,
    schema.gaps,
    schema.pauses,
    schema.waits,
    schema.search_pending,
)
"""What a call may have rows in; the index follows by what is marked in the last one."""
_EVENT_COLUMNS = ("event", "first_event")
_OWN_ID = (schema.participants, schema.tracks, schema.pauses)
"""Tables whose rows have an id that nothing else refers to."""

Rows = list[dict[str, Any]]


class Whole(NamedTuple):
    """A call's rows, its events numbered from 1 on."""

    call: str
    length: int
    """How many events."""
    tables: list[tuple[Table, Rows]]


def made(events: Sequence[AnyEvent]) -> Whole:
    """The rows of a call, as the store's own projections make them.

    Args:
        events: all of one call, in order; at least one.

    Raises:
        ValueError, TypeError: one of them can never be stored.
    """
    engine = create_engine("sqlite://", poolclass=StaticPool)
    try:
        with engine.begin() as connection:
            schema.metadata.create_all(connection)
            for number, event in enumerate(events, 1):
                projections.journal(connection, event, number)
                projections.apply(connection, number, event)
            tables = [(table, _rows(connection, table)) for table in _TABLES]
    finally:
        engine.dispose()
    return Whole(events[0].call, len(events), tables)


def _rows(connection: Connection, table: Table) -> Rows:
    found = connection.execute(select(table).order_by(*table.primary_key)).mappings()
    return [{**row} for row in found]


def put_in(connection: Connection, whole: Whole) -> list[int]:
    """Write a call's rows down; returns its events' ids. The call is not there yet."""
    last: int = connection.execute(select(func.max(schema.events.c.id))).scalar() or 0
    used = connection.exec_driver_sql("SELECT seq FROM sqlite_sequence WHERE name = 'events'")
    offset = max(last, used.scalar() or 0)
    for table, rows in whole.tables:
        for row in rows:
            for column in _EVENT_COLUMNS:
                if column in row:
                    row[column] += offset
            if table is schema.events:
                row["id"] += offset
            elif table in _OWN_ID:
                del row["id"]
            elif table is schema.calls:
                row["facets"] = ""  # written with the list's index below
                row["place"] = index.free_place(connection, row["started_at"])
        if rows:
            connection.execute(table.insert(), rows)
    index.refresh_call(connection, whole.call)
    return list(range(offset + 1, offset + whole.length + 1))
