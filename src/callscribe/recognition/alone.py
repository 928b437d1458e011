"""A reader as the only recogniser: for languages that no recogniser hears as they go.

A reader takes whole utterances. While somebody speaks, what has been said so far is read again and again; that is where
partials come from. It is done for half of the time at most, all tracks taken together, not while another track is read,
and not at all when sound comes faster than people talk, which is when it has had to wait. When the utterance is over it
is read once more, with what the same track said before.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

import msgspec
import numpy as np

from callscribe.audio.mulaw import SAMPLE_RATE, SAMPLES_PER_MS, Pcm
from callscribe.errors import ModelError
from callscribe.events import Word
from callscribe.recognition.base import Excerpt, Hypothesis, Reader, Reading, RecognizerSession
from callscribe.recognition.windows import CONTEXT_MS

FIRST_MS: Final = 1000
"""So much is read first, and so much more each time, at least."""
SURE_MS: Final = 2000
"""From this much of somebody's voice it is decided for the whole track which language it is."""
_FASTER: Final = 1.3
_AHEAD_S: Final = 0.8
"""Sound that comes so much faster than the clock runs, and is so far ahead, has waited."""
_FEW_WORDS: Final = 3
"""So many words of which the reader itself doubts that there were any are not believed."""


class ReaderAlone:
    """A loaded reader as a recogniser (`callscribe.recognition.base.Recognizer`). Thread-safe."""

    def __init__(self, reader: Reader, *, clock: Callable[[], float] = time.perf_counter) -> None:
        """
        Args:
            clock: seconds, for how long reading takes.
        """
        self.name = reader.name
        self.language = reader.language
        self.sample_rate = SAMPLE_RATE
        self.hears_silence = False
        self._reader = reader
        self._clock = clock
        self._turn = Turn()

    def start_session(self, phrases: Sequence[str] = ()) -> RecognizerSession:
        if phrases:
            raise ModelError(
                f"The model {self.name} cannot be restricted to phrases: it reads whole utterances. "
                "Leave the phrases out, or take a Vosk model with a dynamic graph: callscribe models list"
            )
        return ReaderSession(self._reader, self._turn, self._clock)

    def close(self) -> None:
        self._reader.close()


class Turn:
    """Whose turn it is to read."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        """Held while the reader reads."""
        self.rest_until = 0.0
        """Until then nothing is read for partials: whole utterances have room as long as the last such reading took."""


class ReaderSession:
    """One track."""

    def __init__(self, reader: Reader, turn: Turn, clock: Callable[[], float]) -> None:
        """
        Args:
            reader: shared by all sessions, as is their turn.
        """
        self._reader = reader
        self._turn = turn
        self._clock = clock
        self.language = reader.language
        """What the track is read as, BCP 47; empty until it is known."""
        self._begin = 0
        """Where the utterance begins, in samples of the session."""
        self._heard: list[Pcm] = []
        self._samples = 0
        """Of `_heard`."""
        self._read_until = 0
        """Samples of `_heard` that the newest reading knows."""
        self._next_at = FIRST_MS * SAMPLES_PER_MS
        self._newest = Reading()
        self._since = 0.0
        """When the utterance's first sound came; 0: none has."""
        self._before: deque[Excerpt] = deque(maxlen=20)

    def accept(self, pcm: Pcm) -> Sequence[Hypothesis]:
        self._heard.append(pcm)
        self._samples += len(pcm)
        if not self._since:
            self._since = self._clock()
        if (
            self._samples >= self._next_at
            and not self._has_waited()
            and self._clock() >= self._turn.rest_until
            and self._turn.lock.acquire(blocking=False)
        ):
            try:
                began = self._clock()
                self._read()
                ended = self._clock()
                self._turn.rest_until = ended + (ended - began)
                took = int((ended - began) * SAMPLE_RATE)
            finally:
                self._turn.lock.release()
            self._next_at = self._samples + max(FIRST_MS * SAMPLES_PER_MS, 2 * took)
        # Said again and again: what has not changed for long is taken for the end of an utterance.
        words = self._words(self._newest)
        return (
            (Hypothesis(words=words, final=False, language=self._newest.language),) if words else ()
        )

    def skip(self, samples: int) -> Sequence[Hypothesis]:
        found = self.endpoint()
        self._begin += samples
        return found

    def finish(self) -> Sequence[Hypothesis]:
        return self.endpoint()

    def endpoint(self, at_ms: int | None = None, *, quiet_ms: int = 0) -> Sequence[Hypothesis]:
        if self._samples > self._read_until:
            with self._turn.lock:
                self._read()
        reading, pcm = self._newest, self._pcm()
        words = whole = self._words(reading)
        rest = 0
        if at_ms is not None and (cut := _boundary(words, at_ms)) is not None:
            words = tuple(word for word in words if word.end_ms <= cut)
            rest = max(0, self._begin + len(pcm) - cut * SAMPLES_PER_MS)
        said = pcm[: len(pcm) - rest]
        known = bool(self.language) or not reading.doubtful
        if words and not rest and known:  # what was read in a wrong language would mislead the next
            self._before.append(Excerpt(said, reading.text))
        if words and known and not self.language and len(said) >= SURE_MS * SAMPLES_PER_MS:
            self.language = reading.language
        self._start_over(pcm[len(pcm) - rest :])
        if not words:
            return ()
        tokens = reading.tokens if words == whole else ()
        return (Hypothesis(words=words, final=True, language=reading.language, tokens=tokens),)

    def close(self) -> None:
        self._start_over(np.zeros(0, np.int16))
        self._before.clear()

    def _start_over(self, rest: Pcm) -> None:
        self._begin += self._samples - len(rest)
        self._heard, self._samples = ([rest] if len(rest) else []), len(rest)
        self._newest, self._read_until, self._since = Reading(), 0, 0.0
        self._next_at = FIRST_MS * SAMPLES_PER_MS

    def _has_waited(self) -> bool:
        passed = self._clock() - self._since
        return self._samples / SAMPLE_RATE > _FASTER * passed + _AHEAD_S

    def _read(self) -> None:
        """Read the utterance so far. The lock is held."""
        pcm = self._pcm()
        self._read_until = len(pcm)
        reading = self._reader.read(Excerpt(pcm), self._context(), language=self.language)
        doubtful = reading.doubtful and len(reading.words) <= _FEW_WORDS
        self._newest = Reading(language=reading.language) if doubtful else reading

    def _context(self) -> list[Excerpt]:
        room = CONTEXT_MS * SAMPLES_PER_MS
        found: list[Excerpt] = []
        for excerpt in reversed(self._before):
            room -= len(excerpt.pcm) + SAMPLE_RATE
            if room < 0:
                break
            found.append(excerpt)
        return found[::-1]

    def _pcm(self) -> Pcm:
        if len(self._heard) != 1:
            self._heard = [np.concatenate(self._heard) if self._heard else np.zeros(0, np.int16)]
        return self._heard[0]

    def _words(self, reading: Reading) -> tuple[Word, ...]:
        begin_ms = self._begin // SAMPLES_PER_MS
        return tuple(
            msgspec.structs.replace(
                word, start_ms=word.start_ms + begin_ms, end_ms=word.end_ms + begin_ms
            )
            for word in reading.words
        )


def _boundary(words: Sequence[Word], at_ms: int) -> int | None:
    """The boundary between two words nearest to `at_ms`; None when there is nothing to divide."""
    boundaries = [
        (before.end_ms + after.start_ms) // 2
        for before, after in itertools.pairwise(words)
        if before.end_ms <= after.start_ms
    ]
    return min(boundaries, key=lambda boundary: abs(boundary - at_ms), default=None)
