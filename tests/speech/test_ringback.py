from __future__ import annotations

import numpy as np
import pytest

from callscribe.audio import mulaw
from callscribe.audio.timeline import Piece
from callscribe.speech.ringback import answered_from

FRAME_MS = 20


def line(*parts: tuple[str, int]) -> list[Piece]:
    """Frames of `ring`ing (440 and 480 Hz), `quiet`, and `voice` (noise), each for so many ms."""
    noise = np.random.default_rng(1)
    sound = []
    for kind, length_ms in parts:
        t = np.arange(length_ms * 8) / 8000
        if kind == "ring":
            wave = 4000 * (np.sin(2 * np.pi * 440 * t) + np.sin(2 * np.pi * 480 * t))
        elif kind == "voice":
            wave = noise.normal(0, 3000, len(t))
        else:
            wave = np.zeros(len(t))
        sound.append(wave)
    payload = mulaw.encode(np.concatenate(sound).astype(np.int16))
    size = FRAME_MS * 8
    return [
        Piece(start=at, clock_ms=at / 8, payload=payload[at : at + size])
        for at in range(0, len(payload), size)
    ]


def begins_at(pieces: list[Piece]) -> float:
    return pieces[0].clock_ms


@pytest.mark.parametrize("told_ms", [6000, 6500, 7500])
def test_the_party_begins_after_the_last_ring_whether_the_word_is_late_or_cut_to_the_second(
    told_ms: int,
) -> None:
    """Answered at 6.9 s, in the middle of a ring; the callback says 6, or comes late."""
    held = line(("ring", 2000), ("quiet", 4000), ("ring", 900), ("voice", 3000))
    assert begins_at(answered_from(held, told_ms)) == pytest.approx(6900, abs=60)


def test_a_party_answering_between_rings_loses_nothing() -> None:
    held = line(("ring", 2000), ("quiet", 2300), ("voice", 3000))
    assert begins_at(answered_from(held, 4000)) <= 4300


def test_without_ringing_the_word_is_believed() -> None:
    held = line(("voice", 3000), ("voice", 3000))
    assert begins_at(answered_from(held, 4000)) == 4000
