"""A saved call on the terminal: the same lines as while it was live, told from the record.

The record is turned back into events in time order (names as they are now, utterances where they began) and shown by
the same view that shows live calls.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, tzinfo

from rich.console import Console
from rich.text import Text

from callscribe.events import (
    AnyEvent,
    CallEnded,
    CallStarted,
    CallUpdated,
    Dial,
    FinalTranscript,
    ParticipantJoined,
    ParticipantLeft,
    Published,
    StreamCounters,
    StreamEnded,
    TranscriptionPaused,
    TranscriptionResumed,
)
from callscribe.records import CallRecord, CallSummary
from callscribe.terminal.layout import clean, clock
from callscribe.terminal.view import TerminalView

_LEAVE, _JOIN, _TALK, _AFTER = range(4)
"""Order of what has the same time: who leaves and returns at once has left first."""


def print_transcript(
    console: Console,
    record: CallRecord,
    *,
    raw: bool = False,
    words: bool = False,
    timezone: tzinfo | None = None,
) -> None:
    """Print a call as a conversation.

    Args:
        console: where to; plain lines when it is a pipe, dumb, or NO_COLOR is set.
        record: the call.
        raw: the recogniser's own words instead of the written form.
        words: every word on a line of its own below its utterance: start and end in seconds, confidence, word.
        timezone: for the date; None is the machine's.
    """
    view = TerminalView(console, raw=raw, saved_hint=lambda _: "", timezone=timezone)
    call = record.call
    with view:
        view.say(Text(f"{date(call.started_at, timezone)}  {call.sid}", "dim"))
        for event in events_of(record):
            view.show(Published(id=None, event=event))
            if words and isinstance(event, FinalTranscript):
                for line in _word_lines(event):
                    view.say(line)
        if not record.utterances:
            view.say(Text("Nothing was said.", "dim"))
        if call.ended_at is None:
            view.say(Text(f"Still {state(call)}; this is what was said until now.", "yellow"))


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
    return [_started(call), *(event for _, _, event in timed), *_ends(record)]


def _started(call: CallSummary) -> CallStarted:
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
        yield dial.answered_ms, Dial(status="in-progress", to=dial.to, answered_ms=dial.answered_ms)
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


def _word_lines(final: FinalTranscript) -> Iterable[Text]:
    for word in final.words:
        line = Text(" " * 7)
        line.append(f"{word.start_ms / 1000:8.2f} {word.end_ms / 1000:8.2f}", "dim")
        line.append(f"  {word.confidence:.2f}", "yellow" if word.confidence < 0.5 else "dim")
        line.append(f"  {clean(word.text)}")
        yield line


_STATES = {
    "ringing": "ringing",
    "in-progress": "live",
    "completed": "ended",
    "interrupted": "interrupted",
    "busy": "busy",
    "no-answer": "nobody answered",
    "failed": "failed",
    "canceled": "cancelled",
}


def state(call: CallSummary) -> str:
    """What a call is doing, in words."""
    if call.ended_at is None and call.paused:
        return "live, paused"
    if call.ended_at is None and call.on_hold:
        return "live, on hold"
    return _STATES[call.status]


def date(at: str, timezone: tzinfo | None = None) -> str:
    """`Thursday 15 January 2026 10:00` in local time; what it is when it is no time."""
    try:
        moment = datetime.fromisoformat(at).astimezone(timezone)
    except ValueError:
        return at
    return f"{moment:%A} {moment.day} {moment:%B %Y %H:%M}"


def when(at: str, now: datetime, timezone: tzinfo | None = None) -> str:
    """A time as people say it: `10:42`, `yesterday 18:03`, `12 Nov 18:03`, `12 Nov 2025`."""
    try:
        moment = datetime.fromisoformat(at).astimezone(timezone)
    except ValueError:
        return at
    today = now.astimezone(timezone).date()
    days = (today - moment.date()).days
    if days == 0:
        return f"{moment:%H:%M}"
    if days == 1:
        return f"yesterday {moment:%H:%M}"
    if moment.year == today.year:
        return f"{moment.day} {moment:%b %H:%M}"
    return f"{moment.day} {moment:%b %Y}"


def length(call: CallSummary) -> str:
    """A call's length, `0:42`; empty while it is not known."""
    return clock(call.duration_ms) if call.duration_ms is not None else ""
