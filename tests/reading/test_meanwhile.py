from __future__ import annotations

import contextlib
from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callscribe.audio.mulaw import SAMPLES_PER_MS
from callscribe.audio.timeline import Piece
from callscribe.events import FinalTranscript, PartialTranscript
from callscribe.models.folder import built_in
from callscribe.reading.meanwhile import (
    AGAIN_MS,
    LONG_MS,
    SILENT_MS,
    Early,
    Meanwhile,
    continued,
)
from callscribe.recognition.vosk import VoskRecognizer
from callscribe.speech.lane import PORTION
from callscribe.speech.stream import DecodingOptions, Fed, StreamDecoder
from callscribe.speech.track import Progress
from callscribe.text.writer import Writer
from tests.reading.made import final, partial, reading, words
from tests.speech.audio import scene


@pytest.fixture
def meanwhile() -> Meanwhile:
    return Meanwhile(Writer.for_language("en"))


def passed(meanwhile: Meanwhile, event: PartialTranscript) -> PartialTranscript:
    found = meanwhile.pass_on(event)
    assert isinstance(found, PartialTranscript)
    return found


def test_only_long_talk_is_read_and_again_when_it_has_grown(meanwhile: Meanwhile) -> None:
    meanwhile.pass_on(partial("i lost my", 1, 1000 + LONG_MS - 1))
    assert meanwhile.next() is None
    long = partial("i lost my daddy car", 2, 1000 + LONG_MS)
    meanwhile.pass_on(long)
    assert meanwhile.next() == long
    meanwhile.ask(long)
    meanwhile.pass_on(partial("i lost my daddy car and", 3, long.end_ms + AGAIN_MS - 1))
    assert meanwhile.next() is None
    meanwhile.pass_on(partial("i lost my daddy car and then", 4, long.end_ms + AGAIN_MS))
    assert meanwhile.next() is not None


def test_what_was_read_stays_and_what_was_heard_since_follows(meanwhile: Meanwhile) -> None:
    asked = partial("i lost my daddy car", 5, 4000)
    meanwhile.pass_on(asked)
    newer = partial("i lost my daddy car and i", 6, 4500)
    assert passed(meanwhile, newer) == newer
    better = meanwhile.put(asked, words("i lost my debit card", 2500))
    assert better is not None
    assert (better.raw_text, better.revision, better.reread_ms) == (
        "i lost my debit card and i", 7, 3500,
    )  # fmt: skip
    later = passed(meanwhile, partial("i lost my daddy car and i need", 7, 5000))
    assert (later.raw_text, later.revision) == ("i lost my debit card and i need", 8)
    assert later.text == "I lost my debit card and I need"
    assert later.text[: later.settled] == "I lost my debit"
    done = meanwhile.pass_on(final("i lost my daddy car and i need it"))
    assert isinstance(done, FinalTranscript)
    assert (done.raw_text, done.revision) == ("i lost my daddy car and i need it", 3 + 1)


def test_half_a_word_at_the_end_is_left_to_the_first_reader(meanwhile: Meanwhile) -> None:
    asked = partial("please call the office", 1, 4000)
    meanwhile.pass_on(asked)
    better = meanwhile.put(asked, words("please call the off", 3200))
    assert better is not None
    assert better.raw_text == "please call the"


def test_a_reading_that_comes_too_late_is_nothing(meanwhile: Meanwhile) -> None:
    asked = partial("i lost my daddy car", 1, 4000)
    meanwhile.pass_on(asked)
    meanwhile.pass_on(final("i lost my daddy car"))
    assert meanwhile.put(asked, words("i lost my debit card", 1000)) is None
    assert meanwhile.next() is None


def test_talk_that_came_to_nothing_is_forgotten(meanwhile: Meanwhile) -> None:
    asked = partial("i lost my daddy car", 1, 4000)
    meanwhile.pass_on(asked)
    meanwhile.put(asked, words("i lost my debit card", 1000))
    assert passed(meanwhile, partial("", 2, 4000)).revision == 3
    assert meanwhile.next() is None


def test_where_reading_is_slow_it_is_done_less_often(meanwhile: Meanwhile) -> None:
    asked = partial("i lost my daddy car", 1, 4000)
    meanwhile.pass_on(asked)
    meanwhile.ask(asked)
    meanwhile.put(asked, words("i lost my debit card", 1000), took_ms=3000)
    meanwhile.pass_on(partial("i lost my daddy car and then", 2, 4000 + 5999))
    assert meanwhile.next() is None
    meanwhile.pass_on(partial("i lost my daddy car and then some", 3, 4000 + 6000))
    assert meanwhile.next() is not None


def test_who_falls_silent_is_due_until_read_or_going_on(meanwhile: Meanwhile) -> None:
    asked = partial("yes please", 1, 2000)
    meanwhile.pass_on(asked, 2000 + SILENT_MS - 1)
    assert not meanwhile.is_due
    meanwhile.pass_on(asked, 2000 + SILENT_MS)
    assert meanwhile.is_due
    assert meanwhile.fallen_silent() == asked
    meanwhile.ask(asked)
    assert meanwhile.fallen_silent() is None
    meanwhile.pass_on(asked, 2000 + SILENT_MS)
    meanwhile.pass_on(partial("yes please do", 2, 2600), 2600)
    assert meanwhile.fallen_silent() is None


