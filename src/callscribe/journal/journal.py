"""The one way an event becomes known: through the stages, written down, then shown.

Events that last are committed to the store, get their ids, and only then reach the hub, so that nobody ever sees a
final that a crash could take back. One writer thread commits whatever has gathered since its last commit in one
transaction, so many calls share the cost of one disk flush. Ephemeral events (partials, lag) go to the hub at once.

Calls go on whatever the store does. Nobody who publishes waits for it longer than `patience_s`. When it fails, or does
not answer for `stalled_s`, the views are told (`StoreFailed`), and events are shown without an id and kept until the
store has them: in memory, and in a `Spill` beside, which outlives the process. Then they get their ids. A record that
was deleted or replaced under the server is begun anew, with what is still in memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeVar

import msgspec
import structlog

from callscribe.errors import RecordLostError, StoreError
from callscribe.events import (
    EPHEMERAL,
    AnyEvent,
    CallDeleted,
    Published,
    StoreFailed,
    TextDeleted,
)
from callscribe.journal.hub import Hub
from callscribe.journal.newest import Newest
from callscribe.journal.spill import Spill
from callscribe.journal.stages import Stage, Stages
from callscribe.journal.thread import JobThread
from callscribe.store.base import EventWriter

T = TypeVar("T")

_LONGEST_RETRY_S = 30.0
_NEWEST = 10_000
"""Newest stored events that are kept in memory, to begin a lost record anew with them."""


class _Gathered(NamedTuple):
    """An event that waits for its commit."""

    event: AnyEvent
    written: asyncio.Future[None]
    since: float
    """On the loop's clock."""


class _Whole(NamedTuple):
    """A call of some time ago that waits to be written."""

    events: list[AnyEvent]
    commit: Callable[[], Sequence[int]]
    written: asyncio.Future[None]


class _GivenUp(Exception):
    """The store did not answer, and the journal is closing."""


