"""The one way an event becomes known: written down first, then shown.

Events that last are committed to the store, get their ids, and only then reach the hub, so that nobody ever sees a
final that a crash could take back. One writer thread commits whatever has gathered since its last commit in one
transaction, so many calls share the cost of one disk flush. Ephemeral events (partials, lag) go to the hub at once.

When the store fails, calls go on: the views are told (`StoreFailed`), events are shown without an id and kept in
memory, and writing is tried again until it works.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec
import structlog

from callscribe.events import EPHEMERAL, AnyEvent, Published, StoreFailed
from callscribe.journal.hub import Hub
from callscribe.store.base import EventWriter

_LONGEST_RETRY_S = 30.0


class Journal:
    """Store and hub together. Use it from the event loop.

    Args:
        store: where events are kept.
        hub: where they are shown.
        on_store_failure: called on the event loop with an explanation when an outage begins (for logs and health).
        retry_s: first wait before the store is tried again; doubles up to half a minute.
        keep: how many events are kept in memory during an outage. Later ones are shown but not written; how many these
            were is said at the end of the outage.
    """

    def __init__(
        self,
        store: EventWriter,
        hub: Hub,
        *,
        on_store_failure: Callable[[str], None] | None = None,
        retry_s: float = 1.0,
        keep: int = 50_000,
    ) -> None:
        self._store = store
        self._hub = hub
        self._on_store_failure = on_store_failure
        self._retry_s = retry_s
        self._keep = keep
        self._log = structlog.get_logger(__name__)
        self._gathered: list[tuple[AnyEvent, asyncio.Future[None]]] = []
        self._unwritten: list[AnyEvent] = []
        self._lost = 0
        self._failure: str | None = None
        self._wake = asyncio.Event()
        self._closing = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")

    @property
    def failure(self) -> str | None:
        """Why the store cannot be written at the moment; None when all is well."""
        return self._failure

    @property
    def unwritten(self) -> int:
        """Events that wait in memory for the store to work again."""
        return len(self._unwritten)

    async def publish(self, event: AnyEvent) -> None:
        """Make an event known; returns when it is committed (if it lasts) and handed to the hub.

        Never raises because of the store. A caller that is cancelled while waiting has published all the same.
        """
        if not event.at:
            event = msgspec.structs.replace(event, at=now())
        if isinstance(event, EPHEMERAL):
            self._hub.publish(Published(id=None, event=event))
            return
        if self._closing.is_set():
            self._log.error("event after the journal was closed", type=type(event).__name__)
            self._hub.publish(Published(id=None, event=event))
            return
        if self._failure is not None:
            self._set_aside(event)
            return
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._gathered.append((event, written))
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="journal")
        self._wake.set()
        await written

    async def close(self) -> None:
        """Commit everything that was accepted, trying a failing store once more, and stop. Idempotent."""
        self._closing.set()
        self._wake.set()
        if self._task is not None:
            await self._task
        self._writer.shutdown(wait=False)

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._gathered:
                batch, self._gathered = self._gathered, []
                await self._commit(batch)
            if self._unwritten:
                await self._recover()
            if self._closing.is_set() and not self._gathered:
                return

    async def _commit(self, batch: list[tuple[AnyEvent, asyncio.Future[None]]]) -> None:
        try:
            ids = await self._append([event for event, _ in batch])
        except (ValueError, TypeError) as error:
            await self._commit_singly(batch, error)
            return
        except Exception as error:
            self._begin_outage(error)
            batch += self._gathered
            self._gathered = []
            for event, written in batch:
                self._set_aside(event)
                _resolve(written)
            return
        for (event, written), event_id in zip(batch, ids, strict=True):
            self._hub.publish(Published(id=event_id, event=event))
            _resolve(written)

    async def _commit_singly(
        self, batch: list[tuple[AnyEvent, asyncio.Future[None]]], error: Exception
    ) -> None:
        """Keep an event that can never be stored from holding up the others."""
        if len(batch) > 1:
            for event, written in batch:
                if self._failure is None:
                    await self._commit([(event, written)])
                else:  # the store failed meanwhile
                    self._set_aside(event)
                    _resolve(written)
            return
        ((event, written),) = batch
        self._refuse(event, error)
        self._hub.publish(Published(id=None, event=event))
        _resolve(written)

    def _refuse(self, event: AnyEvent, error: Exception) -> None:
        self._log.error("event cannot be stored", type=type(event).__name__, error=str(error))
        self._tell(f"One {type(event).__name__} could not be written: {error}", resolved=True)

    async def _append(self, events: Sequence[AnyEvent]) -> Sequence[int]:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._writer, self._store.append, events)

    def _set_aside(self, event: AnyEvent) -> None:
        """Show an event that is not written yet."""
        if len(self._unwritten) < self._keep:
            self._unwritten.append(event)
            self._hub.publish(Published(id=None, event=event), pending=True)
        else:
            self._lost += 1
            self._hub.publish(Published(id=None, event=event))

    def _begin_outage(self, error: Exception) -> None:
        self._failure = str(error) or type(error).__name__
        self._log.error("store failed", error=self._failure)
        self._tell(
            f"The record cannot be written: {self._failure} Transcription goes on; "
            "what is said is kept in memory and written as soon as the store works again."
        )
        if self._on_store_failure is not None:
            self._on_store_failure(self._failure)

    async def _recover(self) -> None:
        """Try again until everything is written, or until closing."""
        wait = self._retry_s
        singly = False
        while self._unwritten:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), wait)
            events = self._unwritten[: 1 if singly else None]
            try:
                ids = await self._append(events)
            except (ValueError, TypeError) as error:
                singly = True
                if len(events) > 1:
                    wait = 0
                    continue
                self._refuse(events[0], error)
                self._hub.forget(events[0])
            except Exception as error:
                if self._closing.is_set():
                    self._log.error(
                        "events lost: the store failed until the end",
                        lost=len(self._unwritten) + self._lost,
                        error=str(error),
                    )
                    return
                wait = min(wait * 2, _LONGEST_RETRY_S)
                continue
            else:
                for event, event_id in zip(events, ids, strict=True):
                    self._hub.publish(Published(id=event_id, event=event))
            del self._unwritten[: len(events)]
            wait = 0
        lost = f" {self._lost} events were lost." if self._lost else ""
        self._log.info("store works again", lost=self._lost)
        self._failure = None
        self._lost = 0
        self._tell(f"The record is being written again.{lost}", resolved=True)

    def _tell(self, message: str, *, resolved: bool = False) -> None:
        event = StoreFailed(call="", at=now(), message=message, resolved=resolved)
        self._hub.publish(Published(id=None, event=event))


def now() -> str:
    """This moment as events carry it, e.g. `2026-01-15T10:00:50.123Z`."""
    moment = datetime.datetime.now(datetime.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _resolve(written: asyncio.Future[None]) -> None:
    if not written.done():  # a cancelled publisher is not waiting any more
        written.set_result(None)
