from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from callscribe.errors import AudioError
from callscribe.simulator import audio, mulaw


def sine(seconds: float, rate: int, hertz: float = 440.0) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 44100, 48000])
@pytest.mark.parametrize("kind", ["wav", "flac"])
def test_any_rate_becomes_8_khz(tmp_path: Path, rate: int, kind: str) -> None:
    path = tmp_path / f"tone.{kind}"
    soundfile.write(path, sine(1.0, rate), rate)
    (channel,) = audio.read_channels(path)
    assert abs(len(channel) - 8000) <= 1
    heard = mulaw.decode(channel).astype(float)
    spectrum = np.abs(np.fft.rfft(heard[:8000], 8000))
    assert int(np.argmax(spectrum)) == 440


def test_stereo_is_caller_left_and_callee_right(tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    soundfile.write(path, np.stack([sine(0.5, 8000), np.zeros(4000)], axis=1), 8000)
    caller, callee = audio.load([path]).parties
    assert abs(mulaw.decode(caller)).max() > 10_000
    assert abs(mulaw.decode(callee)).max() == 0


def test_one_file_a_person(tmp_path: Path) -> None:
    paths = []
    for index, seconds in enumerate((0.5, 1.0, 0.25)):
        paths.append(tmp_path / f"{index}.flac")
        soundfile.write(paths[-1], sine(seconds, 8000), 8000)
    loaded = audio.load(paths)
    assert [len(p) for p in loaded.parties] == [4000, 8000, 2000]
    assert loaded.length_ms == 1000


def test_what_cannot_be_used_says_why(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="There is no audio file"):
        audio.load([tmp_path / "none.wav"])
    text = tmp_path / "text.wav"
    text.write_text("hello")
    with pytest.raises(AudioError, match="cannot be read as audio"):
        audio.load([text])
    empty = tmp_path / "empty.wav"
    soundfile.write(empty, np.zeros(0), 8000)
    with pytest.raises(AudioError, match="holds no audio"):
        audio.load([empty])
    stereo, wide = tmp_path / "stereo.wav", tmp_path / "wide.wav"
    soundfile.write(stereo, np.zeros((800, 2)), 8000)
    soundfile.write(wide, np.zeros((800, 3)), 8000)
    with pytest.raises(AudioError, match="each must hold one person"):
        audio.load([stereo, stereo])
    with pytest.raises(AudioError, match="3 channels"):
        audio.load([wide])
