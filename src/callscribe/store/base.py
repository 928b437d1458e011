"""What the rest of callscribe knows of the store: protocols, split by need. `opening.open_store` gives the real thing.

    EventWriter     the journal: appends
    EventReader     whoever follows the journal: reads from a cursor
    RecordReader    whoever shows calls: reads them in the shapes of `callscribe.records`
    ReadableStore   the two readers together
    Searcher        whoever looks for calls, and for what was said on them
    Eraser          deletes for good
    Store           journal and records, for the server that owns the record
    Archive         all of it
    TokenBook       whoever asks what a program's token may do

How and where a store keeps things is its own affair: no path, lock, connection or SQL shows here. What every store must
do is written down as tests in `tests/store/contract.py`, which any implementation runs.

Every method blocks for the time of its query and may be called from any thread. All raise `StoreError`, which says what
is wrong and what to do, when the record cannot be read or written at the moment.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from types import TracebackType
from typing import Literal, Protocol, Self

from callscribe.errors import StoreError
from callscribe.events import AnyEvent, CallEnded, Published
from callscribe.records import (
    CallFilter,
    CallPage,
    CallRecord,
    CallSummary,
    SearchPage,
    TokenRecord,
)

Erased = Literal["call", "text"]
"""What is deleted: the whole record of a call, or its text (`callscribe.events.TEXT`) alone. Who was on the call, when,
for how long and how it went stays then; the sound goes by a time of its own."""


class NoRecordError(StoreError):
    """There is no record where one was looked for, so no call has been saved there."""


class InUseError(StoreError):
    """Another process has the record open for writing."""


class HereAlreadyError(StoreError):
    """A call that was to be taken in is in the record already."""


class EventWriter(Protocol):
    """Takes events in."""

    def append(self, events: Sequence[AnyEvent], *, index: bool = True) -> Sequence[int]:
        """Commit events in one transaction; on return they survive the death of this process.

        Args:
            events: none of them ephemeral. One that makes no sense keeps no other out: it is journalled all the same.
            index: whether searches find what was said from then on. Otherwise `index_new` sees to that, which must be
                called; a searcher that is the same object does so before it searches.

        Returns:
            Their ids, increasing; higher than all before, those of deleted events included: an id is a cursor.
            0 for one that comes after a deletion, and is not kept: one of `events.AFTERWARDS` about a record that is
            not there any more, a better reading on a call without any first one.

        Raises:
            ValueError, TypeError: one of the events can never be stored (ephemeral, no JSON form); none was written.
            RecordLostError: the record is not the one that was opened; none was written.
            StoreError: the store does not work at the moment, or is open for reading only; none was written.
        """
        ...

    def prepare(self, events: Sequence[AnyEvent]) -> Callable[[], Sequence[int]]:
        """Make a whole call ready that is not there yet. This takes as long as the call is long, and keeps nobody who
        appends waiting.

        Args:
            events: all of one call, in order; at least one, none of them ephemeral.

        Returns:
            Commits the call, all of it or nothing, within a moment, and returns the ids of its events. Raises
            HereAlreadyError if there is such a call by then, RecordLostError and StoreError as `append`. What was said
            is indexed by `index_new`.

        Raises:
            ValueError, TypeError: one of the events can never be stored.
            StoreError: the store is open for reading only.
        """
        ...

    def index_new(self, limit: int = 50) -> bool:
        """Let searches find what was appended without being indexed, at most `limit` utterances of it.

        Returns:
            Whether some may be left.

        Raises:
            StoreError: the store does not work at the moment. Nothing is forgotten by that.
        """
        ...

    def check(self) -> None:
        """See whether the record is still the one that was opened, at next to no cost.

        Raises:
            RecordLostError: it was deleted, or another one is in its place.
        """
        ...

    def begin_anew(self, kept: Sequence[Published], last_id: int) -> None:
        """After `RecordLostError`: open what is in the record's place now, or make a new one there.

        Args:
            kept: the newest events of the lost record, in order; they are put back with their ids. One whose id is
                taken by another event gets a new id.
            last_id: the highest id ever given; new ones are higher.
        """
        ...


class EventReader(Protocol):
    """Gives events out again, in the order in which they were taken in."""

    def events_after(
        self,
        cursor: int,
        *,
        call: str | None = None,
        limit: int = 1000,
        as_written: bool = False,
    ) -> list[Published]:
        """Journalled events with an id above `cursor`, in order.

        Args:
            cursor: 0 for all.
            call: only this record's.
            limit: at most so many; ask again from the last id until fewer come.
            as_written: without the names that were saved since.
        """
        ...

    def last_id(self) -> int:
        """The newest journal id, 0 when the journal is empty."""
        ...


class RecordReader(Protocol):
    """Calls as they stand now."""

    def calls(self, *, limit: int = 100, before: str | None = None) -> list[CallSummary]:
        """Calls by when they began, newest first. One that nobody is writing any more and that never ended counts as
        interrupted.

        Args:
            limit: at most so many.
            before: a record's id; only calls that began before it (for paging). None begin before an unknown one.
        """
        ...

    def call(self, sid: str) -> CallRecord | None:
        """One call with everything kept of it, as of one moment.

        Args:
            sid: the record's id, the call SID of any of its legs, its conference SID, or the beginning of one of
                these (6 characters or more) if no other call has it too. Upper and lower case differ.
        """
        ...

    def matching(self, sid: str) -> list[str]:
        """The records that `sid` may stand for, newest first; see `call`. At most ten."""
        ...


class ReadableStore(EventReader, RecordReader, Protocol):
    """The reading side. Works beside the process that writes."""


class Store(EventWriter, ReadableStore, Protocol):
    """All of it. One process at a time has a record open for writing, others read beside it. Close it when done."""

    @property
    def place(self) -> str:
        """Where the record is kept, for messages to people, e.g. `./data`."""
        ...

    def interruptions(self) -> list[CallEnded]:
        """How the calls ended that a process left open when it died, oldest first. Whoever starts to write makes them
        known; a server does so through its journal.

        The end is given the time of the call's last event: when it really ended, nobody knows.
        """
        ...

    def close(self) -> None:
        """Let go of everything, and let another process write. Idempotent."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class Searcher(Protocol):
    """Finds calls, and what was said on them."""

    def list_calls(
        self,
        wanted: CallFilter = CallFilter(),  # noqa: B008 - immutable
        *,
        words: str = "",
        limit: int = 50,
        cursor: str = "",
    ) -> CallPage:
        """Calls by when they began, the newest first.

        Args:
            wanted: only these.
            words: each of them is the beginning of a name, a number, a tag or the room, or they were said on the call.
            limit: at most so many.
            cursor: of the page before, or the id of its last call.

        Raises:
            QueryError: the filter or the cursor makes no sense; says why.
        """
        ...

    def search(
        self,
        query: str,
        wanted: CallFilter = CallFilter(),  # noqa: B008 - immutable
        *,
        limit: int = 20,
        by_rank: bool = False,
        cursor: str = "",
    ) -> SearchPage:
        """The utterances that a query finds (its language: `callscribe.search.query`).

        Args:
            wanted: only in these calls.
            limit: at most so many.
            by_rank: the best first, among the newest few thousand, instead of the newest first.
            cursor: of the page before.

        Raises:
            QueryError: the query, the filter or the cursor makes no sense; says why.
        """
        ...


