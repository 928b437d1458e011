from __future__ import annotations

import asyncio
import threading

import pytest

from callscribe.journal.thread import JobThread, busy


async def test_jobs_run_in_order_in_one_thread_of_its_own() -> None:
    worker = JobThread("a worker")
    ran: list[tuple[int, str]] = []

    def job(number: int) -> int:
        ran.append((number, threading.current_thread().name))
        return number

    results = await asyncio.gather(*(worker.run(lambda n=n: job(n)) for n in range(5)))  # type: ignore[misc]
    assert results == list(range(5))
    assert ran == [(number, "a worker") for number in range(5)]
    worker.close()


async def test_what_a_job_raises_reaches_who_waits_and_nobody_else() -> None:
    worker = JobThread("a worker")

    def fault() -> None:
        raise OSError("disk gone")

    with pytest.raises(OSError, match="disk gone"):
        await worker.run(fault)
    assert await worker.run(lambda: 1) == 1
    worker.close()


async def test_a_job_whose_caller_has_left_is_done_all_the_same() -> None:
    worker = JobThread("slow worker")
    gate, done = threading.Event(), threading.Event()
    waiting = asyncio.ensure_future(worker.run(lambda: gate.wait(30)))
    after = asyncio.ensure_future(worker.run(done.set))
    while "slow worker" not in busy():  # noqa: ASYNC110 - another thread changes it
        await asyncio.sleep(0.001)
    waiting.cancel()
    gate.set()
    await after
    assert done.is_set()
    assert waiting.cancelled()
    worker.close()
