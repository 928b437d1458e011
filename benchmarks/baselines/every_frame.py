"""The tutorials' way to use a recogniser: each 20 ms frame by itself, and after each one the result or the partial."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import soxr
import vosk

from callscribe.audio import mulaw


class EveryFrame:
    """One track's recogniser.

    Args:
        rate: of the model; sound is resampled where it is not the telephone's 8000.
        times: results also tell when each word was said.
    """

    def __init__(self, model: vosk.Model, rate: int, *, times: bool = False) -> None:
        self._recognizer = vosk.KaldiRecognizer(model, rate)
        self._recognizer.SetWords(times)
        self._resampler = (
            soxr.ResampleStream(8000, rate, 1, dtype="int16") if rate != 8000 else None
        )

    def accept(self, payload: str) -> tuple[dict[str, Any], bool]:
        """What the recogniser says after one more frame, and whether that is final.

        Args:
            payload: a media message's, mu-law in base64.
        """
        pcm = mulaw.decode(base64.b64decode(payload))
        if self._resampler is not None:
            pcm = self._resampler.resample_chunk(pcm)
        final = bool(self._recognizer.AcceptWaveform(np.ascontiguousarray(pcm).tobytes()))
        return json.loads(
            self._recognizer.Result() if final else self._recognizer.PartialResult()
        ), final

    def finish(self) -> dict[str, Any]:
        """What is left at the end, which is final."""
        found: dict[str, Any] = json.loads(self._recognizer.FinalResult())
        return found
