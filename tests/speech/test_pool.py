"""Whose turn it is."""

from __future__ import annotations

from callscribe.speech.pool import Turns


def test_streams_that_are_far_behind_let_the_others_go_first_but_not_for_ever() -> None:
    turns = Turns()
    for n in range(20):
        turns.put(f"live{n}", 0)  # type: ignore[arg-type]
    turns.put("late", 1)  # type: ignore[arg-type]
    turns.put("over", 2)  # type: ignore[arg-type]
    order = [turns.get() for _ in range(22)]
    assert order.index("late") == 7  # type: ignore[arg-type]
    assert order[-1] == "over"  # type: ignore[comparison-overlap]
    turns.close()
    assert turns.get() is None
