"""Telephone versions of the recordings and their log-mel features, as `batches.py` reads them.

Versions 0, 1, 2 are at speed 1.0, 0.9, 1.1 (each +-4 %), then again; joins, channel, level, noise
and codec are drawn anew in each.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import soxr
from tqdm import tqdm

from training import channel, mulaw
from training.mel import log_mel
from training.speech import Recordings

SHORT = ("fsdd", "speech-commands", "nato-spell")
SPEEDS = (1.0, 0.9, 1.1)
BATCH = 60  # signals through one codec process
FEWEST = 6  # frames
CODECS = (("gsm", 0.07), ("6", 0.10), ("9", 0.13))
MU_LAW = 0.92  # below this mu-law, above it linear samples


def join_short(utterances: list[dict], rng: np.random.Generator) -> list[list[dict]]:
    """Short recordings of one speaker become strings of one to eight; sometimes two utterances of
    one speaker become one item, with a pause between them, as a turn has."""
    by_speaker: dict[tuple[str, str], list[dict]] = {}
    for utterance in utterances:
        by_speaker.setdefault((utterance["corpus"], utterance["speaker"]), []).append(utterance)
    items: list[list[dict]] = []
    for (corpus, _), own in sorted(by_speaker.items()):
        short = corpus in SHORT
        for _ in range(3 if corpus == "fsdd" else 1):  # the digits are few: each three times
            order = [own[i] for i in rng.permutation(len(own))]
            while order:
                count = 1
                if short and rng.random() < 0.7:
                    count = int(rng.integers(2, 9 if corpus == "fsdd" else 4))
                elif not short and order[0]["n"] < 4 * 8000 and rng.random() < 0.3:
                    count = 2
                items.append(order[:count])
                del order[:count]
    return [items[i] for i in rng.permutation(len(items))]


def assemble(
    item: list[dict], recordings: Recordings, speed: float, rng: np.random.Generator
) -> tuple[np.ndarray, int, int]:
    """-> silence, the item's recordings with pauses, silence; samples before and after."""
    before = 0 if rng.random() < 0.3 else int(rng.integers(0, 10000))
    parts = [np.zeros(before)]
    for number, utterance in enumerate(item):
        x = recordings.samples(utterance).astype(np.float64)
        if len(item) > 1:
            x *= 2000 / (channel.rms(x) + 1) * channel.gain(rng.normal(0, 2))
        if number:
            longest = 2400 if rng.random() < 0.6 else 12000
            parts.append(np.zeros(int(rng.integers(0, longest))))
        parts.append(soxr.resample(x, 8000 * speed, 8000, quality="LQ"))
    after = int(rng.integers(800, 12000))
    return np.concatenate([*parts, np.zeros(after)]), before, after


class Writer:
    """`NAME.bin` and, when all is written, `NAME.json`."""

    def __init__(self, name: Path) -> None:
        self._name = name
        self._out = Path(f"{name}.bin").open("wb")  # noqa: SIM115 - closed by close()
        self._index: list[dict] = []
        self._frames = 0
        self._waiting: dict[str, list[tuple[np.ndarray, dict]]] = {}

    def put(self, samples: np.ndarray, record: dict) -> None:
        features = log_mel(samples).astype(np.float16)
        if len(features) >= FEWEST:
            self._index.append(dict(record, off=self._frames, n=len(features)))
            self._out.write(features.tobytes())
            self._frames += len(features)

    def put_coded(self, kind: str, samples: np.ndarray, record: dict) -> None:
        waiting = self._waiting.setdefault(kind, [])
        waiting.append((samples, record))
        if len(waiting) >= BATCH:
            self._flush(kind)

    def _flush(self, kind: str) -> None:
        waiting = self._waiting.pop(kind)
        coded = channel.codec(kind, [samples for samples, _ in waiting])
        for samples, (_, record) in zip(coded, waiting, strict=True):
            self.put(mulaw.round_trip(samples), record)

    def close(self) -> None:
        for kind in list(self._waiting):
            self._flush(kind)
        self._out.close()
        Path(f"{self._name}.json").write_text(json.dumps(self._index))


def make(recordings: Recordings, name: Path, version: int, part: int, parts: int) -> None:
    """Write part `part` of `parts` of one version to `NAME.vVERSION.PART.*`."""
    rng = np.random.default_rng([version, part])
    items = join_short(recordings.split("train"), np.random.default_rng(version))[part::parts]
    writer = Writer(Path(f"{name}.v{version}.{part}"))
    voices: list[np.ndarray] = []
    for item in tqdm(items, f"version {version}.{part}", unit="item", mininterval=10):
        speed = SPEEDS[version % len(SPEEDS)] * rng.uniform(0.96, 1.04)
        x, before, after = assemble(item, recordings, speed, rng)
        text = " ".join(u["text"] for u in item)
        record = {
            "segs": [[item[0]["id"], before, speed]],
            "text": text,
            "corpus": item[0]["corpus"],
        }
        if len(voices) < 200:
            voices.append(x[:64000] / channel.rms(x[:64000]))
        x = channel.call(x, rng, voices)
        if rng.random() < 0.25:  # digital silence around the speech
            x[:before] = 0
            x[len(x) - after :] = 0
        if rng.random() < 0.07:
            x = channel.lose_packets(x, rng)
        draw = rng.random()
        for kind, limit in CODECS:
            if draw < limit:
                writer.put_coded(kind, x, record)
                break
        else:
            clipped = np.round(np.clip(x, -32768, 32767))
            writer.put(mulaw.round_trip(x) if draw < MU_LAW else clipped, record)
    writer.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=Path)
    parser.add_argument("name", help="prefix of the feature files")
    parser.add_argument("version", type=int)
    parser.add_argument("part", type=int)
    parser.add_argument("parts", type=int)
    parser.add_argument("--source", default="utterances audio", help="names of list and samples")
    a = parser.parse_args()
    make(Recordings(a.work, *a.source.split()), a.work / a.name, a.version, a.part, a.parts)


if __name__ == "__main__":
    main()
