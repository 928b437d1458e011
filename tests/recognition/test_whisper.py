from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from callscribe.audio.mulaw import Pcm
from callscribe.errors import ModelError
from callscribe.recognition.base import Excerpt, Reading
from callscribe.recognition.calibration import Calibration
from callscribe.recognition.whisper import WhisperReader
from tests.readers import tiny_en
from tests.speech.audio import SAID, scene


@pytest.fixture(scope="module")
def reader() -> WhisperReader:
    return WhisperReader(tiny_en(), name="tiny.en")


def said(name: str, before_s: float = 0.3, after_s: float = 0.3) -> Pcm:
    return scene(before_s, name, after_s).pcm


def raw(reading: Reading) -> str:
    return " ".join(word.text for word in reading.words)


def test_words_are_read_as_spoken_with_their_times(reader: WhisperReader) -> None:
    played = scene(0.6, "card", 0.6)
    reading = reader.read(Excerpt(played.pcm))
    assert raw(reading) == SAID["card"]
    assert reading.language == "en"
    assert played.starts_ms[0] < reading.words[1].start_ms < played.starts_ms[0] + 600
    assert reading.words[-1].start_ms < played.ends_ms[0] <= reading.words[-1].end_ms
    starts = [word.start_ms for word in reading.words]
    assert starts == sorted(starts)
    assert all(word.start_ms <= word.end_ms and 0 < word.confidence <= 1 for word in reading.words)


def test_words_come_with_the_models_own_writing(reader: WhisperReader) -> None:
    reading = reader.read(Excerpt(said("card")))
    assert " ".join(token.text for token in reading.tokens) == reading.text
    assert [i for token in reading.tokens for i in range(token.start, token.stop)] == list(
        range(len(reading.words))
    )


def test_what_was_said_before_is_heard_but_not_returned(reader: WhisperReader) -> None:
    before = Excerpt(said("balance"), reader.read(Excerpt(said("balance"))).text)
    reading = reader.read(Excerpt(said("card")), [before])
    assert raw(reading) == SAID["card"]
    assert reading.words[0].start_ms < 1000


@pytest.mark.parametrize("earlier", [1, 4, 12])
@pytest.mark.parametrize("brief", [False, True])
def test_however_much_was_said_before_only_what_is_new_is_returned(
    reader: WhisperReader, earlier: int, brief: bool
) -> None:
    names = [("hello", "balance", "calling", "yes", "number")[i % 5] for i in range(earlier)]
    before = [Excerpt(said(name), SAID[name]) for name in names]
    reading = reader.read(Excerpt(said("card")), before, brief=brief)
    assert re.fullmatch("i lost my (debit|daddy) card", raw(reading))  # whatever else it hears
    assert reading.words[0].start_ms < reading.words[-1].start_ms < len(said("card")) // 8


def test_of_silence_nothing_that_was_said_before_is_returned(reader: WhisperReader) -> None:
    before = [Excerpt(said(name), SAID[name]) for name in ("hello", "balance")]
    noise = np.random.default_rng(1).normal(0, 20, 8000).astype(np.int16)
    reading = reader.read(Excerpt(noise), before, brief=True)
    assert reading.doubtful or not reading.words
    assert not {"hello", "account"} & set(raw(reading).split())


def test_a_long_utterance_is_read_with_what_was_said_before(reader: WhisperReader) -> None:
    pcm = np.concatenate([said(name, 1.0, 1.0) for name in ("hello", "balance", "card")])
    assert len(pcm) > 9 * 8000
    before = [Excerpt(said("calling"), SAID["calling"])]
    reading = reader.read(Excerpt(pcm), before, brief=True)
    assert raw(reading).startswith("hello how can i help you today")
    assert "i would like to check my account" in raw(reading)
    assert raw(reading).endswith(SAID["card"])


def test_utterances_read_together_keep_their_words_and_times(reader: WhisperReader) -> None:
    names = ["hello", "calling", "yes"]
    readings = reader.read_together([Excerpt(said(name)) for name in names])
    assert raw(readings[0]) == SAID["hello"]
    assert raw(readings[1]).endswith("for calling")
    assert raw(readings[2]) == SAID["yes"]
    for reading, name in zip(readings, names, strict=True):
        assert reading.words[-1].end_ms <= len(said(name)) // 8 + 1


def test_several_windows_are_read_at_once_as_each_by_itself(reader: WhisperReader) -> None:
    silence = np.zeros(7 * 8000, np.int16)
    pieces = [np.concatenate((said(name), silence)) for name in ("hello", "yes", "card") * 2]
    together = [raw(each) for each in reader.read_together([Excerpt(pcm) for pcm in pieces])]
    assert together[0] == SAID["hello"]
    assert together[5] == SAID["card"]
    for start in (0, 3):
        alone = reader.read_together([Excerpt(pcm) for pcm in pieces[start : start + 3]])
        assert [raw(each) for each in alone] == together[start : start + 3]


@pytest.mark.parametrize("seconds", [0, 0.1, 3])
def test_silence_has_no_words(reader: WhisperReader, seconds: float) -> None:
    reading = reader.read(Excerpt(np.zeros(int(8000 * seconds), np.int16)))
    assert reading.doubtful or not reading.words


def test_a_long_utterance_is_read_in_pieces(reader: WhisperReader) -> None:
    names = ["hello", "calling", "number", "four", "yes"]
    pcm = np.concatenate([said(name, 2.0, 2.0) for name in [*names, *names]])
    assert len(pcm) > 40 * 8000
    reading = reader.read(Excerpt(pcm))
    assert raw(reading).count("how can i help you") == 2
    assert len(pcm) // 8 - 6000 < reading.words[-1].start_ms < len(pcm) // 8


def test_confidence_is_what_the_calibration_says(reader: WhisperReader) -> None:
    sure = WhisperReader(tiny_en(), calibration=Calibration(((0.0, 0.25), (1.0, 0.25))))
    assert {word.confidence for word in sure.read(Excerpt(said("card"))).words} == {0.25}


def test_another_language_is_refused_by_an_english_model(reader: WhisperReader) -> None:
    with pytest.raises(ModelError, match="reads `en`, not `de`"):
        reader.read(Excerpt(said("card")), language="de")


def test_a_damaged_model_is_told(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_en(), tmp_path / "model"))
    (folder / "model.bin").write_bytes((folder / "model.bin").read_bytes()[:100_000])
    with pytest.raises(ModelError, match=r"cannot be loaded.*\n.*models get"):
        WhisperReader(folder)
