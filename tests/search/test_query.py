"""Whatever people type is either understood or explained, and the index understands what comes of it."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callscribe.search.query import QueryError, compile_query, looked_up, marks, parse
from callscribe.store.schema import SEARCH_TABLE

_PIECES = st.sampled_from(
    ["refund", "Élodie", "four", "one two", "412", "$1,250.50", "(415) 555-0123", "+44 20", '"', '"a b"', "(", ")",
     "AND", "OR", "NOT", "-", "-x", "*", "re*", "“hm”", "million", "don't", "x_y", "'", ":", "^", "{}", "\\", "\0", "ß"]
)  # fmt: skip


@given(st.one_of(st.text(max_size=60), st.lists(_PIECES, max_size=8).map(" ".join)))
def test_every_query_is_understood_or_explained(query: str) -> None:
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute(SEARCH_TABLE)
        try:
            node = parse(query)
        except QueryError:
            return
        marks(node)
        looked_up(node)
        connection.execute("SELECT rowid FROM search WHERE search MATCH ?", [compile_query(node)])
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("query", "compiled"),
    [
        ("refund", '{text spoken} : "refund"'),
        ("re*", '{text spoken} : "re" *'),
        ("a OR b", '({text spoken} : "a" OR {text spoken} : "b")'),
        ("a NOT b", '({text spoken} : "a" NOT {text spoken} : "b")'),
        ("412", '({text spoken} : "412" OR {digits} : "412")'),
    ],
)
def test_the_language_of_the_index(query: str, compiled: str) -> None:
    assert compile_query(parse(query)) == compiled


def test_deep_brackets_are_refused() -> None:
    with pytest.raises(QueryError, match="brackets"):
        parse("(" * 100 + "a" + ")" * 100)
