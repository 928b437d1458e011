"""Confidences of words that are known to be right or wrong, for `calibration.py`.

The development speakers and the made-up calls of `evaluate.py` go through the product's own path (level,
endpoints, Vosk), each as recorded and once made worse: quiet, overdriven, noisy, or a whole bad line.
"""

from __future__ import annotations

import hashlib
import json
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from callscribe.audio import mulaw
from callscribe.audio.timeline import Piece
from callscribe.recognition.vosk import VoskRecognizer
from callscribe.speech.track import TrackDecoder
from training import channel
from training.calibration import Heard
from training.evaluate import Word, align, chosen, made_up
from training.speech import Recordings
from training.synthetic import FLITE

VERSIONS = ("quiet", "overdriven", "noisy", "line")
QUIET = -30  # dB
BEFORE, AFTER = np.zeros(2400), np.zeros(4000)
PIECE = 8000  # samples given at once


@dataclass(frozen=True)
class Recording:
    id: str
    set: str
    speaker: str
    text: str
    samples: np.ndarray


def recordings(work: Path, text: Path, most: int) -> list[Recording]:
    """The `dev` speakers, at most `most` recordings of a corpus, and the made-up calls."""
    people, voices = Recordings(work), made_up(text, work)
    found = [
        Recording(u["id"], name, u["speaker"], u["text"], people.samples(u))
        for name, u in chosen(people, "dev", most)
    ]
    for u in voices.utterances:
        family = u["speaker"] if u["speaker"] in FLITE else "espeak-ng"
        found.append(Recording(u["id"], u["corpus"], family, u["text"], voices.samples(u)))
    return found


def worsened(version: str, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Samples at int16 scale as they come over a line that is not good."""
    if version == "quiet":
        return x * channel.gain(QUIET)
    if version == "overdriven":
        return x * (32768 / (np.abs(x).max() + 1) * channel.gain(rng.uniform(6, 18)))
    if version == "noisy":
        noise = channel.shaped_noise(len(x), rng)
        ratio = channel.active_level(x) / channel.rms(noise)
        return x + noise * ratio * channel.gain(-rng.uniform(5, 20))
    return channel.lose_packets(channel.call(x, rng, []), rng)


def hear(recognizer: VoskRecognizer, x: np.ndarray) -> list[Word]:
    """The words of a recording, as the product recognises them."""
    x = np.concatenate([BEFORE, x, AFTER])
    payload = mulaw.encode(np.clip(np.round(x), -32768, 32767).astype(np.int16))
    decoder = TrackDecoder(recognizer)
    found = []
    for at in range(0, len(payload), PIECE):
        piece = Piece(start=at, clock_ms=at / 8, payload=payload[at : at + PIECE])
        found += decoder.accept(piece, partials=False)
    found += decoder.flush()
    decoder.close()
    return [Word(w.text, w.confidence) for u in found if u.final for w in u.words]


def judged(recognizer: VoskRecognizer, recording: Recording) -> dict:
    """The recording's words and those of a worse version: [set, speaker, confidence, whether right]."""
    seed = int(hashlib.sha256(recording.id.encode()).hexdigest()[:8], 16)
    x, rows = recording.samples.astype(np.float64), []
    worse = worsened(VERSIONS[seed % len(VERSIONS)], x, np.random.default_rng(seed))
    for name, y in ((recording.set, x), (f"{recording.set}, worse", worse)):
        for expected, word in align(recording.text.split(), hear(recognizer, y)):
            if word is not None:
                rows.append([name, recording.speaker, word.confidence, expected == word.text])
    return {"id": recording.id, "words": rows}


def listen(folder: Path, work: Path, text: Path, most: int, minutes: float) -> Heard:
    """Hear all recordings, or as many as can be in some minutes.

    What was heard is kept in the work folder for this very model, so the same command goes on.
    """
    digest = hashlib.sha256()
    for part in ("am", "conf", "graph"):
        for path in sorted(p for p in (folder / part).rglob("*") if p.is_file()):
            digest.update(path.read_bytes())
    kept = work / f"confidences-{digest.hexdigest()[:12]}.jsonl"
    lines = kept.read_text(encoding="utf-8").splitlines() if kept.exists() else []
    known = {line["id"]: line["words"] for line in map(json.loads, lines)}
    wanted = recordings(work, text, most)
    random.Random(1).shuffle(wanted)  # the first ones are like all, should time run out
    missing = [recording for recording in wanted if recording.id not in known]
    with kept.open("a", encoding="utf-8") as out:
        for found in _hear_all(folder, missing, minutes):
            known[found["id"]] = found["words"]
            out.write(json.dumps(found) + "\n")
            out.flush()
    rows = [row for recording in wanted for row in known.get(recording.id, ())]
    sets, speakers, raw, right = zip(*rows, strict=True)
    return Heard(np.array(sets), np.array(speakers), np.array(raw), np.array(right))


def _hear_all(folder: Path, wanted: list[Recording], minutes: float) -> Iterator[dict]:
    if not wanted:
        return
    recognizer, until = VoskRecognizer(folder), time.monotonic() + 60 * minutes
    pool = ThreadPoolExecutor(2)  # Vosk lets other threads run while it decodes
    try:
        found = pool.map(lambda recording: judged(recognizer, recording), wanted)
        for number, each in enumerate(tqdm(found, "hearing", len(wanted), unit="rec"), 1):
            yield each
            if time.monotonic() > until:
                print(f"\nOut of time: {number} of {len(wanted)} recordings were heard.")
                return
    finally:
        pool.shutdown(cancel_futures=True)
