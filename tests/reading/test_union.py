from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from callscribe.events import Word
from callscribe.reading.union import Rules, unite
from tests.reading.made import words


def said(found: tuple[Word, ...]) -> str:
    return " ".join(word.text for word in found)


def test_what_both_heard_has_the_firsts_times_and_the_surer_ones_confidence() -> None:
    (word,) = unite(words("card", 100, confidence=0.4), words("card", 150, confidence=0.8))
    assert (word.text, word.start_ms, word.end_ms, word.confidence) == ("card", 100, 300, 0.8)


def test_where_they_differ_the_surer_one_is_believed_and_the_second_has_credit() -> None:
    rules = Rules(credit=0.1)
    first, second = words("my daddy car", confidence=0.6), words("my debit card", confidence=0.55)
    assert said(unite(first, second, rules)) == "my debit card"
    first = words("four seven one nine", confidence=0.95)
    assert (
        said(unite(first, words("force m one nine", confidence=0.3), rules))
        == "four seven one nine"
    )


def test_a_word_that_one_did_not_hear_needs_more() -> None:
    rules = Rules(only_first=0.9, only_second=0.3)
    assert said(unite(words("so yes", confidence=0.8), words("yes"), rules)) == "yes"
    assert said(unite(words("so yes", confidence=0.95), words("yes"), rules)) == "so yes"
    assert said(unite(words("yes"), words("yes please", confidence=0.2), rules)) == "yes"
    assert said(unite(words("yes"), words("yes please", confidence=0.5), rules)) == "yes please"


def test_a_coarse_word_that_only_the_second_heard_is_not_written() -> None:
    first = words("how can i help you", confidence=0.2)
    assert said(unite(first, words("how can i fuck you"))) == "how can i help you"
    assert (
        said(unite(words("shit happens", confidence=0.2), words("shit happens"))) == "shit happens"
    )


def test_other_words_lie_between_their_neighbours() -> None:
    first, second = words("i lost card", 1000), words("i lost my debit card", 5000)
    found = unite(first, second)
    assert [word.start_ms for word in found if word.text in ("i", "lost", "card")] == [
        1000,
        1200,
        1400,
    ]
    assert all(
        1400 <= word.start_ms <= word.end_ms <= 1400
        for word in found
        if word.text in ("my", "debit")
    )


some = st.lists(
    st.tuples(st.sampled_from("one two three".split()), st.integers(1, 500), st.floats(0, 1)),
    max_size=8,
)


def line(pieces: list[tuple[str, int, float]]) -> tuple[Word, ...]:
    at, found = 0, []
    for text, length, confidence in pieces:
        found.append(Word(text, at, at + length, confidence))
        at += length
    return tuple(found)


@given(some, some)
def test_words_come_from_one_of_the_two_and_in_order_of_time(
    one: list[tuple[str, int, float]], other: list[tuple[str, int, float]]
) -> None:
    first, second = line(one), line(other)
    found = unite(first, second)
    assert {word.text for word in found} <= {word.text for word in (*first, *second)}
    assert all(word.start_ms <= word.end_ms for word in found)
    starts = [word.start_ms for word in found]
    assert starts == sorted(starts)


@given(some)
def test_one_reading_with_itself_is_itself(pieces: list[tuple[str, int, float]]) -> None:
    assert unite(line(pieces), line(pieces)) == line(pieces)


def test_a_number_said_alone_stands_against_what_sounds_like_it() -> None:
    assert said(unite(words("five", confidence=0.4), words("bye", confidence=0.9))) == "five"
    assert said(unite(words("five", confidence=0.1), words("bye", confidence=0.9))) == "bye"
    assert said(unite(words("six", confidence=0.6), words("eight", confidence=0.8))) == "eight"
    sentence = "it was five"
    assert (
        said(unite(words(sentence, confidence=0.5), words("it was fine", confidence=0.8)))
        == "it was fine"
    )


def test_of_a_short_answer_the_second_must_be_clearly_surer() -> None:
    assert said(unite(words("stop", confidence=0.75), words("so", confidence=0.8))) == "stop"
    assert said(unite(words("no", confidence=0.6), words("go", confidence=0.8))) == "go"
