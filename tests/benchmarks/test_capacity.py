"""The capacity benchmark's arithmetic: when a word was shown, and where a system stopped keeping up."""

from __future__ import annotations

import json
import socket
from dataclasses import asdict, replace
from pathlib import Path
from unittest.mock import Mock

import pytest

from benchmarks.capacity import report
from benchmarks.capacity.load import Stream
from benchmarks.capacity.stairs import Climb, Stair
from benchmarks.capacity.systems import Running
from benchmarks.capacity.tape import Said, Tape, right
from benchmarks.capacity.words import Lag, Shown, Update, match, spoken

TAPE = Tape(
    b"\xff" * 80_000, (Said("thank", 1.0), Said("you", 1.5), Said("for", 3.0), Said("calling", 4.0))
)


ABOUT = {
    "form": "quick",
    "source": "6 real calls",
    "minutes": 3.0,
    "date": "2026-01-15",
    "stair_s": 12,
}


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The page as the report writes it, without its picture."""
    page = tmp_path / "capacity.md"
    monkeypatch.setattr(report, "PAGE", page)
    monkeypatch.setattr(report, "_draw", lambda climbs, bound_s: None)
    return page


def stream(sent_s: float = 8.0) -> Stream:
    with socket.socket() as unused:
        return Stream(0, 0, (TAPE,), "CA1", "MZ1", unused, started=100.0, sent=round(sent_s * 50))


def lags(stream: Stream, updates: list[Update]) -> list[Lag]:
    return match(spoken(stream, 0), Shown.of(updates))


def test_a_word_counts_from_its_end_to_its_first_showing() -> None:
    said = [
        Update(101.2, "thank", False),
        Update(101.9, "thank you", False),
        Update(102.4, "thank you", True),
        Update(104.5, "calling", True),
    ]
    found = lags(stream(), said)
    assert [round(lag.shown_s, 3) for lag in found] == [0.2, 0.4, 0.5]
    assert [round(lag.final_s, 3) for lag in found] == [1.4, 0.9, 0.5]


def test_a_word_never_made_final_is_known_as_such() -> None:
    (lag,) = lags(stream(), [Update(101.3, "thank", False)])
    assert lag.final_s == float("inf")


def test_the_tape_goes_round() -> None:
    said = [Update(111.5, "thank", True)]
    (lag,) = [
        x
        for x in lags(stream(12.0), [Update(101.5, "thank you for calling", True), *said])
        if x.spoken_at > 110
    ]
    assert lag.shown_s == pytest.approx(0.5)


def test_a_word_counts_from_its_own_showing_whatever_is_missing_before_it() -> None:
    said = [
        Update(101.8, "you", False),
        Update(102.5, "thank you", False),
        Update(103.0, "thank you", True),
    ]
    assert [round(lag.shown_s, 3) for lag in lags(stream(), said)] == [1.5, 0.3]


def test_a_wrong_word_does_not_count_as_the_right_one() -> None:
    said = [
        Update(101.2, "tank", False),
        Update(101.9, "thank you", False),
        Update(102.4, "thank you", True),
    ]
    assert [round(lag.shown_s, 3) for lag in lags(stream(), said)] == [0.9, 0.4]


def test_a_word_that_was_taken_back_for_a_while_was_shown_when_it_first_came() -> None:
    said = [
        Update(101.2, "thank", False),
        Update(101.4, "tank", False),
        Update(101.6, "thank", False),
        Update(102.4, "thank you", True),
    ]
    assert [round(lag.shown_s, 3) for lag in lags(stream(), said)] == [0.2, 0.9]


def test_words_that_nobody_said_are_not_timed() -> None:
    heard = [Said("uh", 0.5), Said("thank", 1.0), Said("you", 1.5), Said("hello", 2.0)]
    assert [word.text for word in right(heard, "Thank you for calling.")] == ["thank", "you"]


def test_what_a_system_prints_is_read_once_and_by_track() -> None:
    running = Running(process=Mock(), port=1, start_s=0.1)
    running.lines += [
        (1.0, b'{"type":"partial","call":"CA1","track":"inbound","raw_text":"thank"}'),
        (1.1, b'{"type":"other","call":"CA1"}'),
        (1.2, b" * Running on http://127.0.0.1"),
    ]
    assert [w.first_at for w in running.shown()["CA1", "inbound"].words] == [1.0]
    running.lines += [
        (2.0, b'{"type":"final","call":"CA1","track":"inbound","raw_text":"thank you"}'),
        (2.5, b'{"stream":"MZ2","final":false,"text":"hello"}{"stream"'),
        (3.0, b'{"stream":"MZ2","final":true,"text":"hello"}'),
    ]
    shown = running.shown()
    assert [(w.text, w.first_at, w.final_at) for w in shown["CA1", "inbound"].words] == [
        ("thank", 1.0, 2.0),
        ("you", 2.0, 2.0),
    ]
    assert [(w.text, w.final_at) for w in shown["MZ2", "inbound"].words] == [("hello", 3.0)]


def stair(tracks: int, shown: float, *, lost: int = 0, cpu: float = 0.5) -> Stair:
    return Stair(tracks, cpu, 100, 50, (0.3, shown, shown), (1, 1, 1), shown, lost, 0.0)


def test_capacity_lies_between_the_stair_that_held_and_the_one_that_did_not() -> None:
    climb = Climb("x", 1.0, (stair(8, 0.4), stair(16, 0.6), stair(24, 1.0)), look_ahead_s=0.3)
    assert climb.capacity(0.5) == pytest.approx(20)
    assert Climb("x", 1.0, (stair(8, 0.4), stair(16, 0.6)), 0.3).capacity(0.5) == 16
    assert Climb("x", 1.0, (stair(8, 0.4), stair(16, 0.4, lost=20)), 0.3).capacity(0.5) == 8
    assert Climb("x", 1.0, (stair(8, 2.0),), 0.3).capacity(0.5) == 0


def test_a_full_core_does_not_hold_whoever_fills_it() -> None:
    full = replace(stair(16, 0.4, cpu=0.88), others=0.11)
    assert Climb("x", 1.0, (stair(8, 0.4), full), 0.3).capacity(0.5) == 8


def test_the_second_reader_counts_as_live_only_while_its_words_come_soon(
    written: Path,
) -> None:
    soon = replace(stair(4, 0.4), revised=(1.2, 1.9, 2.0))
    late = replace(stair(8, 0.4), revised=(1.9, 2.6, 3.0))
    reader = asdict(Climb("callscribe and a second reader", 1.0, (soon, late), 0.3))
    report.write({"about": ABOUT, "reader": json.loads(json.dumps(reader))}, 0.5)
    page = written.read_text(encoding="utf-8")
    assert (
        "| 4 two-way calls a core read within 2 s of the end of speech (95 %) | 2 | not reached |"
        in page
    )
    assert (
        "after (50 / 95 / 99 %) 1.2 / 1.9 / 2.0 s with 2 calls, 1.9 / 2.6 / 3.0 s with 4 calls."
        in page
    )


# ruff: noqa: E501 - as it is kept


def test_the_page_says_which_form_it_was_what_was_reached_and_what_is_missing(
    written: Path,
) -> None:
    ours = Climb("callscribe", 1.0, (stair(8, 0.4), stair(60, 0.5)), 0.3)
    theirs = Climb("the tutorials' loop", 1.0, (stair(8, 0.4), stair(12, 1.9)), 0.3)
    soak = {"calls": 1000, "speed": 20.0, "call_s": 3.0, "seconds": 60.0, "memory_mb": [90, 99, 100, 100, 100.5, 100.5],
            "open_files": [30] * 6, "sent_s": 3000.0, "heard_s": 3000.0, "ended": 1000, "lost_s": 0.0}  # fmt: skip
    twice = {"tracks": 120, "times": 2.0, "seconds": 40.0, "sent_s": 4800.0, "heard_s": 4800.0, "lost_s": 0.0, "closed": 1,
             "waited": 0, "worst_lag_s": 20.0, "streams": 120, "ended": 120, "finals": 900, "recovery_s": 31.0}  # fmt: skip
    table = report.write(
        {
            "about": ABOUT,
            "alone": 0.03,
            "unloaded": {"channels": 12, "words": 600, "right": 440, "alone_s": [0.3, 0.8, 1.5], "product_s": [0.4, 0.9, 1.2],
                         "alone_shown": 431, "product_shown": 404, "alone_errors": 0.36, "product_errors": 0.37},
            "tutorial": asdict(theirs),
            "callscribe": asdict(ours),
            "path": {"final to page": [0.0051, 0.009, 0.02]},
            "catching": {"calls": 6, "audio_s": 180.0, "settled": 6, "seconds": 9.0, "cpu_s": 8.0, "cpu_all_s": 19.0, "cpu_first_s": 9.0},
            "soak": soak,
            "twice": twice,
        },
        0.5,
    )  # fmt: skip
    page = written.read_text(encoding="utf-8")
    assert "| callscribe | 60 |" in table
    assert "short form (`--quick`)" in page
    assert "| 6x the tutorials' loop | 6.6x | reached |" in page
    assert "| 2.5x the recogniser alone | 1.8x | not reached |" in page
    assert "120 of 120 streams to the end | not reached |" in page
    assert "| every second accounted for | 3000 s sent, 3000 s heard | reached |" in page
    assert "within 0.80 + 0.5 s and no audio is lost" in page
    assert (
        "| word errors within 0.5 points of decoding everything | +1.0 points | not reached |"
        in page
    )
    assert "| final to page | 5.1 / 9.0 / 20.0 |" in page
    assert (
        "| 15 s of two-way call a processor second when catching up, for the second reading | 18.0 s | reached |"
        in page
    )
    assert "for both readings | 9.5 s | not reached |" in page
    assert "Not measured this time: free, network, reader, shares, ten," in page
