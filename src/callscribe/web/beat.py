"""Media sockets read on a beat, instead of one by one as their bytes come.

Every stream sends a message each 20 ms. Woken for each of them, a server with some dozens of streams spends more on
waking up than on the messages. So all but a few sockets are looked at together, once a beat; what they have sent
meanwhile waits in the kernel. Decoding goes 240 ms at a time, so that nobody notices.

Event loop only. Where the system has no epoll, sockets are read as ever.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import sys
from typing import Final, Protocol

FEW: Final = 10
"""So many sockets are read as their bytes come: they cost little, and their audio waits for nothing."""
BEAT_S: Final = 0.02
SLOW_BEAT_S: Final = 0.04
MANY: Final = 16
"""From so many sockets on the beat is the slower one."""
_AT_ONCE: Final = 64 * 1024
"""Bytes read of a socket at a beat: more than any stream may send."""


class Reader(Protocol):
    """Whoever takes a socket's bytes (`asyncio.Protocol`)."""

    transport: asyncio.Transport

    def data_received(self, data: bytes) -> None: ...


class Beat:
    """The beat of one server's media sockets."""

    def __init__(self, *, few: int = FEW) -> None:
        """
        Args:
            few: so many sockets are read as their bytes come.
        """
        self._few = few
        self._direct: set[Reader] = set()
        self._readers: dict[int, Reader] = {}
        """By their file descriptor..."""
        self._handles: dict[Reader, int] = {}
        """...and the other way round."""
        self._poll: select.epoll | None = None
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        """How many are read on the beat."""
        return len(self._readers)

    def join(self, reader: Reader) -> None:
        """Read a socket, from now on, on the beat if there are many."""
        transport = reader.transport
        if (
            sys.platform != "linux"
            or len(self._direct) < self._few
            or transport.get_extra_info("sslcontext") is not None
        ):
            self._direct.add(reader)
            return
        transport.pause_reading()
        handle = transport.get_extra_info("socket").fileno()
        self._readers[handle], self._handles[reader] = reader, handle
        if self._poll is None:
            self._poll = select.epoll()
        self._poll.register(handle, select.EPOLLIN)
        if self._timer is None:
            self._wait()

    def leave(self, reader: Reader, *, read_on: bool = False) -> None:
        """Do not read a socket any more. Idempotent; before its transport lets go of it.

        Args:
            read_on: its transport reads it from now on.
        """
        self._direct.discard(reader)
        handle = self._handles.pop(reader, None)
        if handle is None or self._poll is None:
            return
        del self._readers[handle]
        with contextlib.suppress(OSError):
            self._poll.unregister(handle)
        if not self._readers:
            self._poll.close()
            self._poll = None
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
        if read_on and not reader.transport.is_closing():
            reader.transport.resume_reading()

    def _wait(self) -> None:
        beat_s = BEAT_S if len(self._readers) < MANY else SLOW_BEAT_S
        self._timer = asyncio.get_running_loop().call_later(beat_s, self._read_all)

    def _read_all(self) -> None:
        self._wait()
        if self._poll is None:
            return
        for handle, _ in self._poll.poll(0, len(self._readers)):
            reader = self._readers.get(handle)
            if reader is None:
                continue  # another's message has ended it
            try:
                data = os.read(handle, _AT_ONCE)
            except BlockingIOError:
                continue
            except OSError:
                data = b""
            if data and not reader.transport.is_closing():
                try:
                    reader.data_received(data)
                except Exception as error:
                    self._end(reader, error)
            else:
                # The transport finds the end for itself.
                self.leave(reader, read_on=True)

    def _end(self, reader: Reader, error: Exception) -> None:
        """What a transport does with a reader that fails: no other one is to suffer from it."""
        self.leave(reader)
        asyncio.get_running_loop().call_exception_handler(
            {
                "message": "a socket's reader failed",
                "exception": error,
                "transport": reader.transport,
                "protocol": reader,
            }
        )
        reader.transport.abort()
