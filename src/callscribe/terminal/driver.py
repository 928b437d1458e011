"""Joins a stream of published events to a view, off the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import signal
import threading
import time
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Iterator
from typing import Any, Protocol

from callscribe.events import Published
from callscribe.terminal.jsonlines import ViewClosed


class View(Protocol):
    """What `run_view` needs: `TerminalView` and `JsonLines` are views."""

    def show(self, published: Published) -> None: ...
    def flush(self) -> None: ...
    def redraw(self) -> None: ...
    def resume(self) -> None: ...


class Resync(Protocol):
    """Stands in the stream for durable events that the hub could not queue for us; newer ones than
    `after_id` are in the store."""

    @property
    def after_id(self) -> int: ...


Refetch = Callable[[int], Awaitable[Iterable[Published]]]
"""Durable events after a journal id, in order, a page of them; asked again until there are none."""


FRAME_S = 0.04
"""Seconds between two paintings at least; what comes in between is painted together."""
SHARE = 10
"""Painting takes at most one part in so many of the time, however many people talk."""


async def run_view(
    events: AsyncIterable[Published | Resync],
    view: View,
    *,
    refetch: Refetch | None = None,
    tick_s: float = 1.0,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Show events until they end or the view's reader is gone.

    Every call into the view that may write runs in one thread of its own: a terminal that stands
    still delays this view, and the hub then drops superseded partials for it; nothing else waits.
    Events already shown (by id) are not shown again, so that a resync can overlap what is queued.

    Args:
        events: a hub subscription.
        refetch: reads events from the store after a `Resync`. Without it a resync is passed over.
        tick_s: how often the view may rewrite its running clock, in seconds.
        clock: monotonic seconds.
    """
    painter = _Painter()
    shown = _Shown(view, clock)
    iterator = aiter(events)
    resized, continued = asyncio.Event(), asyncio.Event()
    upcoming: asyncio.Future[Published | Resync] = asyncio.ensure_future(_next(iterator))
    with _signals(resized, continued):
        alarm = asyncio.ensure_future(_either(resized, continued))
        try:
            while True:
                waited: set[asyncio.Future[Any]] = {upcoming, alarm}
                await asyncio.wait(
                    waited, timeout=shown.wait_s(tick_s), return_when=asyncio.FIRST_COMPLETED
                )
                if alarm.done():
                    await painter.run(view.resume if continued.is_set() else view.redraw)
                    resized.clear()
                    continued.clear()
                    alarm = asyncio.ensure_future(_either(resized, continued))
                if not upcoming.done():
                    await painter.run(shown.paint)
                    continue
                try:
                    item = upcoming.result()
                except StopAsyncIteration:
                    await painter.run(shown.paint)
                    return
                upcoming = asyncio.ensure_future(_next(iterator))
                if isinstance(item, Published):
                    await painter.run(lambda one=item: shown.put((one,)))  # type: ignore[misc]
                    continue
                cursor = item.after_id
                while refetch is not None:
                    batch = list(await refetch(max(shown.last_id, cursor)))
                    ids = [one.id for one in batch if one.id is not None]
                    if not ids or max(ids) <= max(shown.last_id, cursor):
                        break
                    await painter.run(lambda many=batch: shown.put(many))  # type: ignore[misc]
        except ViewClosed:
            return
        finally:
            for task in (upcoming, alarm):
                task.cancel()
            await asyncio.gather(upcoming, alarm, return_exceptions=True)
            painter.close()


class _Shown:
    """What the view has been given, and when it is to paint again."""

    def __init__(self, view: View, clock: Callable[[], float]) -> None:
        self._view = view
        self._clock = clock
        self._due = clock()
        self._dirty = False
        self.last_id = 0

    def put(self, many: Iterable[Published]) -> None:
        """Give events to the view; paint if the last time is long enough ago."""
        for published in many:
            if published.id is not None:
                if published.id <= self.last_id:
                    continue
                self.last_id = published.id
            self._view.show(published)
            self._dirty = True
        if self._dirty and self._clock() >= self._due:
            self.paint()

    def paint(self) -> None:
        began = self._clock()
        self._view.flush()
        ended = self._clock()
        self._due = ended + max(FRAME_S, SHARE * (ended - began))
        self._dirty = False

    def wait_s(self, tick_s: float) -> float:
        """Seconds after which to paint even if nothing comes."""
        return min(tick_s, max(0.0, self._due - self._clock())) if self._dirty else tick_s


async def _next(iterator: AsyncIterator[Published | Resync]) -> Published | Resync:
    return await anext(iterator)  # a task wants a coroutine; `anext` alone is only awaitable


async def _either(*events: asyncio.Event) -> None:
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()


@contextlib.contextmanager
def _signals(resized: asyncio.Event, continued: asyncio.Event) -> Iterator[None]:
    """Set the events on SIGWINCH and SIGCONT, where signals can be had (main thread, Unix)."""
    loop = asyncio.get_running_loop()
    added: list[int] = []
    for name, event in (("SIGWINCH", resized), ("SIGCONT", continued)):
        number = getattr(signal, name, None)
        if number is None:
            continue
        with contextlib.suppress(ValueError, RuntimeError, NotImplementedError):
            loop.add_signal_handler(number, event.set)
            added.append(number)
    try:
        yield
    finally:
        for number in added:
            loop.remove_signal_handler(number)


class _Painter:
    """One daemon thread. Daemon, so that a terminal stopped with Ctrl-S cannot keep the process
    from exiting."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[tuple[Callable[[], None], asyncio.Future[None]] | None] = (
            queue.SimpleQueue()
        )
        self._loop = asyncio.get_running_loop()
        threading.Thread(target=self._work, name="terminal", daemon=True).start()

    async def run(self, job: Callable[[], None]) -> None:
        done: asyncio.Future[None] = self._loop.create_future()
        self._jobs.put((job, done))
        await done

    def close(self) -> None:
        self._jobs.put(None)

    def _work(self) -> None:
        while (item := self._jobs.get()) is not None:
            job, done = item
            error: BaseException | None = None
            try:
                job()
            except BaseException as caught:  # handed to whoever waits
                error = caught
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self._loop.call_soon_threadsafe(_settle, done, error)


def _settle(done: asyncio.Future[None], error: BaseException | None) -> None:
    if done.cancelled():
        return
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(error)
