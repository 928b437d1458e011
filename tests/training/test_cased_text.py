"""Written lines as labelled units, and the split."""

from __future__ import annotations

from collections import Counter

import pytest

from training.cased_text import blocks, part_of, units


def _shown(line: str) -> str:
    return " ".join(u.key + u.mark for u in units(line))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Hello, how are you?", "hello, how are you?"),
        ("Dr. Jones left. Mr. Smith stayed!", "doctor jones left. mister smith stayed."),
        ("It costs $5 million.", "it costs <money>."),
        ("See you on March 8th, 2019 at 3 pm.", "see you on <date> at <time>."),
        ("Well -- yes; I\u2019m OK.", "well, yes, i'm okay."),
        ("about twenty five percent more", "about <percent> more"),
        ("The follow-up [laughs] was \u201cfine\u201d.", "the follow up was fine."),
        ("NASA and FBI, twice", "<acronym> and <acronym>, twice"),
        ("I, uh... I think", "i, uh. i think"),
    ],
)
def test_lines_become_units(line: str, expected: str) -> None:
    assert _shown(line) == expected


def test_sentence_starts_are_known() -> None:
    assert [u.starts for u in units("Yes, Tom. Go on.")] == [True, False, True, False]


def test_numbers_in_words_can_be_left_apart() -> None:
    assert [u.key for u in units("twenty five people", merge=False)] == ["twenty", "five", "people"]


@pytest.mark.parametrize("name", ["earnings21_22", "sgd"])
def test_the_split_is_fixed_and_keeps_edges_apart(name: str) -> None:
    size, edge = blocks(name)
    parts = [part_of(name, line) for line in range(size * 100)]
    assert parts == [part_of(name, line) for line in range(size * 100)]
    counts = Counter(parts)
    assert 0.02 < counts["test"] / len(parts) < 0.2
    assert counts["train"] / len(parts) > 0.6
    for line in range(1, len(parts)):
        assert {parts[line - 1], parts[line]} not in ({"train", "test"}, {"dev", "test"})
    assert edge * 2 < size
