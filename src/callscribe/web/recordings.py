"""Recordings over the API: what there is, the sound, its peaks."""

from __future__ import annotations

import hashlib
import re
from typing import IO, NamedTuple

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from callscribe.errors import AudioError
from callscribe.ranges import whole_number
from callscribe.recordings import wav
from callscribe.recordings.files import PEAK_MS
from callscribe.recordings.reading import Recording, Voice
from callscribe.recordings.shelf import Shelf
from callscribe.store.base import RecordReader
from callscribe.web.api import ApiError, Endpoint, ErrorAnswers, guarded, json_response
from callscribe.web.search import choice
from callscribe.web.temporary import passed_on

_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")

_ANSWERS: ErrorAnswers = {AudioError: (422, "no-audio")}


class _Wanted(NamedTuple):
    """A stretch of some people of a recording."""

    recording: Recording
    voices: tuple[Voice, ...]
    start_ms: int
    stop_ms: int
    mixed: bool
    name: str
    """Of a file that holds it, without its ending."""

    @property
    def tag(self) -> str:
        """What `ETag` says of it (RFC 9110, 8.8.3): the same as long as the same can be heard."""
        parts = [voice.parts for voice in self.voices]
        what = repr((parts, self.start_ms, self.stop_ms, self.mixed))
        return f'"{hashlib.sha256(what.encode()).hexdigest()[:32]}"'


class RecordingEndpoints(NamedTuple):
    """What can be asked of recordings. Each raises `ApiError` or `AudioError`."""

    recording: Endpoint
    peaks: Endpoint
    as_wav: Endpoint
    as_flac: Endpoint


def sid_of(request: Request) -> str:
    """The call that an address names."""
    sid: str = request.path_params.get("sid") or request.path_params["call"]
    return sid


def recording_endpoints(records: RecordReader, shelf: Shelf) -> RecordingEndpoints:
    async def recording(request: Request) -> Response:
        """`GET /api/calls/{sid}/recording`: who can be heard, from when to when."""
        found, _ = await run_in_threadpool(of, sid_of(request))
        return json_response(
            {
                "end_ms": found.end_ms,
                "voices": [
                    {
                        "name": voice.name,
                        "tracks": [
                            {
                                "leg": part.file.leg,
                                "stream": part.file.stream,
                                "track": part.file.track,
                                "start_ms": part.file.start_ms,
                                "end_ms": part.end_ms,
                            }
                            for part in voice.parts
                        ],
                    }
                    for voice in found.voices
                ],
            }
        )

    async def peaks(request: Request) -> Response:
        """`GET /api/calls/{sid}/peaks`: for each person the loudest sample of every 50 ms, 0 to 255."""

        def made() -> dict[str, object]:
            found, _ = of(sid_of(request))
            voices = [{"name": v.name, "peaks": list(found.peaks(v))} for v in found.voices]
            return {"peak_ms": PEAK_MS, "voices": voices}

        return json_response(await run_in_threadpool(made))

    async def as_wav(request: Request) -> Response:
        """`GET /api/calls/{sid}/audio.wav`: made on the fly, any range of bytes of it.

        `person` (several; all without it) gives a channel each, in this order; `mix=true` puts them on one; `from` and
        `to` are seconds on the call's line.
        """
        wanted = await run_in_threadpool(asked, request)
        file = wav.Wav(
            wanted.recording, wanted.voices, wanted.start_ms, wanted.stop_ms, mixed=wanted.mixed
        )
        tag = wanted.tag
        headers = {
            "Accept-Ranges": "bytes",
            "Cache-Control": "private, no-cache",
            "Content-Disposition": f'inline; filename="{wanted.name}.wav"',
            "ETag": tag,
        }
        known = [tag.strip() for tag in request.headers.get("if-none-match", "").split(",")]
        if tag in known or "*" in known:
            return Response(status_code=304, headers=headers)
        first, stop, status = 0, file.size, 200
        # A part of what was there before must not be joined with a part of what is there now.
        same = request.headers.get("if-range", tag) == tag
        match = _RANGE.fullmatch(request.headers.get("range", "").replace(" ", ""))
        if match and same:
            first, stop = _range(match, file.size)
            if first >= stop:
                headers["Content-Range"] = f"bytes */{file.size}"
                return Response(status_code=416, headers=headers)
            status = 206
            headers["Content-Range"] = f"bytes {first}-{stop - 1}/{file.size}"
        headers["Content-Length"] = str(stop - first)
        if request.method == "HEAD":
            return Response(status_code=status, headers=headers, media_type="audio/wav")
        return StreamingResponse(
            file.read(first, stop), status, headers=headers, media_type="audio/wav"
        )

    async def as_flac(request: Request) -> Response:
        """`GET /api/calls/{sid}/audio.flac`: as `audio.wav`, smaller; made before the first byte comes."""

        def made() -> tuple[IO[bytes], str]:
            wanted = asked(request)
            file = wav.Wav(
                wanted.recording, wanted.voices, wanted.start_ms, wanted.stop_ms, mixed=wanted.mixed
            )
            return wav.flac(file), wanted.name

        file, name = await run_in_threadpool(made)
        return passed_on(file, "audio/flac", f"{name}.flac")

    def of(sid: str) -> tuple[Recording, str]:
        record = records.call(sid)
        if record is None:
            raise ApiError(404, "not-found", f"There is no call {sid}.")
        names = {(track.leg, track.track): track.speaker for track in record.tracks}
        found = shelf.recording(record.call.id, names)
        if not found:
            raise ApiError(404, "not-recorded", "This call was not recorded.")
        return found, record.call.sid

    def asked(request: Request) -> _Wanted:
        found, sid = of(sid_of(request))
        query = request.query_params
        people = [name for name in query.getlist("person") if name.strip()]
        voices = tuple(found.voice(name) for name in people) if people else found.voices
        start, stop = _seconds(query.get("from", "")), _seconds(query.get("to", ""))
        return _Wanted(
            found,
            voices,
            start or 0,
            min(found.end_ms, found.end_ms if stop is None else stop),
            choice(query, "mix", ("true", "false")) == "true",
            "-".join([sid, *(re.sub(r"[^A-Za-z0-9]+", "-", name) for name in people)]),
        )

    return RecordingEndpoints(recording, peaks, as_wav, as_flac)


def recording_routes(records: RecordReader, shelf: Shelf) -> list[Route]:
    ends = recording_endpoints(records, shelf)
    return [
        Route("/api/calls/{sid}/recording", guarded(ends.recording, _ANSWERS)),
        Route("/api/calls/{sid}/peaks", guarded(ends.peaks, _ANSWERS)),
        Route("/api/calls/{sid}/audio.wav", guarded(ends.as_wav, _ANSWERS)),
        Route("/api/calls/{sid}/audio.flac", guarded(ends.as_flac, _ANSWERS)),
    ]


def _range(match: re.Match[str], size: int) -> tuple[int, int]:
    """First byte and the byte after the last (RFC 9110, 14.1.2); empty when there is none of it."""
    first, last = (whole_number(group) for group in match.groups(""))
    if first is None:
        return (max(0, size - last), size) if last and not match[1] else (size, size)
    return first, min(size, size if last is None else last + 1)


def _seconds(given: str) -> int | None:
    """Milliseconds from seconds; None when not given."""
    if not given:
        return None
    if not re.fullmatch(r"\d{1,7}(\.\d{1,6})?", given):
        raise ApiError(
            400,
            "bad-time",
            "`from` and `to` must be seconds from the start of the call, e.g. 83.5.",
        )
    return round(float(given) * 1000)
