"""Hands every published event to every viewer, without letting a slow one hold up another.

A viewer (terminal, page, `--json`) subscribes and reads at its own speed from its own bounded queue:

* an ephemeral event replaces the older one of the same kind and track that still waits: nobody needs old guesses;
* stored events wait in order. When more than `capacity` of them wait they are thrown away together and one `Resync`
  takes their place: the viewer reads on from the store, so a final is late for it but never lost;
* events that no store could take yet (no id) are kept by the hub until it has (`unstored`). A viewer that hoards too
  many of them reads on from the store and from there. Events that no store will ever take stay in the viewer's queue.

Views don't read a subscription themselves: `callscribe.journal.follow` knows how to begin and go on without a hole.

Everything here runs on the event loop; nothing blocks and nothing awaits except the viewer itself.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from types import TracebackType
from typing import Self

import msgspec
import structlog

from callscribe.events import (
    EPHEMERAL,
    AnyEvent,
    CallDeleted,
    CallEnded,
    FinalTranscript,
    LagChanged,
    PartialTranscript,
    Published,
    StoreFailed,
    StreamEnded,
    TextDeleted,
)

_UNSTORED_FACTOR = 16
"""A viewer may have this many times its capacity of events waiting that no store holds."""

_Slot = tuple[str, ...]


class Resync(msgspec.Struct, frozen=True):
    """The viewer was too slow and missed events; all of them are in the store or in `Hub.unstored`.

    Read `events_after(after_id)`, then `unstored`, remember the highest id seen, and ignore events from the
    subscription up to it.
    """

    after_id: int


class Subscription:
    """One viewer's queue: an async iterator and a context manager. Iteration ends when it, or the hub, is closed."""

    def __init__(self, hub: Hub, call: str | None, capacity: int) -> None:
        self._hub = hub
        self._call = call
        self._capacity = capacity
        self._queue: OrderedDict[int, Published | Resync] = OrderedDict()
        self._slots: dict[_Slot, int] = {}
        self._next_place = 0
        self._resync_place: int | None = None
        self._stored = 0
        self._pending: set[int] = set()
        """Identities of the waiting events that are yet to be stored."""
        self._unstorable = 0
        self._delivered = hub.last_id
        self._wake = asyncio.Event()
        self._closed = False

    def __len__(self) -> int:
        """How many events wait."""
        return len(self._queue)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """No more events are taken; what waits can still be read. Idempotent."""
        self._closed = True
        self._hub._forget(self)
        self._wake.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Published | Resync:
        while not self._queue:
            if self._closed:
                raise StopAsyncIteration
            self._wake.clear()
            await self._wake.wait()
        return self._take()

    def take_waiting(self) -> Published | Resync | None:
        """What `anext` would return at once; None when it would wait, or end."""
        return self._take() if self._queue else None

    def _take(self) -> Published | Resync:
        place, item = self._queue.popitem(last=False)
        if isinstance(item, Resync):
            self._resync_place = None
            # The viewer reads the store now, and so sees at least what the hub has passed on until now.
            self._delivered = max(self._delivered, self._hub.last_id)
            return item
        slot = _slot(item.event)
        if slot is not None:
            if self._slots.get(slot) == place:
                del self._slots[slot]
        elif item.id is None:
            if id(item.event) in self._pending:
                self._pending.remove(id(item.event))
            else:
                self._unstorable -= 1
        else:
            self._stored -= 1
            self._delivered = max(self._delivered, item.id)
        return item

    def _offer(self, published: Published, pending: bool) -> None:
        """Queue an event. Called by the hub."""
        event = published.event
        if self._closed or not (
            self._call is None or event.call == self._call or isinstance(event, StoreFailed)
        ):
            return
        slot = _slot(event)
        if slot is not None:
            self._drop_slot(slot)
            self._slots[slot] = self._put(published)
            return
        if isinstance(event, FinalTranscript):
            self._drop_superseded(event)
        if published.id is None:
            if not pending:
                self._unstorable += 1
            elif self._resync_place is None:
                self._pending.add(id(event))
            else:
                return  # the viewer has yet to read on, and will find it among the unstored
            self._put(published)
            limit = self._capacity * _UNSTORED_FACTOR
            if len(self._pending) > limit:
                self._overflow()
            elif self._unstorable > limit:
                self.close()
        elif self._resync_place is not None:
            pass  # the viewer has yet to read the store, and will find it there
        elif self._stored < self._capacity:
            self._stored += 1
            self._put(published)
        else:
            self._overflow()

    def _overflow(self) -> None:
        self._queue = OrderedDict(
            (place, item)
            for place, item in self._queue.items()
            if isinstance(item, Published)
            and item.id is None
            and id(item.event) not in self._pending
        )
        self._pending.clear()
        self._stored = 0
        self._resync_place = self._put(Resync(after_id=self._delivered))
        self._queue.move_to_end(self._resync_place, last=False)

    def _drop_superseded(self, final: FinalTranscript) -> None:
        slot = ("partial", final.call, final.leg, final.track)
        place = self._slots.get(slot)
        waiting = self._queue.get(place) if place is not None else None
        if (
            isinstance(waiting, Published)
            and isinstance(waiting.event, PartialTranscript)
            and waiting.event.utterance == final.utterance
        ):
            self._drop_slot(slot)

    def _drop_slot(self, slot: _Slot) -> None:
        place = self._slots.pop(slot, None)
        if place is not None:
            del self._queue[place]

    def _put(self, item: Published | Resync) -> int:
        place = self._next_place
        self._next_place += 1
        self._queue[place] = item
        self._wake.set()
        return place


