"""Reads the tables back into the shapes of `callscribe.records`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, func, select

from callscribe.events import (
    Dial,
    GapDetected,
    Published,
    StreamCounters,
    Token,
    Word,
    from_json,
)
from callscribe.records import (
    CallRecord,
    CallSummary,
    Correction,
    FirstReading,
    ParticipantRecord,
    PauseRecord,
    TrackRecord,
    UtteranceRecord,
)
from callscribe.store import database
from callscribe.store.naming import Names, Naming
from callscribe.store.projections import Recognised
from callscribe.store.schema import (
    calls,
    events,
    gaps,
    legs,
    participants,
    pauses,
    tracks,
    utterances,
    waits,
)
from callscribe.transcript.talk import talk

SHORTEST_PREFIX = 6
"""Fewer characters of a SID than this are not looked up."""

_words = msgspec.json.Decoder(tuple[Word, ...])
_tokens = msgspec.json.Decoder(tuple[Token, ...])
_first = msgspec.json.Decoder(FirstReading)
_tags = msgspec.json.Decoder(tuple[str, ...])
_dial = msgspec.json.Decoder(Dial)
_counters = msgspec.json.Decoder(StreamCounters)


def last_id(connection: Connection) -> int:
    """The newest journal id, 0 when there is none."""
    return connection.execute(select(func.max(events.c.id))).scalar() or 0


def events_after(
    connection: Connection, cursor: int, call: str | None, limit: int, names: Names
) -> list[Published]:
    """Journalled events with a higher id, in order; those of one call with the names that were saved since."""
    query = select(events.c.id, events.c.body).where(events.c.id > cursor)
    if call is not None:
        query = query.where(events.c.call == call)
    rows = connection.execute(query.order_by(events.c.id).limit(limit))
    found = [Published(id=row.id, event=from_json(row.body)) for row in rows]
    naming = Naming(connection, [call] if call and found else [], names)
    if not naming:
        return found
    return [Published(id=each.id, event=naming.event(each.event)) for each in found]


def was_heard(connection: Connection, call: str) -> bool:
    """Whether the journal holds a final of a call."""
    final = select(events.c.id).where(events.c.call == call, events.c.type == "final").limit(1)
    return connection.execute(final).first() is not None


def summaries(
    connection: Connection, limit: int, before: str | None, names: Names
) -> list[CallSummary]:
    """Calls, newest first; with `before`, those older than that call."""
    query = select(calls).order_by(calls.c.place.desc()).limit(limit)
    if before is not None:
        place = select(calls.c.place).where(calls.c.id == before).scalar_subquery()
        query = query.where(calls.c.place < place)
    return _summaries(connection, connection.execute(query).all(), names)


def summaries_of(connection: Connection, ids: Sequence[str], names: Names) -> list[CallSummary]:
    """These calls, in this order."""
    rows = connection.execute(select(calls).where(calls.c.id.in_(ids))).all()
    by_id = {row.id: row for row in rows}
    return _summaries(connection, [by_id[call] for call in ids if call in by_id], names)


def unfinished(connection: Connection) -> list[Row[Any]]:
    """Calls that have not ended: (id, at of their last event)."""
    return list(
        connection.execute(
            select(
                calls.c.id, func.max(events.c.id).label("last"), func.max(events.c.at).label("at")
            )
            .join(events, events.c.call == calls.c.id)
            .where(calls.c.ended_at.is_(None))
            .group_by(calls.c.id)
            .order_by(calls.c.first_event)
        )
    )


def matching(connection: Connection, sid: str, limit: int = 10) -> list[str]:
    """Record ids a person may mean by `sid`: the exact one, else those that begin so, newest first."""
    if not sid:
        return []  # most calls have an empty conference SID
    exact = _matching(connection, lambda column: column == sid, 1)
    if exact or len(sid) < SHORTEST_PREFIX:
        return exact
    return _matching(connection, lambda column: database.begins_with(column, sid), limit)


def _matching(connection: Connection, condition: Any, limit: int) -> list[str]:
    sources: tuple[tuple[Select[Any], Any], ...] = (
        (select(calls.c.id, calls.c.first_event), calls.c.id),
        (select(calls.c.id, calls.c.first_event), calls.c.conference_sid),
        (
            select(calls.c.id, calls.c.first_event).join(legs, legs.c.call == calls.c.id),
            legs.c.leg,
        ),
    )
    found: dict[str, int] = {}
    for query, column in sources:
        ordered = query.where(condition(column)).order_by(calls.c.first_event.desc()).limit(limit)
        found.update((row.id, row.first_event) for row in connection.execute(ordered))
        if limit == 1 and found:
            break  # exact: a record's own SID counts before a leg's
    return sorted(found, key=lambda call: found[call], reverse=True)[:limit]


def record(connection: Connection, call: str, names: Names) -> CallRecord | None:
    """Everything about one record."""
    row = connection.execute(select(calls).where(calls.c.id == call)).first()
    if row is None:
        return None
    summary = _summaries(connection, [row], names)[0]
    naming = Naming(connection, [call], names)
    said = tuple(
        naming.spoken(_utterance(found))
        for found in _of(connection, utterances, call, utterances.c.start_ms, utterances.c.event)
    )
    return CallRecord(
        call=summary,
        tracks=tuple(_track(found, naming) for found in _of(connection, tracks, call, tracks.c.id)),
        participants=tuple(
            _participant(found, naming)
            for found in _of(
                connection, participants, call, participants.c.joined_ms, participants.c.id
            )
        ),
        utterances=said,
        gaps=tuple(
            _gap(found) for found in _of(connection, gaps, call, gaps.c.start_ms, gaps.c.event)
        ),
        pauses=tuple(
            PauseRecord(start_ms=found.start_ms, end_ms=found.end_ms)
            for found in _of(connection, pauses, call, pauses.c.start_ms, pauses.c.id)
        ),
        dial=summary.dial,
        talk=talk(said),
        cursor=last_id(connection),
    )


def _of(connection: Connection, table: Any, call: str, *order: Any) -> Iterable[Row[Any]]:
    return connection.execute(select(table).where(table.c.call == call).order_by(*order))


def _summaries(connection: Connection, rows: Sequence[Row[Any]], names: Names) -> list[CallSummary]:
    ids = [row.id for row in rows]
    naming = Naming(connection, ids, names)
    speakers = _speakers(connection, ids, naming)
    paused = set(
        connection.execute(
            select(pauses.c.call).where(pauses.c.call.in_(ids), pauses.c.end_ms.is_(None))
        ).scalars()
    )
    waiting = set(connection.execute(select(waits.c.call).where(waits.c.call.in_(ids))).scalars())
    return [
        _summary(row, naming, tuple(speakers[row.id]), row.id in paused, row.id in waiting)
        for row in rows
    ]


def _speakers(connection: Connection, ids: Sequence[str], naming: Naming) -> dict[str, list[str]]:
    """Names per call in the order in which the people came; participants first, then whoever else spoke."""
    found: dict[str, list[str]] = defaultdict(list)
    who = participants.c
    joined = select(who.call, who.leg, who.track, who.speaker).order_by(who.joined_ms, who.id)
    said = (utterances.c.call, utterances.c.leg, utterances.c.track, utterances.c.speaker)
    spoke = (
        select(*said)
        .group_by(*said)
        .order_by(func.min(utterances.c.start_ms), func.min(utterances.c.event))
    )
    for query, column in ((joined, participants.c.call), (spoke, utterances.c.call)):
        for row in connection.execute(query.where(column.in_(ids))):
            speaker = naming.voice(row.call, row.leg, row.track, row.speaker)
            if speaker and speaker not in found[row.call]:
                found[row.call].append(speaker)
    return found


def _summary(
    row: Row[Any], naming: Naming, speakers: tuple[str, ...], paused: bool, waiting: bool
) -> CallSummary:
    return CallSummary(
        id=row.id,
        sid=row.conference_sid or row.id,
        from_=row.from_number,
        to=row.to_number,
        from_name=naming.party(row.id, row.from_number, row.from_name),
        to_name=naming.party(row.id, row.to_number, row.to_name),
        direction=row.direction,
        flow=row.flow,
        room=row.room,
        conference_sid=row.conference_sid,
        status=row.status,
        started_at=row.started_at,
        ended_at=row.ended_at,
        duration_ms=row.duration_ms,
        ended_by=row.ended_by,
        end_reason=row.end_reason,
        on_hold=row.on_hold,
        paused=paused,
        waiting=waiting,
        dial=naming.dial(row.id, _dial.decode(row.dial) if row.dial else None),
        speakers=speakers,
        utterance_count=row.utterance_count,
        last_text=row.last_text,
        tags=_tags.decode(row.tags),
        note=row.note,
        language=row.language,
    )


def _track(row: Row[Any], naming: Naming) -> TrackRecord:
    return TrackRecord(
        leg=row.leg,
        stream=row.stream,
        track=row.track,
        speaker=naming.voice(row.call, row.leg, row.track, row.speaker),
        offset_ms=row.offset_ms,
        language=row.language,
        started_at=row.started_at,
        ended_at=row.ended_at,
        end_reason=row.end_reason,
        counters=_counters.decode(row.counters) if row.counters else None,
    )


def _participant(row: Row[Any], naming: Naming) -> ParticipantRecord:
    return ParticipantRecord(
        leg=row.leg,
        track=row.track,
        speaker=naming.voice(row.call, row.leg, row.track, row.speaker),
        number=row.number,
        joined_ms=row.joined_ms,
        left_ms=row.left_ms,
        muted=row.muted,
        on_hold=row.on_hold,
        leave_reason=row.leave_reason,
    )


def _utterance(row: Row[Any]) -> UtteranceRecord:
    return UtteranceRecord(
        call=row.call,
        at=row.at,
        leg=row.leg,
        track=row.track,
        speaker=row.speaker,
        utterance=row.utterance,
        revision=row.revision,
        text=row.text,
        raw_text=row.raw_text,
        start_ms=row.start_ms,
        end_ms=row.end_ms,
        words=_words.decode(row.words),
        tokens=_tokens.decode(row.tokens),
        confidence=row.confidence,
        lag_ms=row.lag_ms,
        reading=row.reading,
        reader=row.reader,
        language=row.language,
        first=_first.decode(row.first) if row.first else None,
        correction=_correction(row.recognised) if row.recognised else None,
    )


def _correction(kept: str) -> Correction:
    found = msgspec.json.decode(kept, type=Recognised)
    return Correction(recognised=found.text, by=found.by, at=found.at)


def _gap(row: Row[Any]) -> GapDetected:
    return GapDetected(
        call=row.call,
        at=row.at,
        leg=row.leg,
        track=row.track,
        start_ms=row.start_ms,
        end_ms=row.end_ms,
        reason=row.reason,
    )
