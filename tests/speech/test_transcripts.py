from __future__ import annotations

from callscribe.events import FinalTranscript, PartialTranscript, Word
from callscribe.speech.transcripts import transcript
from callscribe.speech.utterance import Utterance


def said(*, final: bool) -> Utterance:
    word = Word(text="hello", start_ms=200, end_ms=500, confidence=0.87654)
    return Utterance(
        number=1,
        revision=3,
        final=final,
        text="Hello.",
        words=(word,),
        tokens=(),
        settled=0,
        start_ms=100,
        end_ms=600,
    )


def event(utterance: Utterance, offset_ms: int) -> PartialTranscript | FinalTranscript:
    return transcript(
        utterance,
        call="CA1",
        leg="CA2",
        track="inbound",
        speaker="Caller",
        utterance="MZ1-in-1",
        offset_ms=offset_ms,
        lag_ms=40,
    )


def test_times_are_moved_to_the_records_line_with_those_of_the_words() -> None:
    final = event(said(final=True), 5000)
    assert isinstance(final, FinalTranscript)
    assert (final.start_ms, final.end_ms) == (5100, 5600)
    assert [(word.start_ms, word.end_ms) for word in final.words] == [(5200, 5500)]
    assert final.confidence == 0.877


def test_a_partial_has_no_words() -> None:
    partial = event(said(final=False), 0)
    assert isinstance(partial, PartialTranscript)
    assert (partial.text, partial.raw_text, partial.revision) == ("Hello.", "hello", 3)
    assert (partial.start_ms, partial.end_ms, partial.lag_ms) == (100, 600, 40)
