from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks import accuracy
from callscribe.models.adapt.wordlist import read_sentences
from callscribe.models.folder import built_in


def test_the_page_of_phrases_is_one_page_of_sentences() -> None:
    sentences = read_sentences(accuracy.PHRASES)
    assert 40 <= len(sentences) <= 60
    assert len(set(sentences)) == len(sentences)


def test_the_adapted_model_is_made_once_for_a_text(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[Sequence[str]] = []

    def adapt(command: Sequence[str], *, check: bool) -> None:
        asked.append(command)
        Path(command[-1]).mkdir()

    monkeypatch.setattr(subprocess, "run", adapt)
    text = tmp_path / "text.txt"
    text.write_text("good morning\n")
    first = accuracy.adapt_built_in(text, tmp_path / "work")
    assert accuracy.adapt_built_in(text, tmp_path / "work") == first
    text.write_text("good evening\n")
    assert accuracy.adapt_built_in(text, tmp_path / "work") != first
    assert [command[command.index("adapt") + 2] for command in asked] == ["--text", "--text"]


def test_the_adapted_model_is_measured_on_the_real_calls_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(accuracy, "adapt_built_in", lambda: built_in().path)
    plain, adapted, peer = accuracy.engines([""], adapted=True, peer=True)
    assert plain.only == ()
    assert set(accuracy.REAL_CALLS) < set(peer.only)
    assert not {"calls-quiet", "calls-lost"} & set(peer.only)
    assert adapted.only == accuracy.REAL_CALLS
    assert set(adapted.only) <= {row.name for row in accuracy.test_sets(1)}
    assert len({plain.name, adapted.name, peer.name}) == 3
