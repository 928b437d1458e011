from __future__ import annotations

import asyncio

from structlog.testing import capture_logs

from callscribe.calls.jobs import Jobs


async def test_one_after_the_other_whatever_fails() -> None:
    jobs = Jobs()
    done: list[int] = []

    async def work(n: int) -> None:
        await asyncio.sleep(0)
        if n == 1:
            raise ValueError("no")
        done.append(n)

    with capture_logs() as logs:
        for n in range(4):
            jobs.add(lambda n=n: work(n))  # type: ignore[misc]
        await jobs.empty()
    assert done == [0, 2, 3]
    assert len(logs) == 1
    jobs.finish()
    await jobs.finished()
    await jobs.empty()


async def test_a_lane_begins_when_the_one_before_it_is_done() -> None:
    done: list[str] = []

    async def work(name: str) -> None:
        done.append(name)

    first = Jobs()
    second = Jobs(after=first)
    second.add(lambda: work("second"))
    await asyncio.sleep(0)
    first.add(lambda: work("first"))
    first.finish()
    await second.empty()
    assert done == ["first", "second"]
    second.finish()
    await second.finished()
