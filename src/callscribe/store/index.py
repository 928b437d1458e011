"""The full-text index. Projections mark what has changed in their transaction; it is indexed then, or a moment later.

One row an utterance, in four columns:

    text     the best text there is
    spoken   the words as they were said, where they differ from it ("four one two")
    digits   its numbers as figures (`callscribe.search.numbers`)
    facets   what a search may be narrowed by, as made-up words: who was on the call, who spoke, numbers, tags, ...

The facets make a filter part of the query, so that a rare one is as quick as a rare word. What they hold of the call is
also kept with the call, to see when it has changed.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import Any

import msgspec
import structlog
from sqlalchemy import Connection, Row, and_, bindparam, func, select, text
from sqlalchemy.exc import InterfaceError, OperationalError

from callscribe.events import Dial
from callscribe.records import is_missed
from callscribe.search.numbers import index_tokens, national
from callscribe.search.words import plain
from callscribe.store.schema import (
    calls,
    participants,
    search_backlog,
    search_pending,
    search_rows,
    utterances,
)
from callscribe.store.ticks import TICKS, free, ticks

_log = structlog.get_logger(__name__)

BUCKETS = 20
"""Facets of duration: powers of two, in seconds."""
MOST_LEFT = 1_000
_AT_ONCE = 500
_BETWEEN = "x"
"""Stands between two names, so that a phrase does not reach from one to the next."""

_dial = msgspec.json.Decoder(Dial)
_tags = msgspec.json.Decoder(tuple[str, ...])


def mark(connection: Connection, call: str, utterance: str) -> None:
    """An utterance is new or has changed: `index_pending` brings the index up to date with it."""
    connection.execute(_MARK, {"call": call, "utterance": utterance})


def index_pending(connection: Connection, limit: int) -> bool:
    """Bring the index up to date with what was marked, at most `limit` utterances of it.

    One that cannot be indexed keeps no other out of the index.

    Returns:
        Whether some may be left.
    """
    marked = connection.execute(select(search_pending).limit(limit)).all()
    for row in marked:
        try:
            with connection.begin_nested():
                _index_utterance(connection, row.call, row.utterance)
        except (OperationalError, InterfaceError):
            raise  # the database, not the utterance
        except Exception as error:
            _log.error("search cannot find an utterance", call=row.call, error=str(error))
        connection.execute(_UNMARK, {"of_call": row.call, "of_utterance": row.utterance})
    return len(marked) == limit


def is_behind(connection: Connection) -> bool:
    """Whether something is marked."""
    return connection.execute(select(search_pending).limit(1)).first() is not None


def catch_up(connection: Connection) -> None:
    """Bring the index up to date with all that was marked."""
    while index_pending(connection, _AT_ONCE):
        pass


def _index_utterance(connection: Connection, call: str, utterance: str) -> None:
    this = {"of_call": call, "of_utterance": utterance}
    found = connection.execute(_INDEXED_ONE, this).first()
    if found is not None:
        _index(connection, [found])
        return
    row = connection.execute(
        select(search_rows.c.id).where(
            search_rows.c.call == call, search_rows.c.utterance == utterance
        )
    ).scalar()
    if row is not None:
        forget_rows(connection, [row])


def _index(connection: Connection, found: Sequence[Any]) -> None:
    """Write utterances, as `_INDEXED` gives them, into the index."""
    changed: list[dict[str, Any]] = []
    new: list[dict[str, Any]] = []
    wanted = [_moment(row.started_at, row.start_ms) for row in found if row.row is None]
    taken = set(
        connection.execute(select(search_rows.c.id).where(search_rows.c.id.in_(wanted))).scalars()
    )
    for row in found:
        values: dict[str, Any] = _values(row)
        if row.row is not None:
            changed.append({"id": row.row, **values})
            continue
        place = _moment(row.started_at, row.start_ms)
        if place in taken:
            place = _free_row(connection, place, taken)
        taken.add(place)
        new.append({"id": place, "call": row.call, "utterance": row.utterance, **values})
    if changed:
        connection.execute(_UPDATE, changed)
    if new:
        new.sort(key=lambda values: int(values["id"]))  # the index likes to grow at its end
        connection.execute(
            search_rows.insert(),
            [{name: values[name] for name in ("id", "call", "utterance")} for values in new],
        )
        connection.execute(_INSERT, new)


def refresh_call(connection: Connection, call: str) -> None:
    """Bring the index up to date with what has become of a call: names, numbers, tags, its end."""
    row = connection.execute(select(calls).where(calls.c.id == call)).first()
    if row is None:
        return
    facets = _call_facets(connection, row)
    if facets == row.facets:
        return
    connection.execute(calls.update().where(calls.c.id == call).values(facets=facets))
    digits = " ".join(index_tokens(" \n".join(_numbers(connection, row))))
    connection.execute(_DELETE_CALL, {"id": row.place})
    connection.execute(_INSERT_CALL, {"id": row.place, "facets": facets, "digits": digits})
    reindex_call(connection, call)


def forget_call(connection: Connection, call: str) -> None:
    """Take a call out of the list's index."""
    place = connection.execute(select(calls.c.place).where(calls.c.id == call)).scalar()
    if place is not None:
        connection.execute(_DELETE_CALL, {"id": place})


