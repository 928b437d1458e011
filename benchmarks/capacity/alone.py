"""The raw limit: the recogniser by itself on the core, whole tapes in steps of 0.2 s.

It is Vosk as it comes, with the model's own settings and nothing of callscribe's, which has it compute larger chunks.

python -m benchmarks.capacity.alone MODEL   (run it pinned to a core; prints processor seconds a second of audio)
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import vosk

from benchmarks.capacity.systems import ROOT
from benchmarks.capacity.tape import calls
from benchmarks.sets import RATE
from callscribe.audio import mulaw
from callscribe.audio.mulaw import Pcm
from callscribe.audio.resampling import resample
from callscribe.models.folder import resolve
from callscribe.recognition.base import Recognizer
from callscribe.recognition.registry import load_recognizer


def measure(core: int, model: str, most: int | None = None) -> float:
    """Processor seconds a second of audio, in a process of its own on `core`; of so many calls at most."""
    command = ["taskset", "-c", str(core), sys.executable, "-m", "benchmarks.capacity.alone", model]
    command += [str(most)] if most is not None else []
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE)
    return float(done.stdout.split()[-1])


def folder(model: str) -> Path:
    """Where a model lies."""
    return resolve(model).path


def recognizer(model: str) -> Recognizer:
    """The model, loaded."""
    return load_recognizer(folder(model))


def main() -> None:
    model = sys.argv[1] if len(sys.argv) > 1 else ""
    found = resolve(model)
    rate = found.sample_rate
    vosk.SetLogLevel(-2)  # errors only
    bare = vosk.Model(str(found.path))
    most = int(sys.argv[2]) if len(sys.argv) > 2 else None
    payloads = [side.payload for side in calls(most)[1:]]
    seconds = sum(map(len, payloads)) / RATE
    tapes = [resample(mulaw.decode(payload), RATE, rate) for payload in payloads]
    _hear(tapes[0][: 20 * rate], bare, rate)  # warms it up
    begun = time.process_time()
    for tape in tapes:
        _hear(tape, bare, rate)
    print((time.process_time() - begun) / seconds)


def _hear(pcm: Pcm, model: vosk.Model, rate: int) -> None:
    """All of it, with the words' times and a partial after each step."""
    ear = vosk.KaldiRecognizer(model, rate)
    ear.SetWords(True)
    step = rate // 5
    for start in range(0, len(pcm), step):
        if ear.AcceptWaveform(pcm[start : start + step].tobytes()):
            ear.Result()
        else:
            ear.PartialResult()
    ear.FinalResult()


if __name__ == "__main__":
    main()
