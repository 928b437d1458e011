"""The words for states, times, people, gaps and ends. The only place where they are worded: page, terminal, `show`
and exports all say what stands here.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Literal, NamedTuple, assert_never

from callscribe.events import CallStatus, Dial, GapDetected, StreamCounters
from callscribe.phone import is_withheld
from callscribe.records import CallSummary
from callscribe.transcript import numbers

LIVE: tuple[CallStatus, ...] = ("ringing", "in-progress")
"""Statuses of calls that are not over."""

BEHIND_MS = 1000
"""Text that comes this much late or more is worth a word."""

StateName = Literal[
    "ringing",
    "live",
    "hold",
    "paused",
    "ended",
    "waiting",
    "unread",
    "missed",
    "interrupted",
    "bad",
]


class State(NamedTuple):
    """What a call is doing, or what became of it."""

    name: StateName
    """For style sheets and scripts."""
    word: str
    """For people. Of calls that ended as calls do, views may leave it out."""

    @property
    def is_over(self) -> bool:
        return self.name in ("ended", "waiting", "unread", "missed", "interrupted", "bad")


MISSED = State("missed", "Missed")
_NOT_REACHED = {
    "busy": "Busy",
    "no-answer": "No answer",
    "canceled": "Cancelled",
    "failed": "Failed",
}


def state(call: CallSummary, *, unread: bool = False) -> State:
    """A call's state.

    Args:
        unread: a second reader has not been through all of it yet.
    """
    match call.status:
        case "ringing":
            return State("ringing", "Ringing")
        case "in-progress":
            if call.paused:
                return State("paused", "Paused")
            return State("hold", "On hold") if call.on_hold else State("live", "Live")
        case "completed":
            if call.waiting:
                return State("waiting", "Not transcribed yet")
            if unread:
                return State("unread", "Not read yet")
            return MISSED if call.is_missed else State("ended", "Ended")
        case "interrupted":
            return State("interrupted", "Interrupted")
        case "busy" | "no-answer" | "canceled" | "failed":
            return MISSED if call.is_missed else State("bad", _NOT_REACHED[call.status])
        case _:
            assert_never(call.status)


def is_over(call: CallSummary) -> bool:
    return call.status not in LIVE


# People


PLACEHOLDERS = frozenset({"", "Caller", "Callee", "Participant"})
"""What people are called of whom nothing is known."""
SOMEONE = "Someone"
"""What somebody is called of whom not even that was said."""


def shown(name: str) -> str:
    """A person's name; a number that stands for one as people write it."""
    return numbers.written(name) or name


def party(name: str, number: str) -> str:
    """Name, else number as people write it; empty when neither is known."""
    return shown(name) or numbers.written(number)


def caller(call: CallSummary) -> str:
    """Who called; of a conference, its room."""
    if call.flow == "conference" and call.room:
        return f"Room {call.room}"
    known = _known(call, 0 if call.direction == "inbound" else 1)
    if known or call.from_name:
        return known or shown(call.from_name)
    return numbers.written(call.from_) or nameless(call.from_)


def callee(call: CallSummary) -> str:
    """Who was called; empty for a conference, which has people instead."""
    if call.flow == "conference" and call.room:
        return ""
    known = _known(call, 1 if call.direction == "inbound" else 0)
    if known:
        return known
    if call.dial is not None and call.dial.answered_ms is not None:
        answered = party(call.dial.name, call.dial.to)
        if answered:
            return answered
    return party(call.to_name, call.to)


def _known(call: CallSummary, place: int) -> str:
    """The name of the first or second who came, when it is one: on a call that came in the caller is heard first."""
    name = call.speakers[place] if place < len(call.speakers) else ""
    return "" if name in PLACEHOLDERS else numbers.written(name)


def title(call: CallSummary) -> str:
    """`Alice Adams to Support`."""
    one, other = isolated(caller(call)), isolated(callee(call))
    return f"{one} to {other}" if other else one


def isolated(name: str) -> str:
    """The name, fit to stand in a sentence: one that runs from right to left turns nothing round it.

    U+2068 FIRST STRONG ISOLATE and U+2069 POP DIRECTIONAL ISOLATE (Unicode Annex 9) are put around such names only.
    """
    if any(unicodedata.bidirectional(letter) in ("R", "AL") for letter in name):
        return f"\u2068{name}\u2069"
    return name


