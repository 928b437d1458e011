"""The simple place for decoders: this process. Used by as many threads as there are."""

from __future__ import annotations

import time
from collections.abc import Sequence

from callscribe.errors import CallscribeError
from callscribe.events import Track
from callscribe.recognition.base import Recognizer
from callscribe.speech.recovery import RecogniserFailed
from callscribe.speech.stream import DecodingOptions, Fed, Report, StreamDecoder
from callscribe.speech.track import Progress, TextWriter


class InProcess:
    """Decoders in this process, with one recogniser between them."""

    life = 1

    def __init__(self, recognizer: Recognizer, write: TextWriter | None = None) -> None:
        """
        Args:
            write: makes the recogniser's words readable; None leaves them as they are.
        """
        self._recognizer = recognizer
        self._write = write
        self._decoders: dict[int, StreamDecoder] = {}

    def open(self, stream: int, options: DecodingOptions) -> None:
        self._decoders[stream] = StreamDecoder(self._recognizer, self._write, options)

    def begin(self, stream: int, track: Track, progress: Progress) -> None:
        try:
            self._decoders[stream].begin(track, progress)
        except CallscribeError as error:
            raise RecogniserFailed(str(error)) from error

    def decode(self, stream: int, fed: Sequence[Fed], *, partials: bool) -> Report:
        return self._decoders[stream].decode(fed, partials=partials)

    def cpu_s(self) -> float:
        """Processor time of the calling thread, seconds."""
        return time.thread_time()

    def close(self, stream: int) -> None:
        decoder = self._decoders.pop(stream, None)
        if decoder is not None:
            decoder.close()
