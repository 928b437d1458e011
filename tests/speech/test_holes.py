from __future__ import annotations

from callscribe.speech.holes import Hole, Holes


def test_a_hole_of_the_inbound_track_is_a_loss() -> None:
    holes = Holes(shortest_gap_ms=200)
    hole = Hole("inbound", 1000, 1400)
    assert holes.found(hole, None) == [hole]
    assert holes.missing_ms == 400


def test_a_short_loss_is_counted_and_not_shown() -> None:
    holes = Holes(shortest_gap_ms=200)
    assert holes.found(Hole("inbound", 1000, 1100), 5) == []
    assert holes.missing_ms == 100


def test_a_millisecond_or_two_of_jitter_is_no_hole() -> None:
    holes = Holes(shortest_gap_ms=0)
    assert holes.found(Hole("inbound", 1000, 1009), None) == []
    assert holes.missing_ms == 0


def test_the_outbound_track_pauses_by_itself() -> None:
    holes = Holes(shortest_gap_ms=200)
    assert holes.found(Hole("outbound", 1000, 3000), 0) == []
    assert holes.found(Hole("outbound", 5000, 7000), None) == []
    assert holes.missing_ms == 0


def test_missing_chunks_make_a_hole_of_the_outbound_track_a_loss() -> None:
    hole = Hole("outbound", 1000, 3000)
    assert Holes(shortest_gap_ms=200).found(hole, 100) == [hole]


def test_what_the_inbound_track_lost_too_is_a_loss_of_the_outbound_track() -> None:
    inbound, outbound = Hole("inbound", 1000, 1600), Hole("outbound", 900, 1500)
    first = Holes(shortest_gap_ms=200)
    assert first.found(inbound, None) == [inbound]
    assert first.found(outbound, None) == [outbound]
    # Known only afterwards, and only once.
    later = Holes(shortest_gap_ms=200)
    assert later.found(outbound, None) == []
    assert later.found(inbound, None) == [inbound, outbound]
    assert later.found(Hole("inbound", 1100, 1400), None) == [Hole("inbound", 1100, 1400)]


def test_holes_that_barely_touch_are_not_the_same() -> None:
    holes = Holes(shortest_gap_ms=200)
    holes.found(Hole("inbound", 1000, 2000), None)
    assert holes.found(Hole("outbound", 1900, 3000), None) == []
