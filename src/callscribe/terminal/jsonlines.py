"""The same events for programs: one JSON object a line."""

from __future__ import annotations

import os
from typing import BinaryIO

from callscribe.events import Published, to_json
from callscribe.outlet import OutletError, safe_json


class ViewClosed(Exception):
    """Whoever was reading the output has gone away; nothing more can be shown."""


class JsonLines:
    """Writes each event as one line of JSON and flushes it, partials included.

    Args:
        file: usually `sys.stdout.buffer`.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._closed = False

    def show(self, published: Published) -> None:
        """Write one event.

        Raises:
            ViewClosed: the reader closed the pipe (`callscribe watch ... | head`).
            OutletError: it cannot be written for another reason.
        """
        if self._closed:
            raise ViewClosed
        try:
            self._file.write(safe_json(to_json(published.event)) + b"\n")
            self._file.flush()
        except BrokenPipeError:
            self._closed = True
            self._hush()
            raise ViewClosed from None
        except OSError as error:
            self._closed = True
            self._hush()
            raise OutletError(f"The output cannot be written: {error.strerror}.") from None

    def flush(self) -> None:
        """Nothing is held back."""

    def redraw(self) -> None:
        """There is nothing to redraw."""

    def resume(self) -> None:
        """There is nothing to restore."""

    def status(self, text: str) -> None:
        """Only events go to this output."""

    def close(self) -> None:
        """Everything has been written. Idempotent."""
        self._closed = True

    def _hush(self) -> None:
        """Let what is still buffered go nowhere, or the interpreter complains about it as it
        exits."""
        try:
            descriptor = self._file.fileno()
        except OSError:
            return  # not a real file
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, descriptor)
        os.close(null)
