from __future__ import annotations

import numpy as np
import pytest

from callscribe.audio.activity import Flags
from callscribe.events import Word
from callscribe.speech.wordtimes import correct


def flags(*speech_ms: tuple[int, int], length_ms: int = 4000) -> Flags:
    made = np.zeros(length_ms // 20, np.bool_)
    for start, end in speech_ms:
        made[start // 20 : end // 20] = True
    return made


def word(start_ms: int, end_ms: int) -> Word:
    return Word(text="hello", start_ms=start_ms, end_ms=end_ms, confidence=1.0)


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
    (moved,) = correct([word(*heard)], flags(*speech), 0)

    assert (moved.start_ms, moved.end_ms) == corrected


def test_flags_may_begin_late_and_end_early() -> None:
    (moved,) = correct([word(9000, 13_000)], flags((2000, 2400)), 10_000)

    assert (moved.start_ms, moved.end_ms) == (11_960, 12_440)
