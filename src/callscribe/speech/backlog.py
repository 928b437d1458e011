"""What waits to be decoded: in memory at first, and when that is much, on disk. Order is kept.

A machine that is too slow for its calls loses none of their sound: it waits here until there is room, also long after
the call. What waits for room from the beginning is in a file of the data folder at once, and survives the process
(`waiting`). Else the file has no name, so that nothing of it is left when the process ends, however it ends.
Either is sealed, the latter with a key that only the process knew.
"""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from collections import deque
from collections.abc import Iterator
from typing import IO, Final

import msgspec
import structlog

from callscribe.sealing import Seal, is_sealed, opened
from callscribe.speech.stream import Fed

IN_MEMORY: Final = 60 * 8000
"""Samples of all tracks that wait in memory: a minute, half a megabyte."""
_READ_AT_ONCE: Final = 30 * 8000
_LENGTH: Final = 4
"""Bytes before each record that say how long it is, the lowest first."""
_LONGEST: Final = 1 << 24
"""Bytes that no record reaches. What says more is damaged; reading takes the memory beforehand."""

_encode = msgspec.msgpack.Encoder().encode
_SEAL: Final = Seal.fresh()
"""Of the files without a name."""
_decode = msgspec.msgpack.Decoder(Fed).decode
_DAMAGED: Final = (ValueError, RecursionError)
"""What a record that was damaged raises."""
_log = structlog.get_logger(__name__)


class Backlog:
    """A queue of what a stream's tracks were fed. Used under its owner's lock."""

    def __init__(
        self,
        file: IO[bytes] | None = None,
        *,
        records: int = 0,
        seal: Seal | None = None,
        about: str = "",
    ) -> None:
        """
        Args:
            file: where everything waits, nothing in memory; without a buffer; closed by `close`. Without it, one is
                made when needed.
            records: how many are in it already.
            seal: for what is in `file`; None: it is not sealed.
            about: whose it is; goes into the seal.
        """
        self._oldest: deque[Fed] = deque()
        """In memory, before all that is on disk."""
        self._samples = 0
        """Of `_oldest`."""
        self._file = file
        self._named = file is not None
        self._seal, self._about = seal, about
        self._records = records
        """On disk and not brought back."""
        self._read_at = 0
        self.on_disk = 0
        """How much is not in memory, in bytes."""
        if file is not None:
            self.on_disk = file.seek(0, os.SEEK_END)

    def __bool__(self) -> bool:
        return bool(self._oldest or self._records)

    def append(self, fed: Fed) -> None:
        """Add to the end.

        Raises:
            OSError: there is no room on the disk either.
        """
        samples = 0 if fed.piece is None else len(fed.piece.payload)
        if not self._named and not self._records and self._samples + samples <= IN_MEMORY:
            self._oldest.append(fed)
            self._samples += samples
            return
        record = _encode(fed)
        if self._file is None:
            self._seal, self._about = _SEAL, ""
            self._file = tempfile.TemporaryFile(prefix="callscribe-", buffering=0)  # noqa: SIM115 - closed by `close`
        if self._seal is not None:
            record = self._seal.seal(record, self._about)
        self._write(self._file, len(record).to_bytes(_LENGTH, "little") + record)
        self._records += 1
        self.on_disk += _LENGTH + len(record)

    def _write(self, file: IO[bytes], data: bytes) -> None:
        """All of it, or nothing: what waits already must stay readable on a full disk."""
        try:
            if file.write(data) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            with contextlib.suppress(OSError):
                file.seek(file.truncate(self._read_at + self.on_disk))
            raise

    def popleft(self) -> Fed:
        """Take the oldest.

        Raises:
            IndexError: there is none.
            OSError, EOFError: it cannot be read back from the disk; nor what follows it.
        """
        if not self._oldest:
            self._bring_back()
        fed = self._oldest.popleft()
        if fed.piece is not None:
            self._samples -= len(fed.piece.payload)
        return fed

    def close(self) -> None:
        """Give the memory back and, unless the file has a name, the disk's room too."""
        self._oldest.clear()
        self._samples = self._records = 0
        self._forget_file()

    def in_memory_only(self) -> bool:
        """Wait in memory from now on, unless something waits on disk now. Returns whether that is so."""
        if self._records:
            return False
        self._forget_file()
        self._named = False
        return True

    def _bring_back(self) -> None:
        """Read from disk what fills half of the memory's share, or as much as can be read.

        Raises:
            OSError, EOFError: nothing can be.
        """
        if self._file is None:
            return
        self._file.seek(self._read_at)
        while self._records and self._samples < _READ_AT_ONCE:
            try:
                body = _body(self._file)
            except (OSError, EOFError):
                if self._oldest:
                    break
                raise
            self._read_at += _LENGTH + len(body)
            self.on_disk -= _LENGTH + len(body)
            try:
                fed = _decode(opened(body, self._seal, self._about))
            except _DAMAGED:
                continue  # as `records` does, which did not count it
            self._records -= 1
            self._oldest.append(fed)
            if fed.piece is not None:
                self._samples += len(fed.piece.payload)
        if self._records or self._named:
            self._file.seek(0, os.SEEK_END)
        else:
            self._forget_file()

    def _forget_file(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file = None
        self._read_at = self.on_disk = 0


def records(file: IO[bytes], seal: Seal | None = None, about: str = "") -> Iterator[Fed]:
    """What a backlog's file holds, from its beginning. A record that was not written to its end is cut off; one that is
    damaged, a fiftieth of a second, is left out.

    Args:
        seal, about: as for the `Backlog` that wrote it.

    Raises:
        SealError: it is sealed with another key, or is another's.
    """
    at, damaged = file.seek(0), 0
    with contextlib.suppress(EOFError):
        while True:
            body = _body(file)
            try:
                yield _decode(opened(body, seal, about))
            except _DAMAGED:
                if at == 0 and is_sealed(body):
                    raise
                damaged += 1
            at += _LENGTH + len(body)
    cut = file.seek(0, os.SEEK_END) - at
    file.truncate(at)
    if damaged or cut:
        _log.warning("part of the audio that waited is damaged", records=damaged, bytes_cut=cut)


def _body(file: IO[bytes]) -> bytes:
    """The next record as it lies there.

    Raises:
        EOFError: there is none that was written to its end.
    """
    length = int.from_bytes(file.read(_LENGTH), "little")
    body = file.read(length) if length <= _LONGEST else b""
    if not length or len(body) < length:
        raise EOFError("no whole record follows")
    return body
