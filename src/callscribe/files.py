"""Small files: written whole or not at all; read without waiting for who holds the other end of a pipe, up to a bound.

What lies where a file of ours should be is not always a file: a folder that a container engine made for a missing
mount, a named pipe, a socket, a device. Opening those can wait for ever or bring data without end.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import tempfile
from pathlib import Path

LARGEST = 1 << 20
"""Bytes. What people or we write by hand or in one piece is smaller."""

_DRAFT = ".part"
"""How the name of what is not written to its end ends; it begins with a dot."""

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class NotAFileError(OSError):
    """Something else lies there; `strerror` says what: "it is a named pipe, not a file"."""


class TooLargeError(OSError):
    """It is larger than it may be; `strerror` says so."""


def read(path: Path, most: int = LARGEST) -> bytes:
    """The content of a plain file, or of what a link to one leads to; nothing, of the null device.

    Args:
        path: where.
        most: bytes that it may have.

    Raises:
        NotAFileError: something else lies there.
        TooLargeError: it is larger.
        OSError: it cannot be read, e.g. because it is not there.
    """
    about = path.stat()
    if stat.S_ISCHR(about.st_mode) and about.st_rdev == Path(os.devnull).stat().st_rdev:
        return b""
    _need_file(about, path)  # before it is opened: that alone makes some devices do something
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(path, flags | getattr(os, "O_CLOEXEC", 0)), "rb") as file:
        _need_file(os.fstat(file.fileno()), path)
        content = file.read(most + 1)
    if len(content) > most:
        size = f"{most >> 20} MiB" if most >= 1 << 20 else f"{most} bytes"
        raise TooLargeError(errno.EFBIG, f"it is larger than {size}", str(path))
    return content


def keep_others_out(path: Path) -> bool:
    """Leave a file to its owner, and to a group that was let in. Whether others could read it until now.

    Nothing on Windows, where these bits say only whether a file may be written.
    """
    if os.name == "nt":
        return False
    with contextlib.suppress(OSError):
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & stat.S_IRWXO:
            path.chmod(mode & ~stat.S_IRWXO)
            return bool(mode & stat.S_IROTH)
    return False


def write(path: Path, data: bytes, *, synced: bool = False) -> None:
    """All of it or nothing, for its owner only; in the place of what lies there.

    Args:
        synced: it is on the disk when this returns.

    Raises:
        OSError: it cannot be written. Nothing is left of it, and what lay there lies there.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=_DRAFT)
    try:
        with os.fdopen(handle, "wb") as draft:
            draft.write(data)
            if synced:
                draft.flush()
                os.fsync(draft.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def clear_drafts(folder: Path) -> None:
    """Remove what processes that were killed had begun to `write` in the folders of a folder. Nobody may be writing."""
    for draft in folder.glob(f"*/.*{_DRAFT}"):
        with contextlib.suppress(OSError):
            draft.unlink()
            draft.parent.rmdir()  # when it was the last


def _need_file(found: os.stat_result, path: Path) -> None:
    kind = stat.S_IFMT(found.st_mode)
    if kind != stat.S_IFREG:
        what = _KINDS.get(kind, "something else")
        raise NotAFileError(errno.EINVAL, f"it is {what}, not a file", str(path))
