"""The words that pages use for states, times and people; `static/wording.js` says the same."""

from __future__ import annotations

from callscribe.events import CallStatus
from callscribe.records import CallSummary

ENDINGS: dict[CallStatus, str] = {
    "completed": "Ended",
    "interrupted": "Interrupted",
    "busy": "Busy",
    "no-answer": "No answer",
    "failed": "Failed",
    "canceled": "Cancelled",
}


def clock(ms: int) -> str:
    """`0:42`, `12:05`, `1:02:03`."""
    seconds = max(0, ms) // 1000
    hours, rest = divmod(seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def span(ms: int) -> str:
    """A short stretch: `0.4 s`, `4 s`, `1:05`."""
    if ms < 950:
        return f"{max(1, (ms + 50) // 100) / 10:.1f} s"
    seconds = (ms + 500) // 1000
    return f"{seconds} s" if seconds < 60 else clock(seconds * 1000)


def state(call: CallSummary) -> str:
    """What the call is doing now, in one or two words."""
    if call.status in ENDINGS:
        return ENDINGS[call.status]
    if call.status == "ringing":
        return "Ringing"
    if call.paused:
        return "Paused"
    return "On hold" if call.on_hold else "Live"


def state_class(call: CallSummary) -> str:
    """The same for style sheets and scripts: live, ringing, hold, paused, ended, bad."""
    if call.status in ENDINGS:
        return "ended" if call.status == "completed" else "bad"
    if call.status == "ringing":
        return "ringing"
    if call.paused:
        return "paused"
    return "hold" if call.on_hold else "live"


def is_over(call: CallSummary) -> bool:
    return call.status in ENDINGS


def caller(call: CallSummary) -> str:
    """Who called, for a list."""
    if call.flow == "conference" and call.room:
        return f"Room {call.room}"
    return call.from_name or call.from_ or "Unknown number"


def callee(call: CallSummary) -> str:
    """Who was called; empty for a conference, which has people instead."""
    if call.flow == "conference" and call.room:
        return ""
    return call.to_name or call.to


def title(call: CallSummary) -> str:
    """`Alice Adams to Support`."""
    other = callee(call)
    return f"{caller(call)} to {other}" if other else caller(call)


def ending(status: CallStatus, duration_ms: int, ended_by: str, reason: str) -> str:
    """The transcript's closing line."""
    after = f" after {clock(duration_ms)}" if duration_ms >= 1000 else ""
    if status == "interrupted":
        return (
            f"Interrupted{after}: the server stopped during the call. Everything above was saved."
        )
    if status == "completed":
        who = {
            "": "",
            "carrier": " The carrier ended it.",
            "server": " The server ended it.",
        }.get(ended_by, f" {ended_by} hung up.")
        return f"Ended{after}.{who}"
    words = {
        "busy": "The line was busy.",
        "no-answer": "Nobody answered.",
        "failed": "The call failed.",
        "canceled": "The call was cancelled before anyone answered.",
    }.get(status, "Ended.")
    return f"{words} {reason}".strip()
