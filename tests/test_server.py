"""What the server makes of its settings before it listens."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from callscribe.calls.plans import Flows, NumberFlow
from callscribe.errors import ModelError, SettingsError
from callscribe.models.folder import built_in
from callscribe.recognition.base import RecognizerSession
from callscribe.recognition.scripted import ScriptedRecognizer
from callscribe.recognition.vosk import VoskRecognizer
from callscribe.server import (
    check,
    check_phrases,
    expected,
    load_recognizer,
    open_record,
    readers_of_numbers,
    second_readings,
    session_options,
)
from callscribe.settings import Secret, Settings
from callscribe.speech.endpoint import EndpointOptions
from callscribe.speech.lanes import DecodePool
from callscribe.speech.places import InProcess
from tests.readers import tiny_en
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
    assert options.decoding.phrases == ("yes", "no")
    assert options.decoding.endpoints == EndpointOptions(silence_ms=900, longest_ms=8000)


def test_what_a_number_leaves_open_is_general() -> None:
    options = session_options(SETTINGS, NumberFlow())
    assert options.decoding.phrases == ()
    assert options.decoding.endpoints == EndpointOptions(silence_ms=500, longest_ms=15_000)


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


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"auth_token": Secret("")}, "There is no auth token"),
        ({"public_url": "https://a.example", "tunnel": "ngrok"}, "not both"),
        ({"public_url": "calls.example"}, "must start with https://"),
        ({"number": "five"}, r"`number` 'five' is not a phone number.*\+15005550006"),
        ({"flow": "forward"}, "forward needs a number"),
        ({"contacts": {"+15005550010": " "}}, "has no name"),
        ({"token": Secret("hunter2")}, "at least 16 are needed"),
        ({"unread_key": Secret("hunter2")}, "has 7 characters; 16 or more"),
    ],
)
def test_what_is_wrong_with_settings_is_found_before_anything_is_opened(
    tmp_path: Path, wrong: dict[str, Any], said: str
) -> None:
    good = Settings(data=tmp_path / "data", auth_token=Secret("t"))
    check(good)
    with pytest.raises(SettingsError, match=said):
        check(dataclasses.replace(good, **wrong))
    assert not good.data.exists()


def test_a_kept_token_that_cannot_be_used_is_found_at_start(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("short\n")
    with pytest.raises(SettingsError, match="has 5 characters"):
        check(Settings(data=tmp_path, auth_token=Secret("t")))


def test_a_call_is_read_again_with_its_numbers_words_and_the_contacts_names() -> None:
    settings = Settings(contacts={"+15005550010": "Ann", "+15005550011": "Bob"})
    assert expected(settings, NumberFlow(words=("Oldroyd", "Ann")), "en").hints == (
        "Oldroyd",
        "Ann",
        "Bob",
    )
    many = {f"+1500555{n:04}": f"Name {n}" for n in range(1000)}
    assert len(expected(Settings(contacts=many), NumberFlow(), "de").hints) <= 40


def test_a_numbers_own_reader_that_is_not_there_is_named_with_the_number(tmp_path: Path) -> None:
    flows = Flows(numbers={"+15005550006": NumberFlow(second_reader=str(tmp_path))})
    with pytest.raises(ModelError) as raised:
        readers_of_numbers(flows, "en")
    assert str(raised.value).startswith('[numbers."+15005550006"], second_reader: ')
    flows = Flows(numbers={"+15005550006": NumberFlow(second_reader="off")})
    assert readers_of_numbers(flows, "en") == {}


async def test_each_number_has_its_reader_and_one_model_is_loaded_once(tmp_path: Path) -> None:
    folder = str(tiny_en())
    data = tmp_path / "data"
    settings = Settings(data=data, auth_token=Secret("t"), second_reader="off")
    own = NumberFlow(second_reader=folder)
    flows = Flows(numbers={"+15005550006": own, "+15005550007": own, "+15005550008": NumberFlow()})
    pool = DecodePool([InProcess(ScriptedRecognizer())], threads=1)
    async with open_record(settings) as record:
        async with second_readings(settings, flows, "en", record, pool) as readings:
            assert readings.general is None
            (reading,) = readings.all
            assert readings.of(own) is reading
            assert readings.of(NumberFlow()) is None
            assert (await reading.service.ready).language == "en"
        general = dataclasses.replace(settings, second_reader=folder)
        async with second_readings(general, flows, "en", record, pool) as readings:
            assert readings.of(own) is readings.general is readings.of(NumberFlow())
            assert readings.of(NumberFlow(second_reader="off")) is None
    await pool.close()
