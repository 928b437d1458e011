"""Reading archives that nobody vouches for: whatever is wrong in one is a `BadArchiveError`."""

from __future__ import annotations

import contextlib
import errno
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

_CHUNK = 1 << 20
_WRONG = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,  # it wants a password
    ValueError,  # offsets, and names that are not UTF-8
    OverflowError,
    KeyError,
)
"""All that `zipfile` raises over content (CPython 3.11 to 3.13, Lib/zipfile)."""


class BadArchiveError(Exception):
    """It cannot be unpacked; says why."""


@contextlib.contextmanager
def opened(archive: Path) -> Iterator[zipfile.ZipFile]:
    """A zip file, open for reading.

    Raises:
        BadArchiveError: it is none.
        OSError: it cannot be read.
    """
    with _explained():
        packed = zipfile.ZipFile(archive)
    with packed:
        yield packed


def pieces(packed: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    """A member's content, no more than it says it has.

    Raises:
        BadArchiveError: it is damaged, encrypted, or packed in a way that no model is.
        OSError: it cannot be read.
    """
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise BadArchiveError(f"it is compressed with method {member.compress_type}")
    with _explained(), packed.open(member) as source:
        while chunk := source.read(_CHUNK):
            yield chunk


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except _WRONG as error:
        raise BadArchiveError(str(error) or type(error).__name__) from error
    except OSError as error:
        if error.errno != errno.EINVAL:  # a place before the file's beginning
            raise
        raise BadArchiveError("it refers to what is not in it") from error