class Eraser(Protocol):
    """Deletes for good. `callscribe.erasure` puts the steps in order."""

    def chosen(self, *, number: str = "", before: str = "", limit: int = 1000) -> list[str]:
        """Calls that are over, oldest first.

        Args:
            number: that this phone number took part in, however it is grouped; empty: any.
            before: that began before this moment, ISO 8601 UTC; empty: any time.

        Raises:
            QueryError: this is no phone number.
        """
        ...

    def expired(self, before: str, what: Erased, limit: int = 100) -> list[str]:
        """Calls that ended before a moment and are still there, or still have text; oldest first."""
        ...

    def erase(self, calls: Collection[str], what: Erased = "call") -> list[str]:
        """Delete calls that are over, from journal, projections and index, or only their text.

        A reading that comes later of what was deleted is not kept (`append`).

        Returns:
            Those that were deleted. They are in `erased` until `forget`.
        """
        ...

    def erased(self) -> list[tuple[str, Erased]]:
        """What was deleted and may still have traces in files."""
        ...

    def scrub(self) -> Iterator[None]:
        """Remove the traces that deleted rows leave in the store's own files, a short step at a time.

        Raises:
            StoreError: somebody reads an old state and goes on doing so; try again later.
        """
        ...

    def forget(self, calls: Sequence[str]) -> None:
        """Nothing is left of these."""
        ...


class Archive(Store, Searcher, Eraser, Protocol):
    """Everything that a store does."""

    def index_more(self, limit: int = 500) -> int:
        """Index some of what an older version kept without an index; search does not find the rest yet.

        Returns:
            How many utterances are left; 1,000 stands for more, too. 0: done.
        """
        ...


class TokenBook(Protocol):
    """Named tokens, known by their digests. Works while the server runs."""

    def add(self, name: str, digest: str, scopes: Sequence[str], at: str) -> TokenRecord:
        """Keep a new token.

        Raises:
            StoreError: also when the name is or was another's.
        """
        ...

    def all(self) -> list[TokenRecord]:
        """All tokens, oldest first, revoked ones too."""
        ...

    def find(self, digest: str) -> TokenRecord | None:
        """The token of this digest, unless it was revoked."""
        ...

    def used(self, name: str, at: str) -> None:
        """Note when a token was used last."""
        ...

    def revoke(self, name: str, at: str) -> bool:
        """Let a token open nothing any more, from now on; whether there was one that did."""
        ...

    def close(self) -> None:
        """Let go of everything. Idempotent."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


_PAGE = 1000
"""Read at a time by the two below, which gather what is too long for one answer."""


def every_event(reader: EventReader, call: str, *, as_written: bool = False) -> list[AnyEvent]:
    """A record's journal, in order.

    Args:
        as_written: without the names that were saved since.

    Raises:
        StoreError: it cannot be read.
    """
    found: list[AnyEvent] = []
    cursor = 0
    while True:
        page = reader.events_after(cursor, call=call, limit=_PAGE, as_written=as_written)
        found += [published.event for published in page]
        if len(page) < _PAGE:
            return found
        cursor = page[-1].id or cursor


def calls_found(archive: Archive, query: str, wanted: CallFilter) -> list[str]:
    """Calls in which a query is found, or with an empty query all that a filter lets through; the newest first.

    Raises:
        QueryError: the query or the filter makes no sense.
        StoreError: the record cannot be read.
    """
    ids: dict[str, None] = {}
    cursor = ""
    while True:
        if query:
            page = archive.search(query, wanted, limit=_PAGE, cursor=cursor)
            ids |= dict.fromkeys(hit.call for hit in page.hits)
            cursor = page.cursor
        else:
            listed = archive.list_calls(wanted, limit=_PAGE, cursor=cursor)
            ids |= dict.fromkeys(call.id for call in listed.calls)
            cursor = listed.cursor
        if not cursor:
            return list(ids)
