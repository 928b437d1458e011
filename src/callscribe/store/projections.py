"""Writes an event into the journal, and into the tables that views read, in one transaction.

Events may come repeated or in an odd order (callbacks do); each handler leaves a sensible record whatever came before.
"""

from __future__ import annotations

from typing import Any, assert_never

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, Table, and_, bindparam, func, select

from callscribe.errors import StoreError
from callscribe.events import (
    AnyEvent,
    CallDeleted,
    CallEnded,
    CallStarted,
    CallUpdated,
    Dial,
    DtmfReceived,
    FinalTranscript,
    GapDetected,
    LagChanged,
    NoteChanged,
    PartialTranscript,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantUpdated,
    RecordSettled,
    RevisedTranscript,
    SpeakerRenamed,
    StoreFailed,
    StreamEnded,
    StreamStarted,
    TagsChanged,
    TextDeleted,
    Token,
    TranscriptionPaused,
    TranscriptionResumed,
    TranscriptionWaits,
    UtteranceCorrected,
    Word,
    to_json,
)
from callscribe.records import FirstReading
from callscribe.store import index
from callscribe.store.schema import (
    calls,
    events,
    gaps,
    legs,
    participants,
    pauses,
    renames,
    tracks,
    utterances,
    waits,
)
from callscribe.text.correcting import aligned

_LIVE = ("ringing", "in-progress")
_CHANGES_FACETS = (
    CallStarted,
    CallUpdated,
    CallEnded,
    ParticipantJoined,
    SpeakerRenamed,
    NoteChanged,
    TagsChanged,
)
"""What may change by whom and how a call is found."""


# What every final needs is put together once: building a statement costs more than SQLite takes to run it.
_KNOWN = select(calls.c.id).where(calls.c.id == bindparam("of_call"))
_KNOWN_LEG = select(legs.c.leg).where(
    legs.c.leg == bindparam("of_leg"), legs.c.call == bindparam("of_call")
)
_GIVEN_NAME = select(renames.c.speaker).where(
    renames.c.call == bindparam("of_call"),
    renames.c.leg == bindparam("of_leg"),
    renames.c.track == bindparam("of_track"),
)
_THIS = and_(
    utterances.c.call == bindparam("of_call"), utterances.c.utterance == bindparam("of_utterance")
)
_BEFORE = (
    select(utterances, calls.c.last_text).join(calls, calls.c.id == utterances.c.call).where(_THIS)
)
_FORGET = utterances.delete().where(_THIS)
_WRITE = utterances.insert()
_COUNT_NEW = (
    calls.update()
    .where(calls.c.id == bindparam("of_call"))
    .values(utterance_count=calls.c.utterance_count + 1, last_text=bindparam("newest"))
)
_NAME_TRACK = (
    tracks.update()
    .where(
        tracks.c.call == bindparam("of_call"),
        tracks.c.leg == bindparam("of_leg"),
        tracks.c.track == bindparam("of_track"),
        tracks.c.speaker == "",
    )
    .values(speaker=bindparam("name"))
)


_JOURNAL = events.insert()


def journal(connection: Connection, event: AnyEvent, event_id: int | None = None) -> int:
    """Write an event into the journal.

    Args:
        event_id: its id, which must be free; None takes the next one.

    Returns:
        Its id.
    """
    values: dict[str, object] = {
        "call": event.call,
        "type": type(event).__struct_config__.tag,
        "at": event.at,
        "body": to_json(event).decode(),
    }
    if event_id is not None:
        values["id"] = event_id
    key = connection.execute(_JOURNAL, values).inserted_primary_key
    if key is None:
        raise StoreError("The database gave an event no id.")
    return int(key[0])