def full(name: str, number: str) -> str:
    """Name and number, each isolated; one of them when only that is known, and in words when neither is."""
    both = f"{isolated(shown(name))} {isolated(numbers.written(number))}"
    return both.strip() or nameless(number)


def somebody(name: str, number: str) -> str:
    """Name, else number, else words for one who shows neither."""
    return party(name, number) or nameless(number)


def nameless(number: str) -> str:
    """What stands in place of a number that is no number."""
    return "Withheld number" if number and is_withheld(number) else "Unknown caller"


def way(call: CallSummary) -> str:
    """Which way a call went."""
    return "Incoming" if call.direction == "inbound" else "Outgoing"


def flow(call: CallSummary) -> str:
    """What happens to a call, where that is worth a word."""
    match call.flow:
        case "forward":
            return "forwarded"
        case "conference":
            return f"conference {call.room}".rstrip()
        case "attach":
            return "attached"
        case "answer" | "outbound":
            return ""
        case _:
            assert_never(call.flow)


def names(all_of_them: tuple[str, ...], most: int = 3) -> str:
    """`Ann, Ben, Cleo and 2 more`."""
    some = [isolated(shown(name)) for name in all_of_them[:most]]
    more = len(all_of_them) - len(some)
    if more:
        return f"{', '.join(some)} and {more} more"
    return " and ".join(part for part in (", ".join(some[:-1]), *some[-1:]) if part)


# Times


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


def behind(ms: int) -> str:
    """`8 s behind, catching up`; empty below a second."""
    return f"{span(ms)} behind, catching up" if ms >= BEHIND_MS else ""


def caught_up(worst_ms: int) -> str:
    return f"caught up; was at most {span(worst_ms)} behind"


# Notes. Where a person is concerned these are predicates; the name stands before them.


def joined(*, again: bool, muted: bool = False, on_hold: bool = False) -> str:
    state = ", muted" if muted else ", on hold" if on_hold else ""
    return f"is back{state}." if again else f"joined{state}."


LEFT = "left."
WAITS = "This will be transcribed when there is room: this computer is busy with other calls."
WAITED = "This was transcribed later: this computer was busy with other calls."
PAUSED = "Paused: nothing is transcribed or kept."


def person_state(*, muted: bool, on_hold: bool, left_ms: int | None) -> str:
    """Beside a name: `on hold`, `muted`, `left 2:05`; mostly empty."""
    if left_ms is not None:
        return f"left {clock(left_ms)}"
    return "on hold" if on_hold else "muted" if muted else ""


def muted(now: bool) -> str:
    return "is muted." if now else "is no longer muted."


def held(now: bool) -> str:
    return "is on hold." if now else "is back from hold."


def call_held(now: bool) -> str:
    return "On hold." if now else "Back from hold."


def resumed(after_ms: int) -> str:
    return f"Transcription resumed after {span(after_ms)}."


def pressed(keys: str) -> str:
    return f"pressed {keys}."


def gap(event: GapDetected) -> str:
    """What a gap means to a reader; empty for pauses, which have notes of their own.

    `socket-lost` is a whole sentence, for all tracks of the leg go together; the others follow a name.
    """
    length = span(event.end_ms - event.start_ms)
    match event.reason:
        case "missing":
            return f"{length} missing."
        case "socket-lost":
            return f"{length} missing: the connection to Twilio was lost."
        case "overload":
            return f"{length} not transcribed: this computer could not keep up."
        case "failed":
            return f"{length} not transcribed: the recogniser failed."
        case "paused":
            return ""
        case _:
            assert_never(event.reason)


def refused(reason: str) -> str:
    """A stream that was not taken; `reason` as `StreamEnded` has it."""
    _, _, why = reason.partition(":")
    return f"The audio stream was refused: {why.strip() or 'no reason given'}."


