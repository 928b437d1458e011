"""One track from placed audio to utterances: segmenter, recogniser and endpoint joined. No threads, clock or events.

Times in utterances are milliseconds of the carrier's clock on this stream.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

import msgspec
import numpy as np
import structlog

from callscribe.audio import mulaw
from callscribe.audio.mulaw import SAMPLE_RATE, SAMPLES_PER_MS, Pcm
from callscribe.audio.resampling import Resampler
from callscribe.audio.timeline import Piece
from callscribe.events import Token, Word
from callscribe.recognition.base import Hypothesis, Recognizer
from callscribe.speech import echo, voice
from callscribe.speech.echo import Memory, Verdict
from callscribe.speech.endpoint import Decision, EndpointOptions
from callscribe.speech.segmenter import STEP, Block, LineState, Segmenter
from callscribe.speech.utterance import Hearing, Utterance

_log = structlog.get_logger(__name__)

_LONG_HOLE: Final = SAMPLE_RATE
"""A longer hole ends the utterance instead of being decoded as silence."""
_PATIENCE: Final = SAMPLE_RATE * 3 // 10
"""Samples for which a track waits for the other one, of which it may carry an echo, to come as far as itself."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a track has come: enough for another decoder to go on."""

    position: int = 0
    """Samples of the line whose words have all been given out. What an utterance under way holds lies after it."""
    number: int = 1
    """Of the utterance that is under way or comes next."""
    revision: int = 0
    """Of the newest partial of it given out."""
    shown: bool = False
    """That partial had words."""
    line: LineState | None = field(default=None, repr=False, compare=False)
    """What was known of the line at `position`, so that what follows is heard as it would have been; None: nothing."""
    verdict: Verdict = Verdict.ALONE
    """On what was heard just before."""


class _Place(NamedTuple):
    """Where a decoder could go on, and what is known of the line there."""

    position: int
    line: LineState | None
    verdict: Verdict


class Written(Protocol):
    """Text as a person would write it."""

    @property
    def text(self) -> str: ...
    @property
    def tokens(self) -> tuple[Token, ...]: ...


class TextWriter(Protocol):
    """Turns the recogniser's words into readable text (`callscribe.text.writer.Writer`)."""

    def final(
        self,
        words: Sequence[str],
        pauses_ms: Sequence[int] | None = None,
        own: Sequence[Token] = (),
    ) -> Written: ...
    def partial(self, words: Sequence[str]) -> Written: ...


