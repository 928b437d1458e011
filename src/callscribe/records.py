"""What a call looks like once it is written down: the shapes that the store returns and every view shows.

`CallRecord` in JSON is exactly what `callscribe show SID --json` prints; a list of `CallSummary` is
`callscribe calls --json`.
"""

from __future__ import annotations

import msgspec

from callscribe.events import (
    CallStatus,
    Dial,
    Direction,
    FinalTranscript,
    Flow,
    GapDetected,
    StreamCounters,
    Track,
    Word,
)


class CallSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One line in the list of calls."""

    id: str
    """What events carry as `call`: never changes."""
    sid: str
    """The call SID; for a conference its conference SID as soon as it is known."""
    from_: str = msgspec.field(name="from", default="")
    to: str = ""
    from_name: str = ""
    to_name: str = ""
    direction: Direction = "inbound"
    flow: Flow = "answer"
    room: str = ""
    conference_sid: str = ""
    status: CallStatus = "in-progress"
    started_at: str = ""
    ended_at: str | None = None
    duration_ms: int | None = None
    ended_by: str = ""
    end_reason: str = ""
    on_hold: bool = False
    paused: bool = False
    waiting: bool = False
    """Some of it is not transcribed yet for want of room, and will be."""
    dial: Dial | None = None
    speakers: tuple[str, ...] = ()
    utterance_count: int = 0
    last_text: str = ""
    """Text of the newest final, for the list."""
    tags: tuple[str, ...] = ()
    note: str = ""
    """What a person wrote about the call."""
    language: str = ""
    """What is spoken, BCP 47 (`en-US`), as far as it is known: what was heard last, else what was listened for."""

    @property
    def is_missed(self) -> bool:
        """The caller reached nobody."""
        return is_missed(self.direction, self.status, self.dial)


_UNANSWERED = ("busy", "no-answer", "failed", "canceled")


def is_missed(direction: str, status: str, dial: Dial | None) -> bool:
    """Whether a caller reached nobody: the call was never answered, or we answered and whoever we dialled did not."""
    if direction != "inbound":
        return False
    return status in _UNANSWERED or (
        dial is not None and dial.answered_ms is None and dial.status in _UNANSWERED
    )


class TrackRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One track of one stream."""

    leg: str
    stream: str
    track: Track
    speaker: str
    offset_ms: int = 0
    language: str = ""
    """What was listened for, BCP 47 (`en-US`); empty: not known."""
    started_at: str = ""
    ended_at: str | None = None
    end_reason: str = ""
    counters: StreamCounters | None = None
    """Of the whole stream; None while it runs."""


class ParticipantRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A person's stay on the call. One who leaves and comes back has two."""

    leg: str
    track: Track
    speaker: str
    number: str = ""
    joined_ms: int = 0
    left_ms: int | None = None
    muted: bool = False
    on_hold: bool = False
    leave_reason: str = ""


class PauseRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch that the user asked not to be transcribed."""

    start_ms: int
    end_ms: int | None = None


class FirstReading(msgspec.Struct, frozen=True, kw_only=True):
    """What was heard while it was said, kept beside a better reading."""

    text: str
    raw_text: str
    words: tuple[Word, ...]


class Correction(msgspec.Struct, frozen=True, kw_only=True):
    """That a person put an utterance's text right."""

    recognised: str
    """The text as it was recognised, best reading."""
    by: str = ""
    at: str = ""


class UtteranceRecord(FinalTranscript, frozen=True, kw_only=True, tag="final"):
    """An utterance with its best reading; in JSON a final with four fields more."""

    reading: int = 1
    """1: as it was heard; 2: read again soon after; 3: read again after the call."""
    reader: str = ""
    """The model that read it again."""
    first: FirstReading | None = None
    """The first reading, when this is another."""
    correction: Correction | None = None
    """`text` and `tokens` are a person's; `raw_text` and `words` stay the recogniser's."""

    @classmethod
    def of(cls, final: FinalTranscript) -> UtteranceRecord:
        """An utterance that was read once."""
        return cls(**{name: getattr(final, name) for name in FinalTranscript.__struct_fields__})


