"""The tables. `events` is the journal and the truth; all others are projections of it, updated in its transaction.

Only portable SQL types are used, so that another database than SQLite can hold the same tables. JSON is kept as text,
read by msgspec. Times in `*_ms` columns are milliseconds on the record's line, `at` columns ISO 8601 UTC.

A change here needs a migration in `migrations/versions` and a new `HEAD`; a test compares both ways to this schema.
"""

from __future__ import annotations

from sqlalchemy import (
    DDL,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    event,
)

HEAD = "0011"
"""The newest migration."""

KNOWN = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", "0010", "0011")
"""Every migration from the oldest to `HEAD`."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

version = Table(
    "alembic_version",
    metadata,
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
"""Kept by Alembic; named here so that a fresh database needs no migration run."""

events = Table(
    "events",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("call", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("body", Text, nullable=False),
    Index(None, "call", "id"),
    sqlite_autoincrement=True,  # an id is never given twice, even after deletions: it is a cursor
)

calls = Table(
    "calls",
    metadata,
    Column("id", Text, primary_key=True),
    Column("first_event", Integer, nullable=False),
    Column("conference_sid", Text, nullable=False, default=""),
    Column("from_number", Text, nullable=False, default=""),
    Column("to_number", Text, nullable=False, default=""),
    Column("from_name", Text, nullable=False, default=""),
    Column("to_name", Text, nullable=False, default=""),
    Column("direction", Text, nullable=False, default="inbound"),
    Column("flow", Text, nullable=False, default="answer"),
    Column("room", Text, nullable=False, default=""),
    Column("status", Text, nullable=False, default="in-progress"),
    Column("started_at", Text, nullable=False, default=""),
    Column("ended_at", Text),
    Column("duration_ms", Integer),
    Column("ended_by", Text, nullable=False, default=""),
    Column("end_reason", Text, nullable=False, default=""),
    Column("on_hold", Boolean, nullable=False, default=False),
    Column("dial", Text),
    Column("utterance_count", Integer, nullable=False, default=0),
    Column("last_text", Text, nullable=False, default=""),
    Column("facets", Text, nullable=False, default="", server_default=""),
    Column("place", Integer, nullable=False, default=0, server_default="0"),
    Column("tags", Text, nullable=False, default="[]", server_default="[]"),
    Column("note", Text, nullable=False, default="", server_default=""),
    Column("language", Text, nullable=False, default="", server_default=""),
    Index(None, "first_event"),
    Index(None, "place"),
    Index(None, "conference_sid"),
    Index(None, "ended_at"),
)

legs = Table(
    "legs",
    metadata,
    Column("leg", Text, nullable=False),
    Column("call", Text, nullable=False),
    PrimaryKeyConstraint("leg", "call"),
)
"""Which records a call SID has been part of."""

tokens = Table(
    "tokens",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("name", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("last_used_at", Text),
    Column("revoked_at", Text),
    UniqueConstraint("name"),
    UniqueConstraint("digest"),
)
"""Who may use the API: digests of tokens, scopes apart by blanks. No projection of events."""

renames = Table(
    "renames",
    metadata,
    Column("call", Text, nullable=False),
    Column("leg", Text, nullable=False),
    Column("track", Text, nullable=False),
    Column("speaker", Text, nullable=False),
    PrimaryKeyConstraint("call", "leg", "track"),
)
"""Names given by a person; they win over whatever an event says."""

participants = Table(
    "participants",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("call", Text, nullable=False),
    Column("leg", Text, nullable=False),
    Column("track", Text, nullable=False),
    Column("speaker", Text, nullable=False),
    Column("number", Text, nullable=False, default=""),
    Column("joined_ms", Integer, nullable=False),
    Column("left_ms", Integer),
    Column("muted", Boolean, nullable=False, default=False),
    Column("on_hold", Boolean, nullable=False, default=False),
    Column("leave_reason", Text, nullable=False, default=""),
    Index(None, "call"),
)

tracks = Table(
    "tracks",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("call", Text, nullable=False),
    Column("leg", Text, nullable=False),
    Column("stream", Text, nullable=False),
    Column("track", Text, nullable=False),
    Column("speaker", Text, nullable=False, default=""),
    Column("offset_ms", Integer, nullable=False, default=0),
    Column("started_at", Text, nullable=False, default=""),
    Column("ended_at", Text),
    Column("end_reason", Text, nullable=False, default=""),
    Column("counters", Text),
    Column("language", Text, nullable=False, server_default=""),
    Index(None, "call"),
)

utterances = Table(
    "utterances",
    metadata,
    Column("event", Integer, primary_key=True, autoincrement=False),
    Column("call", Text, nullable=False),
    Column("utterance", Text, nullable=False),
    Column("leg", Text, nullable=False),
    Column("track", Text, nullable=False),
    Column("speaker", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("start_ms", Integer, nullable=False),
    Column("end_ms", Integer, nullable=False),
    Column("text", Text, nullable=False),
    Column("raw_text", Text, nullable=False),
    Column("words", Text, nullable=False),
    Column("tokens", Text, nullable=False),
    Column("confidence", Float, nullable=False),
    Column("lag_ms", Integer, nullable=False),
    Column("at", Text, nullable=False),
    Column("reading", Integer, nullable=False, server_default="1"),
    Column("reader", Text, nullable=False, server_default=""),
    Column("first", Text),
    Column("recognised", Text),
    Column("language", Text, nullable=False, server_default=""),
    UniqueConstraint("call", "utterance"),
    Index(None, "call", "start_ms"),
)

gaps = Table(
    "gaps",
    metadata,
    Column("event", Integer, primary_key=True, autoincrement=False),
    Column("call", Text, nullable=False),
    Column("leg", Text, nullable=False),
    Column("track", Text, nullable=False),
    Column("start_ms", Integer, nullable=False),
    Column("end_ms", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", Text, nullable=False),
    Index(None, "call"),
)

pauses = Table(
    "pauses",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("call", Text, nullable=False),
    Column("start_ms", Integer, nullable=False),
    Column("end_ms", Integer),
    Index(None, "call"),
)

waits = Table(
    "waits",
    metadata,
    Column("call", Text, nullable=False),
    Column("stream", Text, nullable=False),
    PrimaryKeyConstraint("call", "stream"),
)
"""Streams that wait for room to be transcribed."""

search_rows = Table(
    "search_rows",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("call", Text, nullable=False),
    Column("utterance", Text, nullable=False),
    UniqueConstraint("call", "utterance"),
)
"""Which utterance a row of the index is. The id is the moment of the utterance in hundredths of a second since 1970, or
the next free number after it, so that the index is in the order of time and a stretch of time is a stretch of ids."""

search_pending = Table(
    "search_pending",
    metadata,
    Column("call", Text, nullable=False),
    Column("utterance", Text, nullable=False),
    PrimaryKeyConstraint("call", "utterance"),
)
"""Utterances that are new or have changed, and that the index does not know yet."""

search_backlog = Table(
    "search_backlog",
    metadata,
    Column("after", Integer, primary_key=True, autoincrement=False),
)
"""In a record that is older than the index: the last utterance (its event) that has been indexed. No row: all are."""

erasures = Table(
    "erasures",
    metadata,
    Column("call", Text, primary_key=True),
    Column("what", Text, nullable=False),
)
"""What was deleted and may still be found in the files: in audio, in the index, in the log."""

SEARCH_TABLE = """
CREATE VIRTUAL TABLE search USING fts5(
    text, spoken, digits, facets,
    tokenize = "unicode61 remove_diacritics 2",
    prefix = '2 3'
)
"""
"""The full-text index (SQLite's FTS5); `callscribe.store.index` says what its columns hold."""

VOCABULARY_TABLE = "CREATE VIRTUAL TABLE search_vocabulary USING fts5vocab(search, col)"
"""Every word of the index, for "did you mean"; a view of it that holds nothing itself."""

CALL_SEARCH_TABLE = """
CREATE VIRTUAL TABLE call_search USING fts5(
    facets, digits,
    tokenize = "unicode61 remove_diacritics 2",
    prefix = '3 4 5'
)
"""
"""What calls are found by, a row each; the row's id is the call's `place`."""

_call_search_ddl = DDL(CALL_SEARCH_TABLE)  # type: ignore[no-untyped-call]
event.listen(metadata, "after_create", _call_search_ddl.execute_if(dialect="sqlite"))
_search_ddl = DDL(SEARCH_TABLE)  # type: ignore[no-untyped-call]
event.listen(metadata, "after_create", _search_ddl.execute_if(dialect="sqlite"))
_vocabulary_ddl = DDL(VOCABULARY_TABLE)  # type: ignore[no-untyped-call]
event.listen(metadata, "after_create", _vocabulary_ddl.execute_if(dialect="sqlite"))
