"""No text reaches users without having been read: the list of them all is kept beside this test."""

from __future__ import annotations

from tests.strings import LIST, texts


def test_the_list_of_texts_is_up_to_date() -> None:
    assert LIST.read_text(encoding="utf-8") == texts(), (
        "A text for users changed. Write the list anew (.venv/bin/python -m tests.strings) and read what changed aloud."
    )