class TrackDecoder:
    """Decodes one track. Used by one thread at a time."""

    def __init__(
        self,
        recognizer: Recognizer,
        *,
        endpoints: EndpointOptions | None = None,
        write: TextWriter | None = None,
        phrases: Sequence[str] = (),
        skip_silence: bool = True,
        follow_level: bool = True,
        progress: Progress | None = None,
        line: Memory | None = None,
        other: Memory | None = None,
    ) -> None:
        """
        Args:
            progress: where another decoder of this track had come. What is fed from before it is passed over.
            line: keeps what the track carried lately, for the other one.
            other: what the other track of the stream carried lately, of which this one may carry an echo.

        Raises:
            callscribe.errors.ModelError: no session could be started.
        """
        self._session = recognizer.start_session(phrases)
        self._rate = recognizer.sample_rate
        self._endpoints = endpoints or EndpointOptions()
        self._write = write
        self._skip_silence = skip_silence and not recognizer.hears_silence
        self._segmenter = Segmenter(voice.network(), follow_level=follow_level)
        self._pending: deque[Piece] = deque()
        """Pieces that wait until the other track has come as far..."""
        self._pending_samples = 0
        """...and how much they hold."""
        self._resampler = Resampler(SAMPLE_RATE, self._rate)
        self._clock_ms = 0.0
        """The carrier's clock at the line's first sample, as of the newest piece."""
        self._waiting = bytearray()
        """Pieces that are no step yet, in mu-law..."""
        self._rest: Pcm = np.zeros(0, np.int16)
        """...after what is left of those before."""
        self._given = 0
        """Samples, at its own rate, that the recogniser was given or told to skip."""
        self._current: Hearing | None = None
        progress = progress or Progress()
        self._begun = False
        """A piece has been taken in."""
        self._resume = _Place(progress.position, progress.line, progress.verdict)
        """Where another decoder would go on."""
        self._next: _Place | None = None
        """...and where, when the recogniser can't want the audio before it any more."""
        self._number, self._revision = progress.number, progress.revision
        self._shown = progress.shown
        """The newest partial given out had words."""
        self._line = line or Memory()
        self._other = other
        self._verdict = progress.verdict
        """On the newest block."""
        if progress.line is not None:
            self._segmenter.state = progress.line

    @property
    def position(self) -> int:
        """Samples of the line that have been taken in."""
        return self._segmenter.position

    @property
    def clock_ms(self) -> float:
        """The carrier's clock at the end of what has been taken in."""
        return self._clock_ms + self.position / SAMPLES_PER_MS

    @property
    def progress(self) -> Progress:
        """How far this has come."""
        position, line, verdict = self._resume
        return Progress(position, self._number, self._revision, self._shown, line, verdict)

    def accept(self, piece: Piece, *, partials: bool = True) -> list[Utterance]:
        """The next piece of the line; a hole before it is silence.

        Args:
            partials: False leaves them out, which saves time when decoding is behind.
        """
        self._line.remember(round(piece.clock_ms * SAMPLES_PER_MS), piece.payload)
        self._pending.append(piece)
        self._pending_samples += len(piece.payload)
        return self.go_on(partials=partials)

    @property
    def waits(self) -> bool:
        """There is audio that waits for the other track."""
        return bool(self._pending)

    def go_on(self, *, partials: bool = True) -> list[Utterance]:
        """Decode what need not wait for the other track."""
        found: list[Utterance] = []
        while self._pending and self._may_take(self._pending[0]):
            found += self._take_next(partials=partials)
        return found

    def _may_take(self, piece: Piece) -> bool:
        """Whether what of the other track could be heard in a piece is there, or will not come.

        So what is taken for an echo depends on the audio alone, not on how the two tracks' messages take turns.
        """
        if self._other is None or self._other.away:
            return True
        end = round(piece.clock_ms * SAMPLES_PER_MS) + len(piece.payload)
        return self._other.end >= end or self._pending_samples >= _PATIENCE

    def _take_next(self, *, partials: bool) -> list[Utterance]:
        """Take the first piece that waits."""
        found: list[Utterance] = []
        piece = self._pending.popleft()
        self._pending_samples -= len(piece.payload)
        self._clock_ms = piece.clock_ms - piece.start / SAMPLES_PER_MS
        if not self._begun:
            begin = self._resume.position
            if piece.start + len(piece.payload) <= begin:
                return []
            self._begun = True
            if begin:
                self._jump(begin)
                self._session.endpoint()
            if piece.start < begin:
                payload = piece.payload[begin - piece.start :]
                piece = msgspec.structs.replace(piece, start=begin, payload=payload)
        hole = piece.start - self.position - len(self._rest) - len(self._waiting)
        if hole:
            found += self._take_waiting(partials=partials)
        if hole > _LONG_HOLE:
            found += self._finish_line()
            self._jump(piece.start)
        elif hole > 0:
            found += self._take(np.zeros(hole, np.int16), partials=partials)
        self._waiting += piece.payload
        if len(self._rest) + len(self._waiting) >= STEP:
            found += self._take_waiting(partials=partials)
        return found

    def flush(self) -> list[Utterance]:
        """Nothing more comes for now: decode what is left and end the utterance."""
        self._line.away = True
        found: list[Utterance] = []
        while self._pending:
            found += self._take_next(partials=False)
        return found + self._finish_line()

    def _finish_line(self) -> list[Utterance]:
        """Decode what is left of a step, and end the utterance."""
        found = self._take_waiting(partials=False)
        if len(self._rest):
            # The last fraction of a step, filled up with more of the same; only its own length counts.
            step = np.resize(self._rest, STEP)
            length, self._rest = len(self._rest), self._rest[:0]
            found += self._step(step, length, partials=False)
        if self._current is not None:
            found += self._end(self._current)
        elif self._shown:
            position_ms = self._resume.position // SAMPLES_PER_MS
            found += self._take_back((position_ms, position_ms))
        if self._begun:
            self._resume, self._next = self._place(), None
        return found

    def close(self) -> None:
        """Free the recogniser's session. Idempotent."""
        self._session.close()

    def _jump(self, position: int) -> None:
        """Go on at `position`; between utterances."""
        self._segmenter.jump(position)
        self._skip_to(position)

    def _take_waiting(self, *, partials: bool) -> list[Utterance]:
        waiting, self._waiting = self._waiting, bytearray()
        return self._take(mulaw.decode(waiting), partials=partials) if waiting else []

    def _take(self, pcm: Pcm, *, partials: bool) -> list[Utterance]:
        audio = np.concatenate((self._rest, pcm)) if len(self._rest) else pcm
        whole = len(audio) - len(audio) % STEP
        self._rest = audio[whole:]
        found: list[Utterance] = []
        for start in range(0, whole, STEP):
            found += self._step(audio[start : start + STEP], STEP, partials=partials)
        return found

    def _step(self, pcm: Pcm, length: int, *, partials: bool) -> list[Utterance]:
        block = self._segmenter.accept(pcm, length)
        if self._other is not None and (self._segmenter.begins or block.flags.any()):
            self._compare(block, self._other)
        else:
            self._verdict = Verdict.ALONE
        current = self._current
        if current is not None:
            self._hear(current, block)
            return self._judge(current, partials=partials)
        begin = self._segmenter.wait(block)
        if self._next is None or self._next.position <= begin:
            self._resume = self._next or self._resume
            self._next = self._place()
        said = self._skip_to(begin)
        if self._skip_silence and not said and not self._segmenter.begins:
            return []
        current = self._current = Hearing(begin, changed=self.position)
        current.note(said, self.position)
        for earlier in self._segmenter.take():
            self._hear(current, earlier)
        return self._judge(current, partials=partials)

    def _place(self, position: int | None = None) -> _Place:
        """Here, between utterances, another decoder could go on."""
        position = self.position if position is None else position
        return _Place(position, self._segmenter.state, self._verdict)

    def _compare(self, block: Block, other: Memory) -> None:
        """See whether the block is an echo of the other track."""
        end = round(self._clock_ms * SAMPLES_PER_MS) + block.end
        begin = end - echo.HEARD
        before, self._verdict = (
            self._verdict,
            echo.judge(
                self._line.between(begin, end), other.between(begin - echo.LONGEST_DELAY, end)
            ),
        )
        if self._verdict is Verdict.ECHO:
            self._segmenter.disown(block)
        elif self._verdict is Verdict.OWN and before is not Verdict.OWN:
            # With more of it that will be known better. What was said is kept meanwhile.
            self._segmenter.begins = False

    def _hear(self, current: Hearing, block: Block) -> None:
        current.hear(block, self._segmenter.hangover_ms)
        audio = self._resampler.accept(self._segmenter.level(block))
        self._given += len(audio)
        current.note(self._session.accept(audio), self.position)

    def _judge(self, current: Hearing, *, partials: bool) -> list[Utterance]:
        match current.judge(self.position, self._endpoints):
            case Decision.END:
                return self._end(current)
            case Decision.SPLIT:
                return self._split(current)
            case Decision.GO_ON:
                return self.partial() if partials else []

    def _end(self, current: Hearing) -> list[Utterance]:
        self._current = None
        rest = self._resampler.finish()
        self._given += len(rest)
        sounded_until = max(current.begin, current.loud_until, self._segmenter.voiced_until)
        quiet = self.position - sounded_until
        heard = [
            *self._session.accept(rest),
            *self._session.endpoint(quiet_ms=quiet // SAMPLES_PER_MS),
        ]
        self._skip_to(self.position)
        self._resume, self._next = self._place(), None
        return self._finish(current, heard)

    def _split(self, current: Hearing) -> list[Utterance]:
        heard = self._session.endpoint(current.best_cut_ms())
        found = self._finish(current, heard)
        last_ms = max((h.words[-1].end_ms for h in heard if h.words), default=0)
        begin = max(current.begin, last_ms * SAMPLES_PER_MS)
        self._current = current.from_(begin, self.position)
        self._resume = self._place(begin)
        return found

    def partial(self) -> list[Utterance]:
        """The utterance as heard so far, if its words are not those last given out, or nothing is being said now."""
        current = self._current
        if current is None:
            return []
        words = current.words
        texts = [word.text for word in words]
        raw = " ".join(texts)
        silent = current.falls_silent(self.position) and bool(raw)
        if raw == current.raw and not silent:
            return []
        current.raw = raw
        text, tokens = self._written(texts, lambda writer: writer.partial(texts))
        settled = current.settle(text)
        return [self._utterance(False, text, words, tokens, settled, current.extent_ms(words))]

    def _finish(self, current: Hearing, heard: Sequence[Hypothesis]) -> list[Utterance]:
        """The final, if there are words in it; otherwise whatever was shown of it is taken back."""
        words = current.spoken(
            current.kept + tuple(word for h in heard if h.final for word in h.words)
        )
        if not words:
            return self._take_back(current.extent_ms(()))
        texts = [word.text for word in words]
        pauses = [0, *(max(0, b.start_ms - a.end_ms) for a, b in itertools.pairwise(words))]
        own = next((h.tokens for h in heard if [word.text for word in h.words] == texts), ())
        text, tokens = self._written(texts, lambda writer: writer.final(texts, pauses, own))
        extent_ms = words[0].start_ms, words[-1].end_ms
        language = next((h.language for h in heard if h.final and h.language), "")
        utterance = self._utterance(True, text, words, tokens, len(text), extent_ms, language)
        self._number += 1
        self._revision = 0
        return [utterance]

    def _take_back(self, extent_ms: tuple[int, int]) -> list[Utterance]:
        """What was shown came to nothing."""
        return [self._utterance(False, "", (), (), 0, extent_ms)] if self._shown else []

    def _written(
        self, texts: Sequence[str], write: Callable[[TextWriter], Written]
    ) -> tuple[str, tuple[Token, ...]]:
        """The readable form; the words themselves where there is no writer, or it fails."""
        if self._write is not None and texts:
            try:
                written = write(self._write)
            except Exception:
                _log.exception("writing an utterance readably failed", words=len(texts))
            else:
                return written.text, written.tokens
        return " ".join(texts), ()

    def _utterance(
        self,
        final: bool,
        text: str,
        words: Sequence[Word],
        tokens: tuple[Token, ...],
        settled: int,
        extent_ms: tuple[int, int],
        language: str = "",
    ) -> Utterance:
        """From times on the line to times on the carrier's clock."""
        self._revision += 1
        self._shown = bool(words) and not final
        return Utterance(
            number=self._number,
            revision=self._revision,
            final=final,
            text=text,
            words=tuple(
                msgspec.structs.replace(
                    word, start_ms=self._on_clock(word.start_ms), end_ms=self._on_clock(word.end_ms)
                )
                for word in words
            ),
            tokens=tokens,
            settled=settled,
            start_ms=self._on_clock(extent_ms[0]),
            end_ms=self._on_clock(extent_ms[1]),
            language=language,
        )

    def _on_clock(self, line_ms: int) -> int:
        return round(self._clock_ms + line_ms)

    def _skip_to(self, position: int) -> Sequence[Hypothesis]:
        """Bring the recogniser's line up to the track's without decoding."""
        samples = position * self._rate // SAMPLE_RATE - self._given
        if samples <= 0:
            return ()
        self._given += samples
        return self._session.skip(samples)
