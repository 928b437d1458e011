"""What the server makes of its settings before it listens."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from callscribe.calls.flows import Flows, NumberFlow
from callscribe.errors import ModelError, SettingsError
from callscribe.models.folder import built_in
from callscribe.recognition.base import RecognizerSession
from callscribe.recognition.scripted import ScriptedRecognizer
from callscribe.recognition.vosk import VoskRecognizer
from callscribe.server import check_phrases, load_recognizer, page_token, session_options
from callscribe.settings import Secret, Settings
from callscribe.speech.endpoint import EndpointOptions
from tests.speech.audio import scene

SETTINGS = Settings(endpoint_silence_ms=500, endpoint_max_ms=15_000)


class Restrictable(ScriptedRecognizer):
    """Takes phrases, and remembers them."""

    def __init__(self) -> None:
        super().__init__(())
        self.asked: list[tuple[str, ...]] = []

    def start_session(self, phrases: Sequence[str] = ()) -> RecognizerSession:
        self.asked.append(tuple(phrases))
        return super().start_session()


def test_a_number_has_its_own_recognition() -> None:
    plan = NumberFlow(phrases=("yes", "no"), endpoint_silence_ms=900, endpoint_max_ms=8000)
    options = session_options(SETTINGS, plan)
    assert options.phrases == ("yes", "no")
    assert options.endpoints == EndpointOptions(silence_ms=900, longest_ms=8000)


def test_what_a_number_leaves_open_is_general() -> None:
    options = session_options(SETTINGS, NumberFlow())
    assert options.phrases == ()
    assert options.endpoints == EndpointOptions(silence_ms=500, longest_ms=15_000)


def test_a_model_that_takes_phrases_is_tried_for_each_number() -> None:
    recognizer = Restrictable()
    numbers = {
        "+15005550006": NumberFlow(phrases=("yes", "no")),
        "+15005550007": NumberFlow(),
        "+15005550008": NumberFlow(phrases=("one",)),
    }
    check_phrases(Flows(numbers=numbers), recognizer)
    assert recognizer.asked == [("yes", "no"), ("one",)]


def test_a_model_that_takes_none_is_named_with_the_number() -> None:
    model = built_in()
    recognizer = VoskRecognizer(model.path, name=model.title)
    flows = Flows(numbers={"+15005550006": NumberFlow(phrases=("yes", "no"))})
    with pytest.raises(ModelError, match="cannot be restricted to phrases") as raised:
        check_phrases(flows, recognizer)
    recognizer.close()
    assert str(raised.value).startswith('[numbers."+15005550006"], phrases: The model phone-en')
    check_phrases(Flows(numbers={"+15005550006": NumberFlow()}), recognizer)


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


def test_a_token_that_can_be_guessed_is_refused_at_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="at least 16 are needed"):
        page_token(Settings(data=tmp_path, token=Secret("hunter2")))
    with pytest.raises(SettingsError, match="made of words"):
        page_token(Settings(data=tmp_path, token=Secret("passwordpassword")))


def test_a_made_token_is_kept_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    token = page_token(Settings(data=tmp_path))
    assert page_token(Settings(data=tmp_path)) == token
    assert (tmp_path / "token").stat().st_mode & 0o077 == 0
