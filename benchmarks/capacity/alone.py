"""The raw limit: the recogniser by itself on the core, whole tapes in steps of 0.2 s.

python -m benchmarks.capacity.alone MODEL   (run it pinned to a core; prints processor seconds a second of audio)
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from benchmarks.capacity.systems import ROOT
from benchmarks.capacity.tape import calls, words_alone
from benchmarks.sets import RATE
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
    loaded = recognizer(sys.argv[1] if len(sys.argv) > 1 else "")
    most = int(sys.argv[2]) if len(sys.argv) > 2 else None
    payloads = [side.payload for side in calls(most)[1:]]
    words_alone(payloads[0][: 20 * RATE], loaded)  # warms it up
    begun = time.process_time()
    for payload in payloads:
        words_alone(payload, loaded)
    print((time.process_time() - begun) / (sum(map(len, payloads)) / RATE))


if __name__ == "__main__":
    main()
