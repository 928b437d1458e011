from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed: it is for the recipe only")
pytest.importorskip("scipy", reason="scipy is not installed: it is for the recipe only")
from training.mel import HIGH, LOW, log_mel
from training.network import MEL
from training.nnet3 import mfcc_matrix

knf = pytest.importorskip(
    "kaldi_native_fbank", reason="kaldi-native-fbank is not installed: it is for the recipe only"
)
SAMPLES = (np.random.default_rng(0).standard_normal(8000) * 500).astype(np.float32)


def frames_of(computer: Any, samples: np.ndarray) -> np.ndarray:
    computer.accept_waveform(8000, samples.tolist())
    computer.input_finished()
    return np.stack([computer.get_frame(i) for i in range(computer.num_frames_ready)])


def set_up(options: Any) -> None:
    options.frame_opts.samp_freq = 8000
    options.frame_opts.dither = 0
    options.mel_opts.num_bins = MEL
    options.mel_opts.low_freq, options.mel_opts.high_freq = LOW, HIGH
    options.use_energy = False


def test_log_mel_is_kaldis() -> None:
    options = knf.FbankOptions()
    set_up(options)
    expected = frames_of(knf.OnlineFbank(options), SAMPLES)
    found = log_mel(SAMPLES)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() < 2e-3


def test_mfcc_of_it_are_kaldis() -> None:
    options = knf.MfccOptions()
    set_up(options)
    options.num_ceps = MEL
    expected = frames_of(knf.OnlineMfcc(options), SAMPLES)
    assert np.abs(log_mel(SAMPLES) @ mfcc_matrix().T - expected).max() < 5e-2


def test_silence_and_scraps() -> None:
    assert log_mel(np.zeros(400)).max() < -15
    assert log_mel(np.zeros(199)).shape == (0, MEL)
