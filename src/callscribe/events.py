"""The vocabulary: what can happen to a call, as small immutable records.

Every part of callscribe speaks in these events. They are published once, in one order, by the journal
(`callscribe.journal.journal`); the terminal, the page, the `--json` output and the store all read the same ones.
Their JSON form is the public one: `type` names the event, times are milliseconds.

Two clocks appear, never mixed:

* `*_ms` fields are milliseconds on the **record's own line**. For a single call this is the stream's time line as the
  carrier's `timestamp` gives it; streams that join later (a restarted socket, a conference leg) are shifted onto the
  line of the record's first stream.
* `at` is wall-clock time, ISO 8601 in UTC, for people and for ordering records.
"""

from __future__ import annotations

from typing import Literal

import msgspec

VERSION = 1
"""Of the events' JSON form, whose schema is `docs/events.schema.json`. Within a version events and fields are added,
never changed or taken away."""

Track = Literal["inbound", "outbound"]
"""Seen from the carrier's side of a leg: inbound is what the leg's party says, outbound what the party hears."""

Direction = Literal["inbound", "outbound"]
"""Who placed the call: `inbound` calls come to our number, `outbound` ones are placed by us."""

CallStatus = Literal[
    "ringing", "in-progress", "completed", "interrupted", "busy", "no-answer", "failed", "canceled"
]
"""The carrier's words, plus `interrupted`: the server died while the call was up."""

Flow = Literal["answer", "forward", "conference", "outbound", "attach"]


class Word(msgspec.Struct, frozen=True):
    """One word as the recogniser heard it."""

    text: str
    start_ms: int
    end_ms: int
    confidence: float
    """0 to 1. In finals the probability that the word is right, when the model is calibrated; else the recogniser's
    own figure. 0 in partials."""


class Token(msgspec.Struct, frozen=True, omit_defaults=True):
    """One written token and the recogniser's words it stands for."""

    text: str
    start: int
    """Index of the first recogniser word."""
    stop: int
    """Index after the last recogniser word."""
    filler: bool = False
    """True for "uh", "um" and false starts, which views may dim or hide."""


class Dial(msgspec.Struct, frozen=True):
    """What became of a forwarded call's other leg."""

    status: str
    """The carrier's words: initiated, ringing, in-progress, completed, busy, no-answer, failed, canceled."""
    to: str = ""
    name: str = ""
    """Of `to`, from the contact book; empty when it is not there."""
    leg: str = ""
    """Call SID of the dialled leg."""
    answered_ms: int | None = None
    ended_ms: int | None = None
    duration_s: int | None = None


GapReason = Literal["missing", "socket-lost", "overload", "paused", "failed"]
"""`missing`: the carrier lost it; `overload`: we were too far behind to keep it; `failed`: the recogniser did."""


class StreamCounters(msgspec.Struct, frozen=True):
    """What arrived on a stream, so that loss is a number and never a silence."""

    frames: int = 0
    """Media messages accepted."""
    missing_ms: int = 0
    """Audio that never came, filled with silence, both tracks together."""
    reordered: int = 0
    late: int = 0
    """Frames that came after their place had been given to the recogniser."""
    duplicates: int = 0
    dropped_ms: int = 0
    """Audio given up by us because decoding was too far behind, or that waited and could not be read back."""

    def __add__(self, other: StreamCounters) -> StreamCounters:
        """Two streams' counters together."""
        fields = self.__struct_fields__
        return StreamCounters(**{f: getattr(self, f) + getattr(other, f) for f in fields})


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """Common to all events. In JSON every field is always there, so that scripts need no defaults of their own."""

    call: str
    """The record: the call SID; for a conference, the call SID of its first leg."""
    at: str = ""
    """Wall-clock time of the fact, ISO 8601 UTC with milliseconds, e.g. `2026-01-15T10:00:50.123Z`."""


class CallStarted(Event, frozen=True, kw_only=True, tag="call_started"):
    """A call came in, was placed, or was attached to."""

    from_: str = msgspec.field(name="from", default="")
    to: str = ""
    direction: Direction = "inbound"
    flow: Flow = "answer"
    status: CallStatus = "in-progress"
    from_name: str = ""
    """From the contact book or the carrier; empty when unknown."""
    to_name: str = ""
    room: str = ""
    """Conference room."""


class CallUpdated(Event, frozen=True, kw_only=True, tag="call_updated"):
    """Something about a live call changed; fields left empty did not."""

    status: CallStatus | None = None
    conference_sid: str = ""
    dial: Dial | None = None
    on_hold: bool | None = None


