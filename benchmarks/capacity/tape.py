"""What is said on the streams: two-way calls end to end as two tapes, and the words on them with their times."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.sets import RATE, SHARED, demo, read_audio
from callscribe.audio import mulaw
from callscribe.audio.resampling import resample
from callscribe.recognition.base import Recognizer

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
    """Said by people, and heard right by the recogniser alone; what a system shows is matched with these."""

    @property
    def seconds(self) -> float:
        return len(self.payload) / RATE


@dataclass(frozen=True)
class Side:
    """One side of all calls: its sound in mu-law, and what was said."""

    payload: bytes
    text: str


def calls(most: int | None = None) -> tuple[str, Side, Side]:
    """Where the calls come from, the callers' side and the agents'.

    Args:
        most: so many of the real calls; with none of them it is the demo call.
    """
    pause = np.zeros(round(PAUSE_S * RATE), np.int16)
    sound: dict[str, list[np.ndarray]] = {"caller": [], "agent": []}
    texts: dict[str, list[str]] = {"caller": [], "agent": []}
    folders = sorted((SHARED / "data" / "calls").glob("*/transcript.json"))[:most]
    for transcript in folders:
        channels = json.loads(transcript.read_text(encoding="utf-8"))["channels"]
        pair = {side: read_audio(transcript.parent / channels[side]["file"]) for side in sound}
        longest = max(map(len, pair.values()))
        for side, pcm in pair.items():
            sound[side] += [np.pad(pcm, (0, longest - len(pcm))), pause]
            texts[side].append(channels[side]["text"])
    source = f"{len(folders)} real calls"
    if not folders:
        source = "the packaged demo call"
        for side, call in zip(sound, demo(), strict=True):
            sound[side] += [call.pcm, pause]
            texts[side].append(call.text)
    made = [_side(np.concatenate(sound[side]), " ".join(texts[side])) for side in sound]
    return source, made[0], made[1]


def _side(pcm: np.ndarray, text: str) -> Side:
    return Side(mulaw.encode(pcm[: len(pcm) // FRAME * FRAME].astype(np.int16)), text)


def right(heard: Sequence[Said], text: str) -> tuple[Said, ...]:
    """What of the words heard was said, in order. The rest are noises and the other side's words, heard by accident:
    when such a word is shown tells nothing of how soon people can read what is said."""
    said = re.findall(r"[a-z']+", text.lower())
    matcher = difflib.SequenceMatcher(None, [word.text for word in heard], said, autojunk=False)
    return tuple(heard[a + k] for a, _, size in matcher.get_matching_blocks() for k in range(size))


def words_alone(payload: bytes, recognizer: Recognizer) -> list[Said]:
    """The recogniser by itself over all of it, in steps of 0.2 s: nothing is skipped."""
    session = recognizer.start_session()
    pcm = resample(mulaw.decode(payload), RATE, recognizer.sample_rate)
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
