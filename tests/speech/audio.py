"""Scenes of synthetic speech with known times."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from callscribe.audio import mulaw
from callscribe.audio.mulaw import Pcm

FOLDER = Path(__file__).parents[1] / "data" / "speech"
SAID = {
    "hello": "hello how can i help you today",
    "balance": "i would like to check my account balance please",
    "card": "i lost my debit card",
    "calling": "thank you for calling",
    "yes": "yes please",
    "number": "my number is",
    "four": "four one five",
    "five": "five five five",
    "three": "two three four",
}


@dataclass(frozen=True)
class Scene:
    """Audio, and when each sentence begins and ends in it."""

    pcm: Pcm
    starts_ms: list[int]
    ends_ms: list[int]

    @property
    def payload(self) -> bytes:
        """mu-law, whole 20 ms frames."""
        payload = mulaw.encode(self.pcm)
        return payload[: len(payload) // 160 * 160]


def scene(*parts: float | str, gain_db: float = 0.0, noise_db: float = -65.0) -> Scene:
    """Pauses in seconds and names of sentences, over a line's noise."""
    pieces: list[Pcm] = []
    starts, ends = [], []
    at = 0
    for part in parts:
        if isinstance(part, str):
            piece = mulaw.decode((FOLDER / f"{part}.ulaw").read_bytes())
            starts.append(at // 8)
            ends.append((at + len(piece)) // 8)
        else:
            piece = np.zeros(int(part * 8000), np.int16)
        pieces.append(piece)
        at += len(piece)
    clean = np.concatenate(pieces) * 10 ** (gain_db / 20)
    noise = np.random.default_rng(1).normal(0, 32768 * 10 ** (noise_db / 20), len(clean))
    pcm = np.clip(np.rint(clean + noise), -32768, 32767).astype(np.int16)
    return Scene(pcm, starts, ends)
