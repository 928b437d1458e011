"""One daemon thread for calls that block: a stalled disk or terminal holds up neither the event loop nor the exit."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")

_busy: dict[int, str] = {}
"""Thread -> name of the worker that is in the middle of a job there."""

_Job = tuple[Callable[[], Any], asyncio.AbstractEventLoop, asyncio.Future[Any]]


class JobThread:
    """Runs jobs one after the other in a thread of its own, which starts with the first of them.

    The pools of the standard library are joined when the interpreter exits, so that one thread that never comes back
    keeps the process alive; this one is not.

    Args:
        name: the thread's, for logs and debuggers.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._started = False

    async def run(self, job: Callable[[], T]) -> T:
        """The job's result. A caller that is cancelled has it done all the same.

        Raises:
            whatever the job raises.
        """
        if not self._started:
            self._started = True
            threading.Thread(target=self._work, name=self._name, daemon=True).start()
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        self._jobs.put((job, loop, done))
        return await done

    def close(self) -> None:
        """The thread ends after the jobs that it was given; nobody waits for it."""
        self._jobs.put(None)

    def _work(self) -> None:
        while (item := self._jobs.get()) is not None:
            job, loop, done = item
            result: Any = None
            error: BaseException | None = None
            _busy[threading.get_ident()] = self._name
            try:
                result = job()
            except BaseException as caught:  # handed to whoever waits
                error = caught
            finally:
                del _busy[threading.get_ident()]
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(_settle, done, result, error)


def busy() -> list[str]:
    """Names of the workers that are in the middle of a job."""
    return sorted(_busy.values())


def _settle(done: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if done.done():  # whoever waited was cancelled
        return
    if error is None:
        done.set_result(result)
    else:
        done.set_exception(error)
