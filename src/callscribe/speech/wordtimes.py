"""Puts word times where the speech is.

A recogniser must give every moment to some word, so the silence before an utterance is counted to its first word
(and a long pause to the word after it). The line's voice activity knows better.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from callscribe.audio.activity import FRAME_MS, Flags
from callscribe.events import Word

_SILENCE_MS: Final = 200
"""No word has so long a silence inside; a stop's closure is shorter."""
_MARGIN_MS: Final = 40
"""Activity is noticed a little after a soft beginning, and given up a little before a soft end."""


def correct(words: Sequence[Word], flags: Flags, begin_ms: int) -> tuple[Word, ...]:
    """The words without the silence that was counted to them.

    Args:
        words: in order, with the recogniser's times.
        flags: voice activity, one per 20 ms.
        begin_ms: time of the first flag, on the words' clock.
    """
    return tuple(_correct(word, flags, begin_ms) for word in words)


def _correct(word: Word, flags: Flags, begin_ms: int) -> Word:
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
