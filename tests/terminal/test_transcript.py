"""A saved call reads as it read while it was live."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest
from rich.console import Console

from callscribe.events import AnyEvent, CallEnded, CallUpdated, TranscriptionPaused
from callscribe.terminal.call_list import print_calls, shortest_length, who
from callscribe.terminal.transcript import date, print_transcript, when
from callscribe.transcript.fold import Transcript
from tests.terminal.recorded import CALL, EVENTS, final, summary


def plain(*events: AnyEvent, raw: bool = False, words: bool = False) -> list[str]:
    out = io.StringIO()
    console = Console(file=out, width=100, force_terminal=False)
    print_transcript(console, Transcript(CALL, events), raw=raw, words=words, timezone=UTC)
    return out.getvalue().splitlines()


def test_a_call_as_plain_lines() -> None:
    lines = plain(*EVENTS)
    assert lines[0] == f"Thursday 15 January 2026 10:00  {CALL}"
    assert "10:00:50" in lines[1]
    assert "Alice" in lines[1]
    told = [" ".join(line.split()) for line in lines[2:]]
    dot = told[1].split()[1]
    assert told == [
        "0:01 Alice Good morning",
        f"0:03 {dot} +1 (500) 555-0020 answered.",
        f"0:05 {dot} Bob: 4 s missing.",
        "0:09 Bob How are you",
        f"0:20 {dot} Paused: nothing is transcribed or kept.",
        f"0:30 {dot} Transcription resumed after 10 s.",
        f"0:42 {dot} Ended after 0:42. Alice hung up. 4 s of audio missing.",
    ]


def test_raw_words_and_single_words() -> None:
    lines = plain(*EVENTS, raw=True, words=True)
    assert any(line.endswith("Alice  good morning") for line in lines)
    assert "           1.00     1.08  0.25  good" in lines
    assert "           1.10     1.18  0.25  morning" in lines


def test_on_a_terminal_in_colours_with_a_hanging_indent() -> None:
    out = io.StringIO()
    console = Console(
        file=out, width=60, force_terminal=True, color_system="standard", legacy_windows=False
    )
    said = Transcript(CALL, [EVENTS[0], final(1000, "word " * 30)])
    print_transcript(console, said, timezone=UTC)
    assert "\x1b[" in out.getvalue()
    body = [line for line in out.getvalue().splitlines() if "word" in line]
    assert len(body) > 2
    assert all(line.startswith("                 word") for line in body[1:])


def test_a_live_call_says_so() -> None:
    lines = plain(EVENTS[0], CallUpdated(call=CALL, on_hold=True))
    assert lines[-2:] == ["Nothing was said.", "On hold. This is what was said so far."]


def test_a_paused_call_that_nobody_spoke_on() -> None:
    lines = plain(EVENTS[0], TranscriptionPaused(call=CALL, at_ms=1), CallEnded(call=CALL))
    assert lines[-1] == "Nothing was said."


NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "said"),
    [
        ("2026-01-15T10:42:00.000Z", "10:42"),
        ("2026-01-14T18:03:00.000Z", "yesterday 18:03"),
        ("2026-01-02T18:03:00.000Z", "2 Jan 18:03"),
        ("2025-11-12T18:03:00.000Z", "12 Nov 2025"),
        ("soon", "soon"),
    ],
)
def test_times_as_people_say_them(at: str, said: str) -> None:
    assert when(at, NOW, UTC) == said


def test_what_is_no_date() -> None:
    assert date("") == ""


def test_who_a_call_was_with() -> None:
    assert who(summary()) == "Alice"
    assert who(summary(from_name="")) == "+1 (500) 555-0010"
    assert who(summary(direction="outbound")) == "+1 (500) 555-0006"
    assert who(summary(flow="conference", room="support", speakers=("Alice", "Bob"))) == (
        "Room support: Alice and Bob"
    )


def test_the_list_fits_every_width_and_shows_what_matters() -> None:
    calls = [summary(last_text="Thank you. " * 20), summary(id="x", sid="CAffff", status="busy")]
    for width in (40, 60, 80, 200):
        out = io.StringIO()
        console = Console(file=out, width=width, force_terminal=True, color_system=None)
        print_calls(console, calls, now=NOW, timezone=UTC)
        lines = out.getvalue().splitlines()
        assert len(lines) == 3
        assert all(len(line) <= width for line in lines)
    assert "CA012345" in lines[1]
    assert "Thank you. Thank you." in lines[1]
    assert "Missed" in lines[2]


def test_the_list_in_a_pipe_is_whole_and_safe() -> None:
    out = io.StringIO()
    nasty = summary(from_="+1\x1b[2J\t5", last_text="a\nb")
    print_calls(Console(file=out, force_terminal=False), [nasty])
    assert out.getvalue().count("\n") == 1
    assert "\x1b" not in out.getvalue()
    assert out.getvalue().split("\t")[:3] == [CALL, "2026-01-15T10:00:50.000Z", "completed"]
    assert len(out.getvalue().split("\t")) == 8


@pytest.mark.parametrize(
    ("number", "words"),
    [
        ("+15005550010", "+15005550010"),
        ("+266696687", "Withheld number"),
        ("anonymous", "Withheld number"),
        ("", "Unknown caller"),
        ("client:kelly", "kelly"),
        ("sip:anonymous@anonymous.invalid", "Withheld number"),
    ],
)
def test_callers_without_a_number_are_in_words_in_a_pipe_too(number: str, words: str) -> None:
    out = io.StringIO()
    print_calls(Console(file=out, force_terminal=False), [summary(from_=number, from_name="")])
    assert out.getvalue().split("\t")[3] == words


def test_sids_are_shown_as_long_as_needed() -> None:
    assert shortest_length([]) == 8
    assert shortest_length(["CA1234567", "CA1234568"]) == 9
    assert shortest_length(["CA12345678", "CA22345678"]) == 8
    assert shortest_length(["CA12345678", "CA12345678"]) == 8
