"""The one place that knows which store there is."""

from __future__ import annotations

from pathlib import Path

from callscribe.store.base import Archive
from callscribe.store.sqlite import SqliteStore


def open_store(data: Path, *, read_only: bool = False) -> Archive:
    """Open the record in a data folder.

    Args:
        data: the folder; made when missing, unless `read_only`.
        read_only: change nothing, not even beside a running server or in a folder that cannot be written.

    Raises:
        NoRecordError: there is none (`read_only`).
        StoreError: with what to do: another process writes there, a newer or older version wrote it, damaged, no
            permission, disk full.
    """
    return SqliteStore.open(data, read_only=read_only)
