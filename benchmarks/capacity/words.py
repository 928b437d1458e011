"""When each spoken word was first shown: what a system said, matched with what is on the tape."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
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


@dataclass
class Shown:
    """One track's text as it grew."""

    words: list[str] = field(default_factory=list)
    first_seen: list[float] = field(default_factory=list)
    finals: int = 0
    """Words in finals so far."""
    final_at: list[float] = field(default_factory=list)

    def take(self, update: Update) -> None:
        said = update.text.split()
        del self.words[self.finals :]
        self.words += said
        while len(self.first_seen) < len(self.words):
            self.first_seen.append(update.at)
        if update.final:
            self.finals = len(self.words)
            self.final_at += [update.at] * (self.finals - len(self.final_at))
            del self.first_seen[self.finals :]


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


def lags(stream: Stream, tape: int, updates: Iterable[Update]) -> list[Lag]:
    """Of every word of one stream's track that the system showed and the recogniser alone hears too."""
    shown = Shown()
    for update in updates:
        shown.take(update)
    source = stream.tapes[tape]
    begin = stream.offset * FRAME_S
    spoken: list[tuple[str, float]] = []
    for lap in range(int((begin + stream.sent * FRAME_S) // source.seconds) + 1):
        for word in source.words:
            at = word.end_s + lap * source.seconds - begin
            if 0 <= at <= stream.sent * FRAME_S:
                spoken.append((word.text, stream.started + at))
    matcher = difflib.SequenceMatcher(None, [w for w, _ in spoken], shown.words, autojunk=False)
    found: list[Lag] = []
    for a, b, size in matcher.get_matching_blocks():
        for k in range(size):
            at = spoken[a + k][1]
            if not -_FALSE_S < shown.first_seen[b + k] - at < _FALSE_AFTER_S:
                continue
            final = shown.final_at[b + k] if b + k < len(shown.final_at) else float("inf")
            after = shown.final_at[b + k + 1] if b + k + 1 < len(shown.final_at) else float("inf")
            found.append(Lag(at, shown.first_seen[b + k] - at, final - at, after != final))
    return found
