"""Test sets: what was said, and the sound of it, at 8 kHz.

Speech comes from `../shared` beside the checkout, which is not part of the project; the demo's own call is. Read
speech, digits and telephone callers are only those of `training/heldout_speakers.txt` marked `test`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

from benchmarks.conditions import Pcm
from callscribe.simulator import demos

ROOT = Path(__file__).parent.parent
SHARED = ROOT.parent / "shared"
RATE = 8000


@dataclass(frozen=True)
class Utterance:
    """One recording and its words."""

    id: str
    pcm: Pcm
    text: str

    @property
    def seconds(self) -> float:
        return len(self.pcm) / RATE


def read_audio(path: Path) -> Pcm:
    """First channel at 8 kHz."""
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    mono = samples[:, 0]
    if rate != RATE:
        mono = soxr.resample(mono, rate, RATE)
    pcm: Pcm = np.clip(np.rint(mono * 32768), -32768, 32767).astype(np.int16)
    return pcm


def calls(side: str, *, segments: bool, shared: Path = SHARED) -> Iterator[Utterance]:
    """The seven real calls. `side` is `agent` or `caller`; channels with holes in their reference are left out.

    A segment is cut with 0.2 s around it; segments without words belong to whole channels only.
    """
    for folder in sorted((shared / "data" / "calls").glob("*/")):
        transcript = json.loads((folder / "transcript.json").read_text(encoding="utf-8"))
        channel = transcript["channels"][side]
        if channel["has_unk"]:
            continue
        pcm = read_audio(folder / channel["file"])
        if not segments:
            yield Utterance(f"{folder.name}/{side}", pcm, channel["text"])
            continue
        for number, segment in enumerate(channel["segments"]):
            if segment["text"]:
                start = max(0, int((segment["start"] - 0.2) * RATE))
                stop = int((segment["end"] + 0.2) * RATE)
                yield Utterance(f"{folder.name}/{side}/{number}", pcm[start:stop], segment["text"])


def heldout(
    family: str, *, split: str = "test", most: int = 100, shared: Path = SHARED
) -> Iterator[Utterance]:
    """Utterances of held-out speakers of the corpora whose name begins with `family`, evenly picked, at most `most`."""
    speakers = {
        (fields[0], fields[1])
        for line in (ROOT / "training" / "heldout_speakers.txt")
        .read_text(encoding="utf-8")
        .splitlines()
        if line[:1] not in ("", "#") and (fields := line.split())[2] == split
    }
    folder = shared / "data" / "speech"
    rows = [
        json.loads(line)
        for line in (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    chosen = [
        r
        for r in rows
        if r["corpus"].startswith(family) and (r["corpus"], r["speaker"]) in speakers
    ]
    step = max(1.0, len(chosen) / most)
    for index in range(min(most, len(chosen))):
        row = chosen[int(index * step)]
        yield Utterance(row["id"], read_audio(folder / row["file"]), row["text"])


def demo() -> Iterator[Utterance]:
    """The packaged demonstration call, one recording per speaker."""
    call = demos.demo("bank")
    for speaker, file in zip(call.speakers, call.files, strict=True):
        yield Utterance(f"demo/{speaker}", read_audio(file), " ".join(call.words(speaker)))
