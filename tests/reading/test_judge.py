from __future__ import annotations

import msgspec
import pytest

from callscribe.events import FinalTranscript, RevisedTranscript, Token
from callscribe.reading.judge import better, is_ghost, revise
from callscribe.recognition.base import Reading
from callscribe.text.writer import Writer
from tests.reading.made import final, reading

WRITER = Writer.for_language("en")


def revised(first: FinalTranscript, second: Reading) -> RevisedTranscript:
    return revise(
        first,
        second,
        at_ms=first.start_ms - 300,
        speaker="Ann",
        revision=4,
        number=2,
        reader="tiny.en",
        write=WRITER,
        lag_ms=700,
    )


def test_a_better_reading_has_all_fields_of_a_final() -> None:
    first = final("my number is four one too", confidence=0.5)
    event = revised(first, reading("my number is four one two"))
    assert (event.call, event.leg, event.track, event.speaker, event.utterance) == (
        "CA1", "CA1", "inbound", "Ann", "u1",
    )  # fmt: skip
    assert event.text == "My number is 412."
    assert event.raw_text == "my number is four one two"
    assert "".join(token.text + " " for token in event.tokens).strip() == event.text
    assert event.tokens[-1].stop == len(event.words)
    assert (event.start_ms, event.end_ms) == (1000, 2200)
    assert (event.revision, event.reading, event.reader, event.lag_ms) == (4, 2, "tiny.en", 700)
    assert event.confidence == 0.9


def test_without_words_it_is_empty() -> None:
    event = revised(final("six", confidence=0.5), Reading(doubtful=True))
    assert (event.text, event.raw_text, event.words, event.tokens) == ("", "", (), ())
    assert (event.start_ms, event.end_ms) == (1000, 1200)


@pytest.mark.parametrize(
    ("first", "second", "ghost"),
    [
        (final("six", confidence=0.6), reading(""), True),
        (final("six", confidence=0.9), reading(""), False),
        (final("six", confidence=0.4), reading("sex", doubtful=True), False),
        (final("six", confidence=0.2), reading("sex", doubtful=True), True),
        (final("no thank you", confidence=0.6), reading("you", doubtful=True), True),
        (final("no thank you"), reading("no thank you"), False),
        (final("can you tell me the number"), reading("can you tell me the number", doubtful=True), False),
        (final("uh the of and a six", confidence=0.3), reading("i am going to bed now", doubtful=True), True),
    ],
)  # fmt: skip
def test_what_is_no_talk(first: FinalTranscript, second: Reading, ghost: bool) -> None:
    assert is_ghost(first, second) is ghost


def test_a_clear_first_reading_stands_where_the_second_heard_nothing_clear() -> None:
    event = revised(final("six", confidence=0.9), reading("sex", doubtful=True, confidence=0.2))
    assert (event.raw_text, event.reading) == ("six", 2)


def test_the_surer_of_two_second_readings_stands() -> None:
    poor, good = reading("one", confidence=0.6), reading("two", confidence=0.9)
    assert better(None, poor, apart=True)
    assert better(None, poor, apart=False)
    assert better(poor, good, apart=True)
    assert better(poor, good, apart=False)
    assert not better(good, poor, apart=True)
    assert not better(good, poor, apart=False)


def test_a_reading_apart_decides_whether_there_were_words_at_all() -> None:
    good = reading("two", confidence=0.9)
    assert better(good, Reading(), apart=True)
    assert better(good, reading("six", confidence=0.3, doubtful=True), apart=True)
    assert not better(good, Reading(), apart=False)
    assert not better(None, Reading(), apart=False)


def test_in_a_language_without_rules_the_readers_own_writing_is_taken() -> None:
    own = (Token("Guten", 0, 1), Token("Tag.", 1, 2))
    second = msgspec.structs.replace(reading("guten tag"), tokens=own)

    def text(first: str) -> str:
        event = revise(
            final(first, confidence=0.2),
            second,
            at_ms=700,
            speaker="Ann",
            revision=4,
            number=2,
            reader="base",
            write=Writer.for_language("de"),
            lag_ms=0,
        )
        return event.text

    assert text("guten hag") == "Guten Tag."
