"""Calls as files, over the API."""

from __future__ import annotations

import functools
import tempfile
import zipfile
from pathlib import Path

from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from callscribe.errors import AudioError
from callscribe.exports.formats import FORMATS, Format, export
from callscribe.exports.source import Source
from callscribe.recordings import wav
from callscribe.recordings.shelf import Shelf
from callscribe.records import CallFilter
from callscribe.search.query import QueryError
from callscribe.store.base import Archive, calls_found, every_event
from callscribe.web.api import ApiError, Endpoint, error_response
from callscribe.web.recordings import sid_of
from callscribe.web.search import choice, filter_from


def export_endpoints(archive: Archive, shelf: Shelf | None) -> tuple[Endpoint, Endpoint]:
    """One call as a file, and many. Each raises `ApiError`, `AudioError` or `QueryError`."""

    async def one(request: Request) -> Response:
        """`GET /api/calls/{sid}/export?format=srt`: one call as a file."""
        kind = _format(request)
        source = await run_in_threadpool(source_of, sid_of(request))
        if source is None:
            raise ApiError(404, "not-found", f"There is no call {sid_of(request)}.")
        file = await run_in_threadpool(export, source, kind)
        headers = {"Content-Disposition": f'attachment; filename="{file.name}"'}
        return Response(file.content, media_type=file.media_type, headers=headers)

    async def many(request: Request) -> Response:
        """`GET /api/export?format=srt`: the calls that a search (`q`) and filters find, in a ZIP file."""
        kind = _format(request)
        query, wanted = request.query_params.get("q", ""), filter_from(request.query_params)
        if not query.strip() and wanted == CallFilter():
            raise ApiError(400, "bad-query", "Say which calls: `q`, or a filter such as `from`.")
        ids = await run_in_threadpool(calls_found, archive, query, wanted)
        path = await run_in_threadpool(packed, ids, kind)
        return FileResponse(
            path,
            media_type="application/zip",
            filename="calls.zip",
            background=BackgroundTask(path.unlink, missing_ok=True),
        )

    def source_of(sid: str) -> Source | None:
        record = archive.call(sid)
        if record is None:
            return None
        call = record.call.id
        names = {(track.leg, track.track): track.speaker for track in record.tracks}
        recording = shelf.recording(call, names) if shelf else None
        sound = functools.partial(wav.mixed_flac, recording) if recording else None
        return Source(call, every_event(archive, call), sound)

    def packed(ids: list[str], kind: Format) -> Path:
        with tempfile.NamedTemporaryFile(suffix=".zip", delete=False) as out:
            path = Path(out.name)
        try:
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packing:
                for call in ids:
                    source = source_of(call)
                    if source is not None:  # else deleted meanwhile
                        file = export(source, kind)
                        packing.writestr(file.name, file.content)
        except BaseException:
            path.unlink()
            raise
        return path

    return one, many


def export_routes(archive: Archive, shelf: Shelf | None) -> list[Route]:
    def guarded(endpoint: Endpoint) -> Endpoint:
        async def answer(request: Request) -> Response:
            try:
                return await endpoint(request)
            except ApiError as error:
                return error_response(error)
            except QueryError as error:
                return error_response(ApiError(400, "bad-query", str(error)))
            except AudioError as error:
                return error_response(ApiError(422, "no-audio", str(error)))

        return answer

    one, many = export_endpoints(archive, shelf)
    return [
        Route("/api/calls/{sid}/export", guarded(one)),
        Route("/api/export", guarded(many)),
    ]


def _format(request: Request) -> Format:
    kind: Format | None = choice(request.query_params, "format", FORMATS)
    if kind is None:
        raise ApiError(400, "bad-format", f"Say the `format`: {', '.join(FORMATS)}.")
    return kind
