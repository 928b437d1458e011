"""Following the journal: everything after an event, once and in order, and then whatever comes.

Views and senders know only `Follower`. There are two: `JournalFollower` reads this process's store and hub, the
command line's `Feed` a running server's event stream.

How no event is missed and none comes twice: the hub is subscribed to before the store is read, so that nothing falls
between the two, and what both hold is known by its id. A viewer that was too slow for the hub reads the store again
from the last event that it has. Events that no store could take yet have no id: they come when they happen and are
known again, by what they say, when they come with an id later.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol, Self

import msgspec
import structlog

from callscribe.events import (
    EPHEMERAL,
    AnyEvent,
    CallEnded,
    FinalTranscript,
    PartialTranscript,
    Published,
    SpeakerRenamed,
)
from callscribe.journal.hub import Hub, Resync
from callscribe.journal.thread import JobThread

PAGE = 500
"""Events read from the store at a time."""
_FIRST_RETRY_S = 0.5
_LONGEST_RETRY_S = 15.0
_REMEMBERED = 100_000
"""Events without an id that are remembered, so that they don't come twice."""

_reader = JobThread("journal reader")


class Follower(Protocol):
    """A way through the journal, in order, without hole or double; ephemeral events in between, when they are live."""

    @property
    def cursor(self) -> int | None:
        """Id of the newest stored event given out or passed over; None while that is not known."""
        ...

    async def batch(self) -> list[Published]:
        """The next events: all that can be had without waiting, at least one. Empty: there will be no more."""
        ...

    def __aiter__(self) -> Self: ...

    async def __anext__(self) -> Published: ...


class Past(Protocol):
    """The reading side of a store, as far as a follower needs it. Blocks."""

    def events_after(
        self, cursor: int, *, call: str | None = None, limit: int = 1000
    ) -> list[Published]: ...


