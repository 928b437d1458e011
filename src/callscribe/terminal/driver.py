"""Joins a follower to a view, off the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator
from typing import Any, Protocol

from callscribe.events import Published
from callscribe.journal.follow import Follower
from callscribe.journal.thread import JobThread
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
    painter = JobThread("terminal")
    shown = _Shown(view, clock)
    resized, continued = asyncio.Event(), asyncio.Event()

    async def follow() -> None:
        # Awaited straight, not raced with the clock: every turn of the loop in between is time in which pages are
        # drawn and the terminal waits.
        while batch := await follower.batch():
            await painter.run(lambda many=batch: shown.put(many))  # type: ignore[misc]
            if shown.dirty:
                waiting.set()

    async def repaint() -> None:
        while True:
            waiting.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(shown.wait_s(tick_s)):
                    await waiting.wait()
                    continue  # it is due sooner than the clock's next tick
            await painter.run(lambda: shown.tick(tick_s))

    async def obey(signalled: asyncio.Event, answer: Callable[[], None]) -> None:
        while True:
            await signalled.wait()
            signalled.clear()
            await painter.run(answer)

    waiting = asyncio.Event()
    """Something is yet to be painted."""
    try:
        with _signals(resized, continued):
            await _while_first(
                follow(), repaint(), obey(resized, view.redraw), obey(continued, view.resume)
            )
            await painter.run(shown.paint)
    except ViewClosed:
        return
    finally:
        painter.close()


class _Shown:
    """What the view has been given, and when it is to paint again."""

    def __init__(self, view: View, clock: Callable[[], float]) -> None:
        self._view = view
        self._clock = clock
        self._due = self._painted = clock()
        self.dirty = False
        """Something is yet to be painted."""

    def put(self, many: Iterable[Published]) -> None:
        """Give events to the view; paint if the last time is long enough ago."""
        for published in many:
            self._view.show(published)
            self.dirty = True
        if self.dirty and self._clock() >= self._due:
            self.paint()

    def tick(self, tick_s: float) -> None:
        """Paint what waits, or the running clock, if that is due."""
        if self.wait_s(tick_s) <= 0:
            self.paint()

    def paint(self) -> None:
        began = self._clock()
        self._view.flush()
        self._painted = self._clock()
        self._due = self._painted + max(FRAME_S, SHARE * (self._painted - began))
        self.dirty = False

    def wait_s(self, tick_s: float) -> float:
        """Seconds until it is time to paint even if nothing comes."""
        due = self._due if self.dirty else max(self._due, self._painted + tick_s)
        return max(0.0, due - self._clock())


async def _while_first(
    first: Coroutine[Any, Any, None], *others: Coroutine[Any, Any, None]
) -> None:
    """Run all of them until the first one ends or any of them fails.

    Raises:
        whatever the one that failed raised.
    """
    tasks = [asyncio.ensure_future(one) for one in (first, *others)]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task.done():
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


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
