"""Calls as files, over the API."""

from __future__ import annotations

import functools
import zipfile
from collections.abc import Iterable
from typing import IO

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from callscribe.errors import AudioError
from callscribe.exports.formats import FORMATS, Format, export
from callscribe.exports.source import Source
from callscribe.recordings import wav
from callscribe.recordings.shelf import Shelf
from callscribe.records import CallFilter
from callscribe.search.query import QueryError
from callscribe.store.base import Archive, calls_found, every_event
from callscribe.web.api import ApiError, Endpoint, ErrorAnswers, guarded
from callscribe.web.recordings import sid_of
from callscribe.web.search import choice, filter_from
from callscribe.web.temporary import passed_on, temporary


def export_endpoints(archive: Archive, shelf: Shelf | None) -> tuple[Endpoint, Endpoint]:
    """One call as a file, and many. Each raises `ApiError`, `AudioError` or `QueryError`."""

    async def one(request: Request) -> Response:
        """`GET /api/calls/{sid}/export?format=srt`: one call as a file."""
        kind = _format(request)
        source = await run_in_threadpool(source_of, sid_of(request))
        if source is None:
            raise ApiError(404, "not-found", f"There is no call {sid_of(request)}.")
        file = export(source, kind)
        whole = await run_in_threadpool(gathered, file.pieces)
        return passed_on(whole, file.media_type, file.name)

    async def many(request: Request) -> Response:
        """`GET /api/export?format=srt`: the calls that a search (`q`) and filters find, in a ZIP file."""
        kind = _format(request)
        query, wanted = request.query_params.get("q", ""), filter_from(request.query_params)
        if not query.strip() and wanted == CallFilter():
            raise ApiError(400, "bad-query", "Say which calls: `q`, or a filter such as `from`.")
        ids = await run_in_threadpool(calls_found, archive, query, wanted)
        return passed_on(await run_in_threadpool(packed, ids, kind), "application/zip", "calls.zip")

    def source_of(sid: str) -> Source | None:
        record = archive.call(sid)
        if record is None:
            return None
        call = record.call.id
        names = {(track.leg, track.track): track.speaker for track in record.tracks}
        recording = shelf.recording(call, names) if shelf else None
        sound = functools.partial(wav.mixed_flac, recording) if recording else None
        return Source(call, every_event(archive, call), sound)

    def packed(ids: list[str], kind: Format) -> IO[bytes]:
        def pack(out: IO[bytes]) -> None:
            with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packing:
                for call in ids:
                    source = source_of(call)
                    if source is not None:  # else deleted meanwhile
                        file = export(source, kind)
                        with packing.open(file.name, "w", force_zip64=True) as entry:
                            entry.writelines(file.pieces)

        return temporary(pack)

    return one, many


def gathered(pieces: Iterable[bytes]) -> IO[bytes]:
    """Pieces of a file, together."""
    return temporary(lambda out: out.writelines(pieces))


_ANSWERS: ErrorAnswers = {QueryError: (400, "bad-query"), AudioError: (422, "no-audio")}


def export_routes(archive: Archive, shelf: Shelf | None) -> list[Route]:
    one, many = export_endpoints(archive, shelf)
    return [
        Route("/api/calls/{sid}/export", guarded(one, _ANSWERS)),
        Route("/api/export", guarded(many, _ANSWERS)),
    ]


def _format(request: Request) -> Format:
    kind: Format | None = choice(request.query_params, "format", FORMATS)
    if kind is None:
        raise ApiError(400, "bad-format", f"Say the `format`: {', '.join(FORMATS)}.")
    return kind
