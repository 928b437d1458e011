"""Which part of what was held back is the called party, and which is ringing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec
import numpy as np

from callscribe.audio import mulaw
from callscribe.audio.mulaw import SAMPLES_PER_MS
from callscribe.audio.timeline import Piece
from callscribe.audio.tones import BLOCK, BLOCK_MS, ToneDetector

_EARLY_MS: Final = 2000
"""How much earlier than reported a party may have answered."""
_CUT_MS: Final = 1000
"""How much later: the time reported is cut to the second."""
_LOOK_BACK_MS: Final = 8000
"""Ringing is heard at least so often: two seconds on, four off in North America; one on, four off in Europe."""


def answered_from(held: Iterable[Piece], answered_ms: float) -> list[Piece]:
    """The pieces that belong to the called party.

    Callbacks tell the time of answering cut to the second, and late. Where ringing was heard around then, what follows
    its last tone is the party, at most two seconds early. Without ringing there is nothing to tell a greeting of our
    own from the party, and the reported time is taken at its word.

    Args:
        held: in order.
        answered_ms: on the carrier's clock.
    """
    pieces = list(held)
    last_tone = _last_tone_ms(
        [p for p in pieces if answered_ms - _LOOK_BACK_MS <= p.clock_ms <= answered_ms + _CUT_MS]
    )
    start = answered_ms if last_tone is None else max(last_tone, answered_ms - _EARLY_MS)
    return [part for piece in pieces if (part := _after(piece, start)) is not None]


def _last_tone_ms(pieces: list[Piece]) -> float | None:
    detector = ToneDetector()
    last: float | None = None
    waiting = np.zeros(0, np.int16)
    for piece in pieces:
        waiting = np.concatenate((waiting, mulaw.decode(piece.payload)))
        end_ms = piece.clock_ms + len(piece.payload) / SAMPLES_PER_MS
        begin_ms = end_ms - len(waiting) / SAMPLES_PER_MS
        whole = len(waiting) - len(waiting) % BLOCK
        tones = np.flatnonzero(detector.accept(waiting[:whole]))
        if len(tones):
            last = begin_ms + (int(tones[-1]) + 1) * BLOCK_MS
        waiting = waiting[whole:]
    return last


def _after(piece: Piece, start_ms: float) -> Piece | None:
    early = round((start_ms - piece.clock_ms) * SAMPLES_PER_MS)
    if early <= 0:
        return piece
    if early >= len(piece.payload):
        return None
    return msgspec.structs.replace(
        piece,
        start=piece.start + early,
        clock_ms=start_ms,
        payload=piece.payload[early:],
        chunks_lost=None,
    )
