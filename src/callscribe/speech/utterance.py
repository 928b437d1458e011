"""An utterance: as it is given out, and while it is being heard. Positions are samples of the track's line."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from callscribe.audio.activity import FRAME, FRAME_MS, Flags, Levels
from callscribe.audio.mulaw import SAMPLE_RATE, SAMPLES_PER_MS
from callscribe.events import Token, Word
from callscribe.recognition.base import Hypothesis
from callscribe.speech import corrections
from callscribe.speech.endpoint import Decision, EndpointOptions, decide
from callscribe.speech.segmenter import Block

_RESUMES_AFTER: Final = SAMPLE_RATE // 5
"""Speech after so much silence begins anew: its words are still to come."""
_FAINT_DB: Final = 26.0
"""What is so far below the loudest of an utterance is a breath, an echo or somebody else: it does not keep it open."""
_SILENT_AFTER: Final = SAMPLE_RATE * 16 // 100
"""Speech has stopped for now after so much silence. On made-up calls of development speakers that is found 0.32 s
(median) after an utterance's end, its final comes after 0.66 s; in every third utterance it is found once too early."""
_SETTLES_AFTER: Final = 3
"""Text that so many partials agree on is settled."""


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
    language: str = ""
    """BCP 47: of a final, what the recogniser found it to be; else empty."""

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
class Hearing:
    """The utterance being heard: what the line does, what the recogniser makes of it, and what that says together."""

    begin: int
    """Where its audio begins."""
    changed: int
    """Position at which the words last changed."""
    worded: int | None = None
    """Position at which the first word was recognised."""
    kept: tuple[Word, ...] = ()
    """Words that the recogniser has already finished on its own account."""
    partial: tuple[Word, ...] = ()
    """Those after them, as they stand."""
    raw: str = ""
    """The words of the newest partial given out."""
    heard_until: int | None = None
    """Position after the last speech on the line."""
    loud_until: int = 0
    """Position after the last loud frame, be it speech or not."""
    _loud: list[Flags] = field(default_factory=list)
    _near: list[Flags] = field(default_factory=list)
    """As in its blocks."""
    _above_db: list[Levels] = field(default_factory=list)
    _loudest_db: float = 0.0
    """How far its loudest step was above the line's noise."""
    _resumed: int | None = None
    """Position at which speech began again after a pause, while none of its words is recognised."""
    _paused_until: int = 0
    """Position at which speech last began again after a pause."""
    _silent_told: int | None = None
    """Where the newest silence begins that was told."""
    _shown: deque[str] = field(default_factory=lambda: deque(maxlen=_SETTLES_AFTER))

    @property
    def begin_ms(self) -> int:
        return self.begin // SAMPLES_PER_MS

    @property
    def _flags(self) -> Flags:
        """Which frames are speech, since its beginning."""
        if not self._loud:
            return np.zeros(0, np.bool_)
        flags: Flags = np.concatenate(self._loud) & np.concatenate(self._near)
        return flags

    @property
    def words(self) -> tuple[Word, ...]:
        """All of them, so far."""
        return self.kept + self.partial

    def hear(self, block: Block, hangover_ms: int) -> None:
        """Its audio goes on.

        Args:
            hangover_ms: over dips as short as this, speech goes on.
        """
        flags, above_db = block.flags, block.above_db
        self._loud.append(block.loud)
        self._near.append(block.near)
        self._above_db.append(above_db)
        if block.loud.any():
            self.loud_until = block.end - int(np.argmax(block.loud[::-1])) * FRAME
        if not flags.any():
            return
        self._loudest_db = max(self._loudest_db, _percentile(above_db[flags].tolist(), 0.8))
        audible = flags & _held(above_db > self._loudest_db - _FAINT_DB, hangover_ms // FRAME_MS)
        if not audible.any():
            return
        begins = block.begin + int(np.argmax(audible)) * FRAME
        if self.heard_until is not None and begins - self.heard_until >= _RESUMES_AFTER:
            self._paused_until = begins
            if self._resumed is None:
                self._resumed = begins
        self.heard_until = block.end - int(np.argmax(audible[::-1])) * FRAME

    def falls_silent(self, position: int) -> bool:
        """Whether speech has stopped for now; true once a silence."""
        begins = self.heard_until
        if begins is None or begins == self._silent_told or position - begins < _SILENT_AFTER:
            return False
        self._silent_told = begins
        return True

    def note(self, hypotheses: Sequence[Hypothesis], position: int) -> None:
        """What the recogniser believes at `position`."""
        for hypothesis in hypotheses:
            if not self.words and hypothesis.words:
                self.worded = position
            if hypothesis.final:
                # The model's own rules ended something. Whether the utterance is over is decided here.
                self.kept += hypothesis.words
                self.partial = ()
            else:
                self.partial = hypothesis.words
                if hypothesis.words:
                    self._resumed = None
            self.changed = position

    def judge(self, position: int, options: EndpointOptions) -> Decision:
        """Whether it is over at `position`."""
        words = self.words
        if self.heard_until is not None:
            quiet_since = self.heard_until
        elif words:
            quiet_since = words[-1].end_ms * SAMPLES_PER_MS
        else:
            quiet_since = self.begin
        unchanged_since = self.changed
        if self._resumed is not None:
            # What is being said now has no words yet.
            unchanged_since = max(unchanged_since, self._resumed)
        if self.kept and not self.partial:
            # On a noisy line the recogniser may be the only one to notice a pause. Where the line itself fell silent
            # and speech began again, its first word is not yet recognised, and ending here would cut it in two.
            kept_until = self.kept[-1].end_ms * SAMPLES_PER_MS
            if self._paused_until <= kept_until:
                quiet_since = min(quiet_since, kept_until)
        begin = self.begin
        if self.worded is not None:
            begin = max(begin, self.worded - SAMPLE_RATE)
        return decide(
            [word.text for word in words],
            length_ms=(position - begin) // SAMPLES_PER_MS,
            silence_ms=(position - quiet_since) // SAMPLES_PER_MS,
            unchanged_ms=(position - unchanged_since) // SAMPLES_PER_MS,
            options=options,
        )

    def best_cut_ms(self) -> int:
        """Where to divide talk without a clear pause."""
        return self.begin_ms + _best_pause(self._flags) * FRAME_MS

    def from_(self, begin: int, position: int) -> Hearing:
        """What was heard of the utterance after this one, which begins at `begin` because this one was divided."""
        cut = (begin - self.begin) // FRAME
        return Hearing(
            begin,
            changed=position,
            worded=begin,
            heard_until=self.heard_until,
            loud_until=self.loud_until,
            _loud=[np.concatenate(self._loud)[cut:]],
            _near=[np.concatenate(self._near)[cut:]],
            _above_db=[np.concatenate(self._above_db)[cut:]],
        )

    def spoken(self, words: Sequence[Word]) -> tuple[Word, ...]:
        """The recogniser's final words without what the line contradicts."""
        kept = corrections.without_clicks(words, np.concatenate(self._above_db), self.begin_ms)
        return corrections.exact_times(kept, self._flags, self.begin_ms)

    def extent_ms(self, words: Sequence[Word]) -> tuple[int, int]:
        """Where it lies on the line, as far as known: speech, else words."""
        flags = self._flags
        if self.heard_until is not None and flags.any():
            start = self.begin_ms + int(np.argmax(flags)) * FRAME_MS
            return start, self.heard_until // SAMPLES_PER_MS
        if words:
            return words[0].start_ms, words[-1].end_ms
        return self.begin_ms, self.begin_ms

    def settle(self, text: str) -> int:
        """The newest text shown: how much of it, in characters, will hardly change any more."""
        self._shown.append(text)
        return _common_start(self._shown) if len(self._shown) == _SETTLES_AFTER else 0


def _percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of them do not exceed, interpolated. There are few: NumPy's takes thirty times as long."""
    ordered = sorted(values)
    at = share * (len(ordered) - 1)
    below = int(at)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (at - below) * (ordered[above] - ordered[below])


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
