"""Word error rates of a model folder on the development split, through Vosk itself.

As on a call: mu-law, 200 ms at a time, half a second of silence after each recording. Besides the
held-out speakers of the `dev` split there are made-up calls: held-out dialogue lines by synthetic
voices over made-up lines. Those voices were in training: good for comparing language models and
decoder settings, not for what callers will get.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from training import channel, corpora, mulaw
from training.speech import Recordings
from training.synthetic import say

CONFIDENCES = (0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99, 1.01)
CHUNK = 3200  # bytes: 200 ms
MADE_UP = {"caller": 40, "service": 30, "clinic": 15, "template": 30}


@dataclass(frozen=True)
class Word:
    text: str
    confidence: float


@dataclass
class Errors:
    """Counts over a set; `right` and `wrong` are the confidences of the words recognised."""

    words: int = 0
    substituted: int = 0
    deleted: int = 0
    inserted: int = 0
    right: list[float] = field(default_factory=list)
    wrong: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return (self.substituted + self.deleted + self.inserted) / max(1, self.words)

    def add(self, reference: list[str], words: list[Word]) -> None:
        self.words += len(reference)
        for expected, word in align(reference, words):
            if word is None:
                self.deleted += 1
                continue
            same = expected == word.text
            (self.right if same else self.wrong).append(word.confidence)
            self.inserted += expected is None
            self.substituted += expected is not None and not same


def align(reference: list[str], words: list[Word]) -> Iterator[tuple[str | None, Word | None]]:
    """Pairs of the least edit distance; None stands for an inserted or a deleted word."""
    rows, columns = len(reference) + 1, len(words) + 1
    cost = np.zeros((rows, columns), int)
    cost[:, 0], cost[0] = np.arange(rows), np.arange(columns)
    for i in range(1, rows):
        for j in range(1, columns):
            differs = reference[i - 1] != words[j - 1].text
            around = cost[i - 1, j] + 1, cost[i, j - 1] + 1, cost[i - 1, j - 1] + differs
            cost[i, j] = min(around)
    i, j = rows - 1, columns - 1
    while i or j:
        if i and j:
            differs = reference[i - 1] != words[j - 1].text
            if cost[i, j] == cost[i - 1, j - 1] + differs:
                i, j = i - 1, j - 1
                yield reference[i], words[j]
                continue
        if i and cost[i, j] == cost[i - 1, j] + 1:
            i -= 1
            yield reference[i], None
        else:
            j -= 1
            yield None, words[j]


class Recogniser:
    """A Vosk model; `seconds` of audio and of processor time are counted."""

    def __init__(self, folder: Path) -> None:
        import vosk  # here, as nothing else in the recipe may share a process with it

        vosk.SetLogLevel(-1)
        self._vosk, self._model = vosk, vosk.Model(str(folder))
        self.audio_seconds = self.cpu_seconds = 0.0

    def __call__(self, samples: np.ndarray) -> list[Word]:
        x = mulaw.round_trip(np.concatenate([samples.astype(np.float32), np.zeros(4000)]))
        data = x.astype("<i2").tobytes()
        started = time.process_time()
        recogniser = self._vosk.KaldiRecognizer(self._model, 8000)
        recogniser.SetWords(True)
        found = []
        for at in range(0, len(data), CHUNK):
            if recogniser.AcceptWaveform(data[at : at + CHUNK]):
                found += json.loads(recogniser.Result()).get("result", [])
        found += json.loads(recogniser.FinalResult()).get("result", [])
        self.cpu_seconds += time.process_time() - started
        self.audio_seconds += len(x) / 8000
        return [Word(w["word"], w["conf"]) for w in found]


def chosen(source: Recordings, split: str, most: int) -> Iterator[tuple[str, dict]]:
    """(set, utterance) of the held-out speakers, at most `most` a corpus."""
    utterances = source.split(split)
    random.Random(0).shuffle(utterances)
    taken: Counter[str] = Counter()
    for utterance in utterances:
        name = utterance["corpus"].split("-")[0]
        taken[name] += 1
        if taken[name] <= most:
            yield name, utterance


def recordings(work: Path, split: str, most: int) -> Iterator[tuple[str, str, np.ndarray]]:
    """(set, text, samples) of the held-out speakers, at most `most` utterances a corpus."""
    source = Recordings(work)
    for name, utterance in chosen(source, split, most):
        yield name, utterance["text"], source.samples(utterance)


def made_up_calls(text: Path, work: Path) -> Iterator[tuple[str, str, np.ndarray]]:
    """(set, text, samples) of synthetic voices saying held-out lines; kept in the work folder."""
    source = made_up(text, work)
    for record in source.utterances:
        yield record["corpus"], record["text"], source.samples(record)


def made_up(text: Path, work: Path) -> Recordings:
    """Synthetic voices saying held-out lines; made once, kept in the work folder."""
    list_file, audio = work / "made_up.jsonl", work / "made_up.raw"
    if not list_file.exists():
        _make_up(text, work, list_file, audio)
    return Recordings(work, "made_up", "made_up")


def _make_up(text: Path, work: Path, list_file: Path, audio: Path) -> None:
    records, offset, rng = [], 0, random.Random(5)
    held = {g: lines for g, (_, lines) in corpora.sources(text, work).items() if g in MADE_UP}
    with audio.open("wb") as out:
        for group, count in MADE_UP.items():
            lines = [line for line in held[group] if 2 <= len(line.split()) <= 20]
            for number, line in enumerate(rng.sample(lines, count)):
                voice, x = say(line, rng)
                padded = np.pad(x.astype(np.float64), (2400, 2400))
                x = channel.call(padded, np.random.default_rng([number, len(group)]), [])
                out.write(np.clip(x, -32768, 32767).astype(np.int16).tobytes())
                name = {"id": f"{group}-{number}", "corpus": f"made-up {group}", "speaker": voice}
                records.append(dict(name, text=line, off=offset, n=len(x), split="dev"))
                offset += len(x)
    list_file.write_text("".join(json.dumps(r) + "\n" for r in records))


def calibration(sets: dict[str, Errors], edges: tuple[float, ...] = CONFIDENCES) -> str:
    """For each range of confidence: how many words had it, and how many of those were right."""
    right = np.array([c for e in sets.values() for c in e.right])
    wrong = np.array([c for e in sets.values() for c in e.wrong])
    lines = ["confidence      words  right"]
    for low, high in itertools.pairwise(edges):
        inside = [int(((c >= low) & (c < high)).sum()) for c in (right, wrong)]
        share = inside[0] / max(1, sum(inside))
        lines.append(f"{low:.2f} to {min(high, 1):.2f} {sum(inside):8} {share:6.0%}")
    return "\n".join(lines)


def evaluate(
    folder: Path, work: Path, text: Path, most: int, split: str = "dev"
) -> dict[str, Errors]:
    """set -> errors; prints a table."""
    recogniser, sets = Recogniser(folder), {}
    sources = [recordings(work, split, most), made_up_calls(text, work)]
    for source in sources if split == "dev" else sources[:1]:
        for name, reference, samples in source:
            sets.setdefault(name, Errors()).add(reference.split(), recogniser(samples))
    for name, e in sorted(sets.items()):
        kinds = f"S {e.substituted} D {e.deleted} I {e.inserted}"
        print(f"{name:18}{e.words:6} words {e.rate:7.1%}  {kinds}")
    right = np.mean([c for e in sets.values() for c in e.right])
    wrong = np.mean([c for e in sets.values() for c in e.wrong])
    mean = np.mean([e.rate for e in sets.values()])
    cost = recogniser.cpu_seconds / recogniser.audio_seconds
    print(
        f"mean {mean:.2%}; confidence right {right:.2f} wrong {wrong:.2f}; real time x {cost:.3f}"
    )
    print(calibration(sets))
    return sets


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("text", type=Path, help="folder of the packed dialogue text")
    parser.add_argument("--most", type=int, default=30)
    parser.add_argument("--split", choices=("dev", "test"), default="dev")
    a = parser.parse_args()
    evaluate(a.model, a.work, a.text, a.most, a.split)


if __name__ == "__main__":
    main()
