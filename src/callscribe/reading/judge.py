"""What a second reading means for an utterance: its words with their times, its text, or that nobody spoke. Pure."""

from __future__ import annotations

import itertools
from typing import Final

import msgspec

from callscribe.events import FinalTranscript, RevisedTranscript, Word
from callscribe.reading.union import are_numbers, mean_confidence, unite
from callscribe.recognition.base import Reading
from callscribe.speech.track import TextWriter

_FEW_WORDS: Final = 3
_SURE: Final = 0.7
"""Mean confidence of a first reading that stands although the second reader heard nothing clear: a single digit is too
short for it."""
_SURE_NUMBER: Final = 0.3
"""The same of numbers, which the first reader knows better than it says, where the second heard at least something."""
_UNSURE: Final = 0.5
"""Mean confidence of a first reading that speaks against it."""
SURE_ENOUGH: Final = 0.8
"""From this mean confidence on, a reading in a window stands; others are read apart as well. That is a third of them,
and with them as many words are right as when all are."""
_BETTER: Final = 0.05
"""So much surer must a reading in a window be than one apart to take its place: it hears what comes after, but has no
beginning to go by."""


def sureness(reading: Reading) -> float:
    """Mean confidence of a reading's words; 0 without any."""
    return mean_confidence(reading.words) if reading.words else 0.0


def better(old: Reading | None, new: Reading, *, apart: bool) -> bool:
    """Whether the second reader's new reading of an utterance takes the place of its old one.

    Args:
        apart: the new one is of this utterance by itself, with what was said before; else it is one of a window.
    """
    if apart:
        return old is None or new.doubtful or not new.words or sureness(new) >= sureness(old)
    return bool(new.words) and (old is None or sureness(new) > sureness(old) + _BETTER)


def _hears_nothing_clear(reading: Reading) -> bool:
    return not reading.words or (reading.doubtful and len(reading.words) <= _FEW_WORDS)


def is_ghost(first: FinalTranscript, reading: Reading) -> bool:
    """Whether there were no words after all: the second reader has none, or doubts it, and the first is not sure."""
    if _hears_nothing_clear(reading):
        number = reading.words and len(first.words) <= _FEW_WORDS and are_numbers(first.words)
        return first.confidence < (_SURE_NUMBER if number else _SURE)
    return reading.doubtful and first.confidence < _UNSURE


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
    words = best_words(first, reading, at_ms)
    texts = [word.text for word in words]
    pauses = [0, *(max(0, b.start_ms - a.end_ms) for a, b in itertools.pairwise(words))]
    own = reading.tokens if texts == [word.text for word in reading.words] else ()
    written = write.final(texts, pauses, own) if words else None
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
        confidence=round(mean_confidence(words), 3) if words else 0.0,
        lag_ms=max(0, lag_ms),
        reader=reader,
        reading=number,
    )


def best_words(first: FinalTranscript, reading: Reading, at_ms: int) -> tuple[Word, ...]:
    """What was most likely said, by both readings; nothing when nobody spoke. Times on the record's line.

    Args:
        at_ms: where the sound that was read begins on that line.
    """
    if is_ghost(first, reading):
        return ()
    if _hears_nothing_clear(reading):
        return first.words
    return unite(first.words, on_line(reading, at_ms))


def on_line(reading: Reading, at_ms: int) -> tuple[Word, ...]:
    """A reading's words with their times on the record's line, on which its sound begins at `at_ms`."""
    return tuple(
        msgspec.structs.replace(w, start_ms=w.start_ms + at_ms, end_ms=w.end_ms + at_ms)
        for w in reading.words
    )
