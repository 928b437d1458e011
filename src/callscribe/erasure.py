"""Deleting calls for good: from the record, from whoever keeps files about them, and every trace of it.

The order makes it safe to die anywhere: first the rows go, and in the same transaction it is noted that traces may be
left; then files, index and log; then the note. Whoever opens the record next goes on from the note.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from callscribe.store.base import Archive, Erased

_AT_ONCE = 10
"""Calls deleted in one transaction."""


class Keeper(Protocol):
    """Keeps files about calls: recordings, drafts."""

    def forget(self, call: str, what: Erased) -> None:
        """Delete all that is kept of a record, or that its text could be made of again; nothing kept is no error.

        Raises:
            OSError: it cannot be deleted.
        """
        ...


def erase(archive: Archive, calls: Sequence[str], what: Erased = "call") -> Iterator[list[str]]:
    """Delete calls that are over, or their text, some at a time; what is read of the record lacks them.

    Yields:
        Those that were deleted.
    """
    for first in range(0, len(calls), _AT_ONCE):
        yield archive.erase(calls[first : first + _AT_ONCE], what)


def remove_traces(archive: Archive, keepers: Sequence[Keeper]) -> Iterator[None]:
    """Remove what is left in files of everything that was deleted, a short step at a time.

    Raises:
        StoreError, OSError: it cannot be removed now; it is still known what there is to remove.
    """
    erased = archive.erased()
    if not erased:
        return
    for call, what in erased:
        for keeper in keepers:
            keeper.forget(call, what)
        yield
    yield from archive.scrub()
    archive.forget([call for call, _ in erased])