class ParticipantJoined(Event, frozen=True, kw_only=True, tag="participant_joined"):
    """A person is on the call from this moment. Also published for the two parties of a plain call."""

    leg: str
    speaker: str
    track: Track = "inbound"
    joined_ms: int = 0
    number: str = ""
    muted: bool = False
    on_hold: bool = False


class ParticipantUpdated(Event, frozen=True, kw_only=True, tag="participant_updated"):
    """Mute, hold; None did not change."""

    leg: str
    track: Track = "inbound"
    at_ms: int = 0
    muted: bool | None = None
    on_hold: bool | None = None


class ParticipantLeft(Event, frozen=True, kw_only=True, tag="participant_left"):
    leg: str
    track: Track = "inbound"
    left_ms: int = 0
    reason: str = ""


class SpeakerRenamed(Event, frozen=True, kw_only=True, tag="speaker_renamed"):
    """From now on, and for everything already said, this leg's track is called `speaker`."""

    leg: str
    track: Track
    speaker: str


class StreamStarted(Event, frozen=True, kw_only=True, tag="stream_started"):
    """A media stream is open; audio follows."""

    leg: str
    stream: str
    """Stream SID."""
    tracks: tuple[Track, ...]
    offset_ms: int = 0
    """Where this stream's zero lies on the record's line."""
    language: str = ""
    """What is listened for, BCP 47 (`en-US`); empty: not known."""


class PartialTranscript(Event, frozen=True, kw_only=True, tag="partial"):
    """What the recogniser thinks so far. Each revision replaces the one before; none is stored."""

    leg: str
    track: Track
    speaker: str
    utterance: str
    """Unique within the record."""
    revision: int
    """Counts up from 1 within an utterance; the final carries the last one."""
    text: str
    """Written form."""
    raw_text: str
    """The recogniser's own words."""
    settled: int = 0
    """How many characters at the start of `text` have stayed the same long enough to be trusted."""
    start_ms: int
    end_ms: int
    lag_ms: int = 0
    """Audio received but not yet decoded on this track when this was published."""
    reread_ms: int = 0
    """Up to here on the record's line a second reader has read what is being said, and the words are its own; 0: none
    of it."""


class FinalTranscript(Event, frozen=True, kw_only=True, tag="final"):
    """An utterance that is over. It is in the store before anyone sees it."""

    leg: str
    track: Track
    speaker: str
    utterance: str
    revision: int
    text: str
    raw_text: str
    start_ms: int
    end_ms: int
    words: tuple[Word, ...]
    """The recogniser's words; `raw_text` is these joined by spaces."""
    tokens: tuple[Token, ...] = ()
    """Maps `text` onto `words`."""
    confidence: float = 0.0
    """Mean over the words; with a calibrated model the share of them that is likely right."""
    lag_ms: int = 0
    language: str = ""
    """BCP 47: what it was found to be, where the recogniser finds that out; empty: what the stream says."""


class RevisedTranscript(Event, frozen=True, kw_only=True, tag="revised"):
    """A better reading of an utterance that has had its final: it takes the final's place, whole.

    Consumers that know only finals may ignore it; they keep the first reading. Empty `text`: there were no words in the
    utterance after all, and views take it away.
    """

    leg: str
    track: Track
    speaker: str
    utterance: str
    """The final's."""
    revision: int
    """Counts on from the final's."""
    text: str
    raw_text: str
    start_ms: int
    end_ms: int
    words: tuple[Word, ...]
    """Spoken words ("four one two"), as in finals; figures are only in `text`."""
    tokens: tuple[Token, ...] = ()
    confidence: float = 0.0
    lag_ms: int = 0
    """From the end of the utterance to this reading, milliseconds."""
    reader: str = ""
    """Name of the model that read it."""
    reading: int = 2
    """2: read soon after it was said; 3: read again after the call, with what was said around it."""


class GapDetected(Event, frozen=True, kw_only=True, tag="gap"):
    """A stretch of the line without usable audio, longer than a jitter."""

    leg: str
    track: Track
    start_ms: int
    end_ms: int
    reason: GapReason


class LagChanged(Event, frozen=True, kw_only=True, tag="lag"):
    """Decoding fell behind, or caught up (`lag_ms` near 0). Not stored."""

    leg: str
    track: Track
    lag_ms: int


class TranscriptionWaits(Event, frozen=True, kw_only=True, tag="transcription_waits"):
    """There is no room to transcribe a stream now: its audio is kept and transcribed when there is. Its finals may come
    long after `call_ended`; its `stream_ended` is the last of it."""

    leg: str
    stream: str
    tracks: tuple[Track, ...]
    at_ms: int = 0
    """From when on."""
    over: bool = False
    """True: what had waited has been transcribed, while the stream goes on."""


class DtmfReceived(Event, frozen=True, kw_only=True, tag="dtmf"):
    leg: str
    track: Track
    digit: str
    at_ms: int


