"""The packaged network."""

from __future__ import annotations

import numpy as np
import pytest

from callscribe.errors import CallscribeError
from callscribe.text.tagger import MARKS, Tagger, bucket


@pytest.fixture(scope="module")
def tagger() -> Tagger:
    return Tagger.packaged("en")


def test_marks_are_probabilities(tagger: Tagger) -> None:
    tags = tagger.tag(["hello", "my", "name", "is", "qzxv", "<money>"])
    assert tags.marks.shape == (6, len(MARKS))
    assert tags.capitals.shape == (6,)
    np.testing.assert_allclose(np.exp(tags.marks).sum(axis=1), 1, rtol=1e-4)


def test_one_unit_is_enough(tagger: Tagger) -> None:
    assert tagger.tag(["hello"]).marks.shape == (1, len(MARKS))


def test_questions_differ_from_statements(tagger: Tagger) -> None:
    asked = tagger.tag("what is your name".split()).marks[-1]
    told = tagger.tag("that is my name".split()).marks[-1]
    question, stop = MARKS.index("?"), MARKS.index(".")
    assert asked[question] > asked[stop]
    assert told[stop] > told[question]


def test_words_far_away_do_not_change_the_answer(tagger: Tagger) -> None:
    """The network looks at a bounded stretch, so long utterances cost no more a word."""
    words = ["well"] * 120
    changed = ["what", *words[1:]]
    np.testing.assert_allclose(
        tagger.tag(words).marks[-1], tagger.tag(changed).marks[-1], atol=1e-4
    )


def test_rare_words_share_buckets() -> None:
    assert bucket("running", 256) == bucket("jogging", 256)
    assert 0 <= bucket("", 256) < 256


def test_fixed_forms_differ_from_their_keys_in_case_only(tagger: Tagger) -> None:
    assert tagger.forms["chicago"] == "Chicago"
    assert all(form.lower() == key != form for key, form in tagger.forms.items())


def test_a_missing_model_is_explained() -> None:
    with pytest.raises(CallscribeError, match="Reinstall callscribe"):
        Tagger.packaged("xx")
