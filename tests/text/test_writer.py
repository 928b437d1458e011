"""The writer as a whole: mapping, capitals, punctuation, fillers, partials."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callscribe.text import Token, Writer, WriterOptions, Written
from callscribe.text.lexicon import HESITATIONS, MONTHS, NUMBER_WORDS, ORDINALS
from callscribe.text.rules import is_group_word
from callscribe.text.tagger import Tags
from callscribe.text.writer import _own_capitals

PHRASES = (
    "can you come at eight forty tomorrow", "we close at quarter past nine", "i need eight forty dollar bills",
    "see you monday eight forty five", "between eight and ten in the morning", "give me five ten minutes",
    "it takes two or three days", "one moment please", "the second one", "in thirty seconds",
    "my number is oh seven nine double five one two three triple seven", "it was twenty five hundred dollars",
    "about a hundred and fifty people", "two and a half hours", "point five milligrams",
    "that'll be five ninety nine please", "the total is nineteen ninety five", "it's twelve fifty a month",
    "your balance is one thousand two hundred and six dollars and eighty eight cents",
    "call us at one eight hundred five five five oh one nine nine option three",
    "the number is eight hundred five five five one two one two", "b as in boy o w e n", "n for november double t",
    "my postcode is s w one a two a a", "the twenty third of may two thousand and six",
    "my date of birth is five twelve eighty six", "on august twenty ninth at three p m",
    "my card number is four five three two one one two three four five six seven eight nine one two",
    "flight u a two thirty four to boston", "she's five foot seven and weighs a hundred thirty pounds",
    "my blood pressure was one twenty over eighty", "at five minutes past ten", "the number is four in all",
    "seven eight weeks ago", "thirty forty people", "twenty four seven support", "fifty fifty",
    "i have four oh one k and two twenty dollar bills", "number two five ten times",
)  # fmt: skip


@pytest.fixture(scope="module")
def writer() -> Writer:
    return Writer.for_language("en-US")


_VOCABULARY = sorted(
    {*NUMBER_WORDS, *ORDINALS, *MONTHS, *HESITATIONS, "double", "triple", "dot", "at", "com", "gmail", "slash",
     "dash", "underscore", "email", "is", "my", "phone", "card", "social", "zip", "birth", "account", "dollars",
     "dollar", "cents", "pounds", "percent", "per", "cent", "miles", "and", "a", "half", "quarter", "past", "to",
     "or", "of", "the", "i", "i'm", "we", "p", "m", "t", "s", "b", "x", "w", "h", "o'clock", "plus", "minus",
     "point", "room", "press", "years", "old", "in", "morning", "monday", "may", "hello", "john", "[unk]",
     "mister", "colon", "spell", "v's", "nineties", "ph", "d", "yes", "no", "people", "k", "r", "one's"}
)  # fmt: skip
said = st.lists(st.sampled_from(_VOCABULARY), max_size=40)
anything = st.lists(st.text(max_size=12), max_size=20)


def _covers(written: Written, count: int) -> bool:
    place = 0
    for token in written.tokens:
        if token.start != place or token.stop <= token.start:
            return False
        place = token.stop
    return place == count


@given(words=said | anything)
@settings(max_examples=150, deadline=None)
def test_every_word_belongs_to_one_token(words: list[str]) -> None:
    for options in (WriterOptions(), WriterOptions(fillers="hide", profanity_filter=True)):
        writer = _shared(options)
        for written in (writer.final(words), writer.partial(words)):
            assert _covers(written, len(words))
            assert written.text == " ".join(t.text for t in written.tokens if t.text)


@given(words=said)
@settings(max_examples=150, deadline=None)
def test_a_longer_partial_rewrites_only_the_open_group(words: list[str]) -> None:
    writer = _shared(WriterOptions())
    whole = writer.partial(words).tokens
    for n in range(len(words)):
        open_from = n
        while open_from > 0 and is_group_word(words[open_from - 1]):
            open_from -= 1
        settled = [t for t in writer.partial(words[:n]).tokens if t.stop <= open_from]
        assert settled == list(whole[: len(settled)])


def _figures(writer: Writer, words: list[str]) -> list[bool]:
    """For each word whether the partial shows it in figures."""
    return [
        any(c.isdigit() for c in token.text)
        for token in writer.partial(words).tokens
        for _ in range(token.start, token.stop)
    ]


@given(phrases=st.lists(st.sampled_from(PHRASES), min_size=1, max_size=3))
@settings(max_examples=150, deadline=None)
def test_figures_in_a_partial_never_turn_back_into_words(phrases: list[str]) -> None:
    words = " then ".join(phrases).split()
    writer = _shared(WriterOptions())
    before: list[bool] = []
    for n in range(1, len(words) + 1):
        now = _figures(writer, words[:n])
        assert not any(was and not now[i] for i, was in enumerate(before)), words[:n]
        before = now


@given(
    words=st.lists(
        st.sampled_from(["hello", "john", "people", "we", "think", "monday", "is", "the"])
    )
)
@settings(deadline=None)
def test_text_without_numbers_keeps_its_words(words: list[str]) -> None:
    written = _shared(WriterOptions()).final(words)
    plain = [t.text.strip(".,?").lower() for t in written.tokens]
    assert plain == words
    again = _shared(WriterOptions()).final(plain)
    assert again == written


_WRITERS: dict[WriterOptions, Writer] = {}


def _shared(options: WriterOptions) -> Writer:
    if options not in _WRITERS:
        _WRITERS[options] = Writer.for_language("en", options)
    return _WRITERS[options]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("how are you today", "How are you today?"),
        ("this is mister brown", "This is Mr. Brown."),
        ("misses smith is on the line", "Mrs. Smith is on the line."),
        ("he misses smith street already", "He misses Smith Street already."),
        ("may i speak to doctor patel please", "May I speak to Dr. Patel, please?"),
        ("is doctor who still on", "Is doctor who still on?"),
        ("i saw the doctor who treated my son", "I saw the doctor who treated my son."),
        ("iphone twelve", "iPhone 12."),
        ("my name is robert", "My name is Robert."),
        ("my number is", "My number is"),
        ("fourth of july weekend", "4th of July weekend."),
        ("okay the", "Okay, the"),
        ("i live on elm street", "I live on Elm Street."),
        ("n as in nancy double t", "N as in Nancy, T-T."),
        (
            "call us at eight hundred five five five oh one nine nine option three",
            "Call us at 800-555-0199 option 3.",
        ),
        ("thank you for calling", "Thank you for calling."),
        ("what is your name", "What is your name?"),
        ("i'm in new york on monday", "I'm in New York on Monday."),
        ("it costs four hundred twelve dollars", "It costs $412."),
        (
            "yes my number is four one five five five five oh one two three",
            "Yes, my number is 415-555-0123.",
        ),
    ],
)
def test_utterances_read_like_written_text(writer: Writer, said: str, expected: str) -> None:
    assert writer.final(said.split()).text == expected


def test_tokens_say_which_words_they_stand_for(writer: Writer) -> None:
    words = "it costs four hundred twelve dollars".split()
    tokens = writer.final(words).tokens
    assert [(t.text.rstrip("."), t.start, t.stop) for t in tokens] == [
        ("It", 0, 1),
        ("costs", 1, 2),
        ("$412", 2, 6),
    ]


def test_common_words_need_more_for_the_only_capital_around() -> None:
    tags = Tags(
        marks=np.zeros((4, 4), np.float32),
        capitals=np.array([-3, 0.7, -3, 2.0], np.float32),
        usually_lower=np.array([True, True, True, True]),
    )
    keys = ["way", "street", "is", "nice"]
    assert (_own_capitals(tags, keys) > 0).tolist() == [False, False, False, True]
    beside_a_name = tags._replace(capitals=np.array([3, 0.7, -3, 2.0], np.float32))
    assert _own_capitals(beside_a_name, keys)[1] > 0


def test_a_long_pause_speaks_for_a_mark(writer: Writer) -> None:
    words = "okay i will check that for you one moment please".split()
    together = writer.final(words, [0] * len(words)).text
    pauses = [0] * len(words)
    pauses[7] = 2000
    apart = writer.final(words, pauses).text
    assert apart.split()[6][-1] in ",.?"
    assert sum(apart.count(m) for m in ",.?") >= sum(together.count(m) for m in ",.?")


def test_a_pause_beside_a_hesitation_counts_less(writer: Writer) -> None:
    """People who look for a word stop in mid-sentence."""
    words = "i would like to pay um my bill".split()
    pauses = [0, 0, 0, 0, 0, 700, 700, 0]
    assert not any(mark in writer.final(words, pauses).text[:-1] for mark in ".?")


def test_pauses_do_not_cut_where_no_mark_can_stand(writer: Writer) -> None:
    words = "my number is four one five five five five oh one two three".split()
    pauses = [0, 0, 0, 700, 0, 0, 500, 0, 0, 500, 0, 0, 0]
    assert writer.final(words, pauses).text == "My number is 415-555-0123."


def test_pauses_must_match_the_words(writer: Writer) -> None:
    with pytest.raises(ValueError, match="1 pauses for 2 words"):
        writer.final(["hello", "there"], [0])


def test_fillers_are_marked_hidden_or_kept() -> None:
    words = "uh the the account is um closed".split()
    dimmed = Writer.for_language("en", WriterOptions(fillers="dim")).final(words)
    assert [(t.start, t.filler) for t in dimmed.tokens if t.filler] == [
        (0, True),
        (1, True),
        (5, True),
    ]
    hidden = Writer.for_language("en", WriterOptions(fillers="hide")).final(words)
    assert hidden.text.lower().rstrip(".") == "the account is closed"
    assert hidden.text[0] == "T"
    assert [t.text for t in hidden.tokens if t.filler] == ["", "", ""]
    kept = Writer.for_language("en", WriterOptions(fillers="keep")).final(words)
    assert not any(t.filler for t in kept.tokens)
    assert kept.text == dimmed.text


def test_answers_are_not_fillers(writer: Writer) -> None:
    for said in ("uh huh", "mm hmm", "no no", "thank you thank you", "mm"):
        assert not any(t.filler for t in writer.final(said.split()).tokens)


def test_profanity_is_masked_only_when_asked(writer: Writer) -> None:
    words = "what the fuck".split()
    assert "fuck" in writer.final(words).text
    filtered = Writer.for_language("en", WriterOptions(profanity_filter=True))
    assert "f***" in filtered.final(words).text
    assert "f***" in filtered.partial(words).text


def test_partials_write_numbers_without_marks(writer: Writer) -> None:
    assert (
        writer.partial("i live in four one five five five five".split()).text == "I live in 415555"
    )
    assert (
        writer.partial("call me on monday at two thirty p m i".split()).text
        == "Call me on Monday at 2:30 PM I"
    )


def test_a_language_without_rules_gives_raw_text() -> None:
    writer = Writer.for_language("de-DE")
    assert not writer.supported
    written = writer.final(["guten", "tag"], [0, 0])
    assert written == Written("guten tag", (Token("guten", 0, 1), Token("tag", 1, 2)))
    assert writer.partial(["guten"]).text == "guten"


def test_nothing_said_gives_nothing(writer: Writer) -> None:
    assert writer.supported
    assert writer.final([]) == Written("", ())
    assert writer.partial([]) == Written("", ())


def test_a_language_without_rules_takes_the_recognisers_own_writing() -> None:
    writer = Writer.for_language("de")
    own = (Token("Guten", 0, 1), Token("Tag.", 1, 2))
    assert writer.final(["guten", "tag"], own=own) == Written("Guten Tag.", own)
    assert writer.final(["guten", "tag"]).text == "guten tag"
    assert Writer.for_language("en").final(["good", "day"], own=own).text == "Good day."
