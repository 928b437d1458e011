"""Deletes for good: rows now, what is left of them in the files a little later.

Deleted rows are overwritten (`secure_delete`), but the index keeps words in its segments until these are merged, and
the write-ahead log keeps old pages until it is emptied. `erasures` holds what was deleted until that is done, so
that it is done even when the process dies in between.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, select, text

from callscribe.events import TEXT
from callscribe.store import index
from callscribe.store.base import Erased
from callscribe.store.schema import (
    calls,
    erasures,
    events,
    gaps,
    legs,
    participants,
    pauses,
    renames,
    search_pending,
    search_rows,
    tracks,
    utterances,
    waits,
)

_TEXT = events.c.type.in_([kind.__struct_config__.tag for kind in TEXT])
_MERGE_PAGES = 500
"""How much of the index is rewritten at a time: some tens of milliseconds."""


def erase(connection: Connection, ids: Collection[str], what: Erased) -> list[str]:
    """Delete calls that are over, or their text; the others are left alone.

    Returns:
        Those that were deleted.
    """
    found = list(
        connection.execute(
            select(calls.c.id).where(calls.c.id.in_(list(ids)), calls.c.ended_at.is_not(None))
        ).scalars()
    )
    for call in found:
        rows = connection.execute(select(search_rows.c.id).where(search_rows.c.call == call))
        index.forget_rows(connection, list(rows.scalars()))
        connection.execute(search_pending.delete().where(search_pending.c.call == call))
        if what == "call":
            index.forget_call(connection, call)
            for table in (
                events,
                legs,
                renames,
                participants,
                tracks,
                utterances,
                gaps,
                pauses,
                waits,
            ):
                connection.execute(table.delete().where(table.c.call == call))
            connection.execute(calls.delete().where(calls.c.id == call))
        else:
            connection.execute(utterances.delete().where(utterances.c.call == call))
            connection.execute(events.delete().where(events.c.call == call, _TEXT))
            connection.execute(
                calls.update()
                .where(calls.c.id == call)
                .values(last_text="", note="", tags="[]", utterance_count=0)
            )
            index.refresh_call(connection, call)
        connection.execute(erasures.delete().where(erasures.c.call == call))
        connection.execute(erasures.insert().values(call=call, what=what))
    return found


def pending(connection: Connection) -> list[tuple[str, Erased]]:
    """What was deleted and may have left traces."""
    rows = connection.execute(select(erasures.c.call, erasures.c.what)).all()
    return [(row.call, row.what) for row in rows]


def merge_index(connection: Connection, *, first: bool) -> bool:
    """Rewrite a piece of the index, without what was deleted from it.

    Args:
        first: the first piece; all segments there are now are going to be rewritten.

    Returns:
        Whether there is more to do.
    """
    before = _changes(connection)
    pages = -_MERGE_PAGES if first else _MERGE_PAGES
    for table in ("search", "call_search"):
        merge = text(f"INSERT INTO {table} ({table}, rank) VALUES ('merge', :n)")  # noqa: S608
        connection.execute(merge, {"n": pages})
    return _changes(connection) - before >= 3  # https://www.sqlite.org/fts5.html, 6.8


def _changes(connection: Connection) -> int:
    return int(connection.execute(text("SELECT total_changes()")).scalar() or 0)


def forget(connection: Connection, ids: Sequence[str]) -> None:
    """Nothing is left of these."""
    connection.execute(erasures.delete().where(erasures.c.call.in_(list(ids))))


def older_than(connection: Connection, moment: str, what: Erased, limit: int) -> list[str]:
    """Calls that ended before a moment and still have what is to go, oldest first."""
    query = (
        select(calls.c.id)
        .where(calls.c.ended_at.is_not(None), calls.c.ended_at < moment, calls.c.ended_at != "")
        .order_by(calls.c.ended_at)
        .limit(limit)
    )
    if what == "text":
        query = query.where(select(events.c.id).where(events.c.call == calls.c.id, _TEXT).exists())
    return list(connection.execute(query).scalars())
