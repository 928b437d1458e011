"""A saved call on the terminal: the same lines as while it was live."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, tzinfo

from rich.console import Console
from rich.text import Text

from callscribe.outlet import clean
from callscribe.records import CallSummary
from callscribe.terminal.view import TerminalView
from callscribe.transcript import wording
from callscribe.transcript.fold import Transcript
from callscribe.transcript.parts import Utterance

DOUBTFUL = 0.5
"""Words below this confidence stand out: with a calibrated model they are more likely wrong than right."""


def print_transcript(
    console: Console,
    transcript: Transcript,
    *,
    raw: bool = False,
    words: bool = False,
    timezone: tzinfo | None = None,
) -> None:
    """Print a call as a conversation.

    Args:
        console: where to; plain lines when it is a pipe, dumb, or NO_COLOR is set.
        raw: the recogniser's own words instead of the written form.
        words: every word on a line of its own below its utterance: start and end in seconds, confidence, word.
        timezone: for the date; None is the machine's.
    """
    view = TerminalView(console, raw=raw, saved_hint=lambda _: "", timezone=timezone)
    call = transcript.call
    with view:
        view.say(Text(f"{date(call.started_at, timezone)}  {call.sid}", "dim"))
        view.recount(transcript, below=_word_lines if words else lambda _: ())
        if not any(said.final for said in transcript.utterances):
            view.say(Text(wording.NOTHING_SAID, "dim"))
        if not transcript.is_over:
            view.say(Text(wording.unfinished(call), "yellow"))


def _word_lines(said: Utterance) -> Iterable[Text]:
    for word in said.words:
        line = Text(" " * 7)
        line.append(f"{word.start_ms / 1000:8.2f} {word.end_ms / 1000:8.2f}", "dim")
        line.append(f"  {word.confidence:.2f}", "yellow" if word.confidence < DOUBTFUL else "dim")
        line.append(f"  {clean(word.text)}")
        yield line


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
    return wording.clock(call.duration_ms) if call.duration_ms is not None else ""
