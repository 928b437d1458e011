"""A call as one JSON document, described by a schema, that can be read back.

It has two parts. What people and scripts read: the call, its people, and every utterance with words, times, confidence
and both readings. And `events`, the call's journal, from which everything else was made: reading a document back is
writing these down, and gives the same record.
"""

from __future__ import annotations

import inspect
from typing import Any, Literal

import msgspec

from callscribe.errors import CallscribeError
from callscribe.events import EPHEMERAL, AnyEvent, CallEnded, Token, Track, Word
from callscribe.exports.source import Source
from callscribe.records import CallSummary
from callscribe.transcript.fold import Transcript


class DocumentError(CallscribeError):
    """Not a document that this version can read; says what is wrong with it."""


class DocumentPerson(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody on the call."""

    leg: str
    track: Track
    name: str
    number: str = ""
    joined_ms: int = 0
    left_ms: int | None = None


class DocumentUtterance(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody said in one go."""

    id: str
    leg: str
    track: Track
    speaker: str
    start_ms: int
    end_ms: int
    text: str
    """The best text there is."""
    raw_text: str
    confidence: float
    words: tuple[Word, ...] = ()
    tokens: tuple[Token, ...] = ()
    reading: int = 1
    """1: as first heard; 2, 3: read again by a better reader."""
    reader: str = ""
    first_text: str = ""
    """As first heard, when it has been read again."""
    recognised_text: str = ""
    """As it was recognised, best reading, when a person has corrected it; `text` and `tokens` are the person's."""
    corrected_by: str = ""
    corrected_at: str = ""


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A call."""

    format: Literal["callscribe-call"] = "callscribe-call"
    version: Literal[1] = 1
    call: CallSummary
    people: tuple[DocumentPerson, ...] = ()
    utterances: tuple[DocumentUtterance, ...] = ()
    events: tuple[AnyEvent, ...] = ()


def document(source: Source) -> Document:
    """A call's document."""
    transcript = source.transcript
    return Document(
        call=transcript.call,
        people=tuple(
            DocumentPerson(
                leg=person.leg,
                track=person.track,
                name=person.name,
                number=person.number,
                joined_ms=person.joined_ms,
                left_ms=person.left_ms,
            )
            for person in transcript.people
        ),
        utterances=tuple(
            DocumentUtterance(
                id=said.id,
                leg=said.person.leg,
                track=said.person.track,
                speaker=said.person.name,
                start_ms=said.start_ms,
                end_ms=said.end_ms,
                text=said.text,
                raw_text=said.raw_text,
                confidence=said.confidence,
                words=said.words,
                tokens=said.tokens,
                reading=said.reading,
                reader=said.reader,
                first_text=said.first_text,
                recognised_text=said.recognised_text,
                corrected_by=said.corrected_by,
                corrected_at=said.corrected_at,
            )
            for said in transcript.utterances
        ),
        events=tuple(source.events),
    )


def to_json(source: Source) -> bytes:
    """A call's document as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(document(source))) + b"\n"


def from_json(data: bytes) -> Document:
    """A document that was exported.

    Raises:
        DocumentError: it is none, of a later version, or its events are not those of one call.
    """
    try:
        head = msgspec.json.decode(data, type=_Head)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DocumentError(f"This is not JSON that callscribe exported: {error}.") from None
    if head.format != "callscribe-call":
        raise DocumentError(
            "This is not a call that callscribe exported: its `format` is different."
        )
    if head.version != 1:
        raise DocumentError(
            f"This was exported by a newer callscribe (version {head.version}; this one reads 1)."
        )
    try:
        found = msgspec.json.decode(data, type=Document)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DocumentError(f"This export is damaged: {error}.") from None
    if not found.events:
        raise DocumentError("This export has no events, so there is nothing to read back.")
    for event in found.events:
        if event.call != found.call.id or isinstance(event, EPHEMERAL):
            raise DocumentError("This export is damaged: its events are not those of one call.")
    return found


def events_of(found: Document) -> list[AnyEvent]:
    """What is written down to have the call of a document in a record. One that was exported while it went on has
    ended, as far as anybody will know: it was interrupted when the last thing happened."""
    events = list(found.events)
    transcript = Transcript(found.call.id, events)
    if transcript.call.ended_at is None:
        events.append(
            CallEnded(
                call=found.call.id,
                at=max(event.at for event in events),
                status="interrupted",
                duration_ms=transcript.now_ms,
                reason="it was exported while the call was in progress",
            )
        )
    return events


class _Head(msgspec.Struct):
    format: str = ""
    version: int = 0


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a document."""
    made = msgspec.json.schema(Document)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A call exported by callscribe",
        **outdented(made),
    }


def outdented(schema: Any) -> Any:
    """A JSON Schema whose descriptions are docstrings, without their indentation: Python takes it away from 3.13
    on, and what is published must not depend on who wrote it."""
    if isinstance(schema, dict):
        return {
            key: inspect.cleandoc(value)
            if key == "description" and isinstance(value, str)
            else outdented(value)
            for key, value in schema.items()
        }
    return [outdented(one) for one in schema] if isinstance(schema, list) else schema
