"""The capacity benchmark's arithmetic: when a word was shown, and where a system stopped keeping up."""

from __future__ import annotations

import socket

import pytest

from benchmarks.capacity.load import Stream
from benchmarks.capacity.stairs import Climb, Stair
from benchmarks.capacity.tape import Said, Tape
from benchmarks.capacity.words import Update, lags

TAPE = Tape(
    b"\xff" * 80_000, (Said("thank", 1.0), Said("you", 1.5), Said("for", 3.0), Said("calling", 4.0))
)


def stream(sent_s: float = 8.0) -> Stream:
    with socket.socket() as unused:
        return Stream(0, 0, (TAPE,), "CA1", "MZ1", unused, started=100.0, sent=round(sent_s * 50))


def test_a_word_counts_from_its_end_to_its_first_showing() -> None:
    said = [
        Update(101.2, "thank", False),
        Update(101.9, "thank you", False),
        Update(102.4, "thank you", True),
        Update(104.5, "calling", True),
    ]
    found = lags(stream(), 0, said)
    assert [round(lag.shown_s, 3) for lag in found] == [0.2, 0.4, 0.5]
    assert [round(lag.final_s, 3) for lag in found] == [1.4, 0.9, 0.5]


def test_a_word_never_made_final_is_known_as_such() -> None:
    (lag,) = lags(stream(), 0, [Update(101.3, "thank", False)])
    assert lag.final_s == float("inf")


def test_the_tape_goes_round() -> None:
    said = [Update(111.5, "thank", True)]
    (lag,) = [
        x
        for x in lags(stream(12.0), 0, [Update(101.5, "thank you for calling", True), *said])
        if x.spoken_at > 110
    ]
    assert lag.shown_s == pytest.approx(0.5)


def stair(tracks: int, shown: float, *, lost: int = 0, cpu: float = 0.5) -> Stair:
    return Stair(tracks, cpu, 100, 50, (0.3, shown, shown), (1, 1, 1), shown, lost, 0.0)


def test_capacity_lies_between_the_stair_that_held_and_the_one_that_did_not() -> None:
    climb = Climb("x", 1.0, (stair(8, 0.4), stair(16, 0.6), stair(24, 1.0)), look_ahead_s=0.3)
    assert climb.capacity(0.5) == pytest.approx(20)
    assert Climb("x", 1.0, (stair(8, 0.4), stair(16, 0.6)), 0.3).capacity(0.5) == 16
    assert Climb("x", 1.0, (stair(8, 0.4), stair(16, 0.4, lost=20)), 0.3).capacity(0.5) == 8
    assert Climb("x", 1.0, (stair(8, 2.0),), 0.3).capacity(0.5) == 0
