"""The words for states, times, people and ends."""

from __future__ import annotations

import typing

import pytest

from callscribe.events import CallStatus, Dial, GapDetected, GapReason, StreamCounters
from callscribe.records import CallSummary
from callscribe.transcript import wording


def call(**facts: typing.Any) -> CallSummary:
    return CallSummary(id="1", sid="1", **facts)


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
    ("facts", "word", "name"),
    [
        ({}, "Live", "live"),
        ({"status": "ringing"}, "Ringing", "ringing"),
        ({"on_hold": True}, "On hold", "hold"),
        ({"paused": True, "on_hold": True}, "Paused", "paused"),
        ({"paused": True, "status": "completed"}, "Ended", "ended"),
        ({"status": "interrupted"}, "Interrupted", "interrupted"),
        ({"status": "no-answer"}, "Missed", "missed"),
        ({"status": "no-answer", "direction": "outbound"}, "No answer", "bad"),
        ({"status": "canceled"}, "Missed", "missed"),
        ({"status": "busy"}, "Missed", "missed"),
        ({"status": "busy", "direction": "outbound"}, "Busy", "bad"),
        ({"status": "completed", "dial": Dial(status="no-answer")}, "Missed", "missed"),
        (
            {"status": "completed", "dial": Dial(status="completed", answered_ms=900)},
            "Ended",
            "ended",
        ),
    ],
)
def test_states(facts: dict[str, typing.Any], word: str, name: str) -> None:
    assert wording.state(call(**facts)) == (name, word)


@pytest.mark.parametrize("status", typing.get_args(CallStatus))
def test_every_status_has_a_state_and_every_end_a_line(status: CallStatus) -> None:
    one = call(status=status)
    assert wording.state(one).word
    assert wording.state(one).is_over == wording.is_over(one) == bool(wording.ending(one))
    assert bool(wording.waiting(one)) != wording.is_over(one)


def test_a_call_that_is_over_may_not_have_been_read_yet() -> None:
    assert wording.state(call(status="completed"), unread=True) == ("unread", "Not read yet")
    assert wording.state(call(), unread=True) == ("live", "Live")


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (
            {"from_": "+15005550010", "from_name": "Ann", "to": "+442079460018"},
            "Ann to +44 20 7946 0018",
        ),
        ({"from_": "+15005550010"}, "+1 (500) 555-0010"),
        ({}, "Unknown caller"),
        ({"from_": "anonymous", "to": "+2"}, "Withheld number to +2"),
        ({"from_": "+266696687"}, "Withheld number"),
        ({"flow": "conference", "room": "support", "to": "+2"}, "Room support"),
        ({"from_": "sip:ann@example.com", "to": "client:ben"}, "ann@example.com to ben"),
        ({"from_": "+1", "to": "+2", "speakers": ("Ann", "Ben")}, "Ann to Ben"),
        (
            {"from_": "+1", "to": "+2", "speakers": ("Ben", "Ann"), "direction": "outbound"},
            "Ann to Ben",
        ),
        ({"from_": "+1", "to": "+2", "speakers": ("Caller", "Callee")}, "+1 to +2"),
        (
            {"from_": "+1", "to": "+2", "dial": Dial(status="in-progress", to="+3", answered_ms=1)},
            "+1 to +3",
        ),
        (
            {"from_": "+1", "to": "+2", "dial": Dial(status="no-answer", to="+3", name="Kelly")},
            "+1 to +2",
        ),
    ],
)
def test_titles(facts: dict[str, typing.Any], words: str) -> None:
    assert wording.title(call(**facts)) == words


def test_names_that_run_from_right_to_left_turn_nothing_round() -> None:
    maryam = "\u0645\u0631\u064a\u0645"
    both = call(from_="+15005550010", from_name=maryam, to="+15005550006")
    assert wording.title(both) == f"\u2068{maryam}\u2069 to +1 (500) 555-0006"
    assert wording.full(maryam, "+15005550031") == f"\u2068{maryam}\u2069 +1 (500) 555-0031"
    assert wording.dialled(Dial(status="busy", name=maryam)) == f"\u2068{maryam}\u2069 was busy."
    ended = call(status="completed", ended_by=maryam)
    assert wording.ending(ended) == f"Ended. \u2068{maryam}\u2069 hung up."


def test_names() -> None:
    assert wording.names(()) == ""
    assert wording.names(("Ann",)) == "Ann"
    assert wording.names(("Ann", "Ben")) == "Ann and Ben"
    assert wording.names(("Ann", "Ben", "Cleo")) == "Ann, Ben and Cleo"
    assert wording.names(("Ann", "Ben", "Cleo", "Dora", "Eve")) == "Ann, Ben, Cleo and 2 more"


@pytest.mark.parametrize(
    ("status", "ended_by", "reason", "words"),
    [
        ("completed", "Ann", "", "Ended after 2:05. Ann hung up."),
        ("completed", "carrier", "", "Ended after 2:05. Twilio ended it."),
        ("completed", "server", "", "Ended after 2:05. The server ended it."),
        ("completed", "", "", "Ended after 2:05."),
        ("busy", "", "", "The line was busy."),
        ("failed", "", "Error 21211.", "The call failed. Error 21211."),
    ],
)
def test_endings(status: CallStatus, ended_by: str, reason: str, words: str) -> None:
    ended = call(status=status, duration_ms=125_000, ended_by=ended_by, end_reason=reason)
    assert wording.ending(ended) == words


def test_an_interrupted_call_says_what_was_saved() -> None:
    assert "Everything above was saved" in wording.ending(call(status="interrupted"))


def test_talk_time() -> None:
    both = [("Ann", 42_000), ("+15005550012", 65_000), ("Silent", 0)]
    assert wording.talked(both, 0) == "Ann spoke for 0:42, +1 (500) 555-0012 for 1:05."
    assert wording.talked(both, 3800).endswith("for 1:05; 4 s at the same time.")
    assert wording.talked(both[:1], 0) == ""


def test_what_could_not_be_read_is_said_at_the_end() -> None:
    over = call(status="completed")
    assert wording.ending(over, unread=1) == "Ended. 1 utterance could not be read a second time."
    assert wording.ending(over, unread=2).endswith("2 utterances could not be read a second time.")


@pytest.mark.parametrize("reason", [r for r in typing.get_args(GapReason) if r != "paused"])
def test_every_gap_but_a_pause_has_words(reason: typing.Any) -> None:
    def gap(reason: typing.Any) -> GapDetected:
        return GapDetected(
            call="1", leg="1", track="inbound", start_ms=0, end_ms=4000, reason=reason
        )

    assert "4 s" in wording.gap(gap(reason))
    assert wording.gap(gap("paused")) == ""


def test_losses() -> None:
    assert wording.losses(StreamCounters()) == ""
    lost = StreamCounters(missing_ms=4000, dropped_ms=1200, late=1)
    assert wording.losses(lost) == "4 s of audio missing, 1 s not transcribed, 1 late frame"


def test_lag() -> None:
    assert wording.behind(900) == ""
    assert wording.behind(8200) == "8 s behind, catching up"
