"""Snippets show what was found."""

from __future__ import annotations

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from callscribe.search.query import QueryError, marks, parse
from callscribe.search.snippets import found_in, snippet


@given(st.text(max_size=400), st.sampled_from(["a", "the*", '"a b"', "12", "one two"]))
def test_a_snippet_is_a_piece_of_the_text(text: str, query: str) -> None:
    spans = found_in(text, marks(parse(query)))
    parts = snippet(text, spans)
    shown = "".join(part.text for part in parts if part.text != "…")
    assert shown.replace("…", "") in text.replace("…", "")
    assert [part.text for part in parts if part.marked] == [text[a:b] for a, b in spans]


def test_a_long_text_is_cut_around_what_was_found() -> None:
    text = "word " * 100 + "refund " + "word " * 100
    parts = snippet(text, found_in(text, marks(parse("refund"))))
    assert [part.text for part in parts if part.marked] == ["refund"]
    assert (parts[0].text, parts[-1].text) == ("…", "…")
    assert sum(len(part.text) for part in parts) < 250


@given(st.text(max_size=60))
def test_marking_never_fails(query: str) -> None:
    with contextlib.suppress(QueryError):
        found_in("The four one two refund 412.", marks(parse(query)))
