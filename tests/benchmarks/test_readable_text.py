"""The measurement of written text."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import readable_text
from callscribe.text import Writer

SHARED = Path(__file__).resolve().parents[2].parent / "shared"


def test_lines_are_labelled_word_by_word() -> None:
    row = readable_text.labelled("Yes, Tom has an ATM.")
    assert row is not None
    assert [(w.word, w.mark, w.name) for w in row] == [
        ("yes", ",", False),
        ("tom", "", True),
        ("has", "", False),
        ("an", "", False),
        ("a", "", True),
        ("t", "", True),
        ("m", ".", True),
    ]


def test_lines_with_figures_are_left_out() -> None:
    assert readable_text.labelled("It costs $5.") is None


def test_scores_count_hits_claims_and_truths() -> None:
    score = readable_text.Score()
    for claimed, true in ((True, True), (True, False), (False, True), (False, False)):
        score.add(claimed, true)
    assert score.summary() == {"f1": 0.5, "precision": 0.5, "recall": 0.5, "count": 2}


def test_raw_text_scores_nothing() -> None:
    """The do-nothing baseline of the report."""
    row = readable_text.labelled("Hello, Tom. Are you there?")
    assert row is not None
    raw = readable_text.score_marks(Writer.for_language("xx"), [row])
    assert all(score["f1"] == 0 for score in raw.values())


def test_number_cases_are_counted(tmp_path: Path) -> None:
    (tmp_path / "money.txt").write_text(
        "one cent~$0.01\ntwo dollars~$3\nfive dollars~$5\n", encoding="utf-8"
    )
    counts = readable_text.score_numbers(Writer.for_language("en"), tmp_path)["money"]
    assert (counts["cases"], counts["right"], counts["exact"], counts["do_nothing"]) == (3, 2, 1, 0)
    assert counts["wrong"] == ["two dollars → $2. (expected $3)"]


@pytest.mark.skipif(not (SHARED / "data" / "itn").is_dir(), reason="../shared/data/itn is missing")
def test_independent_number_cases_are_right() -> None:
    kinds = readable_text.score_numbers(Writer.for_language("en"), SHARED / "data" / "itn")
    cases = sum(kind["cases"] for kind in kinds.values())
    right = sum(kind["right"] for kind in kinds.values())
    assert cases > 200
    assert right / cases > 0.95
