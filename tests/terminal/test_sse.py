from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callscribe.terminal.sse import MAX_MESSAGE, Message, SseParser


def test_messages_ids_comments_and_names() -> None:
    messages = SseParser().feed(
        b"retry: 1000\nid: 7\n\n: still here\n\nid: 8\ndata: {}\n\nevent: resync\ndata: a\ndata: b\n\n"
    )
    assert messages == [
        Message("", "message", "7"),
        Message("{}", "message", "8"),
        Message("a\nb", "resync", None),
    ]


def test_line_separators_of_unicode_are_text() -> None:
    text = "one\u2028two\x85three\x0bfour"
    assert SseParser().feed(f"data: {text}\n\n".encode())[0].data == text


def test_an_endless_message_is_refused() -> None:
    parser = SseParser()
    for _ in range(MAX_MESSAGE // 1000):
        assert parser.feed(b"data: " + b"x" * 994) == []
    with pytest.raises(ValueError, match="too large"):
        parser.feed(b"x" * 1000)


field = st.tuples(
    st.sampled_from(["data", "event", "id", "", "unknown"]),
    st.text(st.characters(exclude_characters="\r\n", codec="utf-8"), max_size=12),
)


@given(
    fields=st.lists(st.one_of(field, st.none()), max_size=12),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    cuts=st.lists(st.integers(0, 200), max_size=8),
)
def test_however_the_bytes_are_cut(
    fields: list[tuple[str, str] | None], end: str, cuts: list[int]
) -> None:
    text = "".join((f"{f[0]}: {f[1]}" if f else "") + end for f in fields) + "data: end" + end * 2
    data = text.encode()
    whole = SseParser().feed(data)
    parser = SseParser()
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    parts = [m for a, b in itertools.pairwise(edges) for m in parser.feed(data[a:b])]
    assert parts == whole
    assert whole[-1].data.endswith("end")
