from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable
from typing import Self

import pytest

from callscribe.events import CallStarted, LagChanged, Published
from callscribe.terminal import ViewClosed, driver, run_view


class Recorder:
    """A view that only remembers."""

    def __init__(self) -> None:
        self.ids: list[int | None] = []
        self.redraws = 0
        self.resumes = 0
        self.flushes = 0
        self.gate = threading.Event()
        self.gate.set()
        self.threads: set[str] = set()

    def show(self, published: Published) -> None:
        self.threads.add(threading.current_thread().name)
        self.ids.append(published.id)

    def flush(self) -> None:
        self.gate.wait(10)
        self.flushes += 1

    def redraw(self) -> None:
        self.redraws += 1

    def resume(self) -> None:
        self.resumes += 1


def durable(number: int) -> Published:
    return Published(number, CallStarted(call=f"CA{number}"))


def passing() -> Published:
    return Published(None, LagChanged(call="CA1", leg="CA1", track="inbound", lag_ms=5))


class Given:
    """A follower of given events, one at a time; raises `error` after them, or ends, once `keep_open` is set."""

    cursor = None

    def __init__(
        self,
        *items: Published,
        keep_open: asyncio.Event | None = None,
        error: Exception | None = None,
    ) -> None:
        self._items = list(items)
        self._keep_open = keep_open
        self._error = error

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Published:
        if batch := await self.batch():
            return batch[0]
        raise StopAsyncIteration

    async def batch(self) -> list[Published]:
        if self._items:
            return [self._items.pop(0)]
        if self._keep_open is not None:
            await self._keep_open.wait()
        if self._error is not None:
            raise self._error
        return []


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - another thread changes it
            await asyncio.sleep(0.001)


async def test_shows_everything_in_order_off_the_event_loop() -> None:
    view = Recorder()
    await run_view(Given(durable(1), passing(), durable(2)), view)
    assert view.ids == [1, None, 2]
    assert view.threads == {"terminal"}
    assert view.flushes >= 2, "at once, and at the end"


async def test_what_comes_in_quick_succession_is_painted_together() -> None:
    view = Recorder()
    many = [passing() for _ in range(500)]
    await run_view(Given(*many), view, clock=lambda: 0.0)
    assert len(view.ids) == 500
    assert view.flushes == 2


async def test_slow_painting_is_done_less_often() -> None:
    now = [0.0]

    class Slow(Recorder):
        def flush(self) -> None:
            super().flush()
            now[0] += 1.0

        def show(self, published: Published) -> None:
            super().show(published)
            now[0] += 0.5

    view = Slow()
    await run_view(Given(*[passing() for _ in range(100)]), view, clock=lambda: now[0])
    assert len(view.ids) == 100
    assert view.flushes == 100 * 0.5 / 10 + 1, "a second each, and then ten of rest"


async def test_a_terminal_that_stands_still_does_not_hold_up_the_loop() -> None:
    view = Recorder()
    view.gate.clear()
    task = asyncio.create_task(run_view(Given(durable(1), durable(2)), view))
    for _ in range(200):  # the loop keeps turning while the view is blocked
        await asyncio.sleep(0)
    assert not task.done()
    view.gate.set()
    await task
    assert view.ids == [1, 2]


async def test_ends_quietly_when_the_reader_is_gone() -> None:
    class Gone(Recorder):
        def show(self, published: Published) -> None:
            raise ViewClosed

    await run_view(Given(durable(1), keep_open=asyncio.Event()), Gone())


async def test_a_fault_in_the_view_is_not_swallowed() -> None:
    class Faulty(Recorder):
        def show(self, published: Published) -> None:
            raise RuntimeError("broken view")

    with pytest.raises(RuntimeError, match="broken view"):
        await run_view(Given(durable(1)), Faulty())


async def test_a_fault_in_the_source_is_not_swallowed() -> None:
    with pytest.raises(ConnectionError):
        await run_view(Given(durable(1), error=ConnectionError("lost")), Recorder())


async def test_ticks_and_signals_repaint() -> None:
    view = Recorder()
    stop = asyncio.Event()
    task = asyncio.create_task(run_view(Given(keep_open=stop), view, tick_s=0.001))
    await until(lambda: view.flushes >= 2)
    os.kill(os.getpid(), signal.SIGWINCH)
    await until(lambda: view.redraws >= 1)
    os.kill(os.getpid(), signal.SIGCONT)
    await until(lambda: view.resumes >= 1)
    stop.set()
    await task


async def test_can_be_cancelled() -> None:
    task = asyncio.create_task(run_view(Given(keep_open=asyncio.Event()), Recorder()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_what_came_too_soon_after_a_painting_is_painted_when_it_is_due() -> None:
    view = Recorder()
    stop = asyncio.Event()
    given = Given(durable(1), durable(2), keep_open=stop)
    task = asyncio.create_task(run_view(given, view, tick_s=1000))
    await until(lambda: view.flushes >= 2)
    assert view.ids == [1, 2]
    stop.set()
    await task


async def test_the_running_clock_waits_for_a_tick_without_painting() -> None:
    """A clock painted while people talk would delay what they say by a frame."""
    now = [0.0]
    shown = driver._Shown(view := Recorder(), lambda: now[0])
    now[0] = 5.0
    shown.put([durable(1)])
    now[0] = 5.5
    shown.tick(1.0)
    assert (view.flushes, shown.wait_s(1.0)) == (1, 0.5)
    now[0] = 6.0
    shown.tick(1.0)
    assert view.flushes == 2
