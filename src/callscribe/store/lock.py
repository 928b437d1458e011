"""One server a data folder: a lock that the operating system drops when its process dies, however it dies."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import IO

from callscribe.errors import StoreError
from callscribe.store.base import InUseError

_ATTEMPTS, _PAUSE_S = 5, 0.02
"""A reader that asks `is_held` has the lock for a moment, which is no reason to refuse to start."""


class OwnerLock:
    """Held while a process writes to a data folder.

    The folder itself is locked too, where that can be done: a lock file that somebody tidied away keeps nobody out.

    Args:
        path: the lock file; it holds the owner's process id for people and stays behind, which means nothing.

    Raises:
        InUseError: another process holds it.
        StoreError: the file cannot be created.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        _need_file(path)
        try:
            self._file: IO[str] = path.open("a+", encoding="ascii")
        except OSError as error:
            raise StoreError(
                f"{path.parent} cannot be written ({error.strerror}). "
                "Make it writable, or name another folder with --data."
            ) from None
        self._folder: _Folder | None = None
        for _ in range(_ATTEMPTS):
            if _try_lock(self._file) and self._lock_folder(path.parent):
                break
            time.sleep(_PAUSE_S)
        else:
            self._file.seek(0)
            owner = self._file.read(32).strip()
            self.release()
            process = f" (process {owner})" if owner else ""
            raise InUseError(
                f"Another callscribe{process} is already writing to {path.parent}. "
                "Stop it first, or give this one a folder of its own with --data."
            )
        self._file.truncate(0)
        self._file.write(str(os.getpid()))
        self._file.flush()

    def _lock_folder(self, folder: Path) -> bool:
        if self._folder is None:
            self._folder = _open_folder(folder)
        return self._folder is None or _try_lock(self._folder)

    def holds(self) -> bool:
        """Whether the lock file and the folder are still the ones that were locked."""
        try:
            pairs = [(os.fstat(self._file.fileno()), self._path.stat())]
            if self._folder is not None:
                pairs.append((os.fstat(self._folder.fileno()), self._path.parent.stat()))
        except (OSError, ValueError):
            return False
        return all(os.path.samestat(locked, found) for locked, found in pairs)

    def release(self) -> None:
        """Let another process write. Idempotent."""
        self._file.close()
        if self._folder is not None:
            self._folder.close()


def is_held(path: Path) -> bool:
    """Whether a living process writes to the folder of this lock file. Also True where that cannot be found out."""
    try:
        _need_file(path)
        with path.open(encoding="ascii") as file:
            if not _try_lock(file):
                return True
    except FileNotFoundError:
        pass
    except (OSError, StoreError):
        return True
    folder = _open_folder(path.parent)
    if folder is None:
        return False
    try:
        return not _try_lock(folder)
    finally:
        folder.close()


def _need_file(path: Path) -> None:
    """Opening a named pipe would wait for somebody at its other end.

    Raises:
        StoreError: something else lies where a file should be.
    """
    if path.exists() and not path.is_file():
        raise StoreError(f"{path} is not a file. Delete it; the server makes a new one.")


class _Folder:
    """An open folder, as far as a lock needs it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    def fileno(self) -> int:
        if self._descriptor is None:
            raise ValueError("closed")
        return self._descriptor

    def close(self) -> None:
        """Idempotent."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


if sys.platform == "win32":
    import msvcrt

    def _open_folder(folder: Path) -> _Folder | None:
        return None  # folders cannot be locked; but nor can a lock file be deleted while it is open

    def _try_lock(file: IO[str] | _Folder) -> bool:
        if isinstance(file, _Folder):
            return True
        file.seek(1_000_000)  # Windows locks forbid reading, so lock a byte that nobody reads
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _open_folder(folder: Path) -> _Folder | None:
        try:
            return _Folder(os.open(folder, os.O_RDONLY | os.O_CLOEXEC))
        except OSError:
            return None

    def _try_lock(file: IO[str] | _Folder) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
