from __future__ import annotations

from callscribe.audio.timeline import Piece
from callscribe.events import GapReason, Track
from callscribe.speech.holes import Hole, Holes
from callscribe.speech.intake import Intake
from callscribe.speech.tap import Tap, TrackKey

FRAME = b"\xff" * 160


class FakeLane:
    """Takes pieces as long as there is room."""

    def __init__(self) -> None:
        self.taken: list[Piece] = []
        self.room = True
        self.flushes = 0

    def put(self, track: Track, piece: Piece) -> bool:
        if self.room:
            self.taken.append(piece)
        return self.room

    def flush(self, track: Track) -> None:
        self.flushes += 1

    @property
    def starts(self) -> list[int]:
        """Carrier's clock of what was taken."""
        return [round(piece.clock_ms) for piece in self.taken]


class Taken:
    """An intake, its lane, and the gaps it told."""

    def __init__(self, *, held_back_ms: int = 180_000) -> None:
        self.lane = FakeLane()
        self.gaps: list[tuple[Hole, GapReason]] = []
        self.intake = Intake(
            "inbound",
            self.lane,
            tap=Tap(TrackKey("CA1", "CA1", "MZ1", "inbound"), (), 0),
            holes=Holes(shortest_gap_ms=200),
            tell_gap=lambda hole, reason: self.gaps.append((hole, reason)),
            reorder_window_ms=120,
            held_back_ms=held_back_ms,
        )

    def frames(self, from_ms: int, to_ms: int, *, keep: bool = True) -> None:
        for timestamp_ms in range(from_ms, to_ms, 20):
            self.intake.receive(timestamp_ms, FRAME, None, keep=keep)


def test_audio_is_passed_on_in_order_and_a_loss_told() -> None:
    taken = Taken()
    taken.frames(0, 1000)
    taken.frames(1500, 2000)
    taken.intake.flush()
    assert taken.lane.starts == [*range(0, 1000, 20), *range(1500, 2000, 20)]
    assert taken.gaps == [(Hole("inbound", 1000, 1500), "missing")]
    assert (taken.intake.end_ms, taken.lane.flushes, taken.intake.flushed) == (2000, 1, True)


def test_what_came_during_a_pause_is_not_kept_not_even_late() -> None:
    taken = Taken()
    taken.frames(0, 1000)
    taken.intake.flush()
    taken.frames(1000, 3000, keep=False)
    taken.intake.resume()
    taken.intake.receive(2900, FRAME, None)
    taken.frames(3000, 4000)
    taken.intake.flush()
    assert taken.lane.starts == [*range(0, 1000, 20), *range(3000, 4000, 20)]
    # Whoever paused tells of the pause.
    assert taken.gaps == []
    assert taken.intake.seen_ms == 4000


def test_audio_held_back_is_passed_on_from_the_answer_and_the_oldest_goes_first() -> None:
    taken = Taken(held_back_ms=2000)
    taken.intake.hold_back()
    taken.frames(0, 5000)
    taken.intake.flush()
    assert taken.lane.taken == []
    taken.intake.release(1000)
    assert taken.lane.starts == list(range(3000, 5000, 20))
    taken.frames(5000, 5200)
    taken.intake.flush()
    assert taken.lane.starts == list(range(3000, 5200, 20))
    assert taken.gaps == []


def test_audio_that_no_lane_takes_is_counted_and_told_as_one_gap() -> None:
    taken = Taken()
    taken.frames(0, 1000)
    taken.intake.flush()
    taken.lane.room = False
    taken.frames(1000, 3000)
    taken.intake.flush()
    assert (taken.intake.dropped_ms, taken.gaps) == (2000, [])
    taken.lane.room = True
    taken.frames(3000, 3400)
    taken.intake.flush()
    assert [reason for _, reason in taken.gaps] == ["overload"]
    assert taken.gaps[0][0][:2] == ("inbound", 1000)


def test_a_clock_set_back_after_a_pause_loses_nothing() -> None:
    taken = Taken()
    for chunk in range(1, 51):
        taken.intake.receive(60_000 + 20 * chunk, FRAME, chunk, keep=chunk <= 25)
    taken.intake.resume()
    for chunk in range(51, 101):
        taken.intake.receive(20 * (chunk - 51), FRAME, chunk)
    taken.intake.flush()
    assert len(taken.lane.taken) == 75
    assert taken.lane.starts == sorted(taken.lane.starts)
    assert taken.gaps == []


def test_one_time_hours_ahead_lengthens_nothing_and_is_counted() -> None:
    taken = Taken()
    taken.frames(0, 500)
    taken.intake.receive(36_000_000, FRAME, None)
    taken.frames(500, 1000)
    taken.intake.flush()
    assert taken.lane.starts == list(range(0, 1000, 20))
    assert taken.intake.seen_ms == 1000
    assert taken.intake.counters.late == 1
