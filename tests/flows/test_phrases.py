"""A number's phrases, from the settings to the finals of a call, with the real recogniser."""

from __future__ import annotations

from pathlib import Path

import pytest

from callscribe.errors import ModelError
from callscribe.events import AnyEvent, FinalTranscript
from callscribe.recognition.vosk import VoskRecognizer
from callscribe.server.decoding import check_phrases
from callscribe.server.policy import call_flows, session_options
from callscribe.settings import Settings
from callscribe.speech.places import InProcess
from callscribe.speech.pool import DecodePool
from callscribe.speech.session import StreamSession
from tests.models.adapt.conftest import small_dynamic  # noqa: F401 - a fixture
from tests.speech.audio import SAID, scene

MENU, OTHER = "+15005550006", "+15005550007"
FRAME = 160


@pytest.fixture(scope="module")
def recognizer(small_dynamic: Path) -> VoskRecognizer:  # noqa: F811
    return VoskRecognizer(small_dynamic, name="small")


async def call(settings: Settings, number: str, recognizer: VoskRecognizer, said: str) -> str:
    """What is recognised when a caller of `number` says something."""
    finals: list[FinalTranscript] = []

    async def publish(event: AnyEvent) -> None:
        if isinstance(event, FinalTranscript):
            finals.append(event)

    pool = DecodePool([InProcess(recognizer)], threads=1)
    session = StreamSession(
        call="CA" + "0" * 32,
        leg="CA" + "0" * 32,
        stream="MZ" + "0" * 32,
        tracks=("inbound",),
        speakers=lambda track: track,
        offset_ms=0,
        pool=pool,
        publish=publish,
        options=session_options(settings, call_flows(settings).of(number)),
    )
    await session.start()
    payload = scene(0.5, said, 0.5).payload
    for place in range(len(payload) // FRAME):
        frame = payload[place * FRAME : (place + 1) * FRAME]
        session.receive("inbound", place * 20, frame, place + 1)
    await session.close("stop")
    await pool.close()
    return " ".join(final.raw_text for final in finals)


async def test_each_number_has_its_own_phrases(recognizer: VoskRecognizer) -> None:
    settings = Settings(numbers={MENU: {"phrases": ["yes please", "no", "[unk]"]}, OTHER: {}})
    check_phrases(call_flows(settings), InProcess(recognizer))
    assert await call(settings, MENU, recognizer, "yes") == "yes please"
    assert set((await call(settings, MENU, recognizer, "card")).split()) == {"[unk]"}
    assert await call(settings, OTHER, recognizer, "card") == SAID["card"]


def test_a_word_that_the_model_does_not_know_is_named_at_start(recognizer: VoskRecognizer) -> None:
    settings = Settings(numbers={MENU: {"phrases": ["order brevonia"]}})
    with pytest.raises(ModelError, match="The model small does not know `brevonia`") as raised:
        check_phrases(call_flows(settings), InProcess(recognizer))
    assert str(raised.value).startswith(f'[numbers."{MENU}"], phrases: ')
