from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from callscribe.models.adapt.language_model import (
    Backoff,
    Counted,
    number_words,
    sorted_backoff,
    triples,
)

WORDS = ["no", "on", "order", "please", "the", "yes"]
LINES = st.lists(
    st.lists(st.sampled_from([*WORDS, "unknown"]), max_size=6), min_size=1, max_size=12
)


def model_of(lines: list[str]) -> Backoff:
    numbers = number_words(WORDS)
    v = len(numbers)
    counted = Counted(triples(lines, numbers), v)
    p1 = counted.p1(np.arange(v))
    p1[v - 2] = 0
    y, z = counted.bigrams // v, counted.bigrams % v
    history, last = counted.trigrams // v, counted.trigrams % v
    p3 = counted.p3(history // v, history % v, last)
    p2 = counted.p2(y, z)
    return sorted_backoff(tuple(WORDS), p1 / p1.sum(), counted.bigrams, p2, counted.trigrams, p3)


def test_triples_hold_each_word_with_its_history() -> None:
    n = number_words(WORDS)
    x, y, z = triples(["yes please", "the unknown order"], n)
    rows = list(zip(x.tolist(), y.tolist(), z.tolist(), strict=True))
    begin, end = n["<s>"], n["</s>"]
    assert rows == [
        (-1, begin, n["yes"]),
        (begin, n["yes"], n["please"]),
        (n["yes"], n["please"], end),
        (-1, begin, n["the"]),
        (-1, -1, n["order"]),
        (-1, n["order"], end),
    ]


@settings(max_examples=40, deadline=None)
@given(LINES)
@example([[], *([word] for word in WORDS)])
def test_every_history_shares_out_one(lines: list[list[str]]) -> None:
    model = model_of([" ".join(line) for line in lines])
    v = model.v
    z = np.arange(v)
    for y in range(-1, v - 1):
        assert model.bigram(np.full(v, y), z).sum() == pytest.approx(1, abs=1e-4)
        for x in range(-1, v - 1):
            p = model.trigram(np.full(v, x), np.full(v, y), z)
            assert p.sum() == pytest.approx(1, abs=1e-4)


@settings(max_examples=20, deadline=None)
@given(LINES)
def test_counted_text_shares_out_one(lines: list[list[str]]) -> None:
    numbers = number_words(WORDS)
    v = len(numbers)
    counted = Counted(triples([" ".join(line) for line in lines], numbers), v)
    z = np.arange(v)
    for y in range(v - 1):
        assert counted.p3(np.full(v, 0), np.full(v, y), z).sum() == pytest.approx(1, abs=1e-6)


def test_saved_and_loaded_it_is_the_same_within_the_stored_steps(tmp_path: Path) -> None:
    model = model_of(["yes please", "no the order please", "the order", "on the order yes"])
    model.save(tmp_path / "lm.npz")
    back = Backoff.load(tmp_path / "lm.npz")
    assert back.words == model.words
    assert np.array_equal(back.bigrams, model.bigrams)
    assert np.array_equal(back.trigrams, model.trigrams)
    assert back.p3 == pytest.approx(model.p3, rel=0.045)
    assert back.p2 == pytest.approx(model.p2, rel=0.045)


def test_more_words_change_nothing_for_the_others() -> None:
    model = model_of(["yes please", "no the order please", "the order", "on the order yes"])
    larger = model.with_words(["brevonia"])
    old, new = number_words(model.words), number_words(larger.words)
    for x, y, z in [("<s>", "yes", "please"), ("no", "the", "order"), ("on", "no", "yes")]:
        before = model.trigram(*(np.array([old[w]]) for w in (x, y, z)))
        after = larger.trigram(*(np.array([new[w]]) for w in (x, y, z)))
        assert after == pytest.approx(before, rel=1e-6)


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "lm.npz"
    path.write_bytes(b"not a model")
    with pytest.raises((ValueError, KeyError, OSError)):
        Backoff.load(path)
