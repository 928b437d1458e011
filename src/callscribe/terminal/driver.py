"""Joins a follower to a view, off the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

from callscribe.events import Published
from callscribe.journal.follow import Follower
from callscribe.journal.worker import Worker
from callscribe.terminal.jsonlines import ViewClosed


class View(Protocol):
    """What `run_view` needs: `TerminalView` and `JsonLines` are views."""

    def show(self, published: Published) -> None: ...
    def flush(self) -> None: ...
    def redraw(self) -> None: ...
    def resume(self) -> None: ...


FRAME_S = 0.04
"""Seconds between two paintings at least; what comes in between is painted together."""
SHARE = 10
"""Painting takes at most one part in so many of the time, however many people talk."""


async def run_view(
    follower: Follower,
    view: View,
    *,
    tick_s: float = 1.0,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Show events until they end or the view's reader is gone.

    Every call into the view that may write runs in one thread of its own: a terminal that stands
    still delays this view, and the hub then drops superseded partials for it; nothing else waits.

    Args:
        follower: where the events come from.
        tick_s: how often the view may rewrite its running clock, in seconds.
        clock: monotonic seconds.
    """
    painter = Worker("terminal")
    shown = _Shown(view, clock)
    resized, continued = asyncio.Event(), asyncio.Event()
    upcoming = asyncio.ensure_future(follower.batch())
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
                batch = upcoming.result()
                if not batch:
                    await painter.run(shown.paint)
                    return
                upcoming = asyncio.ensure_future(follower.batch())
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

    def put(self, many: Iterable[Published]) -> None:
        """Give events to the view; paint if the last time is long enough ago."""
        for published in many:
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
