from __future__ import annotations

from pathlib import Path

from benchmarks.reading_delay import BEGIN, END, REPORT, firsts_ms, marked, put_in, sentence
from callscribe.events import RevisedTranscript


def test_the_sentence_gives_median_and_tail() -> None:
    found = sentence([1000] * 19 + [3000])
    assert "1.0 s (median)" in found
    assert "(20 utterances" in found
    assert "no second reader" in sentence([])


def test_a_surer_reading_after_the_call_does_not_count() -> None:
    assert firsts_ms([revised("u1", 900), revised("u2", 1400), revised("u1", 40_000)]) == [
        900,
        1400,
    ]


def revised(utterance: str, lag_ms: int) -> RevisedTranscript:
    return RevisedTranscript(
        call="CA1", leg="CA1", track="inbound", speaker="Ann", utterance=utterance, revision=2,
        text="yes", raw_text="yes", start_ms=0, end_ms=200, words=(), lag_ms=lag_ms,
    )  # fmt: skip


def test_the_report_has_a_place_for_it() -> None:
    page = REPORT.read_text(encoding="utf-8")
    assert page.count(BEGIN) == page.count(END) == 1


def test_it_takes_the_place_of_the_one_before_it(tmp_path: Path) -> None:
    page = tmp_path / "accuracy.md"
    page.write_text(f"before\n{marked('It was slow.')}\nafter\n")
    put_in("It is quick.", page)
    put_in("It is quicker.", page)
    assert page.read_text() == f"before\n{marked('It is quicker.')}\nafter\n"