class Journal:
    """Stages, store and hub together. Use it from the event loop.

    Args:
        store: where events are kept.
        hub: where they are shown.
        stages: what every event passes first.
        spill: keeps what the store could not take beyond the process's end.
        on_store_failure: called on the event loop with an explanation when an outage begins (for logs and health).
        patience_s: how long `publish` waits for the store; an event that takes longer is shown later.
        stalled_s: a store that has not answered for so long counts as failed.
        retry_s: first wait before a failed store is tried again; doubles up to half a minute.
        check_s: how often it is seen whether the record is still there.
        index_s: how long after they were written searches find events at the latest. It is not done at once, so that
            nothing comes between an event and the screens.
        closing_s: how long `close` waits for a store that does not answer.
        keep: how many events are kept in memory during an outage. Later ones are shown but not written; how many these
            were is said at the end of the outage.
    """

    def __init__(
        self,
        store: EventWriter,
        hub: Hub,
        *,
        stages: Sequence[Stage] = (),
        spill: Spill | None = None,
        on_store_failure: Callable[[str], None] | None = None,
        patience_s: float = 0.4,
        stalled_s: float = 3.0,
        retry_s: float = 1.0,
        check_s: float = 1.0,
        index_s: float = 0.25,
        closing_s: float = 3.0,
        keep: int = 50_000,
    ) -> None:
        self._store = store
        self._hub = hub
        self._stages = Stages(stages, on_withheld=self._withheld)
        self._spill = spill
        self._on_store_failure = on_store_failure
        self._patience_s = patience_s
        self._stalled_s = stalled_s
        self._retry_s = retry_s
        self._check_s = check_s
        self._index_s = index_s
        self._closing_s = closing_s
        self._keep = keep
        self._log = structlog.get_logger(__name__)
        self._gathered: list[_Gathered] = []
        self._whole: list[_Whole] = []
        self._unwritten: list[AnyEvent] = []
        self._unindexed_since: float | None = None
        """When the first of the events was written that the store has not indexed, on the loop's clock."""
        self._newest = Newest(_NEWEST)
        self._detached = False
        """Events are shown before they are written, because the store fails or does not answer."""
        self._spilled = 0
        self._lost = 0
        self._anew = False
        self._gone = False
        """The record itself is lost or damaged, not only out of reach: the spill has what is remembered of it, too."""
        self._failure: str | None = None
        self._wake = asyncio.Event()
        self._closing = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._writer = JobThread("journal")

    @property
    def failure(self) -> str | None:
        """Why the store cannot be written at the moment; None when all is well."""
        return self._failure

    @property
    def withheld(self) -> int:
        """Events that nobody will know, because a stage failed on them."""
        return self._stages.withheld

    def start(self) -> None:
        """Watch over the record from now on, not only from the first event on. Needs a running event loop."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="journal")

    async def publish(self, event: AnyEvent) -> None:
        """Make an event known; returns when it is committed (if it lasts) and handed to the hub.

        Returns after `patience_s` all the same, and never raises because of the store or a stage: from then on the
        event is the journal's affair. A caller that is cancelled while waiting has published, too.
        """
        if not event.at:
            event = msgspec.structs.replace(event, at=now())
        await self._admit(self._stages.through(event), self._patience_s)

    async def take_in(self, events: Sequence[AnyEvent]) -> None:
        """Make known what happened some time ago; returns when it is written, however long that takes."""
        passed = [found for event in events for found in self._stages.through(event)]
        await self._admit(passed, patience_s=None)

    async def bring_in(self, events: Sequence[AnyEvent]) -> None:
        """Make a whole call of some time ago known; returns when it is written. All of it is, or nothing: it is no live
        call, which must be shown whatever the store does.

        Raises:
            HereAlreadyError: there is such a call.
            StoreError: the store does not work at the moment, or the journal is closing.
        """
        passed = [found for event in events for found in self._stages.through(event)]
        if not passed:
            return
        if self._detached or self._closing.is_set():
            raise self._refusal()
        commit = await asyncio.to_thread(self._store.prepare, passed)
        if self._detached or self._closing.is_set():  # meanwhile
            raise self._refusal()
        one = _Whole(passed, commit, asyncio.get_running_loop().create_future())
        self._whole.append(one)
        self.start()
        self._wake.set()
        await asyncio.wait([one.written])
        one.written.result()

    async def close(self) -> None:
        """Commit everything that was accepted, trying a failing store once more, and stop. Idempotent.

        What the store does not take by then stays in the spill, for the next start.
        """
        if not self._closing.is_set():
            await self._admit(self._stages.close(), self._patience_s)
        self._closing.set()
        self._wake.set()
        if self._task is not None:
            await self._task
        if self._unwritten or self._gone:
            await self._keep_for_next_start()
        self._writer.close()

    async def _admit(self, events: Sequence[AnyEvent], patience_s: float | None) -> None:
        waiting = []
        for event in events:
            if isinstance(event, EPHEMERAL):
                if isinstance(event, CallDeleted):
                    self._newest.forget(event.call, everything=True)
                elif isinstance(event, TextDeleted):
                    self._newest.forget(event.call, everything=False)
                self._hub.publish(Published(id=None, event=event))
            elif self._closing.is_set():
                self._log.error("event after the journal was closed", type=type(event).__name__)
                self._hub.publish(Published(id=None, event=event))
            elif self._detached:
                self._set_aside([event])
            else:
                loop = asyncio.get_running_loop()
                one = _Gathered(event, loop.create_future(), loop.time())
                self._gathered.append(one)
                waiting.append(one.written)
        if not waiting:
            await asyncio.sleep(0)  # whoever publishes in a loop must let others have their turn
            return
        self.start()
        self._wake.set()
        await asyncio.wait(waiting, timeout=patience_s)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            patience = self._check_s if self._unindexed_since is None else self._index_s
            due = loop.call_later(patience, self._wake.set)
            await self._wake.wait()
            due.cancel()
            self._wake.clear()
            try:
                if not self._gathered and not self._closing.is_set():
                    await self._check()
                while self._gathered:
                    batch, self._gathered = self._gathered, []
                    await self._commit(batch)
                if self._whole and not self._detached:
                    await self._write_whole(self._whole.pop(0))
                    self._wake.set()  # for what has come meanwhile
                if self._detached:
                    self._refuse_whole()
                    await self._recover()
                await self._index()
            except _GivenUp:
                self._detach()
                self._begin_outage("it does not answer.")
                self._refuse_whole()
                return
            if self._closing.is_set():
                self._refuse_whole()
            if self._closing.is_set() and not self._gathered:
                return

    async def _check(self) -> None:
        """See whether the record is still there while nothing is written."""
        await self._ask(self._store.check)

    async def _index(self) -> None:
        """Have the store index what was written, once that is due."""
        since = self._unindexed_since
        if since is None or self._detached:
            return
        if asyncio.get_running_loop().time() < since + self._index_s and not self._closing.is_set():
            return
        more: bool | None = True
        while more and not self._gathered:
            more = await self._ask(self._store.index_new)
        if more is False:
            self._unindexed_since = None

    async def _ask(self, job: Callable[[], T]) -> T | None:
        """Have the writer's thread ask the store something; None, and an outage, when that fails.

        Raises:
            _GivenUp: it does not answer, and the journal is closing.
        """
        try:
            return await self._have(job)
        except _GivenUp:
            raise
        except Exception as error:
            self._detach()
            self._begin_outage(error)
            return None

    async def _have(self, job: Callable[[], T]) -> T:
        """What the store answers, in the writer's thread.

        Raises:
            Exception: what the store raised.
            _GivenUp: it does not answer, and the journal is closing.
        """
        asking = asyncio.ensure_future(self._writer.run(job))
        await self._outlast(asking)
        return asking.result()

    async def _commit(self, batch: list[_Gathered]) -> None:
        events = [one.event for one in batch]
        append = partial(self._store.append, events, index=False)
        appending = asyncio.ensure_future(self._writer.run(append))
        if self._unindexed_since is None:
            self._unindexed_since = asyncio.get_running_loop().time()
        spent = asyncio.get_running_loop().time() - batch[0].since
        await self._outlast(appending, batch, within_s=max(0.05, self._stalled_s - spent))
        if self._detached:
            self._take_late(appending, len(batch))
            return
        try:
            ids = appending.result()
        except (ValueError, TypeError) as error:
            await self._commit_singly(batch, error)
            return
        except Exception as error:
            self._detach(batch)
            self._begin_outage(error)
            return
        for one, event_id in zip(batch, ids, strict=True):
            self._show_stored(Published(id=event_id, event=one.event))
            _resolve(one.written)

    async def _write_whole(self, one: _Whole) -> None:
        """Raises _GivenUp as `_outlast`."""
        try:
            ids = await self._have(one.commit)
        except _GivenUp:
            self._whole.insert(0, one)
            raise
        except Exception as error:
            if not one.written.done():
                one.written.set_exception(error)
            return
        for event, event_id in zip(one.events, ids, strict=True):
            self._show_stored(Published(id=event_id, event=event))
        if self._unindexed_since is None:
            self._unindexed_since = asyncio.get_running_loop().time()
        _resolve(one.written)

    def _refuse_whole(self) -> None:
        """Calls of some time ago are not kept until the store works again: whoever has them can try again."""
        for one in self._whole:
            if not one.written.done():
                one.written.set_exception(self._refusal())
        self._whole.clear()

    def _refusal(self) -> StoreError:
        return StoreError(f"The record cannot be written: {self._failure or 'it is closing.'}")

    def _show_stored(self, published: Published) -> None:
        if not published.id:  # it came after its record was deleted
            self._hub.forget(published.event)
            return
        self._newest.add(published)
        self._hub.publish(published)

    async def _commit_singly(self, batch: list[_Gathered], error: Exception) -> None:
        """Keep an event that can never be stored from holding up the others."""
        if len(batch) > 1:
            for place, one in enumerate(batch):
                await self._commit([one])
                if self._detached:  # the store failed meanwhile
                    self._set_aside([one.event for one in batch[place + 1 :]])
                    for one in batch[place + 1 :]:
                        _resolve(one.written)
                    return
            return
        self._refuse(batch[0].event, error)
        self._hub.publish(Published(id=None, event=batch[0].event))
        _resolve(batch[0].written)

    def _refuse(self, event: AnyEvent, error: Exception) -> None:
        self._log.error("event cannot be stored", type=type(event).__name__, error=str(error))
        self._tell(f"One {type(event).__name__} could not be written: {error}", resolved=True)

    async def _outlast(
        self,
        working: asyncio.Future[Any],
        batch: Sequence[_Gathered] = (),
        *,
        within_s: float | None = None,
    ) -> None:
        """Wait for a store that may not answer: say so after a while, and give up a while after closing began.

        Args:
            batch: what it is working on, when that is not among the unwritten.
            within_s: how long it may take without a word about it; `stalled_s` unless given.

        Raises:
            _GivenUp: it does not answer, and the journal is closing.
        """
        closing = asyncio.ensure_future(self._closing.wait())
        patience = self._stalled_s if within_s is None else within_s
        try:
            first = asyncio.FIRST_COMPLETED
            await asyncio.wait({working, closing}, timeout=patience, return_when=first)
            if not working.done() and not closing.done():
                self._detach(batch)
                self._begin_outage(f"it has not answered for {self._stalled_s:g} s.")
                await asyncio.wait({working, closing}, return_when=first)
            if not working.done():
                await asyncio.wait({working}, timeout=self._closing_s)
            if not working.done():
                self._detach(() if self._detached else batch)
                raise _GivenUp
        finally:
            closing.cancel()

    def _detach(self, batch: Sequence[_Gathered] = ()) -> None:
        """From now on events are shown before they are written, those of a batch and those that have gathered first."""
        self._detached = True
        waiting = [*batch, *self._gathered]
        self._gathered = []
        # Those of the batch are kept even if that is too many: they may be written already.
        self._set_aside([one.event for one in waiting])
        for one in waiting:
            _resolve(one.written)

    def _set_aside(self, events: Sequence[AnyEvent]) -> None:
        """Show events that are not written yet."""
        for event in events:
            if len(self._unwritten) < self._keep:
                self._unwritten.append(event)
                self._hub.publish(Published(id=None, event=event), pending=True)
            else:
                self._lost += 1
                self._hub.publish(Published(id=None, event=event))
        self._spill_over()

    def _spill_over(self) -> None:
        if self._spill is not None and self._failure is not None:
            self._spill.add(self._unwritten[self._spilled :])
            self._spilled = len(self._unwritten)

    def _is_gone(self) -> None:
        """What is remembered of a lost record is nowhere but in memory now."""
        if not self._gone and self._spill is not None:
            self._spill.add([published.event for published in self._newest])
        self._gone = True

    def _begin_outage(self, problem: Exception | str) -> None:
        why = str(problem) or type(problem).__name__
        if isinstance(problem, RecordLostError):
            self._is_gone()
        if self._failure is not None:
            self._failure = why
            return
        self._failure = why
        self._log.error("store failed", error=why)
        self._tell(
            f"The record cannot be written: {why} Transcription continues; "
            "what is said is kept in memory and written as soon as the store works again."
        )
        if self._on_store_failure is not None:
            self._on_store_failure(why)
        self._spill_over()
        self._refuse_whole()

    def _take_late(self, appending: asyncio.Future[Sequence[int]], count: int) -> None:
        """What became of the first `count` unwritten events. Those that were not written after all are tried again."""
        try:
            ids = appending.result()
        except (ValueError, TypeError):
            return
        except Exception as error:
            self._begin_outage(error)
            return
        for event, event_id in zip(self._unwritten[:count], ids, strict=True):
            self._show_stored(Published(id=event_id, event=event))
        self._drop_unwritten(count)

    def _drop_unwritten(self, count: int) -> None:
        del self._unwritten[:count]
        self._spilled = max(0, self._spilled - count)

    async def _recover(self) -> None:
        """Try again until everything is written, or until closing.

        Raises:
            _GivenUp: the store does not answer, and the journal is closing.
        """
        wait = self._retry_s
        singly = False
        while self._unwritten or self._failure is not None:
            if wait:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._closing.wait(), wait)
            events = self._unwritten[: 1 if singly else None]
            try:
                await self._begin_anew_if_lost()
                writing = partial(self._store.append, events) if events else list[int]
                ids = await self._have(writing)
            except (ValueError, TypeError) as error:
                if not singly:
                    singly, wait = True, 0.0
                    continue
                self._refuse(events[0], error)
                self._hub.forget(events[0])
            except _GivenUp:
                raise
            except Exception as error:
                self._begin_outage(error)
                if self._closing.is_set():
                    return
                wait = min(max(wait, self._retry_s / 2) * 2, _LONGEST_RETRY_S)
                continue
            else:
                for event, event_id in zip(events, ids, strict=True):
                    self._show_stored(Published(id=event_id, event=event))
            self._drop_unwritten(len(events))
            wait = 0.0
            if not self._unwritten:
                self._end_outage()
        self._detached = False

    async def _begin_anew_if_lost(self) -> None:
        """See whether the record is there; if it is not, go on with what is in its place.

        Raises:
            Exception: what the store raised.
            _GivenUp: it does not answer, and the journal is closing.
        """
        try:
            await self._have(self._store.check)
        except RecordLostError:
            self._is_gone()
        if self._gone:
            anew = partial(self._store.begin_anew, list(self._newest), self._hub.last_id)
            await self._have(anew)
            self._gone, self._anew = False, True

    def _end_outage(self) -> None:
        if self._spill is not None:
            self._spill.clear()
        self._spilled = 0
        if self._failure is None:
            return
        said = ["The record is being written again."]
        if self._anew:
            said.append(
                f"The newest {len(self._newest)} events, which were still in memory, are in it."
            )
        if self._lost:
            said.append(f"{self._lost} events were lost.")
        self._log.info("store works again", lost=self._lost, anew=self._anew)
        self._failure = None
        self._lost = 0
        self._anew = False
        self._tell(" ".join(said), resolved=True)

    async def _keep_for_next_start(self) -> None:
        kept = False
        if self._spill is not None:
            self._spill.add(self._unwritten[self._spilled :])
            self._spilled = len(self._unwritten)
            kept = await self._spill.settled()
        if kept and self._spill is not None:
            self._log.error(
                "the store failed until the end; what it did not take is written at the next start",
                events=len(self._unwritten),
                lost=self._lost,
                error=self._failure,
                file=str(self._spill.place),
            )
        else:
            self._log.error(
                "events lost: the store failed until the end",
                lost=len(self._unwritten) + self._lost,
                error=self._failure,
            )

    def _tell(self, message: str, *, resolved: bool = False) -> None:
        event = StoreFailed(call="", at=now(), message=message, resolved=resolved)
        for passed in self._stages.through(event):
            self._hub.publish(Published(id=None, event=passed))

    def _withheld(self, stage: str, kind: str, problem: str) -> None:
        """Say that a stage fails, at the first event and then ever more rarely. Not a word of the event itself."""
        count = self._stages.withheld
        if count & (count - 1):
            return
        message = f"{count} events withheld so far: the stage {stage} fails ({kind}: {problem})."
        if count == 1:
            message = f"A {kind} was withheld: the stage {stage} failed ({problem})."
        # Past the stages, which may fail on it too; there is nothing in it that they are for.
        event = StoreFailed(call="", at=now(), message=message, resolved=True)
        self._hub.publish(Published(id=None, event=event))


def now() -> str:
    """This moment as events carry it, e.g. `2026-01-15T10:00:50.123Z`."""
    moment = datetime.datetime.now(datetime.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _resolve(written: asyncio.Future[None]) -> None:
    if not written.done():  # a cancelled publisher is not waiting any more
        written.set_result(None)