def apply(connection: Connection, event_id: int, event: AnyEvent) -> None:
    """Bring the tables up to date with one event."""
    _ensure_call(connection, event_id, event)
    leg = getattr(event, "leg", "")
    if leg:
        _ensure_leg(connection, event.call, leg)
    match event:
        case FinalTranscript():
            _final(connection, event_id, event)
        case RevisedTranscript():
            _revised(connection, event_id, event)
        case GapDetected():
            _gap(connection, event_id, event)
        case CallStarted():
            _call_started(connection, event)
        case CallUpdated():
            _call_updated(connection, event)
        case CallEnded():
            _call_ended(connection, event)
        case ParticipantJoined():
            _joined(connection, event)
        case ParticipantUpdated():
            _participant_updated(connection, event)
        case ParticipantLeft():
            _left(connection, event)
        case SpeakerRenamed():
            _renamed(connection, event)
        case StreamStarted():
            _stream_started(connection, event)
        case StreamEnded():
            _stream_ended(connection, event)
        case TranscriptionWaits():
            _waits(connection, event)
        case TranscriptionPaused():
            _paused(connection, event)
        case TranscriptionResumed():
            _resumed(connection, event)
        case UtteranceCorrected():
            _corrected(connection, event)
        case NoteChanged():
            _update_call(connection, event.call, {"note": event.text})
        case TagsChanged():
            tags = msgspec.json.encode(event.tags).decode()
            _update_call(connection, event.call, {"tags": tags})
        case DtmfReceived() | RecordSettled():
            pass  # kept in the journal only
        case PartialTranscript() | LagChanged() | StoreFailed() | CallDeleted() | TextDeleted():
            pass  # never stored
        case _:
            assert_never(event)
    if isinstance(event, _CHANGES_FACETS):
        index.refresh_call(connection, event.call)


def is_known(connection: Connection, call: str) -> bool:
    """Whether there is a record of a call."""
    return connection.execute(_KNOWN, {"of_call": call}).first() is not None


def _ensure_call(connection: Connection, event_id: int, event: AnyEvent) -> None:
    if not is_known(connection, event.call):
        connection.execute(
            calls.insert().values(
                id=event.call,
                first_event=event_id,
                started_at=event.at,
                place=index.free_place(connection, event.at),
            )
        )


def _ensure_leg(connection: Connection, call: str, leg: str) -> None:
    if connection.execute(_KNOWN_LEG, {"of_leg": leg, "of_call": call}).first() is None:
        connection.execute(legs.insert().values(leg=leg, call=call))


def _update_call(connection: Connection, call: str, values: dict[str, Any]) -> None:
    if values:
        connection.execute(calls.update().where(calls.c.id == call).values(values))


def _call_started(connection: Connection, event: CallStarted) -> None:
    told = {
        "from_number": event.from_,
        "to_number": event.to,
        "from_name": event.from_name,
        "to_name": event.to_name,
        "room": event.room,
    }
    values: dict[str, Any] = {name: value for name, value in told.items() if value}
    values |= {"direction": event.direction, "flow": event.flow, "status": event.status}
    ended_at = select(calls.c.ended_at).where(calls.c.id == event.call)
    if event.flow == "attach" and connection.execute(ended_at).scalar() is not None:
        del values["flow"]  # how the call came stays true when it is taken up again
    # A record that had ended goes on, e.g. a call that outlived the server's death.
    values |= {"ended_at": None, "duration_ms": None, "ended_by": "", "end_reason": ""}
    _update_call(connection, event.call, values)


def _call_updated(connection: Connection, event: CallUpdated) -> None:
    row = connection.execute(
        select(calls.c.ended_at, calls.c.dial).where(calls.c.id == event.call)
    ).one()
    values: dict[str, Any] = {}
    late = row.ended_at is not None and event.status in _LIVE
    if event.status is not None and not late:
        values["status"] = event.status
    if event.conference_sid:
        values["conference_sid"] = event.conference_sid
    if event.on_hold is not None:
        values["on_hold"] = event.on_hold
    if event.dial is not None:
        before = msgspec.json.decode(row.dial, type=Dial) if row.dial else event.dial
        dial = _merged(before, event.dial)
        values["dial"] = msgspec.json.encode(dial).decode()
        if dial.leg:
            _ensure_leg(connection, event.call, dial.leg)
    _update_call(connection, event.call, values)


def _merged(before: Dial, after: Dial) -> Dial:
    """`after`, with what it leaves empty taken from `before`; a name goes with its number."""
    known = {
        field: value
        for field in before.__struct_fields__
        if field != "name" or not after.to
        if (value := getattr(before, field)) not in (None, "")
        and getattr(after, field) in (None, "")
    }
    return msgspec.structs.replace(after, **known)


