from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from callscribe.audio.mulaw import Pcm
from callscribe.errors import ModelError
from callscribe.events import Word
from callscribe.recognition.alone import ReaderAlone, ReaderSession, Turn
from callscribe.recognition.base import Excerpt, Reading, RecognizerSession


class Counting:
    """Reads one word for each whole second of sound: "w1 w2 ..."."""

    name = "counting"
    window_ms = 28_000

    def __init__(self, language: str = "", found: Sequence[str] = ("de",)) -> None:
        self.language = language
        self.found = list(found)
        self.asked: list[tuple[int, list[str], str]] = []
        """Milliseconds, texts before, language."""
        self.doubtful = False

        self.clock: Clock | None = None

    def read(
        self,
        new: Excerpt,
        before: Sequence[Excerpt] = (),
        *,
        hints: Sequence[str] = (),
        language: str = "",
        brief: bool = False,
    ) -> Reading:
        ms = len(new.pcm) // 8
        if self.clock is not None:
            self.clock.now += self.clock.reading_s
        self.asked.append((ms, [excerpt.text for excerpt in before], language))
        words = tuple(
            Word(f"w{n}", (n - 1) * 1000, n * 1000, 0.9) for n in range(1, ms // 1000 + 1)
        )
        found = self.found.pop(0) if len(self.found) > 1 else self.found[0]
        return Reading(
            words=words,
            text=" ".join(word.text for word in words),
            language=language or found,
            doubtful=self.doubtful,
        )

    def read_together(
        self, excerpts: Sequence[Excerpt], *, hints: Sequence[str] = (), language: str = ""
    ) -> list[Reading]:
        return [self.read(excerpt, language=language) for excerpt in excerpts]

    def close(self) -> None:
        pass


class Clock:
    """Goes on as sound is fed, and by what reading takes."""

    def __init__(self, reading_s: float = 0.0) -> None:
        self.now = 1.0
        self.reading_s = reading_s

    def __call__(self) -> float:
        return self.now


CLOCK = Clock()


def sound(ms: int) -> Pcm:
    return np.full(ms * 8, 100, np.int16)


def feed(session: RecognizerSession, ms: int, clock: Clock) -> list[str]:
    """In steps of 200 ms; what was believed after each, once."""
    said: list[str] = []
    for _ in range(ms // 200):
        clock.now += 0.2
        for hypothesis in session.accept(sound(200)):
            assert not hypothesis.final
            text = " ".join(word.text for word in hypothesis.words)
            if text not in said[-1:]:
                said.append(text)
    return said


def test_partials_come_from_reading_what_has_been_said_so_far() -> None:
    reader = Counting()
    session = ReaderAlone(reader, clock=CLOCK).start_session()
    assert feed(session, 3200, CLOCK) == ["w1", "w1 w2", "w1 w2 w3"]
    (final,) = session.endpoint()
    assert (final.final, [word.text for word in final.words]) == (True, ["w1", "w2", "w3"])
    assert [ms for ms, *_ in reader.asked] == [1000, 2000, 3000, 3200]


def test_what_was_just_read_whole_is_not_read_again() -> None:
    reader = Counting()
    session = ReaderAlone(reader, clock=CLOCK).start_session()
    feed(session, 2000, CLOCK)
    assert session.endpoint()
    assert [ms for ms, *_ in reader.asked] == [1000, 2000]


def test_the_next_utterance_has_its_place_and_hears_what_was_said_before() -> None:
    reader = Counting()
    session = ReaderAlone(reader, clock=CLOCK).start_session()
    feed(session, 2000, CLOCK)
    session.endpoint()
    assert list(session.skip(8 * 500)) == []
    feed(session, 1000, CLOCK)
    (final,) = session.finish()
    assert [(word.start_ms, word.end_ms) for word in final.words] == [(2500, 3500)]
    assert reader.asked[-1][:2] == (1000, ["w1 w2"])


def test_where_reading_is_slow_it_is_done_less_often() -> None:
    reader, clock = Counting(), Clock(reading_s=2.0)
    reader.clock = clock
    session = ReaderAlone(reader, clock=clock).start_session()
    feed(session, 6000, clock)
    assert [ms for ms, *_ in reader.asked] == [1000, 5000]


def test_all_tracks_together_are_read_for_half_of_the_time_at_most_while_they_talk() -> None:
    reader, clock = Counting(), Clock(reading_s=1.0)
    reader.clock = clock
    alone = ReaderAlone(reader, clock=clock)
    sessions = [alone.start_session() for _ in range(4)]
    began = clock.now
    for _ in range(60):
        clock.now += 0.2
        for session in sessions:
            session.accept(sound(200))
    assert 4 <= len(reader.asked) <= (clock.now - began) / 2


def test_sound_that_had_to_wait_is_read_once_it_is_whole() -> None:
    reader, clock = Counting(), Clock()
    session = ReaderAlone(reader, clock=clock).start_session()
    for _ in range(20):
        clock.now += 0.02
        session.accept(sound(200))
    assert session.finish()
    assert [ms for ms, *_ in reader.asked][-1:] == [4000]
    assert len(reader.asked) <= 2


def test_nobodys_partials_make_others_wait() -> None:
    reader, turn = Counting(), Turn()
    session = ReaderSession(reader, turn, CLOCK)
    with turn.lock:
        assert feed(session, 2000, CLOCK) == []
    assert feed(session, 200, CLOCK) == ["w1 w2"]


def test_an_utterance_is_divided_at_a_word_and_nothing_is_lost() -> None:
    reader = Counting()
    session = ReaderAlone(reader, clock=CLOCK).start_session()
    feed(session, 4000, CLOCK)
    (final,) = session.endpoint(2200)
    assert [word.text for word in final.words] == ["w1", "w2"]
    (rest,) = session.finish()
    assert [(word.start_ms, word.end_ms) for word in rest.words] == [(2000, 3000), (3000, 4000)]


def test_a_doubtful_reading_decides_no_language_and_misleads_none() -> None:
    reader = Counting(found=["th", "th", "th", "th", "th", "de"])
    session = ReaderAlone(reader, clock=CLOCK).start_session()
    reader.doubtful = True
    feed(session, 5000, CLOCK)
    session.endpoint()
    reader.doubtful = False
    feed(session, 3000, CLOCK)
    (final,) = session.endpoint()
    assert final.language == "de"
    assert reader.asked[-1][1:] == ([], "")


def test_the_language_is_found_once_enough_was_said_and_then_stays() -> None:
    reader = Counting(found=["nl", "nl", "de", "en"])
    session = ReaderAlone(reader, clock=CLOCK).start_session()
    feed(session, 1000, CLOCK)
    (first,) = session.endpoint()
    assert first.language == "nl"  # for now
    feed(session, 2000, CLOCK)
    (second,) = session.endpoint()
    assert second.language == "de"
    feed(session, 1000, CLOCK)
    (third,) = session.endpoint()
    assert (third.language, reader.asked[-1][2]) == ("de", "de")


def test_a_few_words_that_the_reader_doubts_are_none() -> None:
    reader = Counting()
    reader.doubtful = True
    session = ReaderAlone(reader, clock=CLOCK).start_session()
    assert feed(session, 2000, CLOCK) == []
    assert list(session.endpoint()) == []


def test_phrases_are_refused() -> None:
    with pytest.raises(ModelError, match="cannot be restricted to phrases"):
        ReaderAlone(Counting()).start_session(["yes"])
