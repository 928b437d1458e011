"""Which formats there are, and one call in any of them."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from typing import Literal, NamedTuple, get_args

from callscribe.exports import captions, document, page, prose, table
from callscribe.exports.source import Source
from callscribe.transcript import wording

Format = Literal["txt", "md", "srt", "vtt", "json", "csv", "html"]

FORMATS: tuple[Format, ...] = get_args(Format)


class File(NamedTuple):
    """A call as a file."""

    name: str
    media_type: str
    pieces: Iterator[bytes]
    """Its content, some at a time, once.

    Raises:
        AudioError: the recording cannot be read (html).
    """

    def content(self) -> bytes:
        """All of it."""
        return b"".join(self.pieces)


_MEDIA = {
    "txt": "text/plain; charset=utf-8",
    "md": "text/markdown; charset=utf-8",
    "srt": "application/x-subrip; charset=utf-8",
    "vtt": "text/vtt; charset=utf-8",
    "json": "application/json",
    "csv": "text/csv; charset=utf-8; header=present",
    "html": "text/html; charset=utf-8",
}


def export(source: Source, format: Format) -> File:
    """One call in one format."""
    return File(file_name(source, format), _MEDIA[format], _pieces(source, format))


def file_name(source: Source, format: Format) -> str:
    """`2026-01-15-100050-CA….srt`, in UTC."""
    call = source.transcript.call
    sid = re.sub(r"[^A-Za-z0-9_-]", "_", call.sid)
    try:
        moment = dt.datetime.fromisoformat(call.started_at)
    except ValueError:
        return f"{sid}.{format}"
    return f"{moment:%Y-%m-%d-%H%M%S}-{sid}.{format}"


def _pieces(source: Source, format: Format) -> Iterator[bytes]:
    transcript = source.transcript
    match format:
        case "txt":
            yield prose.text(transcript).encode()
        case "md":
            yield prose.markdown(transcript).encode()
        case "srt":
            yield captions.srt(transcript).encode()
        case "vtt":
            yield captions.vtt(transcript, wording.title(transcript.call)).encode()
        case "json":
            yield document.to_json(source)
        case "csv":
            yield table.table(source).encode()
        case "html":
            yield from page.page(source)
