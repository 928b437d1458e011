"""Gives the recogniser audio that no training heard. Run as a program, with a model folder."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from callscribe.recognition.vosk import VoskRecognizer

Signal = npt.NDArray[np.float64]
RATE = 8000
LONGEST = 20 * RATE


def spoken(name: str) -> Signal:
    """One side of the packaged calls."""
    data = files("callscribe.simulator").joinpath(f"demo/{name}.flac").read_bytes()
    samples, rate = soundfile.read(io.BytesIO(data), dtype="int16")
    assert rate == RATE
    return np.asarray(samples, np.float64)


def lost(speech: Signal, share: float) -> Signal:
    """With frames of 20 ms that did not come."""
    there = np.random.default_rng(0).random(len(speech) // 160 + 1) > share
    return np.where(np.repeat(there, 160)[: len(speech)], speech, 0)


def bursts(speech: Signal, seed: int) -> Signal:
    """With noise between nothing and full scale, anew every tenth of a second."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(0, 1, len(speech))
    return (
        speech
        + noise * np.repeat(10 ** rng.uniform(0, 4, len(speech) // 800 + 1), 800)[: len(speech)]
    )


def strange() -> Iterator[Signal]:
    caller, guest = spoken("bank-caller"), spoken("meeting-anna")
    yield from (lost(caller, share) for share in (0.05, 0.2, 0.5))
    yield from (bursts(guest, seed) for seed in range(3))
    yield np.random.default_rng(0).choice([0.0, 32767, -32768], 4 * RATE)
    yield 32000 * np.sign(np.sin(np.arange(4 * RATE) * 0.3))
    yield np.where(np.arange(4 * RATE) % 4000 < 3, 32767.0, 0.0)


def main() -> None:
    recognizer = VoskRecognizer(Path(sys.argv[1]))
    for signal in strange():
        audio = signal.clip(-32768, 32767).astype(np.int16)[:LONGEST]
        session = recognizer.start_session()
        for start in range(0, len(audio), 1600):
            session.accept(audio[start : start + 1600])
        session.finish()
        session.close()
    sys.stdout.write("heard it all\n")


if __name__ == "__main__":
    main()
