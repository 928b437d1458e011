"""What a running server does to its record on the side, a little at a time, so that no call has to wait.

It indexes what older versions kept without an index, finishes recordings that were left, deletes what has been kept
long enough, and removes the traces of what was deleted.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import structlog

from callscribe.erasure import Keeper, erase, remove_traces
from callscribe.errors import StoreError
from callscribe.events import AnyEvent, CallDeleted, TextDeleted
from callscribe.recordings.shelf import Shelf
from callscribe.store.base import Archive, Erased

T = TypeVar("T")

_PIECE = 200
"""Utterances indexed at a time: some 50 ms in which nothing else is written."""
_PAUSE_S = 0.05
_RETRY_S = 60.0
_LONGEST_RETRY_S = 1800.0
_LOOK_S = 3600.0
"""How often is looked for calls that have been kept long enough."""


@dataclass(frozen=True)
class Retention:
    """How long things are kept after a call, in days; 0: for good."""

    calls_days: int = 0
    text_days: int = 0
    audio_days: int = 0


class Upkeep:
    """Owns the tasks.

    Args:
        publish: of the journal; viewers are told of what is deleted.
        keepers: who else keeps something of calls.
        shelf: the recordings, when there are any.
        now: the time, with its zone.
        pause_s: between two steps, so that calls come first.
    """

    def __init__(
        self,
        archive: Archive,
        publish: Callable[[AnyEvent], Awaitable[None]],
        *,
        keepers: Sequence[Keeper] = (),
        shelf: Shelf | None = None,
        retention: Retention = Retention(),
        now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
        pause_s: float = _PAUSE_S,
        retry_s: float = _RETRY_S,
    ) -> None:
        self._archive = archive
        self._publish = publish
        self._keepers = [*keepers, *([shelf] if shelf else ())]
        self._shelf = shelf
        self._retention = retention
        self._now = now
        self._pause_s = pause_s
        self._retry_s = retry_s
        self.let_go: Callable[[str], Awaitable[None]] | None = None
        """Asked, before a call is deleted, to stop what is still being done about it."""
        self._deleted = asyncio.Event()
        self._log = structlog.get_logger(__name__)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Do the upkeep inside."""
        self._deleted.set()  # a server that died may have left traces
        tasks = [
            asyncio.create_task(work(), name=name)
            for name, work in (
                ("indexing", self.index_all),
                ("retention", self._expire),
                ("erasure", self._remove_traces),
                ("finishing", self._finish_recordings),
            )
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def delete(self, calls: Sequence[str], what: Erased = "call") -> list[str]:
        """Delete calls that are over, or their text; the traces go soon after.

        Returns:
            Those that were deleted.

        Raises:
            StoreError: the record cannot be written.
        """
        gone: list[str] = []
        if self.let_go is not None:
            for call in calls:
                await self.let_go(call)
        async for batch in _steps(erase(self._archive, calls, what), self._pause_s):
            gone += batch
            for call in batch:
                gone_event = CallDeleted if what == "call" else TextDeleted
                await self._publish(gone_event(call=call))
            self._deleted.set()
        return gone

    async def index_all(self) -> None:
        """Index what an older version kept without an index. The next start goes on where this one stopped."""
        told = 0
        while True:
            try:
                left = await asyncio.to_thread(self._archive.index_more, _PIECE)
            except StoreError as error:
                self._log.error("indexing stopped until the next start", error=str(error))
                return
            if not left:
                if told:
                    self._log.info("all utterances are indexed")
                return
            if not told or left < told / 2:
                self._log.info("indexing older utterances", left=left)
                told = left
            await asyncio.sleep(self._pause_s)

    async def _expire(self) -> None:
        if self._retention == Retention():
            return
        while True:
            try:
                await self.expire_once()
            except (StoreError, OSError) as error:
                self._log.error("retention has to wait", error=str(error))
            await asyncio.sleep(_LOOK_S)

    async def expire_once(self) -> None:
        """Delete what has been kept long enough.

        Raises:
            StoreError: the record cannot be written.
            OSError: a recording cannot be deleted.
        """
        if self._retention.audio_days and self._shelf:
            moment = self._now() - dt.timedelta(days=self._retention.audio_days)
            for call in await asyncio.to_thread(self._shelf.expired, moment):
                await asyncio.to_thread(self._shelf.forget, call, "call")
        kinds: tuple[tuple[int, Erased], ...] = (
            (self._retention.calls_days, "call"),
            (self._retention.text_days, "text"),
        )
        for days, what in kinds:
            if not days:
                continue
            before = (self._now() - dt.timedelta(days=days)).astimezone(dt.UTC).isoformat()
            while found := await asyncio.to_thread(self._archive.expired, before, what):
                if not await self.delete(found, what):
                    break
                self._log.info("kept long enough and deleted", what=what, calls=len(found))

    async def _finish_recordings(self) -> None:
        """Finish the recordings of a server that died, and those that disk or storage did not take at once."""
        if self._shelf is None:
            return
        wait_s = self._retry_s
        while True:
            try:
                async for name in _steps(self._shelf.finish_left(), self._pause_s):
                    self._log.info("finished a recording that had been left", call=name.call)
                    wait_s = self._retry_s
            except OSError as error:
                self._log.error(
                    "recordings are left for now",
                    tracks=self._shelf.waiting,
                    again_in_s=wait_s,
                    error=str(error),
                )
                await asyncio.sleep(wait_s)
                wait_s = min(2 * wait_s, _LONGEST_RETRY_S)
            else:
                await asyncio.sleep(self._retry_s)

    async def _remove_traces(self) -> None:
        while True:
            await self._deleted.wait()
            self._deleted.clear()
            try:
                async for _ in _steps(remove_traces(self._archive, self._keepers), self._pause_s):
                    pass
            except (StoreError, OSError) as error:
                self._log.error("traces of deleted calls are left for now", error=str(error))
                await asyncio.sleep(self._retry_s)
                self._deleted.set()


async def _steps(work: Iterator[T], pause_s: float) -> AsyncIterator[T]:
    """Do blocking work step by step in threads, with pauses between."""
    done = object()
    while (result := await asyncio.to_thread(next, work, done)) is not done:
        yield result  # type: ignore[misc]
        await asyncio.sleep(pause_s)