def dialled(dial: Dial) -> str:
    """Progress of a forwarded call's other leg; empty when there is nothing to say."""
    name = isolated(party(dial.name, dial.to)) or "The other person"
    if dial.answered_ms is not None:
        return f"{name} answered."
    match dial.status:
        case "initiated" | "queued" | "ringing":
            return f"Calling {name}."
        case "busy":
            return f"{name} was busy."
        case "no-answer":
            return f"{name} did not answer."
        case "failed":
            return f"{name} could not be reached."
        case "canceled":
            return f"{name} was not reached: the caller hung up first."
        case _:  # Twilio's words, which may grow
            return ""


# Ends


NOTHING_LOST = StreamCounters()


def ending(call: CallSummary, *, unread: int = 0, counters: StreamCounters = NOTHING_LOST) -> str:
    """A transcript's closing line; empty while the call goes on.

    Args:
        unread: utterances that the second reader could not read.
        counters: what arrived on all its streams, and what did not.
    """
    if not is_over(call):
        return ""
    length = call.duration_ms or 0
    after = f" after {clock(length)}" if length >= 1000 else ""
    match call.status:
        case "interrupted":
            line = (
                f"Interrupted{after}: the server stopped during the call."
                " Everything above was saved."
            )
        case "completed":
            line = f"Ended{after}.{_who_ended(call.ended_by)}"
        case "busy":
            line = f"The line was busy. {call.end_reason}"
        case "no-answer":
            line = f"Nobody answered. {call.end_reason}"
        case "failed":
            line = f"The call failed. {call.end_reason}"
        case "canceled":
            line = f"The caller hung up before anyone answered. {call.end_reason}"
        case "ringing" | "in-progress":
            line = ""
        case _:
            assert_never(call.status)
    lines = [line.strip()]
    if call.waiting:
        lines.append("What is not transcribed yet will be when there is room.")
    if lost := losses(counters):
        lines.append(f"{lost[:1].upper()}{lost[1:]}.")
    if unread:
        lines.append(
            f"{unread} {'utterance' if unread == 1 else 'utterances'} could not be read a second time."
        )
    return " ".join(lines)


def talked(people: Sequence[tuple[str, int]], both_ms: int) -> str:
    """Who spoke for how long: `Ann spoke for 0:42, Ben for 1:05; 4 s at the same time.`

    Args:
        people: names, and how long each spoke; empty when fewer than two did.
        both_ms: for how long more than one of them spoke.
    """
    spoke = [(name, ms) for name, ms in people if ms >= 1000]
    if len(spoke) < 2:
        return ""
    parts = [
        f"{isolated(shown(name))} {'spoke ' if not at else ''}for {clock(ms)}"
        for at, (name, ms) in enumerate(spoke)
    ]
    together = f"; {span(both_ms)} at the same time" if both_ms >= 500 else ""
    return f"{', '.join(parts)}{together}."


def _who_ended(by: str) -> str:
    match by:
        case "":
            return ""
        case "carrier":
            return " Twilio ended it."
        case "server":
            return " The server ended it."
        case _:
            return f" {isolated(shown(by))} hung up."


def losses(counters: StreamCounters) -> str:
    """What was lost on the way, for the end; empty when nothing was."""
    parts = []
    if counters.missing_ms:
        parts.append(f"{span(counters.missing_ms)} of audio missing")
    if counters.dropped_ms:
        parts.append(f"{span(counters.dropped_ms)} not transcribed")
    if counters.late:
        parts.append(f"{counters.late} late {'frame' if counters.late == 1 else 'frames'}")
    return ", ".join(parts)


def waiting(call: CallSummary) -> str:
    """In place of a transcript while there is none; empty when the call is over."""
    if call.waiting:
        return "Nothing is transcribed yet."
    if is_over(call):
        return ""
    return "Ringing." if call.status == "ringing" else "Listening. Nothing has been said yet."


# In a terminal, where what is printed stays as it is

SAVED = "Saved"
NOTHING_SAID = "Nothing was said."


def renamed(before: str, now: str) -> str:
    return f"{before} is now called {now}."


def earlier(count: int) -> str:
    """In place of what is left out when a call is joined late."""
    return f"{count} earlier {'line is' if count == 1 else 'lines are'} not shown."


def under_way(sid: str) -> str:
    """Heading of a call whose beginning was not seen."""
    return f"Call {sid}, already under way"


def unfinished(call: CallSummary) -> str:
    """Below the transcript of a call that goes on."""
    return f"{state(call).word}. This is what was said so far."
