"""One track from placed audio to utterances: activity, level, recogniser, endpoints. No threads, no clock, no events.

Times are milliseconds of the carrier's clock on this stream.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import msgspec
import numpy as np
import structlog

from callscribe.audio import mulaw
from callscribe.audio.activity import FRAME, FRAME_MS, ActivityDetector, Flags, Levels
from callscribe.audio.level import LevelFollower
from callscribe.audio.mulaw import SAMPLE_RATE, SAMPLES_PER_MS, Pcm
from callscribe.audio.resampling import Resampler
from callscribe.audio.timeline import Piece
from callscribe.audio.tones import BLOCK, ToneDetector
from callscribe.events import Token, Word
from callscribe.recognition.base import Hypothesis, Recognizer
from callscribe.speech import clicks, wordtimes
from callscribe.speech.endpointing import Decision, EndpointOptions, decide

_log = structlog.get_logger(__name__)

STEP: Final = SAMPLE_RATE // 5
"""Samples decoded at a time: 0.2 s, the recogniser's own step."""
STEP_MS: Final = STEP // SAMPLES_PER_MS
_LEAD_STEPS: Final = 4
"""Steps that the recogniser hears up to the one in which speech begins, that one included."""
_LONG_HOLE: Final = SAMPLE_RATE
"""A longer hole ends the utterance instead of being decoded as silence."""
_RESUMES_AFTER: Final = SAMPLE_RATE // 5
"""Speech after so much silence begins anew: its words are still to come."""
_FAINT_DB: Final = 26.0
"""What is so far below the loudest of an utterance is a breath, an echo or somebody else: it does not keep it open."""
_SETTLES_AFTER: Final = 3
"""Text that so many partials agree on is settled."""


class Written(Protocol):
    """Text as a person would write it."""

    @property
    def text(self) -> str: ...
    @property
    def tokens(self) -> tuple[Token, ...]: ...


class TextWriter(Protocol):
    """Turns the recogniser's words into readable text (`callscribe.text.writer.Writer`)."""

    def final(self, words: Sequence[str], pauses_ms: Sequence[int] | None = None) -> Written: ...
    def partial(self, words: Sequence[str]) -> Written: ...


@dataclass(frozen=True, slots=True)
class Utterance:
    """What a track says, so far or in the end."""

    number: int
    """Counts up from 1 on the track."""
    revision: int
    final: bool
    text: str
    """Written form. Empty only in a partial that takes back the ones before it."""
    words: tuple[Word, ...]
    tokens: tuple[Token, ...]
    settled: int
    start_ms: int
    end_ms: int

    @property
    def raw_text(self) -> str:
        return " ".join(word.text for word in self.words)

    @property
    def confidence(self) -> float:
        """Mean over the words."""
        if not self.words:
            return 0.0
        return sum(word.confidence for word in self.words) / len(self.words)


