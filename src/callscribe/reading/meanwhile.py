"""What is read again while it is still being said: whose talk is long enough, and what its partials say then. Pure.

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
from callscribe.speech.track import TextWriter

LONG_MS: Final = 3000
"""Talk is read again while it goes on from this length..."""
AGAIN_MS: Final = 2000
"""...and again when it has become so much longer."""
_CUT_MS: Final = 250
"""A word that ends so near to the end of what was read may be half a word."""
_OVERLAP: Final = 5
"""So many words may have been heard by both: the first reader gives a word out some tenths of a second later."""


@dataclass(slots=True)
class _Talk:
    newest: PartialTranscript
    """As the first reader has it."""
    added: int = 0
    """Partials of ours that came between the first reader's, so that revisions go on counting."""
    asked_ms: int = 0
    """Where the newest reading that was asked for ends."""
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
        self._again_ms = AGAIN_MS

    def pass_on(self, event: AnyEvent) -> AnyEvent:
        """The event with what is known better; others than partials and finals are left as they are."""
        match event:
            case PartialTranscript():
                return self._partial(event)
            case FinalTranscript():
                talk = self._talks.pop((event.call, event.utterance), None)
                if talk is not None and talk.added:
                    return msgspec.structs.replace(event, revision=event.revision + talk.added)
            case _:
                pass
        return event

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
        """What `next` gave is being read."""
        talk = self._talks.get((utterance.call, utterance.utterance))
        if talk is not None:
            talk.asked_ms = utterance.end_ms

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
        for key in [key for key in self._talks if key[0] == call]:
            del self._talks[key]

    def _partial(self, event: PartialTranscript) -> PartialTranscript:
        key = event.call, event.utterance
        if not event.raw_text:
            talk = self._talks.pop(key, None)
            added = talk.added if talk else 0
            return msgspec.structs.replace(event, revision=event.revision + added)
        talk = self._talks.get(key)
        if talk is None:
            talk = self._talks[key] = _Talk(event)
        talk.newest = event
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
