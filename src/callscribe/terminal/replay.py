"""A record turned back into events in time order: names as they are now, utterances where they began."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from callscribe.events import (
    AnyEvent,
    CallEnded,
    CallStarted,
    CallUpdated,
    Dial,
    ParticipantJoined,
    ParticipantLeft,
    StreamCounters,
    StreamEnded,
    TranscriptionPaused,
    TranscriptionResumed,
)
from callscribe.records import CallRecord, CallSummary

_LEAVE, _JOIN, _TALK, _AFTER = range(4)
"""Order of what has the same time: who leaves and returns at once has left first."""


def events_of(record: CallRecord) -> list[AnyEvent]:
    """A record as the events that would show it, in the order of the call's time line."""
    call = record.call
    timed: list[tuple[int, int, AnyEvent]] = []
    known = {(stay.leg, stay.track) for stay in record.participants}
    if call.flow != "conference":
        # Gives the tracks their names; a plain call's parties are not announced.
        for track in record.tracks:
            if (track.leg, track.track) not in known and track.speaker:
                known.add((track.leg, track.track))
                named = ParticipantJoined(
                    call=call.id, leg=track.leg, track=track.track, speaker=track.speaker
                )
                timed.append((0, _JOIN, named))
    for stay in record.participants:
        joined = ParticipantJoined(
            call=call.id,
            leg=stay.leg,
            track=stay.track,
            speaker=stay.speaker,
            joined_ms=stay.joined_ms,
            number=stay.number,
        )
        timed.append((stay.joined_ms, _JOIN, joined))
        early = call.duration_ms is None or (stay.left_ms or 0) < call.duration_ms
        if stay.left_ms is not None and (early or stay.leave_reason):
            left = ParticipantLeft(
                call=call.id,
                leg=stay.leg,
                track=stay.track,
                left_ms=stay.left_ms,
                reason=stay.leave_reason,
            )
            timed.append((stay.left_ms, _LEAVE if stay.left_ms > stay.joined_ms else _AFTER, left))
    timed += [(final.start_ms, _TALK, final) for final in record.utterances]
    timed += [(gap.start_ms, _TALK, gap) for gap in record.gaps]
    for pause in record.pauses:
        paused = TranscriptionPaused(call=call.id, at_ms=pause.start_ms)
        timed.append((pause.start_ms, _TALK, paused))
        if pause.end_ms is not None:
            resumed = TranscriptionResumed(call=call.id, at_ms=pause.end_ms)
            timed.append((pause.end_ms, _TALK, resumed))
    timed += [(ms, _TALK, CallUpdated(call=call.id, dial=dial)) for ms, dial in _dial(record)]
    timed.sort(key=lambda item: item[:2])
    return [started(call), *(event for _, _, event in timed), *_ends(record)]


def started(call: CallSummary) -> CallStarted:
    """The event that begins a recorded call."""
    return CallStarted(
        call=call.id,
        at=call.started_at,
        from_=call.from_,
        to=call.to,
        direction=call.direction,
        flow=call.flow,
        from_name=call.from_name,
        to_name=call.to_name,
        room=call.room,
    )


def _dial(record: CallRecord) -> Iterable[tuple[int, Dial]]:
    """When the other leg of a forwarded call answered, or that it did not."""
    dial = record.dial
    if dial is None:
        return
    if dial.answered_ms is not None:
        yield dial.answered_ms, msgspec.structs.replace(dial, status="in-progress")
    elif dial.status not in ("in-progress", "completed"):
        spoken = [final.start_ms for final in record.utterances]
        yield dial.ended_ms or max(spoken, default=0), dial


def _ends(record: CallRecord) -> Iterable[AnyEvent]:
    call = record.call
    streams = {track.stream: track for track in record.tracks}
    last = {track.leg: track.stream for track in record.tracks}
    for stream, track in streams.items():
        if track.ended_at is not None:
            # A stream that another one followed ended in the middle of the call; its gap says so there.
            reason = track.end_reason if last[track.leg] == stream else "stop"
            yield StreamEnded(
                call=call.id,
                leg=track.leg,
                stream=stream,
                reason=reason,
                counters=track.counters or StreamCounters(),
            )
    if call.ended_at is not None:
        yield CallEnded(
            call=call.id,
            at=call.ended_at,
            status=call.status,
            duration_ms=call.duration_ms or 0,
            ended_by=call.ended_by,
            reason=call.end_reason,
        )