@dataclass(slots=True)
class _Current:
    """The utterance being heard."""

    begin: int
    """Where its audio begins, in samples of the line."""
    flags: list[Flags] = field(default_factory=list)
    """Voice activity since `begin`."""
    above_db: list[Levels] = field(default_factory=list)
    """How far the line was above its noise since `begin`."""
    kept: tuple[Word, ...] = ()
    """Words of this utterance that the recogniser has already finished on its own account."""
    partial: tuple[Word, ...] = ()
    changed: int = 0
    """Position at which the words last changed."""
    worded: int | None = None
    """Position at which the first word was recognised."""
    loudest_db: float = 0.0
    """How far its loudest step was above the line's noise."""
    raw: str = ""
    """The words of the newest partial given out."""
    heard_until: int | None = None
    """Position after the last speech on the line."""
    resumed: int | None = None
    """Position at which speech began again after a pause, while none of its words is recognised."""
    paused_until: int = 0
    """Position at which speech last began again after a pause."""
    shown: deque[str] = field(default_factory=lambda: deque(maxlen=_SETTLES_AFTER))


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
    ) -> None:
        """
        Raises:
            callscribe.errors.ModelError: no session could be started.
        """
        self._session = recognizer.start_session(phrases)
        self._rate = recognizer.sample_rate
        self._endpoints = endpoints or EndpointOptions()
        self._write = write
        self._skip_silence = skip_silence and not recognizer.hears_silence
        self._follow_level = follow_level
        self._activity = ActivityDetector()
        self._tones = ToneDetector()
        self._level = LevelFollower()
        self._resampler = Resampler(SAMPLE_RATE, self._rate)
        self._position = 0
        """Samples of the line taken in."""
        self._clock_ms = 0.0
        """The carrier's clock at the line's first sample, as of the newest piece."""
        self._rest: Pcm = np.zeros(0, np.int16)
        self._lead: deque[tuple[Pcm, Flags, Levels]] = deque()
        self._given = 0
        """Samples, at its own rate, that the recogniser was given or told to skip."""
        self._current: _Current | None = None
        self._number = 1
        self._revision = 0

    @property
    def position(self) -> int:
        """Samples of the line that have been taken in."""
        return self._position

    @property
    def clock_ms(self) -> float:
        """The carrier's clock at the end of what has been taken in."""
        return self._clock_ms + self._position / SAMPLES_PER_MS

    def accept(self, piece: Piece, *, partials: bool = True) -> list[Utterance]:
        """The next piece of the line; a hole before it is silence.

        Args:
            partials: False leaves them out, which saves time when decoding is behind.
        """
        found: list[Utterance] = []
        hole = piece.start - self._position - len(self._rest)
        if hole > _LONG_HOLE:
            found += self.flush()
            self._jump(piece.start)
        elif hole > 0:
            found += self._take(np.zeros(hole, np.int16), partials=partials)
        self._clock_ms = piece.clock_ms - piece.start / SAMPLES_PER_MS
        found += self._take(mulaw.decode(piece.payload), partials=partials)
        return found

    def flush(self) -> list[Utterance]:
        """Nothing more comes for now: decode what is left and end the utterance."""
        found: list[Utterance] = []
        if len(self._rest):
            # The last fraction of a step, filled up with more of the same; only its own length counts.
            step = np.resize(self._rest, STEP)
            length, self._rest = len(self._rest), self._rest[:0]
            found += self._step(step, length, partials=False)
        if self._current is not None:
            found += self._end(self._current)
        return found

    def close(self) -> None:
        """Free the recogniser's session. Idempotent."""
        self._session.close()

    def _jump(self, position: int) -> None:
        """Go to `position` without decoding; between utterances."""
        self._lead.clear()
        self._position = position
        self._skip_to(position)

    def _take(self, pcm: Pcm, *, partials: bool) -> list[Utterance]:
        audio = np.concatenate((self._rest, pcm)) if len(self._rest) else pcm
        whole = len(audio) - len(audio) % STEP
        self._rest = audio[whole:]
        found: list[Utterance] = []
        for start in range(0, whole, STEP):
            found += self._step(audio[start : start + STEP], STEP, partials=partials)
        return found

    def _step(self, pcm: Pcm, length: int, *, partials: bool) -> list[Utterance]:
        pcm, flags, above_db = self._prepare(pcm)
        frames = -(-length // FRAME)
        pcm, flags, above_db = pcm[:length], flags[:frames], above_db[:frames]
        self._position += length
        if self._current is not None:
            self._hear(self._current, pcm, flags, above_db, self._position)
            return self._judge(self._current, partials=partials)
        self._lead.append((pcm, flags, above_db))
        heard: Sequence[Hypothesis] = ()
        if len(self._lead) > _LEAD_STEPS:
            self._lead.popleft()
            heard = self._skip_to(self._lead_begin)
        if self._skip_silence and not heard and not flags.any():
            return []
        current = self._current = _Current(begin=self._lead_begin, changed=self._position)
        self._note(current, heard)
        position = current.begin
        for lead_pcm, lead_flags, lead_above_db in self._lead:
            position += len(lead_pcm)
            self._hear(current, lead_pcm, lead_flags, lead_above_db, position)
        self._lead.clear()
        return self._judge(current, partials=partials)

    @property
    def _lead_begin(self) -> int:
        return self._position - sum(len(pcm) for pcm, _, _ in self._lead)

    def _prepare(self, pcm: Pcm) -> tuple[Pcm, Flags, Levels]:
        """Tones made silent, speech found, level evened. With how far the frames are above the line's noise."""
        tones = self._tones.accept(pcm)
        # The noise floor is that of the line as it is, not of the silence put in place of a tone.
        flags = self._activity.accept(pcm)
        if tones.any():
            pcm = np.where(np.repeat(tones, BLOCK), 0, pcm).astype(np.int16)
            flags &= ~np.repeat(tones, BLOCK // FRAME)
        if self._follow_level:
            pcm = self._level.accept(pcm, flags)
        return pcm, flags, self._activity.above_db

    def _hear(
        self, current: _Current, pcm: Pcm, flags: Flags, above_db: Levels, position: int
    ) -> None:
        """Audio of an utterance, ending at `position`."""
        current.flags.append(flags)
        current.above_db.append(above_db)
        if flags.any():
            current.loudest_db = max(current.loudest_db, float(np.percentile(above_db[flags], 80)))
        dip = self._activity.options.hangover_ms // FRAME_MS
        audible = flags & _held(above_db > current.loudest_db - _FAINT_DB, dip)
        if audible.any():
            begins = position - len(pcm) + int(np.argmax(audible)) * FRAME
            paused = (
                current.heard_until is not None and begins - current.heard_until >= _RESUMES_AFTER
            )
            if paused:
                current.paused_until = begins
                if current.resumed is None:
                    current.resumed = begins
            silent = int(np.argmax(audible[::-1]))
            current.heard_until = position - silent * FRAME
        audio = self._resampler.accept(pcm)
        self._given += len(audio)
        self._note(current, self._session.accept(audio))

    def _note(self, current: _Current, hypotheses: Sequence[Hypothesis]) -> None:
        for hypothesis in hypotheses:
            if not current.kept and not current.partial and hypothesis.words:
                current.worded = self._position
            if hypothesis.final:
                # The model's own rules ended something. Whether the utterance is over is decided here.
                current.kept += hypothesis.words
                current.partial = ()
            else:
                current.partial = hypothesis.words
                if hypothesis.words:
                    current.resumed = None
            current.changed = self._position

    def _judge(self, current: _Current, *, partials: bool) -> list[Utterance]:
        words = current.kept + current.partial
        if current.heard_until is not None:
            quiet_since = current.heard_until
        elif words:
            quiet_since = words[-1].end_ms * SAMPLES_PER_MS
        else:
            quiet_since = current.begin
        unchanged_since = current.changed
        if current.resumed is not None:
            # What is being said now has no words yet.
            unchanged_since = max(unchanged_since, current.resumed)
        if current.kept and not current.partial:
            # On a noisy line the recogniser may be the only one to notice a pause. Where the line itself fell silent
            # and speech began again, its first word is not yet recognised, and ending here would cut it in two.
            kept_until = current.kept[-1].end_ms * SAMPLES_PER_MS
            if current.paused_until <= kept_until:
                quiet_since = min(quiet_since, kept_until)
        begin = current.begin
        if current.worded is not None:
            begin = max(begin, current.worded - SAMPLE_RATE)
        decision = decide(
            [word.text for word in words],
            length_ms=(self._position - begin) // SAMPLES_PER_MS,
            silence_ms=(self._position - quiet_since) // SAMPLES_PER_MS,
            unchanged_ms=(self._position - unchanged_since) // SAMPLES_PER_MS,
            options=self._endpoints,
        )
        if decision is Decision.END:
            return self._end(current)
        if decision is Decision.SPLIT:
            return self._split(current)
        return self.partial() if partials else []

    def _end(self, current: _Current) -> list[Utterance]:
        self._current = None
        rest = self._resampler.finish()
        self._given += len(rest)
        heard = [*self._session.accept(rest), *self._session.endpoint()]
        self._skip_to(self._position)
        return self._finish(current, heard)

    def _split(self, current: _Current) -> list[Utterance]:
        flags = np.concatenate(current.flags)
        cut_ms = current.begin // SAMPLES_PER_MS + _best_pause(flags) * FRAME_MS
        heard = self._session.endpoint(cut_ms)
        found = self._finish(current, heard)
        last_ms = max((h.words[-1].end_ms for h in heard if h.words), default=0)
        begin = max(current.begin, last_ms * SAMPLES_PER_MS)
        following = self._current = _Current(begin=begin, changed=self._position, worded=begin)
        cut = (begin - current.begin) // FRAME
        following.flags = [flags[cut:]]
        following.above_db = [np.concatenate(current.above_db)[cut:]]
        following.heard_until = current.heard_until
        return found

    def partial(self) -> list[Utterance]:
        """The utterance as heard so far, if its words are not those last given out."""
        current = self._current
        if current is None:
            return []
        words = current.kept + current.partial
        texts = [word.text for word in words]
        raw = " ".join(texts)
        if raw == current.raw:
            return []
        current.raw = raw
        text, tokens = self._written(texts, lambda writer: writer.partial(texts))
        current.shown.append(text)
        settled = _common_start(current.shown) if len(current.shown) == _SETTLES_AFTER else 0
        start, end = self._extent(current, words)
        return [self._utterance(False, text, self._on_line(words), tokens, settled, start, end)]

    def _finish(self, current: _Current, heard: Sequence[Hypothesis]) -> list[Utterance]:
        """The final, if there are words in it; otherwise whatever was shown of it is taken back."""
        words = current.kept + tuple(word for h in heard if h.final for word in h.words)
        begin_ms = current.begin // SAMPLES_PER_MS
        words = clicks.without_clicks(words, np.concatenate(current.above_db), begin_ms)
        if not words:
            if not self._revision or not current.raw:
                return []
            start, end = self._extent(current, ())
            return [self._utterance(False, "", (), (), 0, start, end)]
        words = wordtimes.correct(words, np.concatenate(current.flags), begin_ms)
        texts = [word.text for word in words]
        pauses = [0, *(max(0, b.start_ms - a.end_ms) for a, b in itertools.pairwise(words))]
        text, tokens = self._written(texts, lambda writer: writer.final(texts, pauses))
        lined = self._on_line(words)
        utterance = self._utterance(
            True,
            text,
            lined,
            tokens,
            len(text),
            lined[0].start_ms,
            lined[-1].end_ms,
        )
        self._number += 1
        self._revision = 0
        return [utterance]

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
        words: tuple[Word, ...],
        tokens: tuple[Token, ...],
        settled: int,
        start_ms: int,
        end_ms: int,
    ) -> Utterance:
        self._revision += 1
        return Utterance(
            number=self._number,
            revision=self._revision,
            final=final,
            text=text,
            words=words,
            tokens=tokens,
            settled=settled,
            start_ms=start_ms,
            end_ms=end_ms,
        )

    def _extent(self, current: _Current, words: tuple[Word, ...]) -> tuple[int, int]:
        """Where the utterance lies on the carrier's clock, as far as known: speech, else words."""
        flags = np.concatenate(current.flags) if current.flags else np.zeros(0, np.bool_)
        if current.heard_until is not None and flags.any():
            start = current.begin // SAMPLES_PER_MS + int(np.argmax(flags)) * FRAME_MS
            end = current.heard_until // SAMPLES_PER_MS
        elif words:
            start, end = words[0].start_ms, words[-1].end_ms
        else:
            start = end = current.begin // SAMPLES_PER_MS
        return round(self._clock_ms + start), round(self._clock_ms + end)

    def _on_line(self, words: Sequence[Word]) -> tuple[Word, ...]:
        """From the recogniser's time, which is the line's, to the carrier's clock."""
        return tuple(
            msgspec.structs.replace(
                word,
                start_ms=round(self._clock_ms + word.start_ms),
                end_ms=round(self._clock_ms + word.end_ms),
            )
            for word in words
        )

    def _skip_to(self, position: int) -> Sequence[Hypothesis]:
        """Bring the recogniser's line up to the track's without decoding."""
        samples = position * self._rate // SAMPLE_RATE - self._given
        if samples <= 0:
            return ()
        self._given += samples
        return self._session.skip(samples)


def _held(loud: Flags, dip: int) -> Flags:
    """With up to `dip` frames after what is loud, as voice activity goes on over dips."""
    held = loud.copy()
    for frames in range(1, dip + 1):
        held[frames:] |= loud[:-frames]
    return held


def _best_pause(flags: Flags) -> int:
    """Where to divide talk without a clear pause, in frames: the longest dip of the last eight seconds."""
    earliest = max(int(np.argmax(flags)), len(flags) // 2, len(flags) - 8000 // FRAME_MS)
    latest = len(flags) - 400 // FRAME_MS
    best, best_length = max(0, len(flags) - 1000 // FRAME_MS), 0
    begin = earliest
    for i in range(earliest, latest):
        if flags[i]:
            begin = i + 1
        elif i + 1 - begin > best_length:
            best_length = i + 1 - begin
            best = (begin + i + 1) // 2
    return best


def _common_start(texts: Sequence[str]) -> int:
    """How many characters at the start are the same in all, in whole words."""
    newest = texts[-1]
    same = 0
    for letters in zip(*texts, strict=False):
        if len(set(letters)) > 1:
            break
        same += 1
    if all(len(text) == same or text[same] == " " for text in texts):
        return same
    return max(0, newest.rfind(" ", 0, same))
