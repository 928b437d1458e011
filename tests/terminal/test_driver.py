from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass

import pytest

from callscribe.events import CallStarted, LagChanged, Published
from callscribe.terminal import ViewClosed, run_view
from callscribe.terminal.driver import Resync


@dataclass(frozen=True)
class Missed:
    after_id: int


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


async def stream(
    *items: Published | Resync, keep_open: asyncio.Event | None = None
) -> AsyncIterator[Published | Resync]:
    for item in items:
        yield item
    if keep_open is not None:
        await keep_open.wait()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - another thread changes it
            await asyncio.sleep(0.001)


async def test_shows_everything_in_order_off_the_event_loop() -> None:
    view = Recorder()
    await run_view(stream(durable(1), passing(), durable(2)), view)
    assert view.ids == [1, None, 2]
    assert view.threads == {"terminal"}
    assert view.flushes >= 2, "at once, and at the end"


async def test_what_comes_in_quick_succession_is_painted_together() -> None:
    view = Recorder()
    many = [passing() for _ in range(500)]
    await run_view(stream(*many), view, clock=lambda: 0.0)
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
    await run_view(stream(*[passing() for _ in range(100)]), view, clock=lambda: now[0])
    assert len(view.ids) == 100
    assert view.flushes == 100 * 0.5 / 10 + 1, "a second each, and then ten of rest"


async def test_resync_reads_the_missing_ones_and_shows_none_twice() -> None:
    view = Recorder()
    asked: list[int] = []

    async def refetch(after: int) -> Iterable[Published]:
        asked.append(after)
        return [durable(n) for n in range(1, 6) if n > after - 2][:3]

    await run_view(
        stream(durable(1), durable(2), Missed(2), durable(4), durable(5), durable(6)),
        view,
        refetch=refetch,
    )
    assert asked == [2, 3, 4, 5]
    assert view.ids == [1, 2, 3, 4, 5, 6]


async def test_a_terminal_that_stands_still_does_not_hold_up_the_loop() -> None:
    view = Recorder()
    view.gate.clear()
    task = asyncio.create_task(run_view(stream(durable(1), durable(2)), view))
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

    await run_view(stream(durable(1), keep_open=asyncio.Event()), Gone())


async def test_a_fault_in_the_view_is_not_swallowed() -> None:
    class Faulty(Recorder):
        def show(self, published: Published) -> None:
            raise RuntimeError("broken view")

    with pytest.raises(RuntimeError, match="broken view"):
        await run_view(stream(durable(1)), Faulty())


async def test_a_fault_in_the_source_is_not_swallowed() -> None:
    async def source() -> AsyncIterator[Published]:
        yield durable(1)
        raise ConnectionError("lost")

    with pytest.raises(ConnectionError):
        await run_view(source(), Recorder())


async def test_ticks_and_signals_repaint() -> None:
    view = Recorder()
    stop = asyncio.Event()
    task = asyncio.create_task(run_view(stream(keep_open=stop), view, tick_s=0.001))
    await until(lambda: view.flushes >= 2)
    os.kill(os.getpid(), signal.SIGWINCH)
    await until(lambda: view.redraws >= 1)
    os.kill(os.getpid(), signal.SIGCONT)
    await until(lambda: view.resumes >= 1)
    stop.set()
    await task


async def test_can_be_cancelled() -> None:
    task = asyncio.create_task(run_view(stream(keep_open=asyncio.Event()), Recorder()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