def free_place(connection: Connection, started_at: str) -> int:
    """A place in the list for a call that began then."""
    wanted = ticks(started_at)
    while True:
        stretch = calls.c.place >= wanted, calls.c.place < wanted + TICKS
        taken = set(connection.execute(select(calls.c.place).where(*stretch)).scalars())
        place = free(wanted, taken)
        if place < wanted + TICKS:
            return place
        wanted += TICKS


def reindex_call(connection: Connection, call: str) -> None:
    """Index every utterance of a call anew that is in the index."""
    found = connection.execute(
        _INDEXED.where(utterances.c.call == call, search_rows.c.id.is_not(None))
    ).all()
    if found:
        _index(connection, found)


def index_more(connection: Connection, limit: int) -> int:
    """Index what a server that died had not come to, and some of what an older record held before there was an index.

    Returns:
        How many utterances are left.
    """
    catch_up(connection)
    after = connection.execute(select(search_backlog.c.after)).scalar()
    if after is None:
        return 0
    blank = select(calls.c.id).where(calls.c.facets == "").limit(limit)
    if found := connection.execute(blank).scalars().all():
        for call in found:
            refresh_call(connection, call)
        return left(connection) + 1
    piece = utterances.c.event > after
    rows = connection.execute(
        select(utterances.c.event, utterances.c.call)
        .where(piece)
        .order_by(utterances.c.event)
        .limit(limit)
    ).all()
    connection.execute(search_backlog.delete())
    if rows:
        until = rows[-1].event
        found = connection.execute(_INDEXED.where(piece, utterances.c.event <= until)).all()
        _index(connection, found)
        if len(rows) == limit:
            connection.execute(search_backlog.insert().values(after=until))
    return left(connection)


def left(connection: Connection) -> int:
    """Utterances that are not in the index yet; `MOST_LEFT` stands for more, too: counting millions takes long."""
    after = connection.execute(select(search_backlog.c.after)).scalar()
    if after is None:
        return 0
    some = select(utterances.c.event).where(utterances.c.event > after).limit(MOST_LEFT)
    return connection.execute(select(func.count()).select_from(some.subquery())).scalar() or 0


def forget_rows(connection: Connection, rows: Sequence[int]) -> None:
    """Take rows out of the index."""
    for row in rows:
        connection.execute(_DELETE, {"id": row})
        connection.execute(search_rows.delete().where(search_rows.c.id == row))


_MARK = search_pending.insert().prefix_with("OR IGNORE")
_UNMARK = search_pending.delete().where(
    search_pending.c.call == bindparam("of_call"),
    search_pending.c.utterance == bindparam("of_utterance"),
)
_INSERT = text(
    "INSERT INTO search (rowid, text, spoken, digits, facets)"
    " VALUES (:id, :text, :spoken, :digits, :facets)"
)
_UPDATE = text(
    "UPDATE search SET text = :text, spoken = :spoken, digits = :digits, facets = :facets"
    " WHERE rowid = :id"
)
_DELETE = text("DELETE FROM search WHERE rowid = :id")
_INSERT_CALL = text(
    "INSERT INTO call_search (rowid, facets, digits) VALUES (:id, :facets, :digits)"
)
_DELETE_CALL = text("DELETE FROM call_search WHERE rowid = :id")