class JournalFollower:
    """Follows a store and its hub. A context manager; iteration ends when it, or the hub, is closed.

    A store that cannot be read is asked again until it can; meanwhile nothing comes, since nothing may be left out.

    Args:
        store: where the past is read, in a thread.
        hub: where the present comes from; it is subscribed to at once.
        after: the last stored event that the viewer has, 0 for all of them; None begins now.
        call: only this record's events (and what concerns all).
        capacity: how many stored events may wait before the store is read again instead.
        page: how many events are read at a time.
        wait: between two tries of a store that fails, seconds.

    Attributes:
        resyncs: how often the viewer was too slow and the store was read again.
    """

    def __init__(
        self,
        store: Past,
        hub: Hub,
        *,
        after: int | None,
        call: str | None = None,
        capacity: int = 512,
        page: int = PAGE,
        wait: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._hub = hub
        self._call = call
        self._page = page
        self._wait = wait
        self._log = structlog.get_logger(__name__)
        self._subscription = hub.subscribe(call=call, capacity=capacity)
        self._cursor = hub.last_id if after is None else after
        self._ready: deque[Published] = deque()
        self._unnumbered = Unnumbered()
        self._catching_up = False
        self._newest_shown = 0
        """The hub's newest id when catching up began: what the store has beyond it may still wait in the queue."""
        self._ahead: dict[AnyEvent, int] = {}
        """Read in the store before the hub passed them on with their id, and that id."""
        self._wanted: dict[tuple[str, str], int] = {}
        """Lowest revision that is still news, of the utterances that are being said."""
        self.resyncs = 0
        if after is None:
            self._ready.extend(hub.current(call))
        else:
            self._begin_catching_up()

    @property
    def cursor(self) -> int:
        """Id of the newest stored event given out or passed over."""
        return self._cursor

    @property
    def caught_up(self) -> bool:
        """Whether all of the past has been given out, or waits to be."""
        return not self._catching_up

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let the hub go; what waits can still be read. Idempotent."""
        self._subscription.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Published:
        while True:
            while self._ready:
                published = self._ready.popleft()
                if self._take(published):
                    return published
            if not await self._more():
                raise StopAsyncIteration

    async def batch(self) -> list[Published]:
        """The next events: all that can be had without waiting, at least one. Empty: it is over."""
        found: list[Published] = []
        while True:
            while self._ready:
                published = self._ready.popleft()
                if self._take(published):
                    found.append(published)
            if self._catching_up or not self._take_waiting():
                if found:
                    return found
                if not await self._more():
                    return []

    async def _more(self) -> bool:
        """Wait until something is ready, or may be; False at the end. Loses nothing when it is cancelled."""
        if self._catching_up:
            await self._read_page()
            return True
        try:
            self._accept(await anext(self._subscription))
        except StopAsyncIteration:
            return False
        return True

    def _take_waiting(self) -> bool:
        item = self._subscription.take_waiting()
        if item is None:
            return False
        self._accept(item)
        return True

    def _accept(self, item: Published | Resync) -> None:
        if isinstance(item, Published):
            self._ready.append(item)
        else:
            self.resyncs += 1
            self._begin_catching_up()

    def _begin_catching_up(self) -> None:
        self._catching_up = True
        self._newest_shown = self._hub.last_id
        # The others may yet be shown without an id, when the store is slow to say that it has them.
        self._ahead = {event: at for event, at in self._ahead.items() if at > self._newest_shown}

    async def _read_page(self) -> None:
        """A page of the past; after the last one, what no store has yet and what is being said right now."""
        page = await self._read()
        for published in page:
            if published.id is not None and published.id > self._newest_shown:
                self._ahead[nameless(published.event)] = published.id
        self._ready.extend(page)
        if len(page) < self._page:
            self._catching_up = False
            self._ready.extend(self._hub.unstored(self._call))
            self._ready.extend(self._hub.current(self._call))

    async def _read(self) -> list[Published]:
        wait = _FIRST_RETRY_S
        cursor = self._cursor
        while True:
            try:
                return await _reader.run(
                    lambda: self._store.events_after(cursor, call=self._call, limit=self._page)
                )
            except Exception as error:
                self._log.warning("the record cannot be read; trying again", error=str(error))
            await self._wait(wait)
            wait = min(wait * 2, _LONGEST_RETRY_S)

    def _take(self, published: Published) -> bool:
        """Note an event that is about to be given out; False when it has been, or is out of date."""
        event = published.event
        if published.id is not None:
            if published.id <= self._cursor:
                return False
            self._finish(event)
            self._cursor = published.id
            return not self._unnumbered.forget(event)
        if isinstance(event, EPHEMERAL):
            return self._is_revision_wanted(event)
        return nameless(event) not in self._ahead and self._unnumbered.remember(event)

    def _is_revision_wanted(self, event: AnyEvent) -> bool:
        """Whether a partial is news: what is being said is given out when catching up and may wait in the queue too,
        as may older revisions and those of utterances whose final was read ahead."""
        if not isinstance(event, PartialTranscript):
            return True
        key = event.call, event.utterance
        if event.revision < self._wanted.get(key, 0):
            return False
        self._wanted[key] = event.revision + 1
        return True

    def _finish(self, event: AnyEvent) -> None:
        """Forget which revisions were given out, once no older one can come."""
        if isinstance(event, FinalTranscript):
            key = event.call, event.utterance
            if self._ahead and nameless(event) in self._ahead:
                self._wanted[key] = event.revision + 1
            else:
                self._wanted.pop(key, None)
        elif isinstance(event, CallEnded):
            for key in [key for key in self._wanted if key[0] == event.call]:
                del self._wanted[key]


class Unnumbered:
    """The events that were shown without an id, because no store could take them at the time."""

    def __init__(self) -> None:
        self._events: dict[AnyEvent, None] = {}

    def remember(self, event: AnyEvent) -> bool:
        """Note that an event was shown without an id; False when it had been already."""
        key = nameless(event)
        if key in self._events:
            return False
        self._events[key] = None
        if len(self._events) > _REMEMBERED:
            del self._events[next(iter(self._events))]
        return True

    def forget(self, event: AnyEvent) -> bool:
        """The event has an id now; True when it had been shown without."""
        if not self._events:  # spares a hash, nearly always
            return False
        return self._events.pop(nameless(event), _NOT_THERE) is not _NOT_THERE


_NOT_THERE: Final = object()
_NAMES: Final = ("from_name", "to_name", "speaker")


def nameless(event: AnyEvent) -> AnyEvent:
    """What stays the same of an event when numbers are given names: those of calls that are over are put in as they are
    read, so that an event that was shown before may be read with others."""
    if isinstance(event, SpeakerRenamed):  # the name is what it says
        return event
    changed: dict[str, Any] = {name: "" for name in _NAMES if getattr(event, name, "")}
    if dial := getattr(event, "dial", None):
        changed["dial"] = msgspec.structs.replace(dial, name="")
    return msgspec.structs.replace(event, **changed) if changed else event
