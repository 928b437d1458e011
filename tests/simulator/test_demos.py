"""The packaged calls and the truth that lies beside them."""

from __future__ import annotations

import contextlib
from typing import get_args

import numpy as np
import pytest

from callscribe.models.folder import built_in
from callscribe.recognition.vosk import VoskRecognizer
from callscribe.simulator import mulaw
from callscribe.simulator.demos import FOLDER, DemoName, demo


@pytest.mark.parametrize("name", get_args(DemoName))
def test_speech_is_where_the_script_says_and_nowhere_else(name: DemoName) -> None:
    packaged = demo(name)
    tracks = packaged.audio().parties
    assert len(tracks) == len(packaged.speakers)
    for speaker, track in zip(packaged.speakers, tracks, strict=True):
        samples = np.abs(mulaw.decode(track).astype(np.int32))
        assert abs(len(samples) / 8 - packaged.duration_ms) <= 1
        talking = np.zeros(len(samples), dtype=bool)
        for line in packaged.lines:
            if line.speaker == speaker:
                spoken = samples[line.start_ms * 8 : line.end_ms * 8]
                assert spoken[: 8 * 150].max() > 300, f"{line.text!r} begins late"
                assert spoken[-8 * 250 :].max() > 300, f"{line.text!r} ends early"
                talking[line.start_ms * 8 : line.end_ms * 8 + 8] = True
        assert samples[~talking].max() == 0


def test_the_bank_call_is_short_and_small() -> None:
    bank = demo("bank")
    assert 40_000 <= bank.duration_ms <= 50_000
    assert sum(path.stat().st_size for path in bank.files) < 500_000
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 600_000
    assert bank.speakers == ("caller", "agent")
    assert bank.words("caller")[:6] == ["hello", "my", "name", "is", "david", "miller"]


@pytest.mark.parametrize("name", get_args(DemoName))
def test_the_built_in_model_understands_the_packaged_calls(name: DemoName) -> None:
    # If a new model or a new dialogue breaks this, the demo shows wrong words to everyone who tries callscribe.
    with contextlib.closing(VoskRecognizer(built_in().path)) as recognizer:
        packaged = demo(name)
        wrong = total = 0
        for speaker, track in zip(packaged.speakers, packaged.audio().parties, strict=True):
            session = recognizer.start_session()
            samples = mulaw.decode(track)
            heard: list[str] = []
            for begin in range(0, len(samples), 800):
                for hypothesis in session.accept(samples[begin : begin + 800]):
                    heard += [word.text for word in hypothesis.words if hypothesis.final]
            heard += [word.text for h in session.finish() for word in h.words]
            session.close()
            wrong += word_errors(packaged.words(speaker), heard)
            total += len(packaged.words(speaker))
    assert wrong <= max(1, 0.05 * total)  # the shortest call has nine words


def word_errors(spoken: list[str], heard: list[str]) -> int:
    """Substitutions, insertions and deletions: Levenshtein's distance over words."""
    row = list(range(len(heard) + 1))
    for i, word in enumerate(spoken, start=1):
        before, row = row, [i]
        for j, other in enumerate(heard, start=1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (word != other)))
    return row[-1]


def test_word_errors_are_counted() -> None:
    assert word_errors(["a", "b", "c"], ["a", "x", "c", "d"]) == 2
    assert word_errors(["a"], []) == 1
