"""What is said on the streams: two-way calls end to end as two tapes, and the words on them with their times."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np

from benchmarks.sets import RATE, SHARED, read_audio
from callscribe.audio import mulaw
from callscribe.recognition.base import Recognizer
from callscribe.simulator import demos

FRAME = 160
FRAME_S = 0.02
PAUSE_S = 2.0
"""Between two calls on the tape."""


@dataclass(frozen=True)
class Said:
    """One word of the tape."""

    text: str
    end_s: float


@dataclass(frozen=True)
class Tape:
    """One side of the calls, for ever round."""

    payload: bytes
    words: tuple[Said, ...]
    """As the recogniser alone hears them; what a system shows is matched with these."""

    @property
    def seconds(self) -> float:
        return len(self.payload) / RATE


def tapes(recognizer: Recognizer, *, most: int | None = None) -> tuple[str, Tape, Tape]:
    """Where the calls come from, the callers' tape and the agents'.

    Args:
        most: so many of the real calls; with none of them it is the demo call.
    """
    pause = np.zeros(round(PAUSE_S * RATE), np.int16)
    sides: dict[str, list[np.ndarray]] = {"caller": [], "agent": []}
    folders = sorted((SHARED / "data" / "calls").glob("*/transcript.json"))[:most]
    for transcript in folders:
        channels = json.loads(transcript.read_text(encoding="utf-8"))["channels"]
        pair = {side: read_audio(transcript.parent / channels[side]["file"]) for side in sides}
        longest = max(map(len, pair.values()))
        for side, pcm in pair.items():
            sides[side] += [np.pad(pcm, (0, longest - len(pcm))), pause]
    source = f"{len(folders)} real calls"
    if not folders:
        source = "the packaged demo call"
        for side in sides:
            sides[side] += [read_audio(demos.FOLDER / f"bank-{side}.flac"), pause]
    made = [_tape(np.concatenate(parts), recognizer) for parts in sides.values()]
    return source, made[0], made[1]


def _tape(pcm: np.ndarray, recognizer: Recognizer) -> Tape:
    payload = mulaw.encode(pcm[: len(pcm) // FRAME * FRAME].astype(np.int16))
    return Tape(payload, tuple(words_alone(payload, recognizer)))


def words_alone(payload: bytes, recognizer: Recognizer) -> list[Said]:
    """The recogniser by itself over all of it, in steps of 0.2 s: nothing is skipped."""
    session = recognizer.start_session()
    pcm = mulaw.decode(payload)
    if recognizer.sample_rate != RATE:
        import soxr

        pcm = soxr.resample(pcm, RATE, recognizer.sample_rate)
    step = recognizer.sample_rate // 5
    found: list[Said] = []
    for start in range(0, len(pcm), step):
        for hypothesis in session.accept(pcm[start : start + step]):
            if hypothesis.final:
                found += [Said(w.text, w.end_ms / 1000) for w in hypothesis.words]
    for hypothesis in session.finish():
        found += [Said(w.text, w.end_ms / 1000) for w in hypothesis.words]
    session.close()
    return found
