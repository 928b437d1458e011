"""The full-text index: kept with the projections, in their transaction, and asked by `search`.

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
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Row, and_, bindparam, column, func, select, text

from callscribe.events import Dial, Token, Word
from callscribe.records import CallFilter, SearchHit, SearchPage
from callscribe.search import query as queries
from callscribe.search.numbers import PART, index_tokens, national
from callscribe.search.query import Marks, Node, QueryError
from callscribe.search.snippets import found_in, snippet
from callscribe.search.words import fold, one_letter_off, plain
from callscribe.store.places import TICKS, free, ticks
from callscribe.store.schema import (
    calls,
    participants,
    search_backlog,
    search_rows,
    utterances,
)

RANKED = 2_000
"""Results by rank are the best among so many of the newest: ranking weighs every one of them."""
_BUCKETS = 20
"""Facets of duration: powers of two, in seconds."""
_MISSED = ("busy", "no-answer", "failed", "canceled")
_BETWEEN = "x"
"""Stands between two names, so that a phrase does not reach from one to the next."""
_SHORTEST_WORD = 3
"""Letters of words that are guessed and guessed for."""

_tokens = msgspec.json.Decoder(tuple[Token, ...])
_words = msgspec.json.Decoder(tuple[Word, ...])
_dial = msgspec.json.Decoder(Dial)
_tags = msgspec.json.Decoder(tuple[str, ...])


# Keeping the index


def index_utterance(connection: Connection, call: str, utterance: str) -> None:
    """Bring the index up to date with an utterance that is new or has changed."""
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
    """Index some of what an older record held before there was an index.

    Returns:
        How many utterances are left.
    """
    after = connection.execute(select(search_backlog.c.after)).scalar()
    if after is None:
        return 0
    blank = select(calls.c.id).where(calls.c.facets == "").limit(limit)
    if found := connection.execute(blank).scalars().all():
        for call in found:
            refresh_call(connection, call)
        return _left(connection) + 1
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
    return _left(connection)


def _left(connection: Connection) -> int:
    """Utterances that are not in the index yet."""
    after = connection.execute(select(search_backlog.c.after)).scalar()
    if after is None:
        return 0
    left = select(func.count()).select_from(utterances).where(utterances.c.event > after)
    return connection.execute(left).scalar() or 0


def forget_rows(connection: Connection, rows: Sequence[int]) -> None:
    """Take rows out of the index."""
    for row in rows:
        connection.execute(_DELETE, {"id": row})
        connection.execute(search_rows.delete().where(search_rows.c.id == row))


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
    said_by = _name_facets("s", found.speaker)
    return {
        "text": written,
        "spoken": spoken,
        "digits": " ".join(numbers),
        "facets": f"{found.facets} {_BETWEEN} {said_by}".strip(),
    }


# Facets


def _name_facets(kind: str, name: str) -> str:
    return " ".join(kind + word for word in plain(name))


def _number_facets(number: str) -> list[str]:
    """A phone number in full, and as it is dialled within its country."""
    figures = "".join(c for c in number if c.isascii() and c.isdigit())
    if not figures:
        return []
    return [f"n{figures}", *(f"n{short}" for short in national(figures))]


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
        facets.append(f"l{_bucket(call.duration_ms)}")
    numbers = [f for number in _numbers(connection, call) for f in _number_facets(number)]
    groups = [
        " ".join(facets),
        *dict.fromkeys(_name_facets("p", name) for name in names if plain(name)),
        " ".join(dict.fromkeys(numbers)),
        _name_facets("r", call.room),
        *(_name_facets("t", tag) for tag in _tags.decode(call.tags)),
        _name_facets("w", call.note),
    ]
    return f" {_BETWEEN} ".join(group for group in groups if group)


def is_missed(direction: str, status: str, dial: Dial | None) -> bool:
    """Whether a caller reached nobody."""
    if direction != "inbound":
        return False
    return status in _MISSED or (
        dial is not None and dial.answered_ms is None and dial.status in _MISSED
    )


def _bucket(duration_ms: int) -> int:
    return min(_BUCKETS, max(0, duration_ms // 1000).bit_length())


def _filtered(wanted: CallFilter) -> list[str]:
    """The part of the query that narrows it, each for the facets column."""
    phrases: list[str] = []
    alternatives: list[list[str]] = []
    for kind, name in (("p", wanted.person), ("s", wanted.speaker)):
        if name.strip():
            if not plain(name):
                raise QueryError(f"{name!r} is not a name to look for.")
            phrases.append(_name_facets(kind, name))
    for tag in wanted.tags:
        if not plain(tag):
            raise QueryError(f"{tag!r} is not a tag to look for.")
        phrases.append(_name_facets("t", tag))
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
        low = _bucket(wanted.shortest_ms or 0)
        high = _BUCKETS if wanted.longest_ms is None else _bucket(wanted.longest_ms)
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
        raise QueryError(f"{number!r} is not a phone number to look for.")
    options = [figures]
    if figures.startswith("00"):
        options.append(figures[2:])
    elif figures.startswith("0"):
        options.append(figures[1:])
    return options


# The list


def list_calls(
    connection: Connection, wanted: CallFilter, words: str, limit: int, cursor: str
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
        rows = _listed(connection, wanted, [], before, limit + 1)
    else:
        known = _listed(connection, wanted, _named(words), before, limit + 1)
        heard = _heard(connection, wanted, words, before, limit + 1)
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
    place = _place(cursor, 1)
    return place[0] if place else 1 << 62


def _listed(
    connection: Connection, wanted: CallFilter, also: Sequence[str], before: int, limit: int
) -> Sequence[Row[Any]]:
    """Calls by what is known of them."""
    conditions = ["calls.place < :before"]
    values: dict[str, Any] = {"before": before, "limit": limit}
    matching = " AND ".join([*_filtered(wanted), *also])
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


def _named(words: str) -> list[str]:
    """Each word as the beginning of a name, a number, a tag or a room; figures as a part of a number, too."""
    options = []
    for word in plain(words):
        kinds = [f"{{facets}} : {queries.quoted(kind + word)} *" for kind in "pntrw"]
        if word.isdigit() and len(word) >= PART:
            kinds.append(f"{{digits}} : {queries.quoted('s' + word)} *")
        options.append("(" + " OR ".join(kinds) + ")")
    if not options:
        raise QueryError(f"{words!r} is nothing to look for.")
    figures_ = "".join(c for c in words if c.isdigit())
    if len(figures_) >= PART and not any(c.isalpha() for c in words):  # "(415) 555-0123"
        together = f"{{digits}} : {queries.quoted('s' + figures_)} *"
        return [f"({' AND '.join(options)} OR {together})"]
    return options


_LONGEST_CALL = 4 * 3600 * TICKS
"""What is said later into a call than this does not bring it into a list that is filtered by words."""
_HEARD_PIECE = 2000


def _heard(
    connection: Connection, wanted: CallFilter, words: str, before: int, limit: int
) -> Sequence[Row[Any]]:
    """Calls on which this was said."""
    typed = " ".join(plain(words))
    conditions, values = _conditions(queries.Plain(typed), wanted)
    conditions.append("search.rowid < :below")
    sql = f"""
        SELECT search.rowid AS row, calls.id, calls.place FROM search {_CALL_JOINS}
        WHERE {" AND ".join(conditions)} ORDER BY search.rowid DESC LIMIT :limit
        """  # noqa: S608 - what people typed is bound
    found: dict[str, Row[Any]] = {}
    below = before + _LONGEST_CALL
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


def chosen(connection: Connection, number: str, before: str, limit: int) -> list[str]:
    """Calls that are over, of a number, that began before a moment; oldest first."""
    query = select(calls.c.id).where(calls.c.ended_at.is_not(None))
    if number:
        places = text("SELECT rowid FROM call_search WHERE call_search MATCH :matching")
        matching = " AND ".join(_filtered(CallFilter(number=number)))
        query = query.where(
            calls.c.place.in_(places.bindparams(matching=matching).columns(column("rowid")))
        )
    if before:
        query = query.where(calls.c.place < ticks(before))
    return list(connection.execute(query.order_by(calls.c.place).limit(limit)).scalars())


# Searching


class Asked(NamedTuple):
    """A search."""

    query: str
    filter: CallFilter = CallFilter()
    limit: int = 20
    by_rank: bool = False
    cursor: str = ""


def search(connection: Connection, asked: Asked) -> SearchPage:
    """The utterances that a query finds, newest first or by rank.

    Raises:
        QueryError: the query, a filter or the cursor makes no sense.
    """
    node = queries.parse(asked.query)
    found = _ranked(connection, node, asked) if asked.by_rank else _newest(connection, node, asked)
    rows, more = found[: asked.limit], len(found) > asked.limit
    cursor = ""
    if more and asked.by_rank:
        place = _place(asked.cursor, 2)
        newest, skipped = place if place else (rows[0].newest, 0)
        cursor = f"{newest}-{skipped + len(rows)}"
    elif more:
        cursor = str(rows[-1].id)
    marks = queries.marks(node)
    return SearchPage(
        hits=tuple(_hit(row, marks) for row in rows),
        cursor=cursor,
        did_you_mean="" if rows or asked.cursor else _did_you_mean(connection, node, asked),
        unindexed=_left(connection),
    )


def _place(cursor: str, numbers: int) -> tuple[int, ...] | None:
    if not cursor:
        return None
    pieces = cursor.split("-")
    if len(pieces) != numbers or not all(
        p.isascii() and p.isdigit() and len(p) < 19 for p in pieces
    ):
        raise QueryError("The cursor is not one that a page of these results gave.")
    return tuple(int(piece) for piece in pieces)


def _newest(connection: Connection, node: Node, asked: Asked) -> Sequence[Row[Any]]:
    conditions, values = _conditions(node, asked.filter)
    if (place := _place(asked.cursor, 1)) is not None:
        conditions.append("search.rowid < :before")
        values["before"] = place[0]
    sql = f"""
        SELECT search.rowid AS id, {_HIT_COLUMNS} FROM search {_CALL_JOINS} {_UTTERANCE_JOIN}
        WHERE {" AND ".join(conditions)} ORDER BY search.rowid DESC LIMIT :limit
        """  # noqa: S608 - what people typed is bound
    return connection.execute(text(sql), {**values, "limit": asked.limit + 1}).all()


def _ranked(connection: Connection, node: Node, asked: Asked) -> Sequence[Row[Any]]:
    conditions, values = _conditions(node, asked.filter)
    place = _place(asked.cursor, 2)
    if place is not None:  # what has been said since the first page would move the others
        conditions.append("search.rowid <= :newest")
        values["newest"] = place[0]
    sql = f"""
        WITH weighed AS MATERIALIZED (
            SELECT search.rowid AS id, bm25(search, 1.0, 0.8, 0.8, 0.0) AS score
            FROM search {_CALL_JOINS} WHERE {" AND ".join(conditions)}
            ORDER BY search.rowid DESC LIMIT :ranked
        )
        SELECT best.id, best.newest, {_HIT_COLUMNS}
        FROM (
            SELECT id, score, (SELECT max(id) FROM weighed) AS newest FROM weighed
            ORDER BY score, id DESC LIMIT :limit OFFSET :skipped
        ) AS best
        CROSS JOIN search_rows ON search_rows.id = best.id
        CROSS JOIN calls ON calls.id = search_rows.call {_UTTERANCE_JOIN}
        ORDER BY best.score, best.id DESC
        """  # noqa: S608 - what people typed is bound
    skipped = place[1] if place else 0
    return connection.execute(
        text(sql), {**values, "ranked": RANKED, "limit": asked.limit + 1, "skipped": skipped}
    ).all()


_CALL_JOINS = (
    "CROSS JOIN search_rows ON search_rows.id = search.rowid"
    " CROSS JOIN calls ON calls.id = search_rows.call"
)
_UTTERANCE_JOIN = (
    "CROSS JOIN utterances ON utterances.call = search_rows.call"
    " AND utterances.utterance = search_rows.utterance"
)
"""CROSS JOIN keeps SQLite from beginning anywhere but at the index."""
_HIT_COLUMNS = (
    "utterances.call, utterances.utterance, utterances.leg, utterances.track, utterances.speaker,"
    " utterances.text, utterances.raw_text, utterances.words, utterances.tokens, utterances.start_ms,"
    " calls.started_at, calls.from_number, calls.to_number, calls.from_name, calls.to_name,"
    " calls.direction, calls.flow, calls.duration_ms"
)


def _conditions(node: Node, wanted: CallFilter) -> tuple[list[str], dict[str, Any]]:
    """What must hold of a row, as SQL, and the values in it."""
    matching = " AND ".join([*_filtered(wanted), queries.compile_query(node)])
    if wanted.missed is False:
        matching = f'({matching}) NOT {{facets}} : "missed"'
    conditions = ["search MATCH :matching"]
    values: dict[str, Any] = {"matching": matching}
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


def _did_you_mean(connection: Connection, node: Node, asked: Asked) -> str:
    """The query with its unknown words exchanged for known ones, if that finds something."""
    better: dict[str, str] = {}
    for typed in queries.looked_up(node):
        word = fold(typed)
        if len(word) < _SHORTEST_WORD or not word.isalpha() or _is_known(connection, word):
            continue
        near = connection.execute(_SAID, {"words": sorted(one_letter_off(word))}).scalars()
        best = max(near, key=lambda w: (_uses(connection, w), w[0] == word[0], w), default="")
        if best:
            better[word] = best.capitalize() if typed[:1].isupper() else best
    if not better:
        return ""
    query = queries.replace_words(asked.query, better)
    finds = _newest(connection, queries.parse(query), asked._replace(query=query, limit=0))
    return query if finds else ""


def _is_known(connection: Connection, word: str) -> bool:
    return connection.execute(_SAID, {"words": [word]}).first() is not None


def _uses(connection: Connection, word: str) -> int:
    """In how many utterances a word is, up to a thousand."""
    asked = {"query": f"{queries.TEXT_COLUMNS} : {queries.quoted(word)}"}
    return connection.execute(_COUNT, asked).scalar() or 0


_SAID = text(
    "SELECT DISTINCT term FROM search_vocabulary WHERE term IN :words AND col IN ('text', 'spoken')"
).bindparams(bindparam("words", expanding=True))
_COUNT = text("SELECT count(*) FROM (SELECT 1 FROM search WHERE search MATCH :query LIMIT 1000)")


# Hits


def _hit(row: Row[Any], marks: Marks) -> SearchHit:
    words = _words.decode(row.words)
    shown, spans = row.text, found_in(row.text, marks)
    at_ms = row.start_ms
    if spans:
        at_ms = _written_ms(row.tokens, words, spans[0].start, row.start_ms)
    elif spoken := found_in(
        row.raw_text, marks
    ):  # found by what was said, which is written otherwise
        place = row.raw_text.count(" ", 0, spoken[0].start)
        at_ms = words[place].start_ms if place < len(words) else row.start_ms
    return SearchHit(
        call=row.call,
        utterance=row.utterance,
        leg=row.leg,
        track=row.track,
        speaker=row.speaker,
        text=row.text,
        snippet=snippet(shown, spans),
        start_ms=row.start_ms,
        at_ms=at_ms,
        started_at=row.started_at,
        from_=row.from_number,
        to=row.to_number,
        from_name=row.from_name,
        to_name=row.to_name,
        direction=row.direction,
        flow=row.flow,
        duration_ms=row.duration_ms,
    )


def _written_ms(tokens: str, words: Sequence[Word], place: int, otherwise: int) -> int:
    """When the written token at a place of the text is said."""
    end = 0
    for token in _tokens.decode(tokens):
        if not token.text:
            continue
        end += len(token.text)
        if place < end:
            return words[token.start].start_ms if token.start < len(words) else otherwise
        end += 1
    return otherwise
