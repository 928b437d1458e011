"""What the server makes of its settings before it listens."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from callscribe.calls.plans import Flows, NumberFlow
from callscribe.errors import ModelError
from callscribe.models.folder import built_in
from callscribe.recognition.base import RecognizerSession
from callscribe.recognition.scripted import ScriptedRecognizer
from callscribe.recognition.vosk import VoskRecognizer
from callscribe.server.decoding import capacity_of, check_phrases, load_recognizer
from callscribe.settings import Settings
from callscribe.speech import capacity
from callscribe.speech.places import InProcess
from tests.speech.audio import scene


class Restrictable(ScriptedRecognizer):
    """Takes phrases, and remembers them."""

    def __init__(self) -> None:
        super().__init__(())
        self.asked: list[tuple[str, ...]] = []

    def start_session(self, phrases: Sequence[str] = ()) -> RecognizerSession:
        self.asked.append(tuple(phrases))
        return super().start_session()


def test_a_model_that_takes_phrases_is_tried_for_each_number() -> None:
    recognizer = Restrictable()
    numbers = {
        "+15005550006": NumberFlow(phrases=("yes", "no")),
        "+15005550007": NumberFlow(),
        "+15005550008": NumberFlow(phrases=("one",)),
    }
    check_phrases(Flows(numbers=numbers), InProcess(recognizer))
    assert recognizer.asked == [("yes", "no"), ("one",)]


def test_a_model_that_takes_none_is_named_with_the_number() -> None:
    model = built_in()
    recognizer = VoskRecognizer(model.path, name=model.title)
    flows = Flows(numbers={"+15005550006": NumberFlow(phrases=("yes", "no"))})
    with pytest.raises(ModelError, match="cannot be restricted to phrases") as raised:
        check_phrases(flows, InProcess(recognizer))
    recognizer.close()
    assert str(raised.value).startswith('[numbers."+15005550006"], phrases: The model phone-en')
    check_phrases(Flows(numbers={"+15005550006": NumberFlow()}), InProcess(recognizer))


def test_a_server_gives_calibrated_confidence(tmp_path: Path) -> None:
    recognizer, model = load_recognizer(Settings(data=tmp_path))
    session = recognizer.start_session()
    pcm = scene(0.3, "card", 0.3).pcm
    heard = [word for found in (*session.accept(pcm), *session.finish()) for word in found.words]
    recognizer.close()
    assert model.calibration is not None
    highest = model.calibration(1.0)
    assert highest < 1
    assert 0.5 < max(word.confidence for word in heard) <= highest


def test_a_recogniser_of_this_process_counts_as_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capacity, "measure", lambda *_, **__: capacity.Rate(3))
    settings = Settings(data=tmp_path)
    assert settings.workers == "processes"
    assert capacity_of(settings, "a model", [InProcess(ScriptedRecognizer())], 2) == 3
    assert capacity.kept(tmp_path, "a model", 2, "threads") == (3, False)


def test_a_capacity_measured_on_a_busy_machine_is_measured_again_and_the_most_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [capacity.Rate(*each) for each in [(5, True), (3, True), (0, False), (9, False)]]
    monkeypatch.setattr(capacity, "measure", lambda *_, **__: found.pop(0))
    settings, places = Settings(data=tmp_path), [InProcess(ScriptedRecognizer())]
    assert [capacity_of(settings, "a model", places, 2) for _ in range(6)] == [5, 5, 5, 9, 9, 9]
    assert not found
