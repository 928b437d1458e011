"""What is read again while it is still being said: whose talk is long enough, and what its partials say then. Pure.

Who falls silent may have finished, half a second before that is decided: what has been said is read at once, and if no
more comes, that is the utterance's reading (`Early`).

The first reader goes on giving partials. Those of an utterance that has been read again begin with the second reading,
and end with the words that the first reader has heard since.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from callscribe.events import AnyEvent, FinalTranscript, PartialTranscript, Word
from callscribe.recognition.base import Reading
from callscribe.speech.track import TextWriter

LONG_MS: Final = 3000
"""Talk is read again while it goes on from this length..."""
AGAIN_MS: Final = 2000
"""...and again when it has become so much longer."""
_CUT_MS: Final = 250
"""A word that ends so near to the end of what was read may be half a word."""
SILENT_MS: Final = 150
"""A partial that comes so long after its last sound tells that the speaker has fallen silent: one is given then, after
160 ms (`callscribe.speech.utterance.Hearing.falls_silent`). Others may come up to 140 ms after it, for two steps of the
track are decoded at a time."""
_HEARD_OUT_MS: Final = 100
"""So much silence after the last word must have been read with it."""
_ASTRAY_MS: Final = 1200
"""A reading that begins so much earlier or ends so much later has other words in it."""
_OVERLAP: Final = 5
"""So many words may have been heard by both: the first reader gives a word out some tenths of a second later."""


@dataclass(frozen=True, slots=True)
class Early:
    """A reading of what may turn out to be a whole utterance."""

    start_ms: int
    end_ms: int
    """Of the sound that was read, on the record's line."""
    sound: bytes
    reading: Reading

    def is_of(self, final: FinalTranscript) -> bool:
        """Whether it is of all of this utterance, and of nothing else."""
        return (
            self.start_ms <= final.start_ms < self.start_ms + _ASTRAY_MS
            and final.end_ms + _HEARD_OUT_MS <= self.end_ms < final.end_ms + _ASTRAY_MS
        )


@dataclass(slots=True)
class _Talk:
    newest: PartialTranscript
    """As the first reader has it."""
    added: int = 0
    """Partials of ours that came between the first reader's, so that revisions go on counting."""
    asked_ms: int = 0
    """Where the newest reading that was asked for ends."""
    silent: bool = False
    """The speaker fell silent, and what was said has not been read since."""
    early: Early | None = None
    """What was read of it then."""
    read_ms: int = 0
    """Where what was read ends; 0: nothing was."""
    heard: tuple[str, ...] = ()
    """The first reader's words when it was read..."""
    read: tuple[str, ...] = ()
    """...and what they were read as."""
    settled: str = ""
    """What was read as it is written, less its last word, which may yet change."""


