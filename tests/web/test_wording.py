"""The words for states and times."""

from __future__ import annotations

import pytest

from callscribe.records import CallSummary
from callscribe.web import wording


@pytest.mark.parametrize(
    ("ms", "words"),
    [(-5, "0:00"), (999, "0:00"), (42_500, "0:42"), (725_000, "12:05"), (3_723_000, "1:02:03")],
)
def test_clock(ms: int, words: str) -> None:
    assert wording.clock(ms) == words


@pytest.mark.parametrize(
    ("ms", "words"),
    [
        (0, "0.1 s"),
        (60, "0.1 s"),
        (420, "0.4 s"),
        (949, "0.9 s"),
        (950, "1 s"),
        (4400, "4 s"),
        (65_000, "1:05"),
    ],
)
def test_span(ms: int, words: str) -> None:
    assert wording.span(ms) == words


@pytest.mark.parametrize(
    ("call", "word", "name"),
    [
        (CallSummary(id="1", sid="1"), "Live", "live"),
        (CallSummary(id="1", sid="1", status="ringing"), "Ringing", "ringing"),
        (CallSummary(id="1", sid="1", on_hold=True), "On hold", "hold"),
        (CallSummary(id="1", sid="1", paused=True, on_hold=True), "Paused", "paused"),
        (CallSummary(id="1", sid="1", paused=True, status="completed"), "Ended", "ended"),
        (CallSummary(id="1", sid="1", status="interrupted"), "Interrupted", "bad"),
        (CallSummary(id="1", sid="1", status="no-answer"), "No answer", "bad"),
    ],
)
def test_states(call: CallSummary, word: str, name: str) -> None:
    assert wording.state(call) == word
    assert wording.state_class(call) == name


def test_titles() -> None:
    named = CallSummary(id="1", sid="1", from_="+1", from_name="Ann", to="+2")
    assert wording.title(named) == "Ann to +2"
    assert wording.title(CallSummary(id="1", sid="1")) == "Unknown number"
    room = CallSummary(id="1", sid="1", flow="conference", room="support", to="+2")
    assert wording.title(room) == "Room support"


@pytest.mark.parametrize(
    ("status", "ended_by", "words"),
    [
        ("completed", "Ann", "Ended after 2:05. Ann hung up."),
        ("completed", "carrier", "Ended after 2:05. The carrier ended it."),
        ("completed", "", "Ended after 2:05."),
        ("busy", "", "The line was busy."),
    ],
)
def test_endings(status: str, ended_by: str, words: str) -> None:
    assert wording.ending(status, 125_000, ended_by, "") == words  # type: ignore[arg-type]


def test_an_interrupted_call_says_what_was_saved() -> None:
    assert "Everything above was saved" in wording.ending("interrupted", 1000, "", "")
