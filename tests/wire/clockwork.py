"""An event loop whose time jumps to the next thing to do: hours pass in milliseconds, and always in the same way."""

from __future__ import annotations

import asyncio
import contextlib
import selectors
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any


class _Jumping(selectors.DefaultSelector):
    """Instead of waiting, moves the loop's time."""

    loop: Clockwork

    def select(self, timeout: float | None = None) -> list[Any]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            raise RuntimeError("everybody waits for something that nobody will do")
        self.loop.now += max(timeout, 0.0)
        return []


class _Inline(ThreadPoolExecutor):
    """Threads would bring real time back: the work is done at once."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except Exception as error:
            done.set_exception(error)
        return done


class Clockwork(asyncio.SelectorEventLoop):
    """The loop; `now` is in seconds and begins at 0."""

    def __init__(self) -> None:
        selector = _Jumping()
        selector.loop = self
        self.now = 0.0
        super().__init__(selector)
        self._clock_resolution = 1e-6
        self.set_default_executor(_Inline(max_workers=1))

    def time(self) -> float:
        return self.now


@contextlib.contextmanager
def clockwork() -> Iterator[Clockwork]:
    """A loop of this kind, closed afterwards."""
    loop = Clockwork()
    asyncio.set_event_loop(loop)
    try:
        yield loop
    finally:
        asyncio.set_event_loop(None)
        loop.close()


def play(loop: Clockwork, work: Coroutine[Any, Any, None]) -> None:
    """Run to the end, and let what was left over end too."""
    loop.run_until_complete(work)
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
