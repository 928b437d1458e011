"""One server a data folder: a lock that the operating system drops when its process dies, however it dies."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import IO

from callscribe.errors import StoreError

_ATTEMPTS, _PAUSE_S = 5, 0.02
"""A reader that asks `is_held` has the lock for a moment, which is no reason to refuse to start."""


class OwnerLock:
    """Held while a process writes to a data folder.

    Args:
        path: the lock file; it holds the owner's process id for people and stays behind, which means nothing.

    Raises:
        StoreError: another process holds it, or the file cannot be created.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._file: IO[str] = path.open("a+", encoding="ascii")
        except OSError as error:
            raise StoreError(
                f"{path.parent} cannot be written ({error.strerror}). "
                "Make it writable, or name another folder with --data."
            ) from None
        for _ in range(_ATTEMPTS):
            if _try_lock(self._file):
                break
            time.sleep(_PAUSE_S)
        else:
            self._file.seek(0)
            owner = self._file.read(32).strip()
            self._file.close()
            process = f" (process {owner})" if owner else ""
            raise StoreError(
                f"Another callscribe{process} is already writing to {path.parent}. "
                "Stop it first, or give this one a folder of its own with --data."
            )
        self._file.truncate(0)
        self._file.write(str(os.getpid()))
        self._file.flush()

    def release(self) -> None:
        """Let another process write. Idempotent."""
        self._file.close()


def is_held(path: Path) -> bool:
    """Whether a living process writes to the folder of this lock file. Also True where that cannot be found out."""
    try:
        with path.open(encoding="ascii") as file:
            return not _try_lock(file)
    except FileNotFoundError:
        return False
    except OSError:
        return True


if sys.platform == "win32":
    import msvcrt

    def _try_lock(file: IO[str]) -> bool:
        file.seek(1_000_000)  # Windows locks forbid reading, so lock a byte that nobody reads
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_lock(file: IO[str]) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
