"""What the server makes of its settings before it listens."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import cast

import pytest

from callscribe.calls.plans import Flows, NumberFlow
from callscribe.errors import ModelError, SettingsError
from callscribe.recognition.scripted import ScriptedRecognizer
from callscribe.server.record import open_record
from callscribe.server.second_readings import (
    SecondReading,
    SecondReadings,
    readers_of_numbers,
    seal_of_waiting,
    second_readings,
)
from callscribe.settings import Secret, Settings
from callscribe.speech.places import InProcess
from callscribe.speech.pool import DecodePool
from callscribe.speech.waiting import Rereading
from tests.readers import tiny_en


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


def test_what_an_earlier_process_left_goes_to_its_numbers_reader() -> None:
    general, own = cast(SecondReading, object()), cast(SecondReading, object())
    readings = SecondReadings(general=general, named={"large": own})
    assert readings.of_left(Rereading()) is general
    assert readings.of_left(Rereading(reader="large")) is own
    assert readings.of_left(Rereading(reader="gone")) is general
    assert readings.of_left(Rereading(reader="off")) is None


def test_a_key_file_that_cannot_be_read_is_said_at_start(tmp_path: Path) -> None:
    (tmp_path / "unread.key").mkdir()
    with pytest.raises(SettingsError, match=r"key file .*unread.key can be neither read"):
        seal_of_waiting(Settings(data=tmp_path))
