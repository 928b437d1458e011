from __future__ import annotations

from pathlib import Path

from benchmarks.reading_delay import marked, put_in, sentence


def test_the_sentence_gives_median_and_tail() -> None:
    found = sentence([1000] * 19 + [3000])
    assert "1.0 s (median)" in found
    assert "(20 utterances" in found
    assert "no second reader" in sentence([])


def test_it_takes_the_place_of_the_one_before_it(tmp_path: Path) -> None:
    page = tmp_path / "accuracy.md"
    page.write_text(f"before\n{marked('It was slow.')}\nafter\n")
    put_in("It is quick.", page)
    put_in("It is quicker.", page)
    assert page.read_text() == f"before\n{marked('It is quicker.')}\nafter\n"