class Hub:
    """All viewers of one server.

    Args:
        last_id: the store's newest id when the server starts, so that a first `Resync` doesn't start from zero.
    """

    def __init__(self, last_id: int = 0) -> None:
        self.last_id = last_id
        """Highest journal id passed on so far."""
        self._log = structlog.get_logger(__name__)
        self._subscriptions: dict[Subscription, None] = {}
        self._unfinished: dict[_Slot, Published] = {}
        self._trouble: Published | None = None
        """That the store cannot be written, while that is so."""
        self._unstored: dict[int, Published] = {}
        """Identity of an event that is yet to be stored -> the event."""

    def publish(self, published: Published, *, pending: bool = False) -> None:
        """Pass an event on to all viewers; never blocks. The journal calls this, in id order.

        Args:
            pending: it has no id because the store could not take it yet. The same object is to be published again,
                with its id, when the store has it; until then it is kept for viewers who come late.
        """
        if published.id is not None:
            self.last_id = max(self.last_id, published.id)
            self._unstored.pop(id(published.event), None)
        elif pending:
            self._unstored[id(published.event)] = published
        self._remember(published)
        for subscription in list(self._subscriptions):
            try:
                subscription._offer(published, pending)
            except Exception:
                # A fault in one viewer's queue must reach neither the others nor the call that is published.
                self._log.exception("viewer let go")
                subscription.close()

    def subscribe(self, *, call: str | None = None, capacity: int = 512) -> Subscription:
        """A new viewer of everything, or of one call, from now on.

        Args:
            call: the record's id, as events carry it.
            capacity: how many stored events may wait before the viewer is sent to the store instead.

        Raises:
            ValueError: a capacity below 1.
        """
        if capacity < 1:
            raise ValueError(f"capacity must be at least 1, not {capacity}")
        subscription = Subscription(self, call, capacity)
        self._subscriptions[subscription] = None
        return subscription

    def current(self, call: str | None = None) -> list[Published]:
        """What no store holds and still is so, for viewers who come late: that the store cannot be written, and the
        newest partial of each utterance that is being spoken."""
        unfinished = [
            published
            for published in self._unfinished.values()
            if call is None or published.event.call == call
        ]
        return unfinished if self._trouble is None else [self._trouble, *unfinished]

    def unstored(self, call: str | None = None) -> list[Published]:
        """What was published and is not in the store yet, in order, for viewers who come late."""
        return [
            published
            for published in self._unstored.values()
            if call is None or published.event.call == call
        ]

    def forget(self, event: AnyEvent) -> None:
        """A pending event will never be stored."""
        self._unstored.pop(id(event), None)

    @property
    def viewers(self) -> int:
        """How many subscriptions are open."""
        return len(self._subscriptions)

    def close(self) -> None:
        """End every subscription: viewers finish reading what waits for them. Idempotent."""
        for subscription in list(self._subscriptions):
            subscription.close()

    def _forget(self, subscription: Subscription) -> None:
        self._subscriptions.pop(subscription, None)

    def _remember(self, published: Published) -> None:
        event = published.event
        if isinstance(event, PartialTranscript):
            slot = (event.call, event.leg, event.track)
            self._unfinished.pop(slot, None)
            if event.raw_text or event.text:
                self._unfinished[slot] = published
        elif isinstance(event, FinalTranscript):
            slot = (event.call, event.leg, event.track)
            unfinished = self._unfinished.get(slot)
            if (
                unfinished is not None
                and isinstance(unfinished.event, PartialTranscript)
                and unfinished.event.utterance == event.utterance
            ):
                del self._unfinished[slot]
        elif isinstance(event, StreamEnded):
            self._drop_unfinished((event.call, event.leg))
        elif isinstance(event, CallEnded):
            self._drop_unfinished((event.call,))
        elif isinstance(event, StoreFailed):
            self._trouble = None if event.resolved else published

    def _drop_unfinished(self, prefix: _Slot) -> None:
        for slot in [slot for slot in self._unfinished if slot[: len(prefix)] == prefix]:
            del self._unfinished[slot]


def _slot(event: AnyEvent) -> _Slot | None:
    """What an ephemeral event replaces, None for events that replace nothing."""
    if not isinstance(event, EPHEMERAL):
        return None
    if isinstance(event, PartialTranscript):
        return ("partial", event.call, event.leg, event.track)
    if isinstance(event, LagChanged):
        return ("lag", event.call, event.leg, event.track)
    if isinstance(event, CallDeleted | TextDeleted):
        return ("deleted", event.call)
    return ("store",)