class TranscriptionPaused(Event, frozen=True, kw_only=True, tag="transcription_paused"):
    """From `at_ms` on, audio is neither decoded nor kept, until resumed."""

    at_ms: int
    by: str = ""


class TranscriptionResumed(Event, frozen=True, kw_only=True, tag="transcription_resumed"):
    at_ms: int
    by: str = ""


class StreamEnded(Event, frozen=True, kw_only=True, tag="stream_ended"):
    """All audio of the stream has been decoded and its last final published."""

    leg: str
    stream: str
    reason: str
    """`stop`, `socket-lost`, `taken-over`, `refused: ...`, `shutdown`."""
    counters: StreamCounters
    end_ms: int = 0


class CallEnded(Event, frozen=True, kw_only=True, tag="call_ended"):
    """The call is over. Only better readings and people's corrections follow for this record, and what is left of
    streams that had to wait for room (`transcription_waits`)."""

    status: CallStatus = "completed"
    duration_ms: int = 0
    ended_by: str = ""
    """A speaker's name, `carrier`, `server`; empty when the carrier did not say."""
    reason: str = ""


class RecordSettled(Event, frozen=True, kw_only=True, tag="record_settled"):
    """After `call_ended` and the last `stream_ended`, when a second reader is at work: every utterance has been
    read; the text is final."""

    unread: int = 0
    """Utterances that could not be read again and keep their first reading."""


class UtteranceCorrected(Event, frozen=True, kw_only=True, tag="utterance_corrected"):
    """A person says what was really said. It stands whatever is read again later; what was recognised is kept."""

    leg: str
    track: Track
    utterance: str
    text: str
    """Empty: take the correction back."""
    by: str = ""
    """Who corrected it: the name of a token, `page`, `here`."""


class NoteChanged(Event, frozen=True, kw_only=True, tag="note_changed"):
    """A person's note about the call, the whole of it."""

    text: str
    by: str = ""


class TagsChanged(Event, frozen=True, kw_only=True, tag="tags_changed"):
    """The call's tags, all of them."""

    tags: tuple[str, ...]
    by: str = ""


class StoreFailed(Event, frozen=True, kw_only=True, tag="store_failed"):
    """The store cannot be written; transcription continues, and views must say so. Not stored.

    `call` is empty: it concerns every call, and viewers of a single call get it too.
    """

    message: str
    resolved: bool = False
    """True: it works again, and what had gathered is written."""


class CallDeleted(Event, frozen=True, kw_only=True, tag="call_deleted"):
    """The record of this call has been deleted; nothing more comes of it. Not stored: there is nothing left of it."""


class TextDeleted(Event, frozen=True, kw_only=True, tag="text_deleted"):
    """What was said on this call, and what people wrote about it, has been deleted; the rest of the record stays.
    Not stored: whoever reads the record finds no text."""


AnyEvent = (
    CallStarted
    | CallUpdated
    | ParticipantJoined
    | ParticipantUpdated
    | ParticipantLeft
    | SpeakerRenamed
    | StreamStarted
    | PartialTranscript
    | FinalTranscript
    | RevisedTranscript
    | GapDetected
    | LagChanged
    | TranscriptionWaits
    | DtmfReceived
    | TranscriptionPaused
    | TranscriptionResumed
    | StreamEnded
    | CallEnded
    | RecordSettled
    | UtteranceCorrected
    | NoteChanged
    | TagsChanged
    | StoreFailed
    | CallDeleted
    | TextDeleted
)

EPHEMERAL = (PartialTranscript, LagChanged, StoreFailed, CallDeleted, TextDeleted)
"""Published to live viewers only; everything else is stored first and gets an id."""

AFTERWARDS = (RevisedTranscript, RecordSettled, UtteranceCorrected, NoteChanged, TagsChanged)
"""Events that never begin a record. About a record that is not there any more they are not kept."""

TEXT = (
    FinalTranscript,
    RevisedTranscript,
    UtteranceCorrected,
    DtmfReceived,
    NoteChanged,
    TagsChanged,
)
"""Events that hold what was said or keyed in, or what people wrote about the call: its text, which can be deleted."""


class Published(msgspec.Struct, frozen=True):
    """An event as viewers receive it."""

    id: int | None
    """Position in the journal, increasing over the whole store; None for ephemeral events. The resume cursor."""
    event: AnyEvent


_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)


def to_json(event: AnyEvent) -> bytes:
    """One JSON object, without a newline."""
    return _encoder.encode(event)


def from_json(data: bytes | str) -> AnyEvent:
    """The inverse of `to_json`.

    Raises:
        msgspec.ValidationError: not one of our events; the message names the place.
    """
    return _decoder.decode(data)
