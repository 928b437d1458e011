"""When each spoken word was first shown: what a system said, matched with what is on the tape."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from benchmarks.capacity.load import Stream
from benchmarks.capacity.tape import FRAME_S

_FALSE_S, _FALSE_AFTER_S = 0.5, 60.0
"""Shown so long before or after it was said, a word was matched with another of its kind. (Word ends are guesses to a
tenth of a second or so, so a little before is possible.)"""


@dataclass(frozen=True)
class Update:
    """What a system said of one track at one moment."""

    at: float
    """Monotonic seconds at which the line was read."""
    text: str
    final: bool


@dataclass(frozen=True)
class Seen:
    """A word of a track's text."""

    text: str
    first_at: float
    """When this very word was first on the screen at its place, even if it was taken back for a while."""
    final_at: float
    """When it was final; infinite while it is not."""


@dataclass
class Shown:
    """One track's text as it grew."""

    _settled: list[Seen] = field(default_factory=list)
    _open: list[Update] = field(default_factory=list)
    """Of the utterance that is not final yet."""

    @classmethod
    def of(cls, updates: Iterable[Update]) -> Shown:
        shown = cls()
        for update in updates:
            shown.take(update)
        return shown

    def take(self, update: Update) -> None:
        self._open.append(update)
        if update.final:
            self._settled += _words(self._open)
            self._open = []

    @property
    def words(self) -> list[Seen]:
        """Everything that was said, with the newest that is known of an utterance not final yet."""
        return [*self._settled, *_words(self._open)]


def _words(updates: Sequence[Update]) -> list[Seen]:
    """One utterance's words as its last update has them.

    A word counts as shown from the first update that has it at its place, found by alignment: the n-th word of a
    partial is not the n-th of the final when one before it was missing.
    """
    if not updates:
        return []
    last = updates[-1]
    words = last.text.split()
    first = [last.at] * len(words)
    for update in reversed(updates[:-1]):
        matcher = difflib.SequenceMatcher(None, words, update.text.split(), autojunk=False)
        for a, _, size in matcher.get_matching_blocks():
            first[a : a + size] = [update.at] * size
    final_at = last.at if last.final else float("inf")
    return [Seen(word, at, final_at) for word, at in zip(words, first, strict=True)]


@dataclass(frozen=True)
class Lag:
    """Of one word."""

    spoken_at: float
    """Monotonic seconds at which its end had been sent."""
    shown_s: float
    """From then until it was first on the screen."""
    final_s: float
    """From then until it was in a final; infinite when it never was."""
    last: bool = False
    """It is the last word of its final, so that `final_s` counts from the end of speech."""


def match(spoken: Sequence[tuple[str, float]], shown: Shown) -> list[Lag]:
    """The lags of the words that were shown.

    Args:
        spoken: words and the moments of their ends, in order.
    """
    seen = shown.words
    matcher = difflib.SequenceMatcher(
        None, [word for word, _ in spoken], [word.text for word in seen], autojunk=False
    )
    found: list[Lag] = []
    for a, b, size in matcher.get_matching_blocks():
        for k in range(size):
            at, word = spoken[a + k][1], seen[b + k]
            if not -_FALSE_S < word.first_at - at < _FALSE_AFTER_S:
                continue
            after = seen[b + k + 1].final_at if b + k + 1 < len(seen) else float("inf")
            found.append(Lag(at, word.first_at - at, word.final_at - at, after != word.final_at))
    return found


def spoken(stream: Stream, tape: int) -> list[tuple[str, float]]:
    """The words that one stream's track has carried so far, with the monotonic seconds of their ends."""
    source = stream.tapes[tape]
    begin = stream.offset * FRAME_S
    found: list[tuple[str, float]] = []
    for lap in range(int((begin + stream.sent * FRAME_S) // source.seconds) + 1):
        for word in source.words:
            at = word.end_s + lap * source.seconds - begin
            if 0 <= at <= stream.sent * FRAME_S:
                found.append((word.text, stream.started + at))
    return found
