"""Twilio's requests as facts that calls understand. Pure."""

from __future__ import annotations

from typing import Literal

from callscribe.carriers.base import (
    CallCame,
    DialedLegChanged,
    DialOver,
    LegChanged,
    PersonInRoom,
    RoomOver,
    RoomSeen,
    StreamReported,
    WhisperAsked,
)
from callscribe.carriers.twilio.explain import explain
from callscribe.carriers.twilio.webhook import (
    CallStatusChanged,
    ConferenceEvent,
    DialFinished,
    IncomingCall,
    LegStatus,
    StreamStatus,
)

_MOVES: dict[str, Literal["joined", "left"]] = {
    "participant-join": "joined",
    "participant-leave": "left",
}
_FLAGS = {
    "participant-mute": ("muted", True),
    "participant-unmute": ("muted", False),
    "participant-hold": ("on_hold", True),
    "participant-unhold": ("on_hold", False),
}
_STREAM: dict[str, Literal["started", "stopped", "failed"]] = {
    "stream-started": "started",
    "stream-stopped": "stopped",
    "stream-error": "failed",
}


def call_came(call: IncomingCall, connect: str = "") -> CallCame:
    """The voice request."""
    return CallCame(
        leg=call.call_sid,
        from_=call.from_,
        to=call.to,
        placed=call.direction.startswith("outbound"),
        answered=call.status == "in-progress",
        caller_name=call.caller_name,
        connect=connect,
    )


def leg_changed(status: CallStatusChanged) -> LegChanged:
    """A call's status callback."""
    return LegChanged(leg=status.call_sid, status=status.status)


def dialed_leg_changed(status: LegStatus) -> DialedLegChanged:
    """A status callback of `<Dial><Number>`."""
    return DialedLegChanged(
        parent=status.parent_call_sid,
        leg=status.call_sid,
        to=status.to,
        status=status.status,
        at=status.at,
        duration_s=status.duration_s,
    )


def dial_over(finished: DialFinished) -> DialOver:
    """The `action` request of `<Dial>`. A conference's dial is "answered" where another is "completed"."""
    status = finished.dial_status
    return DialOver(
        leg=finished.call_sid,
        status="completed" if status == "answered" else status,
        dialed=finished.dial_call_sid,
        duration_s=finished.dial_duration_s,
        leg_status=finished.call_status,
    )


def whisper_asked(call: IncomingCall) -> WhisperAsked:
    """The `url` of `<Number>`."""
    return WhisperAsked(parent=call.parent_call_sid)


def in_room(event: ConferenceEvent) -> PersonInRoom | RoomOver | RoomSeen:
    """A conference's status callback."""
    sid, room, kind = event.conference_sid, event.room, event.event
    if kind == "conference-end":
        by_leaving = event.end_reason.startswith("participant-with-end")
        return RoomOver(
            conference=sid,
            room=room,
            at=event.at,
            ended_by=event.ending_call_sid if by_leaving else "",
            ended_by_label=event.ending_label if by_leaving else "",
            reason=event.end_reason or event.reason,
        )
    person = kind.startswith("participant-") and not kind.startswith("participant-speech")
    if not person or not event.call_sid:
        return RoomSeen(conference=sid, room=room, at=event.at)
    # The callback's own name is worth more than a flag that a sender forgot.
    name, value = _FLAGS.get(kind, ("", False))
    return PersonInRoom(
        conference=sid,
        room=room,
        at=event.at,
        leg=event.call_sid,
        change=_MOVES.get(kind, "other"),
        sequence=event.sequence,
        label=event.label,
        muted=value if name == "muted" else event.muted,
        on_hold=value if name == "on_hold" else event.hold,
        reason=event.leave_reason,
    )


def stream_reported(status: StreamStatus) -> StreamReported | None:
    """A stream's status callback; None for news that mean nothing to us."""
    if status.event not in _STREAM:
        return None
    known = explain(status.error_code) if status.error_code else None
    return StreamReported(
        leg=status.call_sid,
        event=_STREAM[status.event],
        at=status.at,
        error=status.error,
        cure=known.cure if known else "",
    )
