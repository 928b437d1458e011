"""Searching the full-text index (`callscribe.store.index`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Row, bindparam, text

from callscribe.events import Token, Word
from callscribe.records import CallFilter, SearchHit, SearchPage
from callscribe.search import query as queries
from callscribe.search.query import Marks, Node
from callscribe.search.snippets import found_in, snippet
from callscribe.search.words import fold, one_letter_off
from callscribe.store.index import left
from callscribe.store.naming import Names, Naming
from callscribe.store.narrowing import CALL_JOINS, conditions_of, place_of

RANKED = 2_000
"""Results by rank are the best among so many of the newest: ranking weighs every one of them."""
_SHORTEST_WORD = 3
"""Letters of words that are guessed and guessed for."""

_tokens = msgspec.json.Decoder(tuple[Token, ...])
_words = msgspec.json.Decoder(tuple[Word, ...])


class Asked(NamedTuple):
    """A search."""

    query: str
    filter: CallFilter = CallFilter()
    limit: int = 20
    by_rank: bool = False
    cursor: str = ""


def search(connection: Connection, asked: Asked, names: Names) -> SearchPage:
    """The utterances that a query finds, newest first or by rank.

    Raises:
        QueryError: the query, a filter or the cursor makes no sense.
    """
    node = queries.parse(asked.query)
    found = (
        _ranked(connection, node, asked, names)
        if asked.by_rank
        else _newest(connection, node, asked, names)
    )
    rows, more = found[: asked.limit], len(found) > asked.limit
    cursor = ""
    if more and asked.by_rank:
        place = place_of(asked.cursor, 2)
        newest, skipped = place if place else (rows[0].newest, 0)
        cursor = f"{newest}-{skipped + len(rows)}"
    elif more:
        cursor = str(rows[-1].id)
    marks = queries.marks(node)
    naming = Naming(connection, list({row.call for row in rows}), names)
    return SearchPage(
        hits=tuple(_hit(row, marks, naming) for row in rows),
        cursor=cursor,
        did_you_mean="" if rows or asked.cursor else _did_you_mean(connection, node, asked, names),
        unindexed=left(connection),
    )


def _newest(connection: Connection, node: Node, asked: Asked, names: Names) -> Sequence[Row[Any]]:
    conditions, values = conditions_of(node, asked.filter, names)
    if (place := place_of(asked.cursor, 1)) is not None:
        conditions.append("search.rowid < :before")
        values["before"] = place[0]
    sql = f"""
        SELECT search.rowid AS id, {_HIT_COLUMNS} FROM search {CALL_JOINS} {_UTTERANCE_JOIN}
        WHERE {" AND ".join(conditions)} ORDER BY search.rowid DESC LIMIT :limit
        """  # noqa: S608 - what people typed is bound
    return connection.execute(text(sql), {**values, "limit": asked.limit + 1}).all()


def _ranked(connection: Connection, node: Node, asked: Asked, names: Names) -> Sequence[Row[Any]]:
    conditions, values = conditions_of(node, asked.filter, names)
    place = place_of(asked.cursor, 2)
    if place is not None:  # what has been said since the first page would move the others
        conditions.append("search.rowid <= :newest")
        values["newest"] = place[0]
    sql = f"""
        WITH weighed AS MATERIALIZED (
            SELECT search.rowid AS id, bm25(search, 1.0, 0.8, 0.8, 0.0) AS score
            FROM search {CALL_JOINS} WHERE {" AND ".join(conditions)}
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


_UTTERANCE_JOIN = (
    "CROSS JOIN utterances ON utterances.call = search_rows.call"
    " AND utterances.utterance = search_rows.utterance"
)
"""CROSS JOIN keeps SQLite from beginning anywhere but at the index."""
_HIT_COLUMNS = (
    "utterances.call, utterances.utterance, utterances.leg, utterances.track, utterances.speaker,"
    " utterances.text, utterances.raw_text, utterances.words, utterances.tokens, utterances.start_ms,"
    " calls.started_at, calls.from_number, calls.to_number, calls.from_name, calls.to_name,"
    " calls.direction, calls.flow, calls.duration_ms, utterances.language,"
    " calls.language AS call_language"
)


def _did_you_mean(connection: Connection, node: Node, asked: Asked, names: Names) -> str:
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
    finds = _newest(connection, queries.parse(query), asked._replace(query=query, limit=0), names)
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


def _hit(row: Row[Any], marks: Marks, naming: Naming) -> SearchHit:
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
        speaker=naming.voice(row.call, row.leg, row.track, row.speaker),
        text=row.text,
        snippet=snippet(shown, spans),
        start_ms=row.start_ms,
        at_ms=at_ms,
        started_at=row.started_at,
        from_=row.from_number,
        to=row.to_number,
        from_name=naming.party(row.call, row.from_number, row.from_name),
        to_name=naming.party(row.call, row.to_number, row.to_name),
        direction=row.direction,
        flow=row.flow,
        duration_ms=row.duration_ms,
        language=row.language or row.call_language,
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
