"""What the line knows better than the recogniser: which of its words are clicks, and where words begin and end.

A model hears a click or a smack of the lips as a short word, "six" above all, which is worst in the middle of a number.
And it must give every moment to some word, so the silence before an utterance is counted to its first word (and a long
pause to the word after it). Voice activity and the line's level say otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np

from callscribe.audio.activity import FRAME_MS, Flags, Levels
from callscribe.events import Word

_SOUND_DB: Final = 6.0
"""Above the noise floor, from here on it is sound."""
_CLICKS: Final = ((20.0, 60), (35.0, 100))
"""So far above the noise (dB), a sound no longer than this (ms) is a click. The more noise, the less of a word is seen:
of a thousand spoken words the shortest had 100 ms where the noise was 20 to 30 dB below them, and 200 ms where it was
40 dB. On lines with more noise nothing is taken for a click."""
_NEAR_MS: Final = 100
"""Sound so near to a word may belong to it: the recogniser's times are not exact."""
_SILENCE_MS: Final = 200
"""No word has so long a silence inside; a stop's closure is shorter."""
_MARGIN_MS: Final = 40
"""Activity is noticed a little after a soft beginning, and given up a little before a soft end."""


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


def exact_times(words: Sequence[Word], flags: Flags, begin_ms: int) -> tuple[Word, ...]:
    """The words without the silence that was counted to them.

    Args:
        words: in order, with the recogniser's times.
        flags: voice activity, one per 20 ms.
        begin_ms: time of the first flag, on the words' clock.
    """
    return tuple(_exact(word, flags, begin_ms) for word in words)


def _exact(word: Word, flags: Flags, begin_ms: int) -> Word:
    first = max(0, (word.start_ms - begin_ms) // FRAME_MS)
    last = min(len(flags), -((begin_ms - word.end_ms) // FRAME_MS))
    runs = _runs(flags, first, last)
    if not runs:
        return word
    # Of the stretches of speech that long silences leave, the word is the longest.
    start, stop = max(runs, key=lambda run: run[1] - run[0])
    start_ms, end_ms = word.start_ms, word.end_ms
    if (start - first) * FRAME_MS >= _SILENCE_MS:
        start_ms = max(start_ms, begin_ms + start * FRAME_MS - _MARGIN_MS)
    if (last - stop) * FRAME_MS >= _SILENCE_MS:
        end_ms = min(end_ms, begin_ms + stop * FRAME_MS + _MARGIN_MS)
    if (start_ms, end_ms) == (word.start_ms, word.end_ms):
        return word
    return msgspec.structs.replace(word, start_ms=start_ms, end_ms=end_ms)


def _runs(flags: Flags, first: int, last: int) -> list[tuple[int, int]]:
    """Stretches of speech between `first` and `last`, short silences bridged."""
    runs: list[tuple[int, int]] = []
    for i in range(first, last):
        if not flags[i]:
            continue
        if runs and (i - runs[-1][1]) * FRAME_MS < _SILENCE_MS:
            runs[-1] = (runs[-1][0], i + 1)
        else:
            runs.append((i, i + 1))
    return runs