_INDEXED = (
    select(
        utterances.c.call,
        utterances.c.utterance,
        utterances.c.speaker,
        utterances.c.start_ms,
        utterances.c.text,
        utterances.c.raw_text,
        utterances.c.recognised,
        calls.c.facets,
        calls.c.started_at,
        search_rows.c.id.label("row"),
    )
    .join(calls, calls.c.id == utterances.c.call)
    .outerjoin(
        search_rows,
        and_(
            search_rows.c.call == utterances.c.call,
            search_rows.c.utterance == utterances.c.utterance,
        ),
    )
)
_INDEXED_ONE = _INDEXED.where(
    utterances.c.call == bindparam("of_call"), utterances.c.utterance == bindparam("of_utterance")
)


def _moment(started_at: str, start_ms: int) -> int:
    """Hundredths of a second since 1970; from 0 on for a call without a date."""
    return ticks(started_at) + max(0, start_ms) * TICKS // 1000


def _free_row(connection: Connection, wanted: int, also_taken: Set[int]) -> int:
    """The first free id from `wanted` on."""
    while True:
        stretch = search_rows.c.id >= wanted, search_rows.c.id < wanted + TICKS
        taken = set(connection.execute(select(search_rows.c.id).where(*stretch)).scalars())
        for row in range(wanted, wanted + TICKS):
            if row not in taken and row not in also_taken:
                return row
        wanted += TICKS


def _values(found: Row[Any]) -> dict[str, str]:
    written, spoken = found.text, found.raw_text
    if found.recognised or plain(written) == plain(spoken):
        spoken = ""  # of what a person corrected, the correction alone is what was said
    numbers = index_tokens(f"{written} {_BETWEEN}\n{spoken}" if spoken else written)
    said_by = name_facets("s", found.speaker)
    return {
        "text": written,
        "spoken": spoken,
        "digits": " ".join(numbers),
        "facets": f"{found.facets} {_BETWEEN} {said_by}".strip(),
    }


# Facets


def name_facets(kind: str, name: str) -> str:
    """A name as facets of a kind."""
    return " ".join(kind + word for word in plain(name))


def number_facet(number: str) -> str:
    """A phone number in full; empty when there is no figure in it."""
    figures = "".join(c for c in number if c.isascii() and c.isdigit())
    return figures and f"n{figures}"


def _number_facets(number: str) -> list[str]:
    """A phone number in full, and as it is dialled within its country."""
    facet = number_facet(number)
    return [facet, *(f"n{short}" for short in national(facet[1:]))] if facet else []


def _numbers(connection: Connection, call: Row[Any]) -> list[str]:
    """Every phone number that had to do with a call."""
    stays = select(participants.c.number).where(participants.c.call == call.id)
    dial = _dial.decode(call.dial) if call.dial else None
    numbers = [call.from_number, call.to_number, *connection.execute(stays).scalars()]
    return list(dict.fromkeys(n for n in [*numbers, dial.to if dial else ""] if n))


def _call_facets(connection: Connection, call: Row[Any]) -> str:
    """Everything of a call that a search may be narrowed by, but the date, which is in the ids."""
    stays = select(participants.c.speaker).where(participants.c.call == call.id)
    dial = _dial.decode(call.dial) if call.dial else None
    names = [call.from_name, call.to_name, *connection.execute(stays).scalars()]
    if dial is not None:
        names.append(dial.name)
    facets = [f"d{call.direction}", f"f{call.flow}"]
    if is_missed(call.direction, call.status, dial):
        facets.append("missed")
    if call.duration_ms is not None:
        facets.append(f"l{bucket(call.duration_ms)}")
    numbers = [f for number in _numbers(connection, call) for f in _number_facets(number)]
    groups = [
        " ".join(facets),
        *dict.fromkeys(name_facets("p", name) for name in names if plain(name)),
        " ".join(dict.fromkeys(numbers)),
        name_facets("r", call.room),
        *(name_facets("t", tag) for tag in _tags.decode(call.tags)),
        name_facets("w", call.note),
    ]
    return f" {_BETWEEN} ".join(group for group in groups if group)


def bucket(duration_ms: int) -> int:
    """The facet of a duration."""
    return min(BUCKETS, max(0, duration_ms // 1000).bit_length())
