"""Events in words: the short notes that a view prints where something happened."""

from __future__ import annotations

from callscribe.events import CallEnded, Dial, Flow, GapDetected, StreamCounters
from callscribe.terminal.layout import join_words, seconds

LAG_NOTE_MS = 1_000
"""Decoding this far behind is worth a note."""
LAG_OVER_MS = 400
"""Below this it has caught up."""

_DIAL = {
    "initiated": "calling {to}",
    "ringing": "ringing at {to}",
    "in-progress": "{to} answered",
    "answered": "{to} answered",
    "busy": "{to} is busy",
    "no-answer": "{to} did not answer",
    "failed": "{to} could not be reached",
    "canceled": "the call to {to} was cancelled",
}

_ENDED = {
    "busy": "the line was busy",
    "no-answer": "nobody answered",
    "failed": "the call could not be connected",
    "canceled": "cancelled before it was answered",
    "interrupted": "interrupted",
}


def gap(event: GapDetected, speaker: str) -> str:
    """What a gap means for the reader; empty for pauses, which have notes of their own."""
    length = seconds(event.end_ms - event.start_ms)
    match event.reason:
        case "missing":
            return f"{length} of {speaker}'s audio missing"
        case "socket-lost":
            return f"connection to the carrier lost for {length}"
        case "overload":
            return f"{length} of {speaker}'s audio given up: decoding was too far behind"
        case "failed":
            return f"{length} of {speaker}'s audio not recognised: the recogniser failed"
        case "paused":
            return ""


def behind(speaker: str, lag_ms: int) -> str:
    return f"{speaker}: {seconds(lag_ms)} behind, catching up"


def caught_up(speaker: str, worst_ms: int) -> str:
    return f"{speaker}: caught up; was at most {seconds(worst_ms)} behind"


def dial(event: Dial) -> str:
    """Progress of a forwarded call's other leg; empty when there is nothing to say."""
    return _DIAL.get(event.status, "").format(to=event.name or event.to or "the other side")


def stream_end(reason: str) -> str:
    """Only ends that the reader should know of."""
    if reason == "socket-lost":
        return "the carrier's audio connection was lost"
    if reason.startswith("refused"):
        return f"audio stream {reason}"
    return ""


def counters(total: StreamCounters) -> str:
    """What was lost, for the closing line; empty when nothing was."""
    parts = []
    if total.missing_ms:
        parts.append(f"{seconds(total.missing_ms)} of audio missing")
    if total.dropped_ms:
        parts.append(f"{seconds(total.dropped_ms)} given up")
    if total.late:
        parts.append(f"{total.late} late frame{'s' * (total.late != 1)}")
    return join_words(parts)


def ending(event: CallEnded) -> str:
    """How a call ended: `ended, Caller hung up`, `nobody answered`, `interrupted: ...`."""
    how = _ENDED.get(event.status, "ended")
    if event.ended_by == "server":
        how += ", the server was stopped" if event.status == "completed" else ""
    elif event.ended_by and event.ended_by != "carrier":
        how += f", {event.ended_by} hung up"
    if event.reason and event.status not in ("completed",):
        how += f" ({event.reason})"
    return how


def flow(name: Flow, room: str) -> str:
    match name:
        case "conference":
            return f"conference {room}".rstrip()
        case "attach":
            return "attached"
        case _:
            return name
