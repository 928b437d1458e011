"""A stream's events on their way to the journal, in order. Event loop only."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable

import structlog

from callscribe.events import AnyEvent, FinalTranscript, PartialTranscript

_log = structlog.get_logger(__name__)


class Outbox:
    """Events that wait to be published."""

    def __init__(self, publish: Callable[[AnyEvent], Awaitable[None]], stream: str) -> None:
        """
        Args:
            publish: takes every event. What it raises is logged and goes no further.
            stream: stream SID, for the log.
        """
        self._publish = publish
        self._stream = stream
        self._waiting: deque[AnyEvent] = deque()
        self._posted = asyncio.Event()
        self._emptied = asyncio.Event()
        self._emptied.set()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to publish what is posted. Events may be posted before."""
        self._task = asyncio.create_task(self._tell_all(), name=f"tell {self._stream}")

    def post(self, event: AnyEvent) -> None:
        """Queue an event. A partial that nobody has seen yet gives way to the next one of its track."""
        if isinstance(event, PartialTranscript | FinalTranscript):
            for i, waiting in enumerate(self._waiting):
                if isinstance(waiting, PartialTranscript) and waiting.track == event.track:
                    del self._waiting[i]
                    break
        self._waiting.append(event)
        self._emptied.clear()
        self._posted.set()

    async def tell(self, event: AnyEvent) -> None:
        """Publish an event now, past those that wait."""
        try:
            await self._publish(event)
        except Exception:
            _log.exception(
                "publishing failed", stream=self._stream, event_type=type(event).__name__
            )

    async def emptied(self) -> None:
        """Return when all that was posted has been published."""
        await self._emptied.wait()

    async def close(self) -> None:
        """Publish what waits and stop."""
        if self._task is not None:
            await self.emptied()
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        while self._waiting:
            await self.tell(self._waiting.popleft())

    async def _tell_all(self) -> None:
        while True:
            await self._posted.wait()
            self._posted.clear()
            while self._waiting:
                await self.tell(self._waiting.popleft())
            self._emptied.set()
