from __future__ import annotations

from benchmarks.readable_text import Labelled, Score
from benchmarks.spoken_marks import COLUMNS, Written, add, by_reader, by_writer
from callscribe.recognition.base import Reading
from callscribe.text import Writer
from tests.reading.made import words


def test_the_readers_own_writing_a_spoken_word_each() -> None:
    found = by_reader(Reading(text='Well, "Dr. Jones" said no?'))
    assert found == [
        Written("well", ",", True),
        Written("doctor", ".", True),
        Written("jones", "", True),
        Written("said", "", False),
        Written("no", "?", False),
    ]


def test_ours_has_a_word_each_too() -> None:
    spoken = words("my name is ann")
    found = by_writer(Writer.for_language("en"), Reading(words=spoken))
    assert [each.word for each in found] == ["my", "name", "is", "ann"]
    assert (found[0].capital, found[-1].mark) == (True, ".")


def test_only_words_that_were_read_rightly_count() -> None:
    scores = {name: Score() for name in COLUMNS}
    truth = [Labelled("yes", ",", True, False), Labelled("please", ".", False, False)]
    assert add(scores, truth, [Written("yes", ",", True), Written("peace", "?", False)]) == 1
    assert scores["comma"].summary()["f1"] == 1.0
    assert scores["full stop"].summary()["count"] == 0
