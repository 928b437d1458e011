"""The packed speech as one file of samples and a list of utterances.

`audio.raw` holds all samples (int16, 8 kHz); `utterances.jsonl` the manifest's records with `off`
and `n` (samples) and `split`: "train", or what the held-out list says.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import soundfile
from tqdm import tqdm

from training import heldout

RATE = 8000


def unpack(speech: Path, work: Path) -> None:
    """Decode every file of `speech`'s manifest into `work`."""
    held = heldout.read()
    records = [json.loads(line) for line in (speech / "manifest.jsonl").read_text().splitlines()]
    hours: Counter[tuple[str, str]] = Counter()
    partial = work / "audio.partial"
    offset = 0
    with partial.open("wb") as out:
        for record in tqdm(records, "decoding", unit="file"):
            samples, rate = soundfile.read(speech / record["file"], dtype="int16")
            if rate != RATE:
                raise ValueError(f"{record['file']} is at {rate} Hz, not {RATE}")
            out.write(samples.tobytes())
            split = held.get((record["corpus"], record["speaker"]), "train")
            record.update(off=offset, n=len(samples), split=split)
            offset += len(samples)
            hours[record["corpus"], split] += len(samples) / RATE / 3600
    (work / "utterances.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records))
    partial.replace(work / "audio.raw")
    for (corpus, split), amount in sorted(hours.items()):
        print(f"{corpus:30}{split:6}{amount:6.2f} h")


class Recordings:
    """Utterances and their samples."""

    def __init__(self, work: Path, name: str = "utterances", audio: str = "audio") -> None:
        lines = (work / f"{name}.jsonl").read_text().splitlines()
        self.utterances: list[dict] = [json.loads(line) for line in lines]
        self._samples = np.memmap(work / f"{audio}.raw", np.int16, "r")

    def samples(self, utterance: dict) -> np.ndarray:
        first = utterance["off"]
        return self._samples[first : first + utterance["n"]]

    def split(self, *names: str) -> list[dict]:
        return [u for u in self.utterances if u["split"] in names]