class PersonTalk(msgspec.Struct, frozen=True, kw_only=True):
    """How long somebody spoke."""

    leg: str
    track: Track
    speaker: str
    spoken_ms: int


class Overlap(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch in which more than one person spoke."""

    start_ms: int
    end_ms: int


class TalkRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Who spoke for how long, and when two at once; computed of the utterances."""

    people: tuple[PersonTalk, ...] = ()
    """In the order in which they first spoke."""
    overlaps: tuple[Overlap, ...] = ()
    overlap_ms: int = 0
    """Of all overlaps together."""


class CallRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Everything kept of a call."""

    call: CallSummary
    tracks: tuple[TrackRecord, ...] = ()
    participants: tuple[ParticipantRecord, ...] = ()
    utterances: tuple[UtteranceRecord, ...] = ()
    """Finals by start time; `speaker` is the name as it is now, renames applied."""
    gaps: tuple[GapDetected, ...] = ()
    pauses: tuple[PauseRecord, ...] = ()
    dial: Dial | None = None
    talk: TalkRecord = TalkRecord()
    cursor: int = 0
    """Journal id up to which this record is complete; live events with a higher id come on top."""


class CallFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which calls; everything that is given must hold."""

    person: str = ""
    """Somebody with this name, or this part of a name, was on the call."""
    speaker: str = ""
    """In a search: said by somebody with this name, or part of a name."""
    number: str = ""
    """This phone number took part, however it is grouped, with or without the country code."""
    tags: tuple[str, ...] = ()
    """The call has all of them."""
    direction: Direction | None = None
    flow: Flow | None = None
    missed: bool | None = None
    """Nobody answered."""
    shortest_ms: int | None = None
    longest_ms: int | None = None
    since: str = ""
    """ISO 8601 UTC, e.g. `2026-01-15T10:00:50.123Z`. In a list when the call began, in a search when the words fell."""
    until: str = ""
    """Up to this moment, itself excluded."""
    call: str = ""
    """This record alone, by its id."""


class CallPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some calls of a list, the newest first."""

    calls: tuple[CallSummary, ...]
    cursor: str = ""
    """Asks for the next page; empty when this is the last."""


class SnippetPart(msgspec.Struct, frozen=True, omit_defaults=True):
    """A piece of an utterance; `marked` when it is what was looked for."""

    text: str
    marked: bool = False


class SearchHit(msgspec.Struct, frozen=True, kw_only=True):
    """An utterance that a search found."""

    call: str
    """The record's id."""
    utterance: str
    leg: str
    track: Track
    speaker: str
    text: str
    """The best text there is of the utterance."""
    snippet: tuple[SnippetPart, ...]
    start_ms: int
    """When the utterance begins, on the call's line."""
    at_ms: int
    """When the first marked word is said: the moment to open the call at."""
    started_at: str
    """When the call began."""
    from_: str = msgspec.field(name="from", default="")
    to: str = ""
    from_name: str = ""
    to_name: str = ""
    direction: Direction = "inbound"
    flow: Flow = "answer"
    duration_ms: int | None = None
    language: str = ""
    """Of the utterance, BCP 47, as far as it is known."""


class SearchPage(msgspec.Struct, frozen=True, kw_only=True):
    """What a search found, a page at a time."""

    hits: tuple[SearchHit, ...]
    cursor: str = ""
    """Asks for the next page; empty when this is the last."""
    did_you_mean: str = ""
    """When nothing was found: the query with words exchanged for some that are known and differ by one letter."""
    unindexed: int = 0
    """Utterances of an older record that cannot be found yet, because they are still being indexed; 1,000 stands for
    more, too."""


class TokenRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a program's token; not the token itself."""

    name: str
    scopes: tuple[str, ...]
    created_at: str
    last_used_at: str | None = None
    """To the minute."""
    revoked_at: str | None = None