class Meanwhile:
    """All utterances that go on. Every event of a call's tracks passes through `pass_on`, in order."""

    def __init__(self, write: TextWriter) -> None:
        """
        Args:
            write: makes words readable.
        """
        self._write = write
        self._talks: dict[tuple[str, str], _Talk] = {}
        self._early: dict[tuple[str, str], Early] = {}
        """Of utterances that are over."""
        self._pending: tuple[str, str] | None = None
        """What is being read now because its speaker fell silent."""
        self._again_ms = AGAIN_MS

    def pass_on(self, event: AnyEvent, now_ms: int | None = None) -> AnyEvent:
        """The event with what is known better; others than partials and finals are left as they are.

        Args:
            now_ms: the newest moment that is decoded, on the record's line.
        """
        match event:
            case PartialTranscript():
                return self._partial(event, now_ms)
            case FinalTranscript():
                key = event.call, event.utterance
                talk = self._talks.pop(key, None)
                if talk is not None and talk.early is not None:
                    self._early[key] = talk.early
                if talk is not None and talk.added:
                    return msgspec.structs.replace(event, revision=event.revision + talk.added)
            case _:
                pass
        return event

    @property
    def is_due(self) -> bool:
        """Whether there is something to read."""
        return self.fallen_silent() is not None or self.next() is not None

    def fallen_silent(self) -> PartialTranscript | None:
        """An utterance that may be over, as the first reader has it, and has not been read since."""
        return next((talk.newest for talk in self._talks.values() if talk.silent), None)

    def next(self) -> PartialTranscript | None:
        """The utterance to read next, as the first reader has it: of those long enough, the one whose words have waited
        longest."""
        due = [
            talk
            for talk in self._talks.values()
            if talk.newest.end_ms - talk.newest.start_ms >= LONG_MS
            and talk.newest.end_ms - talk.asked_ms >= self._again_ms
        ]
        return (
            min(due, key=lambda talk: talk.asked_ms or talk.newest.start_ms).newest if due else None
        )

    def ask(self, utterance: PartialTranscript) -> None:
        """What `fallen_silent` or `next` gave is being read, up to its end."""
        key = utterance.call, utterance.utterance
        talk = self._talks.get(key)
        if talk is not None:
            self._pending = key if talk.silent else None
            talk.asked_ms, talk.silent = utterance.end_ms, False

    def keep(self, utterance: PartialTranscript, early: Early) -> None:
        """What `ask` was told of was read so; it is kept where the speaker had fallen silent."""
        key = utterance.call, utterance.utterance
        talk = self._talks.get(key)
        if key != self._pending:
            return
        self._pending = None
        if talk is not None:
            talk.early = early
        else:  # over by now
            self._early[key] = early

    def early(self, final: FinalTranscript) -> Early | None:
        """A reading of all of this utterance that was begun before it was known to be over. It is given once."""
        early = self._early.pop((final.call, final.utterance), None)
        return early if early is not None and early.is_of(final) else None

    def put(
        self, asked: PartialTranscript, words: Sequence[Word], took_ms: int = 0
    ) -> PartialTranscript | None:
        """Take a reading in.

        Args:
            asked: what `next` gave.
            words: what it was read as, on the record's line.
            took_ms: how long that took. Reading takes up half of the time at most.

        Returns:
            The partial to publish now; None when the utterance is over, or nothing was read.
        """
        self._again_ms = max(AGAIN_MS, 2 * took_ms)
        talk = self._talks.get((asked.call, asked.utterance))
        if talk is None:
            return None
        whole = list(words)
        if whole and whole[-1].end_ms > asked.end_ms - _CUT_MS:
            whole.pop()
        if not whole:
            return None
        talk.read = tuple(word.text for word in whole)
        talk.settled = self._write.partial(talk.read[:-1]).text
        talk.read_ms = whole[-1].end_ms
        talk.heard = tuple(asked.raw_text.split())
        talk.added += 1
        return self._improved(talk)

    def forget(self, call: str) -> None:
        """The call is over, or was deleted."""
        for kept in (self._talks, self._early):
            for key in [key for key in kept if key[0] == call]:
                del kept[key]
        if self._pending is not None and self._pending[0] == call:
            self._pending = None

    def _partial(self, event: PartialTranscript, now_ms: int | None) -> PartialTranscript:
        key = event.call, event.utterance
        if not event.raw_text:
            talk = self._talks.pop(key, None)
            if key == self._pending:
                self._pending = None
            added = talk.added if talk else 0
            return msgspec.structs.replace(event, revision=event.revision + added)
        talk = self._talks.get(key)
        if talk is None:
            talk = self._talks[key] = _Talk(event)
        talk.newest = event
        talk.silent = now_ms is not None and now_ms - event.end_ms >= SILENT_MS
        return self._improved(talk)

    def _improved(self, talk: _Talk) -> PartialTranscript:
        event = talk.newest
        revision = event.revision + talk.added
        if not talk.read:
            return msgspec.structs.replace(event, revision=revision)
        words = continued(talk.read, talk.heard, event.raw_text.split())
        text = self._write.partial(words).text
        return msgspec.structs.replace(
            event,
            revision=revision,
            text=text,
            raw_text=" ".join(words),
            settled=len(talk.settled) if f"{text} ".startswith(f"{talk.settled} ") else 0,
            reread_ms=talk.read_ms,
        )


def continued(read: Sequence[str], heard: Sequence[str], now: Sequence[str]) -> list[str]:
    """What was read, and what has been heard since.

    Args:
        read: the second reader's words.
        heard: the first reader's when the second read.
        now: the first reader's now.
    """
    tail = list(now[_end_of(heard, now) :])
    for count in range(min(_OVERLAP, len(read), len(tail)), 0, -1):
        if list(read[-count:]) == tail[:count]:
            return [*read, *tail[count:]]
    return [*read, *tail]


def _end_of(heard: Sequence[str], now: Sequence[str]) -> int:
    """Where in `now` the words end that were `heard` before. A recogniser may have changed its mind about them."""
    matcher = difflib.SequenceMatcher(a=heard, b=now, autojunk=False)
    for tag, a0, a1, b0, b1 in reversed(matcher.get_opcodes()):
        if tag == "insert":
            continue
        if tag == "equal":
            return b1
        return min(b1, b0 + a1 - a0)
    return 0
