"""From the telephone's 8000 samples a second to what a model wants."""

from __future__ import annotations

import numpy as np
import soxr

from callscribe.audio.mulaw import Pcm


class Resampler:
    """A streaming resampler: chunks in, chunks out, no seams between them.

    Output lags input by a few milliseconds; `finish` gives the rest.
    """

    def __init__(self, from_rate: int, to_rate: int) -> None:
        """Rates in Hz; equal rates pass the audio through."""
        self._stream = (
            None
            if from_rate == to_rate
            else soxr.ResampleStream(from_rate, to_rate, 1, dtype="int16", quality="HQ")
        )

    def accept(self, pcm: Pcm) -> Pcm:
        """The next chunk, of any length."""
        if self._stream is None:
            return pcm
        return np.asarray(self._stream.resample_chunk(pcm), np.int16)

    def finish(self) -> Pcm:
        """What is still inside. Afterwards the resampler starts anew."""
        if self._stream is None:
            return np.zeros(0, np.int16)
        rest = np.asarray(self._stream.resample_chunk(np.zeros(0, np.int16), last=True), np.int16)
        self._stream.clear()
        return rest


def resample(pcm: Pcm, from_rate: int, to_rate: int) -> Pcm:
    """A whole recording at another rate, in Hz; about `len(pcm) * to_rate / from_rate` samples."""
    if from_rate == to_rate or not len(pcm):
        return pcm
    return np.asarray(soxr.resample(pcm, from_rate, to_rate, quality="HQ"), np.int16)
