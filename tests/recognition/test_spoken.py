from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callscribe.recognition.spoken import spoken_words


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        (" Hello,", "hello"),
        (" twenty-five", "twenty five"),
        (" O'Neil.", "o'neil"),
        (" don’t", "don't"),
        (" Dr.", "doctor"),
        (" Mrs.", "missus"),
        (" OK?", "okay"),
        (" Okay...", "okay"),
        (" a.m.", "a m"),
        (" U.S.A.", "u s a"),
        (" J-O-H-N", "j o h n"),
        (" UGAM,", "u g a m"),
        (" PIN", "pin"),
        (" I", "i"),
        (" AT&T's", "at&t's"),
        (" %", "percent"),
        (" &", "and"),
        (" I-", "i"),
        (" mm-hmm.", "mm hmm"),
        (' "Yes,"', "yes"),
        (" 'cause", "'cause"),
        (" -", ""),
        (" ...", ""),
        ("'", ""),
    ],
)
def test_a_written_word_as_it_is_spoken(written: str, spoken: str) -> None:
    assert " ".join(spoken_words(written)) == spoken


def test_abbreviations_of_english_are_not_those_of_other_languages() -> None:
    assert spoken_words(" Dr.", "de") == ["dr"]
    assert spoken_words(" Straße,", "de") == ["straße"]


def test_signs_that_stand_over_or_after_a_letter_are_part_of_the_word() -> None:
    assert spoken_words(" ดู", "th") == ["ดู"]
    assert spoken_words(" हिन्दी।", "hi") == ["हिन्दी"]


@given(st.text(max_size=40))
def test_no_word_has_spaces_marks_at_its_ends_or_capitals(text: str) -> None:
    for word in spoken_words(text):
        assert word
        assert not any(c.isspace() for c in word)
        assert word == word.lower()