def _call_ended(connection: Connection, event: CallEnded) -> None:
    _update_call(
        connection,
        event.call,
        {
            "status": event.status,
            "ended_at": event.at,
            "duration_ms": event.duration_ms,
            "ended_by": event.ended_by,
            "end_reason": event.reason,
            "on_hold": False,
        },
    )
    # Whoever and whatever was still open ends with the call.
    end_ms = max(event.duration_ms, last_ms(connection, event.call))
    connection.execute(
        participants.update()
        .where(participants.c.call == event.call, participants.c.left_ms.is_(None))
        .values(left_ms=end_ms)
    )
    connection.execute(
        pauses.update()
        .where(pauses.c.call == event.call, pauses.c.end_ms.is_(None))
        .values(end_ms=end_ms)
    )
    connection.execute(
        tracks.update()
        .where(tracks.c.call == event.call, tracks.c.ended_at.is_(None))
        .values(ended_at=event.at, end_reason=event.status)
    )


def last_ms(connection: Connection, call: str) -> int:
    """The end of the last thing known to have happened on the call's line."""
    found = [
        connection.execute(select(func.max(column)).where(table.c.call == call)).scalar()
        for table, column in (
            (utterances, utterances.c.end_ms),
            (gaps, gaps.c.end_ms),
            (participants, participants.c.joined_ms),
            (pauses, pauses.c.start_ms),
        )
    ]
    return max((ms for ms in found if ms is not None), default=0)


def _speaker(connection: Connection, call: str, leg: str, track: str, said: str) -> str:
    """The name a person gave this track, else what the event says."""
    asked = {"of_call": call, "of_leg": leg, "of_track": track}
    given = connection.execute(_GIVEN_NAME, asked).scalar()
    return str(given) if given is not None else said


def _final(connection: Connection, event_id: int, event: FinalTranscript) -> None:
    if event.language:
        _update_call(connection, event.call, {"language": event.language})
    before = _reading_before(connection, event)
    if before is None or before.revision <= event.revision:
        _write_utterance(connection, event_id, event, before)


def _revised(connection: Connection, event_id: int, event: RevisedTranscript) -> None:
    before = _reading_before(connection, event)
    if before is not None and before.revision > event.revision:
        return
    if event.text or (before is not None and before.recognised):
        _write_utterance(connection, event_id, event, before)
        return
    # There were no words in it after all.
    if before is not None:
        connection.execute(_FORGET, _this(event))
        newest = (
            select(utterances.c.text)
            .where(utterances.c.call == event.call)
            .order_by(utterances.c.start_ms.desc(), utterances.c.event)
            .limit(1)
        )
        left = connection.execute(newest).scalar() or ""
        _update_call(
            connection,
            event.call,
            {"utterance_count": calls.c.utterance_count - 1, "last_text": left},
        )
        index.mark(connection, event.call, event.utterance)


def _this(event: FinalTranscript | RevisedTranscript) -> dict[str, str]:
    return {"of_call": event.call, "of_utterance": event.utterance}


def _reading_before(
    connection: Connection, event: FinalTranscript | RevisedTranscript
) -> Row[Any] | None:
    """The reading of the utterance that is there, if any."""
    return connection.execute(_BEFORE, _this(event)).first()