@pytest.fixture(scope="module")
def vosk() -> Iterator[VoskRecognizer]:
    with contextlib.closing(VoskRecognizer(built_in().path)) as recognizer:
        yield recognizer


@pytest.mark.parametrize("first_ms", [240, 120])
def test_only_who_falls_silent_is_taken_for_silent(vosk: VoskRecognizer, first_ms: int) -> None:
    payload = scene(1.0, "hello", 0.7, "balance", 0.9, "calling", 0.4, "card", 2.0).payload
    decoder = StreamDecoder(vosk, None, DecodingOptions())
    decoder.begin("inbound", Progress())
    taken: list[int] = []
    at, end = 0, first_ms * SAMPLES_PER_MS
    while at < len(payload):
        # As a lane has it decoded: a portion at a time, of which the newest partial is told.
        pieces = [Piece(n, n / 8, payload[n : n + 160]) for n in range(at, end, 160)]
        found = decoder.decode([Fed("inbound", piece) for piece in pieces], partials=True).found
        at, end = end, end + PORTION
        newest = found[-1].utterance if found else None
        if newest and newest.text and not newest.final:
            silent_ms = at // SAMPLES_PER_MS - newest.end_ms
            if silent_ms >= SILENT_MS:
                taken.append(silent_ms)
    decoder.close()
    assert taken
    assert min(taken) >= 200


EARLY = Early(700, 2000, b"a", reading("yes please"))


@pytest.mark.parametrize(
    ("start_ms", "end_ms", "is_of"),
    [
        (1000, 1800, True),
        (1000, 1950, False),  # its end was hardly heard
        (1000, 3000, False),  # more was said
        (1000, 700, False),  # it was divided
        (500, 1800, False),  # it began earlier
    ],
)
def test_an_early_reading_is_of_an_utterance_or_is_not(
    start_ms: int, end_ms: int, is_of: bool
) -> None:
    said = msgspec.structs.replace(final("yes please"), start_ms=start_ms, end_ms=end_ms)
    assert EARLY.is_of(said) == is_of


@pytest.mark.parametrize("over", [False, True], ids=["still open", "over by now"])
def test_an_early_reading_is_given_once_to_its_final(meanwhile: Meanwhile, over: bool) -> None:
    asked, said = partial("yes please", 1, 1400), final("yes please")
    meanwhile.pass_on(asked, 2000)
    meanwhile.ask(asked)
    if over:
        meanwhile.pass_on(said)
    meanwhile.keep(asked, EARLY)
    if not over:
        assert meanwhile.early(said) is None
        meanwhile.pass_on(said)
    assert meanwhile.early(said) == EARLY
    assert meanwhile.early(said) is None


@pytest.mark.parametrize("gone", ["taken back", "forgotten", "forgotten when over"])
def test_an_early_reading_of_what_is_gone_is_gone(meanwhile: Meanwhile, gone: str) -> None:
    asked, said = partial("yes please", 1, 1400), final("yes please")
    meanwhile.pass_on(asked, 2000)
    meanwhile.ask(asked)
    if gone == "taken back":
        meanwhile.pass_on(partial("", 2, 1400), 2200)
    if gone == "forgotten when over":
        meanwhile.keep(asked, EARLY)
        meanwhile.pass_on(said)
    if gone != "taken back":
        meanwhile.forget("CA1")
    meanwhile.keep(asked, EARLY)
    assert meanwhile.early(said) is None


def test_what_is_read_because_it_is_long_is_no_early_reading(meanwhile: Meanwhile) -> None:
    asked, said = partial("yes please", 1, 1400), final("yes please")
    meanwhile.pass_on(asked, 1400)
    meanwhile.ask(asked)
    meanwhile.keep(asked, EARLY)
    meanwhile.pass_on(said)
    assert meanwhile.early(said) is None


@pytest.mark.parametrize(
    ("read", "heard", "now", "expected"),
    [
        ("my debit card", "my daddy car", "my daddy car is", "my debit card is"),
        ("my debit card", "my daddy", "my daddy card is", "my debit card is"),
        ("forty", "for", "forty two", "forty two"),
        ("call me", "call", "tall me back", "call me back"),
        ("yes", "", "yes please", "yes please"),
    ],
)
def test_no_word_twice_and_none_missing(read: str, heard: str, now: str, expected: str) -> None:
    assert continued(read.split(), heard.split(), now.split()) == expected.split()


_said = st.lists(st.sampled_from("yes no my card is four".split()), max_size=8)


@given(read=_said, heard=_said, since=_said)
def test_words_that_only_follow_are_added_unless_both_heard_them(
    read: list[str], heard: list[str], since: list[str]
) -> None:
    found = continued(read, heard, [*heard, *since])
    assert found[: len(read)] == read
    assert found[len(read) :] == since[len(since) - (len(found) - len(read)) :]
