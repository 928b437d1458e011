from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from benchmarks import accuracy
from benchmarks.conditions import Pcm
from benchmarks.engines import Heard
from benchmarks.scoring import Errors
from benchmarks.sets import Utterance
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


def test_kept_results_without_confidences_are_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "digits.json"
    assert accuracy.recall(path) is None
    result = accuracy.Result([Errors(1, 0, 0, 2)], 0, 0, 0.5, 2.0, [[(0.5, True), (0.75, False)]])
    accuracy.keep(path, result)
    kept = accuracy.recall(path)
    assert kept is not None
    assert kept.errors == result.errors
    assert [tuple(word) for word in kept.confidences[0]] == result.confidences[0]
    older = json.loads(path.read_text())
    del older["confidences"]
    path.write_text(json.dumps(older))
    assert accuracy.recall(path) is None
    assert accuracy.recall(path, confidences=False) is not None


def test_confidences_are_measured_as_the_recogniser_gives_them() -> None:
    class Parrot:
        name = "parrot"

        def hear(self, pcm: Pcm, arrives: Sequence[bool] | None) -> Heard:
            return Heard("um one too", 0.1, (("um", 0.3), ("one", 0.9), ("too", 0.8)))

    said = Utterance("a", np.zeros(8000, np.int16), "one two")
    result = accuracy.measure(
        Parrot(), accuracy.TestSet("set", "a set", lambda: [said]), lambda: None
    )
    assert result.confidences == [[(0.9, True), (0.8, False)]]
    assert result.pooled == Errors(1, 0, 0, 2)


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
    assert (plain.confidences, adapted.confidences, peer.confidences) == (True, True, False)
    assert plain.calibration == built_in().calibration
