"""A saved call on the terminal: the same lines as while it was live, told from the record.

The record is turned back into events in time order (names as they are now, utterances where they began) and shown by
the same view that shows live calls.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, tzinfo

from rich.console import Console
from rich.text import Text

from callscribe.events import FinalTranscript, Published
from callscribe.outlet import clean
from callscribe.records import CallRecord, CallSummary
from callscribe.terminal.layout import clock
from callscribe.terminal.replay import events_of
from callscribe.terminal.view import TerminalView

DOUBTFUL = 0.5
"""Words below this confidence stand out: with a calibrated model they are more likely wrong than right."""


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


def _word_lines(final: FinalTranscript) -> Iterable[Text]:
    for word in final.words:
        line = Text(" " * 7)
        line.append(f"{word.start_ms / 1000:8.2f} {word.end_ms / 1000:8.2f}", "dim")
        line.append(f"  {word.confidence:.2f}", "yellow" if word.confidence < DOUBTFUL else "dim")
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