def _write_utterance(
    connection: Connection,
    event_id: int,
    event: FinalTranscript | RevisedTranscript,
    before: Row[Any] | None,
) -> None:
    """Put a reading of an utterance in the place of the one before it."""
    speaker = _speaker(connection, event.call, event.leg, event.track, event.speaker)
    language = "" if before is None else before.language
    if isinstance(event, FinalTranscript):
        language = event.language
    if before is not None:
        connection.execute(_FORGET, _this(event))
    text, tokens, recognised = event.text, event.tokens, None
    if before is not None and before.recognised:  # what a person said stands
        kept = msgspec.json.decode(before.recognised, type=Recognised)
        kept = msgspec.structs.replace(kept, text=event.text, tokens=event.tokens)
        recognised = msgspec.json.encode(kept).decode()
        text, tokens = before.text, aligned(before.text, event.tokens)
    connection.execute(
        _WRITE,
        {
            "event": event_id if before is None else before.event,
            "call": event.call,
            "utterance": event.utterance,
            "leg": event.leg,
            "track": event.track,
            "speaker": speaker,
            "revision": event.revision,
            "start_ms": event.start_ms,
            "end_ms": event.end_ms,
            "text": text,
            "raw_text": event.raw_text,
            "words": msgspec.json.encode(event.words).decode(),
            "tokens": msgspec.json.encode(tokens).decode(),
            "recognised": recognised,
            "confidence": event.confidence,
            "lag_ms": event.lag_ms,
            "at": event.at,
            "reading": event.reading if isinstance(event, RevisedTranscript) else 1,
            "reader": event.reader if isinstance(event, RevisedTranscript) else "",
            "language": language,
            "first": _first(before) if isinstance(event, RevisedTranscript) else None,
        },
    )
    if before is None:
        connection.execute(_COUNT_NEW, {"of_call": event.call, "newest": text})
    elif before.text == before.last_text:
        _update_call(connection, event.call, {"last_text": text})
    connection.execute(
        _NAME_TRACK,
        {
            "of_call": event.call,
            "of_leg": event.leg,
            "of_track": event.track,
            "name": speaker,
        },
    )
    index.mark(connection, event.call, event.utterance)


class Recognised(msgspec.Struct, frozen=True):
    """What was recognised of an utterance that a person has corrected, and who did that, when."""

    text: str
    tokens: tuple[Token, ...]
    by: str = ""
    at: str = ""


def _corrected(connection: Connection, event: UtteranceCorrected) -> None:
    same = and_(utterances.c.call == event.call, utterances.c.utterance == event.utterance)
    row = connection.execute(
        select(utterances, calls.c.last_text)
        .join(calls, calls.c.id == utterances.c.call)
        .where(same)
    ).first()
    if row is None:
        return
    if row.recognised:
        before = msgspec.json.decode(row.recognised, type=Recognised)
    else:
        tokens = msgspec.json.decode(row.tokens, type=tuple[Token, ...])
        before = Recognised(row.text, tokens)
    text = event.text or before.text
    values: dict[str, Any] = {"text": text, "recognised": None}
    values["tokens"] = msgspec.json.encode(before.tokens).decode()
    if event.text:
        kept = msgspec.structs.replace(before, by=event.by, at=event.at)
        values["recognised"] = msgspec.json.encode(kept).decode()
        values["tokens"] = msgspec.json.encode(aligned(text, before.tokens)).decode()
    connection.execute(utterances.update().where(same).values(values))
    if row.text == row.last_text:
        _update_call(connection, event.call, {"last_text": text})
    index.mark(connection, event.call, event.utterance)


def _first(before: Row[Any] | None) -> str | None:
    """The first reading of an utterance that is about to be replaced; None when it is not known any more."""
    if before is None or before.reading != 1:
        return None if before is None else before.first
    words = msgspec.json.decode(before.words, type=tuple[Word, ...])
    text = before.text
    if before.recognised:
        text = msgspec.json.decode(before.recognised, type=Recognised).text
    first = FirstReading(text=text, raw_text=before.raw_text, words=words)
    return msgspec.json.encode(first).decode()


def _gap(connection: Connection, event_id: int, event: GapDetected) -> None:
    connection.execute(
        gaps.insert().values(
            event=event_id,
            call=event.call,
            leg=event.leg,
            track=event.track,
            start_ms=event.start_ms,
            end_ms=event.end_ms,
            reason=event.reason,
            at=event.at,
        )
    )


def _of_track(table: Table, call: str, leg: str, track: str) -> ColumnElement[bool]:
    return and_(table.c.call == call, table.c.leg == leg, table.c.track == track)


def _open_stay(connection: Connection, call: str, leg: str, track: str) -> int | None:
    return connection.execute(
        select(func.max(participants.c.id)).where(
            _of_track(participants, call, leg, track), participants.c.left_ms.is_(None)
        )
    ).scalar()


