"""What a second reading means for an utterance: its words with their times, its text, or that nobody spoke. Pure."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Sequence
from typing import Final

import msgspec

from callscribe.events import FinalTranscript, RevisedTranscript, Word
from callscribe.recognition.base import Reading
from callscribe.speech.track import TextWriter
from callscribe.text.lexicon import PROFANITY

_FEW_WORDS: Final = 3
_UNSURE: Final = 0.5
"""Mean confidence of a first reading that speaks against it."""


def is_ghost(first: FinalTranscript, reading: Reading) -> bool:
    """Whether there were no words after all: the second reader has none, or doubts it and little speaks for them."""
    if not reading.words:
        return True
    few = len(reading.words) <= _FEW_WORDS
    return reading.doubtful and (few or first.confidence < _UNSURE)


def revise(
    first: FinalTranscript,
    reading: Reading,
    *,
    at_ms: int,
    speaker: str,
    revision: int,
    number: int,
    reader: str,
    write: TextWriter,
    lag_ms: int,
) -> RevisedTranscript:
    """The event of a second reading.

    Args:
        first: the utterance's final.
        at_ms: where the sound that was read begins on the record's line.
        speaker: the name of who spoke, as it is now.
        revision: the event's.
        number: which reading it is, 2 or 3.
        reader: the model's name.
        lag_ms: from the end of the utterance to now.
    """
    words = () if is_ghost(first, reading) else _words(first, reading, at_ms)
    texts = [word.text for word in words]
    pauses = [0, *(max(0, b.start_ms - a.end_ms) for a, b in itertools.pairwise(words))]
    written = write.final(texts, pauses) if words else None
    return RevisedTranscript(
        call=first.call,
        leg=first.leg,
        track=first.track,
        speaker=speaker,
        utterance=first.utterance,
        revision=revision,
        text=written.text if written else "",
        raw_text=" ".join(texts),
        start_ms=words[0].start_ms if words else first.start_ms,
        end_ms=words[-1].end_ms if words else first.end_ms,
        words=words,
        tokens=written.tokens if written else (),
        confidence=round(sum(w.confidence for w in words) / len(words), 3) if words else 0.0,
        lag_ms=max(0, lag_ms),
        reader=reader,
        reading=number,
    )


def _words(first: FinalTranscript, reading: Reading, at_ms: int) -> tuple[Word, ...]:
    moved = [
        msgspec.structs.replace(w, start_ms=w.start_ms + at_ms, end_ms=w.end_ms + at_ms)
        for w in reading.words
    ]
    return _timed(_without_coarse(moved, first.words), first.words)


def _pairs(
    second: Sequence[Word], first: Sequence[Word]
) -> Sequence[tuple[str, int, int, int, int]]:
    matcher = difflib.SequenceMatcher(
        a=[w.text for w in second], b=[w.text for w in first], autojunk=False
    )
    return matcher.get_opcodes()


def _without_coarse(second: Sequence[Word], first: Sequence[Word]) -> list[Word]:
    """Without a coarse word that only the second reader heard; what the first heard there stands instead."""
    heard = {word.text for word in first}
    if not any(word.text in PROFANITY and word.text not in heard for word in second):
        return list(second)
    kept: list[Word] = []
    for _, a0, a1, b0, b1 in _pairs(second, first):
        part = second[a0:a1]
        if any(word.text in PROFANITY and word.text not in heard for word in part):
            kept += first[b0:b1]
        else:
            kept += part
    return kept


def _timed(second: Sequence[Word], first: Sequence[Word]) -> tuple[Word, ...]:
    """With the first reader's times where both heard the same word: they are exact to a few hundredths of a second.

    The second reader's own times, for the other words, are kept between their neighbours.
    """
    timed = list(second)
    exact = [False] * len(timed)
    for tag, a0, a1, b0, _ in _pairs(second, first):
        if tag == "equal":
            for i in range(a1 - a0):
                known = first[b0 + i]
                timed[a0 + i] = msgspec.structs.replace(
                    timed[a0 + i], start_ms=known.start_ms, end_ms=known.end_ms
                )
                exact[a0 + i] = True
    low = 0
    for i, word in enumerate(timed):
        if not exact[i]:
            high = next(
                (timed[j].start_ms for j in range(i + 1, len(timed)) if exact[j]), word.end_ms
            )
            start = min(max(word.start_ms, low), max(high, low))
            end = min(max(word.end_ms, start), max(high, start))
            timed[i] = msgspec.structs.replace(word, start_ms=start, end_ms=end)
        low = max(low, timed[i].end_ms)
    return tuple(timed)
