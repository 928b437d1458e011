"""The packaged network."""

from __future__ import annotations

import io
from importlib import resources

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


@pytest.mark.parametrize("count", [1, 15, 16, 17, 40])
def test_blocks_give_what_a_plain_convolution_gives(tagger: Tagger, count: int) -> None:
    """The same network written out position by position, from the packed arrays."""
    keys = ("hello my name is qzxv and i paid <money> for it".split() * 4)[:count]
    data = resources.files("callscribe.text").joinpath("en.npz").read_bytes()
    with np.load(io.BytesIO(data)) as file:
        arrays = {name: file[name] for name in file.files}
    words = bytes(arrays["words"]).decode().split("\n")
    first = 1 + len(words)
    ids = [
        words.index(k) + 1 if k in words else first + bucket(k, int(arrays["buckets"]))
        for k in keys
    ]
    embedded = (arrays["embedding"] * arrays["embedding_scale"])[ids]
    x = embedded
    kernel = int(arrays["kernel"])
    for layer, dilation in enumerate(arrays["dilations"]):
        weight = (arrays[f"conv{layer}"] * arrays[f"conv{layer}_scale"]).reshape(
            -1, kernel, x.shape[1]
        )
        rows = []
        for place in range(count):
            total = arrays[f"conv{layer}_bias"].astype(np.float64)
            for tap in range(kernel):
                at = place + (tap - kernel // 2) * int(dilation)
                if 0 <= at < count:
                    total = total + weight[:, tap] @ x[at]
            rows.append(np.maximum(total, 0))
        x = np.array(rows) if layer == 0 else x + np.array(rows)
    scores = x @ arrays["mark"].T + arrays["mark_bias"]
    expected = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    capitals = (
        np.concatenate([x, embedded], axis=1) @ arrays["capital"][0] + arrays["capital_bias"][0]
    )
    habit = dict(zip(words, arrays["habits"] / 20 * arrays["habit_weight"], strict=True))
    rare = bytes(arrays["rare_words"]).decode().split("\n")
    habit.update(zip(rare, arrays["rare_habits"] / 20 * arrays["rare_weight"], strict=True))
    capitals = capitals + [habit.get(key, 0.0) for key in keys]
    tags = tagger.tag(keys)
    np.testing.assert_allclose(tags.marks, expected, atol=1e-3)
    np.testing.assert_allclose(tags.capitals, capitals, atol=1e-3)


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


def test_rare_words_keep_to_their_habit(tagger: Tagger) -> None:
    """Words outside the network's list that training saw in lower case only, however name-like their place."""
    for said in ("the grapefruit", "some shampoos", "an appellate court", "more blueberries"):
        assert (tagger.tag(said.split()).capitals < 0).all(), said


def test_fixed_forms_differ_from_their_keys_in_case_only(tagger: Tagger) -> None:
    assert tagger.forms["chicago"] == "Chicago"
    assert all(form.lower() == key != form for key, form in tagger.forms.items())


def test_a_missing_model_is_explained() -> None:
    with pytest.raises(CallscribeError, match="Reinstall callscribe"):
        Tagger.packaged("xx")
