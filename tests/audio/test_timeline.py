from __future__ import annotations

import itertools
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callscribe.audio.timeline import Piece, Timeline


def render(pieces: list[Piece]) -> bytes:
    """The line as one run of bytes, holes as mu-law silence."""
    line = bytearray()
    for piece in pieces:
        assert piece.start >= len(line), "pieces overlap"
        line += b"\xff" * (piece.start - len(line)) + piece.payload
    return bytes(line)


def audio(samples: int, seed: int = 1) -> bytes:
    return np.random.default_rng(seed).integers(0, 255, samples, np.uint8).tobytes()


def frames_of(payload: bytes, sizes: list[int], first_ms: int) -> list[tuple[int, bytes]]:
    """Chopped into whole milliseconds, sizes used round and round."""
    frames = []
    at = turn = 0
    while at < len(payload):
        size = sizes[turn % len(sizes)] * 8
        frames.append((first_ms + at // 8, payload[at : at + size]))
        at += size
        turn += 1
    return frames


@given(
    sizes=st.lists(st.integers(10, 60), min_size=1, max_size=5),
    first_ms=st.integers(0, 5000),
    seed=st.integers(0, 2**32),
    jitter_ms=st.integers(0, 2),
    duplicated=st.floats(0, 0.3),
    reach_ms=st.integers(0, 55),
)
@settings(deadline=None, max_examples=150)
def test_chopping_reordering_duplication_and_jitter_change_nothing(
    sizes: list[int],
    first_ms: int,
    seed: int,
    jitter_ms: int,
    duplicated: float,
    reach_ms: int,
) -> None:
    rng = random.Random(seed)
    payload = audio(2000 * 8)
    sent = [
        (t + rng.randint(-jitter_ms, jitter_ms) if t >= 2 else t, data)
        for t, data in frames_of(payload, sizes, first_ms)
    ]
    order = sorted(range(len(sent)), key=lambda i: (sent[i][0] + rng.uniform(0, reach_ms), i))
    arriving = []
    for i in order:
        arriving.append(sent[i])
        if rng.random() < duplicated:
            arriving.append(sent[i])

    line = Timeline()
    pieces = [piece for frame in arriving for piece in line.push(*frame)] + line.flush()

    assert render(pieces) == payload
    assert abs(pieces[0].clock_ms - first_ms) <= 2
    assert line.counters.duplicates == len(arriving) - len(sent)
    assert line.counters.late == 0
    assert line.counters.frames == len(sent)


def test_frames_are_passed_on_at_once_when_nothing_is_missing() -> None:
    line = Timeline()
    frames = frames_of(audio(8000), [20], 155)
    for frame in frames[:7]:
        line.push(*frame)

    assert [len(line.push(*frame)) for frame in frames[7:]] == [1] * (len(frames) - 7)


def test_a_missing_frame_leaves_a_hole_of_its_length() -> None:
    payload = audio(8000)
    frames = frames_of(payload, [20], 155)
    line = Timeline()

    pieces = []
    for number, frame in enumerate(frames, start=1):
        if number not in (20, 21, 22):
            pieces += line.push(*frame, number)
    pieces += line.flush()

    assert render(pieces) == payload[: 19 * 160] + b"\xff" * 480 + payload[22 * 160 :]
    assert [piece.chunks_lost for piece in pieces if piece.chunks_lost is not None] == [3]


def test_a_pause_shows_as_a_hole_without_lost_chunks() -> None:
    line = Timeline()
    pieces = line.push(200, audio(1600), 1)
    pieces += line.push(60_200, audio(1600), 2)
    pieces += line.flush()

    assert [piece.start for piece in pieces] == [0, 480_000]
    assert pieces[1].chunks_lost == 0


def test_a_frame_whose_place_is_gone_is_dropped_and_counted() -> None:
    frames = frames_of(audio(8000), [20], 0)
    line = Timeline(window_ms=60)
    pieces = []
    for i, frame in enumerate(frames):
        if i != 10:
            pieces += line.push(*frame)

    assert line.push(*frames[10]) == []
    assert line.counters.late == 1


def test_reordered_frames_are_counted() -> None:
    frames = frames_of(audio(8000), [20], 0)
    frames[20], frames[21] = frames[21], frames[20]
    line = Timeline()
    for frame in frames:
        line.push(*frame)

    assert line.counters.reordered == 1


@pytest.mark.parametrize("parts_per_million", [-300, 300])
def test_a_clock_that_runs_fast_or_slow_tears_nothing(parts_per_million: int) -> None:
    line = Timeline()
    pieces = []
    for i in range(50 * 600):
        pieces += line.push(155 + round(i * 20 * (1 + parts_per_million / 1e6)), audio(160, i % 40))
    pieces += line.flush()

    assert all(b.start == a.start + 160 for a, b in itertools.pairwise(pieces))
    assert line.counters.late == line.counters.duplicates == 0
    wanted = 155 + 599_980 * (1 + parts_per_million / 1e6)
    assert abs(pieces[-1].clock_ms - wanted) < 5


def test_a_clock_set_back_costs_a_second_not_the_call() -> None:
    line = Timeline()
    pieces = []
    for i in range(100):
        pieces += line.push(10_000 + i * 20, audio(160, i))
    for i in range(200):
        pieces += line.push(i * 20, audio(160, 1000 + i))
    pieces += line.flush()

    assert len(pieces) >= 100 + 140
    assert 50 <= line.counters.late <= 60


@given(
    st.lists(
        st.tuples(st.integers(0, 2**62), st.binary(max_size=400), st.none() | st.integers(0, 2**31))
    )
)
@settings(deadline=None)
def test_whatever_arrives_pieces_never_overlap(frames: list[tuple[int, bytes, int | None]]) -> None:
    line = Timeline()
    pieces = [piece for frame in frames for piece in line.push(*frame)] + line.flush()

    assert all(b.start >= a.start + len(a.payload) for a, b in itertools.pairwise(pieces))


class Thorough(Timeline):
    """Sorts every frame in, also those that surely continue the line."""

    def _goes_on(self, timestamp_ms: int, length_ms: float) -> bool:
        return False


@given(
    st.lists(
        st.tuples(
            st.sampled_from([20, 20, 20, 19, 21, 0, 40, 300, -20, -40, -4, 5]),
            st.none() | st.integers(1, 40),
            st.sampled_from([160, 160, 8, 40, 41, 80, 400]),
            st.booleans(),
        ),
        max_size=60,
    )
)
def test_a_frame_that_continues_the_line_is_placed_as_if_it_had_been_sorted_in(
    frames: list[tuple[int, int | None, int, bool]],
) -> None:
    quick, thorough = Timeline(), Thorough()
    now = 0
    for number, (step, chunk, samples, flushed) in enumerate(frames):
        now = max(0, now + step)
        payload = audio(samples, number // 3)
        assert quick.push(now, payload, chunk) == thorough.push(now, payload, chunk)
        if flushed and number % 7 == 0:
            assert quick.flush() == thorough.flush()
        assert vars(quick) == vars(thorough)
