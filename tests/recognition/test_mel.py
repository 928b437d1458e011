from __future__ import annotations

import numpy as np

from callscribe.recognition.mel import FRAMES, HOP, RATE, LogMel


def tone(hertz: float, seconds: float, level: float = 3000) -> np.ndarray:
    at = np.arange(int(RATE * seconds)) / RATE
    return (level * np.sin(2 * np.pi * hertz * at)).astype(np.int16)


def test_a_window_has_the_models_length_whatever_the_sound() -> None:
    for seconds in (0, 0.01, 1, 31):
        mel = LogMel(80)(tone(440, seconds))
        assert mel.shape == (80, FRAMES)
        assert mel.dtype == np.float32
        assert np.isfinite(mel).all()


def test_higher_tones_lie_in_higher_bands() -> None:
    loudest = [int(LogMel(80)(tone(hertz, 1))[:, 50].argmax()) for hertz in (200, 1000, 3000, 6000)]
    assert loudest == sorted(loudest)
    assert len(set(loudest)) == 4


def test_a_tone_of_one_kilohertz_lies_where_slaneys_scale_has_it() -> None:
    # Band centres are 45.2456 / 81 mel apart, and 1000 Hz is 15 mel.
    assert (
        int(LogMel(80)(tone(1000, 1))[:, 50].argmax()) == round(15 / (45.245640471924965 / 81)) - 1
    )


def test_what_is_silent_is_eighty_decibels_below_the_loudest() -> None:
    mel = LogMel(128)(np.concatenate((tone(1000, 0.5), np.zeros(RATE, np.int16))))
    assert mel.max() - mel[:, -1].max() == np.float32(8 / 4)
    assert (mel[:, RATE // HOP :] == mel.min()).all()


def test_a_quieter_line_is_the_same_but_for_a_shift() -> None:
    loud, quiet = (LogMel(80)(tone(700, 1, level)) for level in (20000, 2000))
    difference = (loud - quiet)[:, 10:90][loud[:, 10:90] > loud.min() + 0.5]
    assert np.allclose(difference, 2 / 4, atol=0.02)
