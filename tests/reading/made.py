"""Partials, finals and readings for tests."""

from __future__ import annotations

from callscribe.events import FinalTranscript, PartialTranscript, Track, Word
from callscribe.recognition.base import Reading


def words(
    text: str, start_ms: int = 0, each_ms: int = 200, confidence: float = 0.9
) -> tuple[Word, ...]:
    return tuple(
        Word(word, start_ms + i * each_ms, start_ms + (i + 1) * each_ms, confidence)
        for i, word in enumerate(text.split())
    )


def final(
    text: str,
    *,
    utterance: str = "u1",
    start_ms: int = 1000,
    call: str = "CA1",
    track: Track = "inbound",
    confidence: float = 0.9,
    at: str = "2026-01-15T10:00:00.000Z",
) -> FinalTranscript:
    heard = words(text, start_ms, confidence=confidence)
    return FinalTranscript(
        call=call,
        at=at,
        leg="CA1",
        track=track,
        speaker="Ann",
        utterance=utterance,
        revision=3,
        text=text,
        raw_text=text,
        start_ms=start_ms,
        end_ms=heard[-1].end_ms,
        words=heard,
        confidence=confidence,
    )


def partial(text: str, revision: int, end_ms: int) -> PartialTranscript:
    return PartialTranscript(
        call="CA1",
        leg="CA1",
        track="inbound",
        speaker="Ann",
        utterance="u1",
        revision=revision,
        text=text,
        raw_text=text,
        start_ms=1000,
        end_ms=end_ms,
    )


def reading(
    text: str, *, confidence: float = 0.9, doubtful: bool = False, start_ms: int = 300
) -> Reading:
    return Reading(
        words=words(text, start_ms, confidence=confidence),
        text=text.capitalize(),
        score=-0.2,
        language="en",
        doubtful=doubtful,
    )
