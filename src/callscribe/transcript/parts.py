"""What a transcript consists of: people, what they said, and notes between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from callscribe.events import Token, Track, UtteranceCorrected, Word
from callscribe.text.correcting import aligned
from callscribe.transcript.wording import isolated, shown

SLOTS = 8
"""Speaker colours; a ninth person gets the first one again, with a dashed bar."""

Order = tuple[int, int, int, str]
"""Where something stands: milliseconds, then notes before words before leaving, then what came first."""

NoteKind = Literal[
    "joined",
    "left",
    "muted",
    "hold",
    "gap",
    "paused",
    "resumed",
    "dtmf",
    "dial",
    "refused",
    "waits",
]
"""`gap` and `refused` are losses, which views make stand out, as they do `paused`."""


@dataclass(slots=True)
class Person:
    """Someone on the call, as one leg's track. One object for the transcript's life: a new name shows everywhere."""

    leg: str
    track: Track
    name: str
    slot: int
    """Which colour: 0, 1, 2, ... in the order in which people came."""
    number: str = ""
    muted: bool = False
    on_hold: bool = False
    joined_ms: int = 0
    left_ms: int | None = None
    said_ms: int = 0
    """How long this person has spoken, all utterances together."""
    tentative: bool = False
    """Only partials spoke of this person so far."""

    @property
    def who(self) -> str:
        """`leg:track`, unique within the record."""
        return f"{self.leg}:{self.track}"

    @property
    def colour(self) -> str:
        """Class names of the colour and, from the ninth person on, the bar's pattern."""
        return f"s{self.slot % SLOTS}" + (" again" if self.slot >= SLOTS else "")


@dataclass(frozen=True, slots=True)
class Stretch:
    """A written word, or what stands between two."""

    text: str
    filler: bool = False
    start_ms: int | None = None
    """When it was said; None for spaces and where the recogniser gave no words."""
    end_ms: int | None = None
    confidence: float | None = None
    """Of the least certain recogniser word behind it."""
    heard: str = ""
    """The recogniser's words behind it."""


@dataclass(frozen=True, slots=True, eq=False)
class Utterance:
    """What somebody said in one go. A change makes a new object with the same `id`."""

    id: str
    person: Person
    start_ms: int
    end_ms: int
    text: str
    """Written form. Never empty in a transcript; in a `Change` empty means withdrawn: it is not shown any more."""
    raw_text: str
    words: tuple[Word, ...] = ()
    tokens: tuple[Token, ...] = ()
    revision: int = 0
    final: bool = True
    """False: a partial, still growing."""
    settled: int = 0
    """Of a partial: how many characters at the start of `text` can be trusted."""
    reread: bool = False
    """Of a partial: its beginning has been read again already."""
    reading: int = 1
    """1: as first heard; 2, 3: read again by a better reader."""
    reader: str = ""
    confidence: float = 0.0
    tentative: bool = False
    """A second reader is at work and has not read this final yet: a better reading may come."""
    first_text: str = ""
    """The written form of the first reading, when a later one has replaced it, be it for the time being."""
    corrected: bool = False
    """`text` and `tokens` are a person's; `raw_text` and `words` stay the recogniser's."""
    corrected_by: str = ""
    corrected_at: str = ""
    recognised_text: str = ""
    """Of a corrected one: as it was recognised, best reading."""
    recognised_tokens: tuple[Token, ...] = ()

    @property
    def order(self) -> Order:
        return self.start_ms, 1, 0, self.id

    @property
    def stretches(self) -> tuple[Stretch, ...]:
        """`text`, cut into words and what stands between; they join to `text`."""
        return stretches(self.text, self.tokens, self.words)


def with_correction(said: Utterance, correction: UtteranceCorrected | None) -> Utterance:
    """An utterance as a person corrected it, or with an empty correction as it was recognised."""
    text = said.recognised_text if said.corrected else said.text
    tokens = said.recognised_tokens if said.corrected else said.tokens
    if correction is None or not correction.text:
        return replace(
            said, text=text, tokens=tokens, corrected=False, corrected_by="", corrected_at="",
            recognised_text="", recognised_tokens=(),
        )  # fmt: skip
    return replace(
        said,
        text=correction.text,
        tokens=aligned(correction.text, tokens),
        corrected=True,
        corrected_by=correction.by,
        corrected_at=correction.at,
        recognised_text=text,
        recognised_tokens=tokens,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Note:
    """Something that happened between the words. A change makes a new object with the same `key`."""

    key: str
    kind: NoteKind
    ms: int
    text: str
    """A sentence; with a `person` its predicate: "left.", "4 s missing."."""
    sequence: int
    """Of notes at the same moment, the one that came first stands first."""
    person: Person | None = None
    until_ms: int = 0
    """Of keys pressed: when the latest was."""

    @property
    def order(self) -> Order:
        # At the same moment people arrive before they speak and leave after.
        return self.ms, 2 if self.kind == "left" else 0, self.sequence, ""

    @property
    def sentence(self) -> str:
        """The whole sentence, with the person's name."""
        if self.person is None:
            return self.text
        name = isolated(shown(self.person.name))
        return f"{name}{':' if self.kind == 'gap' else ''} {self.text}"

    @property
    def is_loss(self) -> bool:
        """Something that was said may be missing here."""
        return self.kind in ("gap", "refused")


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Utterances of one person that flow into each other."""

    utterances: tuple[Utterance, ...]

    @property
    def start_ms(self) -> int:
        return self.utterances[0].start_ms


@dataclass(frozen=True, slots=True)
class Turn:
    """What one person says until something else stands in between."""

    paragraphs: tuple[Paragraph, ...]
    overlaps_before: bool = False
    """Begins while the turn before is still being said, by somebody else."""
    overlaps_after: bool = False

    @property
    def person(self) -> Person:
        return self.paragraphs[0].utterances[0].person

    @property
    def start_ms(self) -> int:
        return self.paragraphs[0].start_ms

    @property
    def end_ms(self) -> int:
        """When the last of it was said."""
        return max(said.end_ms for each in self.paragraphs for said in each.utterances)

    @property
    def utterances(self) -> list[Utterance]:
        return [said for paragraph in self.paragraphs for said in paragraph.utterances]


Block = Turn | Note
"""A transcript, read from top to bottom, is a list of these."""


def stretches(text: str, tokens: Sequence[Token], words: Sequence[Word]) -> tuple[Stretch, ...]:
    """Cuts `text` into its tokens and what stands between them.

    Tokens that are not found in the text, in their order, are passed over; without tokens the cut is at spaces.
    """
    cut: list[Stretch] = []
    if not tokens:
        at = 0
        for piece in text.split():
            found = text.index(piece, at)
            if found > at:
                cut.append(Stretch(text[at:found]))
            cut.append(Stretch(piece))
            at = found + len(piece)
        if at < len(text):
            cut.append(Stretch(text[at:]))
        return tuple(cut)
    done = 0
    for token in tokens:
        found = text.find(token.text, done) if token.text else -1
        if found < 0:
            continue
        if found > done:
            cut.append(Stretch(text[done:found]))
        done = found + len(token.text)
        behind = words[token.start : token.stop] if 0 <= token.start < token.stop else ()
        if behind:
            cut.append(
                Stretch(
                    token.text,
                    token.filler,
                    behind[0].start_ms,
                    behind[-1].end_ms,
                    min(word.confidence for word in behind),
                    " ".join(word.text for word in behind),
                )
            )
        else:
            cut.append(Stretch(token.text, token.filler))
    if done < len(text):
        cut.append(Stretch(text[done:]))
    return tuple(cut)
