"""What waits to be decoded: in memory at first, and when that is much, on disk. Order is kept.

A machine that is too slow for its calls loses none of their sound: it waits here until there is room, also long after
the call. The file has no name, so nothing of it is left when the process ends, however it ends.
"""

from __future__ import annotations

import tempfile
from collections import deque
from typing import IO, Final

import msgspec

from callscribe.speech.stream import Fed

IN_MEMORY: Final = 60 * 8000
"""Samples of all tracks that wait in memory: a minute, half a megabyte."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Fed).decode


class Backlog:
    """A queue of what a stream's tracks were fed. Used under its owner's lock."""

    def __init__(self) -> None:
        self._oldest: deque[Fed] = deque()
        """In memory, before all that is on disk."""
        self._samples = 0
        """Of `_oldest`."""
        self._file: IO[bytes] | None = None
        self._lengths: deque[int] = deque()
        """Of the records on disk, in bytes."""
        self._read_at = 0
        self.on_disk = 0
        """How much is not in memory, in bytes."""

    def __bool__(self) -> bool:
        return bool(self._oldest or self._lengths)

    def append(self, fed: Fed) -> None:
        """Add to the end.

        Raises:
            OSError: there is no room on the disk either.
        """
        samples = 0 if fed.piece is None else len(fed.piece.payload)
        if not self._lengths and self._samples + samples <= IN_MEMORY:
            self._oldest.append(fed)
            self._samples += samples
            return
        record = _encode(fed)
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="callscribe-")  # noqa: SIM115 - closed by `close`
        self._file.seek(self._read_at + self.on_disk)
        self._file.write(record)
        self._lengths.append(len(record))
        self.on_disk += len(record)

    def popleft(self) -> Fed:
        """Take the oldest.

        Raises:
            IndexError: there is none.
        """
        if not self._oldest:
            self._bring_back()
        fed = self._oldest.popleft()
        if fed.piece is not None:
            self._samples -= len(fed.piece.payload)
        return fed

    def close(self) -> None:
        """Give the disk's room back. What waits is gone."""
        self._oldest.clear()
        self._lengths.clear()
        self._forget_file()

    def _bring_back(self) -> None:
        """Read from disk what fills half of the memory's share."""
        if self._file is None:
            return
        self._file.seek(self._read_at)
        while self._lengths and self._samples < IN_MEMORY // 2:
            length = self._lengths.popleft()
            fed = _decode(self._file.read(length))
            self._read_at += length
            self.on_disk -= length
            self._oldest.append(fed)
            if fed.piece is not None:
                self._samples += len(fed.piece.payload)
        if not self._lengths:
            self._forget_file()

    def _forget_file(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file = None
        self._read_at = self.on_disk = 0
