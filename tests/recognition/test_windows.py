from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from callscribe.recognition.windows import (
    GAP_MS,
    Place,
    Stretch,
    divide,
    hurried,
    lay_out,
    most_recent,
    owners,
    pack,
)


def sound(ms: int, level: int = 1000) -> np.ndarray:
    return np.full(ms * 8, level, np.int16)


def test_utterances_lie_one_after_the_other_with_silence_between() -> None:
    window = lay_out([sound(500, 1), sound(300, 2)])
    assert window.places == (Place(0, 500), Place(500 + GAP_MS, 800 + GAP_MS))
    assert len(window.pcm) == (800 + GAP_MS) * 8
    assert not window.pcm[500 * 8 : (500 + GAP_MS) * 8].any()
    assert (window.pcm[(500 + GAP_MS) * 8 :] == 2).all()


def test_nothing_is_an_empty_window() -> None:
    assert lay_out([]).places == ()
    assert len(lay_out([]).pcm) == 0


def test_only_what_fits_of_the_end_is_taken() -> None:
    lengths = [9_000, 5_000, 4_000]
    assert most_recent(lengths, 21_000) == 3
    assert most_recent(lengths, 20_000) == 2
    assert most_recent(lengths, 4_999) == 0
    assert most_recent([], 24_000) == 0


@given(st.lists(st.integers(0, 40_000), max_size=30), st.integers(1_000, 30_000))
def test_every_utterance_is_in_one_window_in_order(lengths: list[int], window_ms: int) -> None:
    windows = pack(lengths, window_ms)
    assert [i for window in windows for i in window] == list(range(len(lengths)))
    for window in windows:
        used = sum(lengths[i] for i in window) + GAP_MS * (len(window) - 1)
        assert used <= window_ms or len(window) == 1


@given(st.lists(st.integers(0, 9_000), min_size=1, max_size=12))
def test_no_two_neighbouring_windows_could_be_one(lengths: list[int]) -> None:
    windows = pack(lengths, 28_000)
    for before, after in itertools.pairwise(windows):
        together = sum(lengths[i] for i in (*before, after[0])) + GAP_MS * len(before)
        assert together > 28_000


PLACES = [Place(0, 1000), Place(2000, 3000), Place(4000, 5000)]


def test_a_word_belongs_to_the_utterance_it_begins_in_or_the_nearest() -> None:
    assert owners(PLACES, [0, 1400, 1600, 2500, 9000]) == [0, 0, 1, 1, 2]


def test_time_stamps_know_better_which_utterance_words_come_from() -> None:
    stretches = [Stretch(0, 1900, 2), Stretch(2000, 3000, 1), Stretch(4000, 5000, 1)]
    assert owners(PLACES, [0, 1600, 3700, 4000], stretches) == [0, 0, 1, 2]
    assert owners(PLACES, [0, 1600, 2100, 4100], [Stretch(0, 5000, 4)]) == [0, 1, 1, 2]


def test_words_written_for_the_silence_after_the_last_utterance_are_nobodys() -> None:
    stretches = [Stretch(4000, 5000, 1), Stretch(5000, 6000, 2)]
    assert owners(PLACES, [4000, 4500, 4900], stretches) == [2, None, None]


def test_more_letters_than_anybody_says_are_known() -> None:
    assert hurried(56, 1100)
    assert not hurried(16, 900)
    assert not hurried(0, 0)


def test_time_stamps_that_do_not_count_all_words_are_left_out_of_account() -> None:
    assert owners(PLACES, [0, 2100], [Stretch(4000, 5000, 1)]) == [0, 1]


@given(
    st.lists(st.integers(0, 9_000), min_size=1, max_size=12),
    st.lists(st.tuples(st.integers(0, 40_000), st.integers(0, 40_000), st.integers(0, 4))),
    st.data(),
)
def test_words_keep_their_order_whatever_their_times(
    lengths: list[int], drawn: list[tuple[int, int, int]], data: st.DataObject
) -> None:
    places = lay_out([sound(ms) for ms in lengths]).places
    count = sum(words for *_, words in drawn)
    starts = data.draw(st.lists(st.integers(0, 40_000), min_size=count, max_size=count))
    found = owners(places, starts, [Stretch(*each) for each in drawn])
    assert len(found) == count
    owned = [i for i in found if i is not None]
    assert owned == sorted(owned)
    assert all(0 <= i < len(places) for i in owned)


@given(st.integers(0, 100_000))
def test_a_long_utterance_is_divided_and_nothing_is_lost(ms: int) -> None:
    rng = np.random.default_rng(ms)
    pcm = rng.integers(-500, 500, ms * 8).astype(np.int16)
    pieces = divide(pcm, 28_000)
    assert np.array_equal(np.concatenate(pieces), pcm)
    assert all(len(piece) <= 28_000 * 8 for piece in pieces)


def test_it_is_cut_where_it_is_quietest() -> None:
    pcm = sound(40_000)
    pcm[24_000 * 8 : 24_400 * 8] = 0
    first, _ = divide(pcm, 28_000)
    assert 24_000 * 8 <= len(first) <= 24_400 * 8
