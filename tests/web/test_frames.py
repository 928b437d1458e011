"""Frames: what the quick reader finds is what RFC 6455's own implementation finds."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from callscribe.web.frames import FrameReader, Piece

SIZE = 70_000

_texts = st.one_of(
    st.text(max_size=200), st.integers(120, 130).map(lambda n: "x" * n), st.just("y" * 66_000)
)
_frames = st.one_of(
    st.builds(lambda t: Frame(Opcode.TEXT, t.encode()), _texts),
    st.builds(lambda b: Frame(Opcode.PING, b), st.binary(max_size=20)),
    st.builds(lambda b: Frame(Opcode.PONG, b), st.binary(max_size=20)),
    st.builds(lambda b: Frame(Opcode.BINARY, b), st.binary(max_size=300)),
)


def sent(frames: list[Frame]) -> bytes:
    return b"".join(frame.serialize(mask=True, extensions=[]) for frame in frames)


def fed(data: bytes, cuts: list[int], size: int = SIZE) -> list[Piece]:
    reader = FrameReader(size)
    pieces: list[Piece] = []
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    for start, stop in itertools.pairwise(edges):
        pieces += reader.feed(data[start:stop])
    return pieces


@given(st.lists(_frames, max_size=12), st.lists(st.integers(0, 200_000), max_size=20))
def test_any_cut_gives_the_same_frames(frames: list[Frame], cuts: list[int]) -> None:
    pieces = fed(sent(frames), cuts)
    assert len(pieces) == len(frames)
    for piece, frame in zip(pieces, frames, strict=True):
        assert piece.text == (frame.opcode is Opcode.TEXT)
        if piece.text:
            assert piece.data == frame.data


def test_a_whole_text_among_fragments_is_the_librarys_to_refuse() -> None:
    start = Frame(Opcode.TEXT, b"a", fin=False)
    end = Frame(Opcode.CONT, b"b")
    text = Frame(Opcode.TEXT, b"c")
    kinds = [piece.text for piece in fed(sent([start, text]), [])]
    assert kinds == [False, False]
    kinds = [piece.text for piece in fed(sent([start, end, text]), [])]
    assert kinds == [False, False, True]
    ping = Frame(Opcode.PING, b"")
    kinds = [piece.text for piece in fed(sent([start, ping, text]), [])]
    assert kinds == [False, False, False]


def test_a_broken_frame_is_handed_on_with_all_that_follows() -> None:
    text = Frame(Opcode.TEXT, b"c")
    unmasked = text.serialize(mask=False, extensions=[])
    after = sent([text])
    assert fed(sent([text]) + unmasked + after, []) == [
        Piece(True, b"c"),
        Piece(False, unmasked + after),
    ]
    long = sent([Frame(Opcode.TEXT, b"x" * 20)])
    assert fed(long[:7], [], size=10) == [Piece(False, long[:7])]
