"""Tells clicks from words.

A model hears a click or a smack of the lips as a short word, "six" above all, which is worst in the middle of a number.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from callscribe.audio.activity import FRAME_MS, Levels
from callscribe.events import Word

_SOUND_DB: Final = 6.0
"""Above the noise floor, from here on it is sound."""
_CLICKS: Final = ((20.0, 60), (35.0, 100))
"""So far above the noise (dB), a sound no longer than this (ms) is a click. The more noise, the less of a word is seen:
of a thousand spoken words the shortest had 100 ms where the noise was 20 to 30 dB below them, and 200 ms where it was
40 dB. On lines with more noise nothing is taken for a click."""
_NEAR_MS: Final = 100
"""Sound so near to a word may belong to it: the recogniser's times are not exact."""


def without_clicks(words: Sequence[Word], above_db: Levels, begin_ms: int) -> tuple[Word, ...]:
    """The words that were spoken: without those that have nothing but a clear click on the line.

    Words at the levels' beginning and end, where speech may have been cut off, are kept.

    Args:
        words: in order, with the recogniser's times.
        above_db: how far the line is above its noise, one value per 20 ms.
        begin_ms: time of the first value, on the words' clock.
    """
    return tuple(word for word in words if not _is_click(word, above_db, begin_ms))


def _is_click(word: Word, above_db: Levels, begin_ms: int) -> bool:
    first = (word.start_ms - _NEAR_MS - begin_ms) // FRAME_MS
    last = -((begin_ms - word.end_ms - _NEAR_MS) // FRAME_MS)
    if first < 0 or last > len(above_db) or first >= last:
        return False
    sound = above_db >= _SOUND_DB
    # Speech that reaches into this counts as a whole.
    while first > 0 and sound[first]:
        first -= 1
    while last < len(sound) and sound[last - 1]:
        last += 1
    clearest = float(np.max(above_db[first:last]))
    sound_ms = int(np.count_nonzero(sound[first:last])) * FRAME_MS
    return any(clearest >= clear and sound_ms <= longest for clear, longest in _CLICKS)
