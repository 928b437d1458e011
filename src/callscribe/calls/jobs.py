"""What is done for one record, one after the other: what is published first is known first."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

log = structlog.get_logger(__name__)

Work = Callable[[], Awaitable[object]]


class Jobs:
    """A queue with one worker. Never blocks whoever adds to it.

    Args:
        after: begin when this one is done.
    """

    def __init__(self, after: Jobs | None = None) -> None:
        self.closing = False
        """Nothing will be added any more."""
        self._after = after
        self._queue: asyncio.Queue[Work | None] = asyncio.Queue()
        self._task = asyncio.create_task(self._run(), name="a call's jobs")

    def add(self, work: Work) -> None:
        """Do this after all that was added before. What it raises is logged."""
        self._queue.put_nowait(work)

    async def empty(self) -> None:
        """Returns when all that was added before is done."""
        if self.closing:
            await self.finished()
            return
        done = asyncio.Event()

        async def tell() -> None:
            done.set()

        self.add(tell)
        await done.wait()

    def finish(self) -> None:
        """Nothing will be added any more."""
        self.closing = True
        self._queue.put_nowait(None)

    def kill(self) -> None:
        """Leave undone what is not done."""
        self._task.cancel()

    async def finished(self) -> None:
        """Returns when all is done."""
        await asyncio.shield(self._task)

    async def _run(self) -> None:
        if self._after is not None:
            await self._after.finished()
            self._after = None
        while (work := await self._queue.get()) is not None:
            try:
                await work()
            except Exception:
                log.exception("a step of a call failed")
