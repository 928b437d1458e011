"""Tracks for tests."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from callscribe.audio import mulaw
from callscribe.events import Track
from callscribe.recordings.shelf import Shelf

CALL = "CA" + "1" * 32


class Key(NamedTuple):
    """As `callscribe.speech.tap.TrackKey`."""

    call: str = CALL
    leg: str = CALL
    stream: str = "MZ1"
    track: Track = "inbound"


def tone(ms: int, hertz: float = 440.0) -> bytes:
    """Mu-law of a sine."""
    t = np.arange(ms * mulaw.SAMPLES_PER_MS) / mulaw.SAMPLE_RATE
    return mulaw.encode((np.sin(2 * np.pi * hertz * t) * 8000).astype(np.int16))


async def record(
    folder: Path, *tracks: tuple[Key, int, Sequence[tuple[int, bytes]]], keep_raw: bool = False
) -> Shelf:
    """Record tracks: key, offset, what is placed."""
    shelf = Shelf(folder, keep_raw=keep_raw)
    recorder = shelf.recorder()
    for key, offset_ms, placed in tracks:
        recorder.opened(key, offset_ms)
        for at_ms, payload in placed:
            recorder.placed(key, at_ms, payload)
        recorder.closed(key)
    await asyncio.to_thread(recorder.close)
    return shelf
