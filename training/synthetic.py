"""Synthetic voices (flite, espeak-ng) saying telephone phrases and lines of service dialogues.

Writes `synthetic.jsonl` and `synthetic.raw`, as `speech.py` does for the recordings. These voices
must not dominate: an hour or two beside sixteen of people.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
from pathlib import Path

import numpy as np
import soxr
from tqdm import tqdm

from training import corpora
from training.lexicon import Lexicon
from training.phrases import Phrases

FLITE = ("kal", "awb", "rms", "slt", "slt", "rms")
ESPEAK = ("en-us", "en-us", "en-gb", "en-gb-x-rp", "en-gb-scotland")
VARIANTS = ("", "+m1", "+m2", "+m3", "+m4", "+f1", "+f2", "+f3", "+f4")
DIALOGUE_SHARE = 0.4
QUIET = 60  # samples below this at the ends are cut, to 50 ms


def spoken(text: str) -> str:
    """Engines read a lone "a" as the article: flite names the letter when it is written "ay"."""
    words = text.split()
    if sum(len(word) == 1 for word in words) <= 2:
        return text.replace(" a m", " ay m")
    return " ".join({"a": "ay", "xray": "ex ray"}.get(word, word) for word in words)


def say(text: str, rng: random.Random) -> tuple[str, np.ndarray]:
    """-> name of the voice, samples at 8 kHz."""
    text = spoken(text)
    if rng.random() < 0.72 or "ay" in text.split():  # espeak-ng reads "ay" as in "eye"
        voice = rng.choice(FLITE)
        command = [
            "flite",
            "-voice",
            voice,
            "--setf",
            f"duration_stretch={rng.uniform(0.75, 1.3):.2f}",
        ]
        if rng.random() < 0.4:
            command += ["--setf", f"int_f0_target_mean={rng.uniform(75, 220):.0f}"]
        command += ["-t", text, "-o", "/dev/stdout"]
    else:
        voice = rng.choice(ESPEAK) + rng.choice(VARIANTS)
        speed, pitch = str(rng.randrange(120, 200)), str(rng.randrange(30, 75))
        command = ["espeak-ng", "-v", voice, "-s", speed, "-p", pitch, "--stdout", text]
    data = subprocess.run(command, capture_output=True, check=True).stdout
    start = data.find(b"data") + 8  # a streamed WAV header holds no length
    end = len(data) - (len(data) - start) % 2
    rate = int.from_bytes(data[24:28], "little")
    x = np.frombuffer(data[start:end], np.int16).astype(np.float32)
    x = soxr.resample(x, rate, 8000)
    loud = np.flatnonzero(np.abs(x) > QUIET)
    return voice, x[max(0, loud[0] - 400) : loud[-1] + 400] if len(loud) else x


def make(count: int, text: Path, work: Path, seed: int = 3) -> None:
    """Say `count` phrases whose words all have pronunciations."""
    rng, phrases, lexicon = random.Random(seed), Phrases(seed), Lexicon(work / "g2p.json")
    dialogue = corpora.dialogue_lines(text, "train")
    records, offset = [], 0
    partial = work / "synthetic.partial"
    with partial.open("wb") as out:
        for number in tqdm(range(count), "speaking", unit="phrase", mininterval=10):
            known = False
            while not known:
                own = rng.random() >= DIALOGUE_SHARE
                line = phrases.sentence() if own else rng.choice(dialogue)
                known = 0 < len(line.split()) <= 20 and all(w in lexicon for w in line.split())
            voice, x = say(line, rng)
            if len(x) < 2000:
                continue
            out.write(np.clip(x, -32768, 32767).astype(np.int16).tobytes())
            name = {"id": f"synthetic-{number}", "corpus": "synthetic", "speaker": voice}
            records.append(dict(name, text=line, off=offset, n=len(x), split="train"))
            offset += len(x)
    (work / "synthetic.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records))
    partial.replace(work / "synthetic.raw")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=Path)
    parser.add_argument("text", type=Path, help="folder of the packed dialogue text")
    parser.add_argument("--count", type=int, default=2500)
    a = parser.parse_args()
    make(a.count, a.text, a.work)


if __name__ == "__main__":
    main()
