from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callscribe.audio.activity import Flags, Levels
from callscribe.events import Word
from callscribe.speech.corrections import exact_times, without_clicks

Sound = tuple[int, int, float]
"""From, to (ms), and how far above the noise (dB)."""


def word(start_ms: int, end_ms: int) -> Word:
    return Word(text="hello", start_ms=start_ms, end_ms=end_ms, confidence=1.0)


def levels(*sounds: Sound, length_ms: int = 4000) -> Levels:
    made = np.zeros(length_ms // 20)
    for start, end, db in sounds:
        made[start // 20 : end // 20] = db
    return made


@pytest.mark.parametrize(
    ("heard", "sounds"),
    [
        ((1000, 1120), [(1040, 1060, 25.0)]),
        ((1000, 1120), [(1040, 1100, 21.0)]),
        ((1000, 1120), [(1020, 1120, 40.0)]),
        ((1000, 1120), [(920, 980, 30.0)]),  # a little off
        ((1000, 1900), [(1000, 1060, 30.0)]),  # a pause counted to it
        ((1000, 1300), [(1000, 1040, 40.0), (1200, 1240, 38.0)]),  # two clicks
    ],
)
def test_a_click_is_no_word(heard: tuple[int, int], sounds: list[Sound]) -> None:
    assert without_clicks([word(*heard)], levels((100, 600, 30.0), *sounds), 0) == ()


@pytest.mark.parametrize(
    ("heard", "sounds"),
    [
        ((1000, 1120), [(1000, 1100, 25.0)]),  # the shortest of words in noise
        ((1000, 1120), [(1000, 1040, 36.0), (1040, 1160, 12.0)]),  # a burst and what it begins
        ((1000, 1060), [(600, 1400, 40.0)]),  # "a" in a sentence
        ((1000, 1120), [(500, 960, 40.0), (1000, 1040, 40.0)]),  # near speech it may belong to
        ((1000, 1120), [(1000, 1060, 15.0)]),  # noise may hide the most of it
        ((1000, 1120), []),  # noise hides all of it
        ((0, 100), [(0, 60, 40.0)]),  # cut off at the beginning
        ((3900, 4000), [(3940, 4000, 40.0)]),  # and at the end
    ],
)
def test_a_word_is_kept(heard: tuple[int, int], sounds: list[Sound]) -> None:
    assert without_clicks([word(*heard)], levels(*sounds), 0) == (word(*heard),)


def test_times_count_from_the_first_level() -> None:
    words = [word(9200, 9500), word(10_000, 10_120)]

    kept = without_clicks(words, levels((200, 500, 30.0), (1000, 1060, 30.0)), 9000)

    assert kept == (word(9200, 9500),)


@given(
    start=st.integers(100, 3000),
    length=st.integers(30, 800),
    sound_ms=st.integers(140, 800),
    db=st.floats(0, 70),
)
def test_no_word_with_so_much_sound_in_it_is_lost(
    start: int, length: int, sound_ms: int, db: float
) -> None:
    line = levels((start, start + sound_ms, db))
    heard = word(start, start + max(length, sound_ms))

    assert without_clicks([heard], line, 0) == (heard,)


def flags(*speech_ms: tuple[int, int], length_ms: int = 4000) -> Flags:
    made = np.zeros(length_ms // 20, np.bool_)
    for start, end in speech_ms:
        made[start // 20 : end // 20] = True
    return made


@pytest.mark.parametrize(
    ("heard", "speech", "corrected"),
    [
        ((0, 2400), [(2000, 2400)], (1960, 2400)),  # silence counted to the first word
        ((2000, 3500), [(2000, 2400)], (2000, 2440)),  # and to the last
        ((1950, 2400), [(2000, 2400)], (1950, 2400)),  # near enough: the recogniser knows better
        ((2000, 2500), [(2000, 2100), (2200, 2500)], (2000, 2500)),  # a stop is no silence
        ((0, 2400), [(500, 540), (2000, 2400)], (1960, 2400)),  # a click before
        ((0, 2400), [], (0, 2400)),  # nothing to go by
    ],
)
def test_a_word_is_where_its_speech_is(
    heard: tuple[int, int], speech: list[tuple[int, int]], corrected: tuple[int, int]
) -> None:
    (moved,) = exact_times([word(*heard)], flags(*speech), 0)

    assert (moved.start_ms, moved.end_ms) == corrected


def test_flags_may_begin_late_and_end_early() -> None:
    (moved,) = exact_times([word(9000, 13_000)], flags((2000, 2400)), 10_000)

    assert (moved.start_ms, moved.end_ms) == (11_960, 12_440)