def _joined(connection: Connection, event: ParticipantJoined) -> None:
    speaker = _speaker(connection, event.call, event.leg, event.track, event.speaker)
    values = {"speaker": speaker, "muted": event.muted, "on_hold": event.on_hold}
    if event.number:
        values["number"] = event.number
    stay = _open_stay(connection, event.call, event.leg, event.track)
    if stay is not None:  # said twice
        connection.execute(participants.update().where(participants.c.id == stay).values(values))
    else:
        connection.execute(
            participants.insert().values(
                call=event.call,
                leg=event.leg,
                track=event.track,
                joined_ms=event.joined_ms,
                **values,
            )
        )
    connection.execute(
        tracks.update()
        .where(_of_track(tracks, event.call, event.leg, event.track))
        .values(speaker=speaker)
    )


def _participant_updated(connection: Connection, event: ParticipantUpdated) -> None:
    values = {
        name: value
        for name, value in (("muted", event.muted), ("on_hold", event.on_hold))
        if value is not None
    }
    stay = _open_stay(connection, event.call, event.leg, event.track)
    if stay is not None and values:
        connection.execute(participants.update().where(participants.c.id == stay).values(values))


def _left(connection: Connection, event: ParticipantLeft) -> None:
    stay = _open_stay(connection, event.call, event.leg, event.track)
    if stay is not None:
        connection.execute(
            participants.update()
            .where(participants.c.id == stay)
            .values(left_ms=event.left_ms, leave_reason=event.reason)
        )


def _renamed(connection: Connection, event: SpeakerRenamed) -> None:
    connection.execute(
        renames.delete().where(_of_track(renames, event.call, event.leg, event.track))
    )
    connection.execute(
        renames.insert().values(
            call=event.call, leg=event.leg, track=event.track, speaker=event.speaker
        )
    )
    for table in (participants, tracks, utterances):
        connection.execute(
            table.update()
            .where(_of_track(table, event.call, event.leg, event.track))
            .values(speaker=event.speaker)
        )
    index.reindex_call(connection, event.call)


def _stream_started(connection: Connection, event: StreamStarted) -> None:
    if event.language:
        _update_call(connection, event.call, {"language": event.language})
    for track in event.tracks:
        known = connection.execute(
            select(participants.c.speaker)
            .where(_of_track(participants, event.call, event.leg, track))
            .order_by(participants.c.id.desc())
        ).scalar()
        connection.execute(
            tracks.insert().values(
                call=event.call,
                leg=event.leg,
                stream=event.stream,
                track=track,
                speaker=_speaker(connection, event.call, event.leg, track, known or ""),
                offset_ms=event.offset_ms,
                language=event.language,
                started_at=event.at,
            )
        )


def _stream_ended(connection: Connection, event: StreamEnded) -> None:
    _waits_no_more(connection, event.call, event.stream)
    connection.execute(
        tracks.update()
        .where(
            tracks.c.call == event.call,
            tracks.c.leg == event.leg,
            tracks.c.stream == event.stream,
        )
        .values(
            ended_at=event.at,
            end_reason=event.reason,
            counters=msgspec.json.encode(event.counters).decode(),
        )
    )


def _waits(connection: Connection, event: TranscriptionWaits) -> None:
    _waits_no_more(connection, event.call, event.stream)
    if not event.over:
        connection.execute(waits.insert().values(call=event.call, stream=event.stream))


def _waits_no_more(connection: Connection, call: str, stream: str) -> None:
    connection.execute(waits.delete().where(waits.c.call == call, waits.c.stream == stream))


def _paused(connection: Connection, event: TranscriptionPaused) -> None:
    open_pause = select(pauses.c.id).where(pauses.c.call == event.call, pauses.c.end_ms.is_(None))
    if connection.execute(open_pause).first() is None:
        connection.execute(pauses.insert().values(call=event.call, start_ms=event.at_ms))


def _resumed(connection: Connection, event: TranscriptionResumed) -> None:
    connection.execute(
        pauses.update()
        .where(pauses.c.call == event.call, pauses.c.end_ms.is_(None))
        .values(end_ms=event.at_ms)
    )
