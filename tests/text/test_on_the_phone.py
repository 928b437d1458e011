"""Several hundred things that people say on the telephone, in `on_the_phone.txt`: no figure that nobody said."""

from __future__ import annotations

from pathlib import Path

from callscribe.text.rules import written_spans
from callscribe.text.spans import Setting

LINES = Path(__file__).with_name("on_the_phone.txt").read_text(encoding="utf-8").splitlines()
CASES = [line.split(" -> ") for line in LINES if not line.startswith("#")]


def written(said: str) -> str:
    return " ".join(s.text for s in written_spans(said.split(), Setting()) if s.text)


def test_numbers_are_written_as_people_write_them_or_left_in_words() -> None:
    wrong = [
        f"{said} -> {written(said)}, not {expected}"
        for said, expected in CASES
        if written(said) != expected
    ]
    assert not wrong, "\n".join(wrong)


def test_every_word_is_in_one_span() -> None:
    for said, _ in CASES:
        words = said.split()
        spans = written_spans(words, Setting())
        assert [spans[0].start, *(span.stop for span in spans)] == [
            *(span.start for span in spans),
            len(words),
        ]
