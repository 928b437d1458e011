from __future__ import annotations

import asyncio

from callscribe.refusals import Refusals


def test_one_of_a_kind_is_said_in_a_window_and_the_next_brings_the_count() -> None:
    now = 0.0
    refusals = Refusals(window_s=60, clock=lambda: now)
    said: list[tuple[str, int]] = []

    def note(kind: str) -> None:
        refusals.note(kind, lambda hidden: said.append((kind, hidden)))

    for _ in range(1000):
        note("a")
    note("b")
    assert said == [("a", 0), ("b", 0)]
    now = 60.0
    note("a")
    assert said[2:] == [("a", 999)]
    now = 200.0
    note("a")
    assert said[3:] == [("a", 0)]


async def test_the_count_is_said_though_no_more_come() -> None:
    refusals = Refusals(window_s=0.01)
    done = asyncio.Event()
    said: list[tuple[str, int]] = []

    def note(detail: str) -> None:
        def say(hidden: int) -> None:
            said.append((detail, hidden))
            if hidden:
                done.set()

        refusals.note("kind", say)

    for detail in "abc":
        note(detail)
    async with asyncio.timeout(20):
        await done.wait()
    assert said == [("a", 0), ("c", 2)]


def test_a_bounded_number_of_kinds_is_remembered() -> None:
    refusals = Refusals()
    said: list[int] = []
    for number in range(3 * Refusals.REMEMBERED):
        refusals.note(number, said.append)
        refusals.note(number, said.append)
    assert said.count(0) == 3 * Refusals.REMEMBERED
    assert said.count(1) >= 2 * Refusals.REMEMBERED
