"""Answers that are made whole before they are sent: in a temporary file without a name, of which nothing is left,
whatever happens to the process."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from typing import IO

from starlette.responses import Response, StreamingResponse

_IN_MEMORY = 1 << 20
_PIECE = 1 << 16


def temporary(write: Callable[[IO[bytes]], None]) -> IO[bytes]:
    """A file that `write` has filled, at its beginning. Small ones stay in memory. Blocks."""
    file: IO[bytes] = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - closed when sent
    try:
        write(file)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return file


def passed_on(file: IO[bytes], media_type: str, name: str) -> Response:
    """The file as an answer to download; it is closed when it is sent."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Content-Length": str(size),
    }
    return StreamingResponse(_pieces(file), headers=headers, media_type=media_type)


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(_PIECE):
            yield piece
