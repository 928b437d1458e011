"""The record: search, corrections, notes and tags, files, sound, deletion."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from callscribe.errors import AudioError
from callscribe.events import AnyEvent, NoteChanged, TagsChanged, UtteranceCorrected
from callscribe.exports import document
from callscribe.exports.formats import Format
from callscribe.recordings.shelf import Shelf
from callscribe.records import CallRecord, SearchPage
from callscribe.search.query import QueryError
from callscribe.store.base import Archive, HereAlreadyError
from callscribe.web.api import ApiError
from callscribe.web.correcting import MAX_TAG, MAX_TAGS, MAX_TEXT, clean
from callscribe.web.erasing import MOST
from callscribe.web.exports import export_endpoints
from callscribe.web.grants import grant_of
from callscribe.web.recordings import recording_endpoints
from callscribe.web.services import Erasure, Services
from callscribe.web.v1.filters import Filter, moment
from callscribe.web.v1.operations import Asked, Nothing, Operation, whole_body
from callscribe.web.v1.problems import Problem

Publish = Callable[[AnyEvent], Awaitable[None]]
BringIn = Callable[[Sequence[AnyEvent]], Awaitable[None]]
MAX_DOCUMENT = 64 * 1024 * 1024
"""Bytes of a call that is imported; eight hours have some 20 million."""
Text = Annotated[str, Meta(max_length=MAX_TEXT)]
Seconds = Annotated[
    str,
    Meta(pattern=r"^(\d{1,7}(\.\d{1,6})?)?$", description="Seconds from the start of the call."),
]


class SearchCalls(Filter, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What was said, and on which calls."""

    q: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=500,
            description='Words, "phrases", prefix*, AND, OR, NOT, brackets; numbers in any form.',
        ),
    ]
    speaker: Annotated[str, Meta(max_length=200, description="Who said it.")] = ""
    by: Literal["time", "rank"] = "time"
    limit: Annotated[int, Meta(ge=1, le=200)] = 20
    cursor: Annotated[str, Meta(max_length=200, description="From the previous page.")] = ""


class Correction(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was really said; empty takes a correction back."""

    text: Text


class Note(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A note about the call, the whole of it."""

    text: Text


class Tags(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All the tags that the call has from now on."""

    tags: Annotated[
        tuple[Annotated[str, Meta(min_length=1, max_length=MAX_TAG, pattern=r"\w")], ...],
        Meta(max_length=MAX_TAGS),
    ]


class Deletion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All calls of a number, all that began before a moment, or all that are both."""

    number: Annotated[str, Meta(max_length=60)] = ""
    before: Annotated[str, Meta(max_length=60)] = ""
    confirm: Annotated[int, Meta(ge=0)] | None = None
    """How many calls this is about, as the answer without it said. Nothing is deleted without it."""


class Deleted(msgspec.Struct, frozen=True):
    """What a deletion is about."""

    calls: int
    deleted: list[str]


class Imported(msgspec.Struct, frozen=True):
    """The call that was taken in."""

    call: str


class ExportCall(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """As what kind of file."""

    format: Format


class ExportCalls(Filter, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which calls, and as what kind of file. A query, a filter or both must be given."""

    format: Format
    q: Annotated[str, Meta(max_length=500, description="Calls in which this was said.")] = ""
    speaker: Annotated[str, Meta(max_length=200, description="Who said it.")] = ""


class Stretch(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What of a recording."""

    person: Annotated[
        tuple[Annotated[str, Meta(max_length=200)], ...],
        Meta(description="People to include, one channel each. Default: everyone."),
    ] = ()
    start: Seconds = msgspec.field(name="from", default="")
    to: Seconds = ""
    mix: Annotated[Literal["true", "false"], Meta(description="All on one channel.")] = "false"


def operations(services: Services) -> list[Operation[Any, Any]]:
    """Those of the record."""
    found: list[Operation[Any, Any]] = []
    if services.archive is not None:
        found += _reading(services.archive, services.shelf)
        if services.publish is not None:
            found += _changing(services.archive, services.publish)
        if services.bring_in is not None:
            found += _importing(services.archive, services.bring_in)
        if services.erasure is not None:
            found += _deleting(services.archive, services.erasure)
    return found


def _reading(archive: Archive, shelf: Shelf | None) -> list[Operation[Any, Any]]:
    async def search(asked: Asked[SearchCalls, None]) -> SearchPage:
        query = asked.query
        try:
            return await run_in_threadpool(
                archive.search,
                query.q,
                query.calls(speaker=query.speaker),
                limit=query.limit,
                by_rank=query.by == "rank",
                cursor=query.cursor,
            )
        except QueryError as error:
            raise Problem(409, "bad-query", str(error)) from None

    export_one, export_many = export_endpoints(archive, shelf)
    found: list[Operation[Any, Any]] = [
        Operation(
            "search", "GET", "/search", "What was said, in all calls.", "read",
            search, SearchPage, SearchCalls, problems=(409,),
        ),
        Operation(
            "export_call", "GET", "/calls/{call}/export", "One call as a file.", "read",
            _plain(export_one), query=ExportCall, media="*/*", problems=(409,),
        ),
        Operation(
            "export_calls", "GET", "/export",
            "The calls that a search and filters find, a file each in a ZIP file.", "read",
            _plain(export_many), query=ExportCalls, media="application/zip", problems=(409,),
        ),
    ]  # fmt: skip
    if shelf is None:
        return found
    ends = recording_endpoints(archive, shelf)
    return [
        *found,
        Operation(
            "get_recording", "GET", "/calls/{call}/recording",
            "Who can be heard on a recorded call, from when to when.", "read",
            _plain(ends.recording), dict[str, Any],
        ),
        Operation(
            "get_peaks", "GET", "/calls/{call}/peaks",
            "For each person the loudest sample of every 50 ms, 0 to 255.", "read",
            _plain(ends.peaks), dict[str, Any],
        ),
        Operation(
            "get_audio_wav", "GET", "/calls/{call}/audio.wav",
            "The audio of a recorded call; takes byte ranges.", "read",
            _plain(ends.as_wav), query=Stretch, media="audio/wav", problems=(409,),
        ),
        Operation(
            "get_audio_flac", "GET", "/calls/{call}/audio.flac",
            "The audio of a recorded call as FLAC, which is smaller.", "read",
            _plain(ends.as_flac), query=Stretch, media="audio/flac", problems=(409,),
        ),
    ]  # fmt: skip


def _plain(
    endpoint: Callable[[Request], Awaitable[Response]],
) -> Callable[[Asked[Any, Any]], Awaitable[Response]]:
    """An endpoint of the pages, with its errors as problems."""

    async def handle(asked: Asked[Any, Any]) -> Response:
        try:
            return await endpoint(asked.request)
        except ApiError as error:
            status = 409 if error.status in (400, 422) else error.status
            raise Problem(status, error.name, str(error)) from None
        except QueryError as error:
            raise Problem(409, "bad-query", str(error)) from None
        except AudioError as error:
            raise Problem(409, "no-audio", str(error)) from None

    return handle


def _changing(archive: Archive, publish: Publish) -> list[Operation[Any, Any]]:
    async def correct(asked: Asked[Nothing, Correction]) -> CallRecord:
        found, wanted = await record(asked.path["call"]), asked.path["utterance"]
        text = _clean(asked.body.text)
        for said in found.utterances:
            if said.utterance == wanted:
                await publish(
                    UtteranceCorrected(
                        call=found.call.id,
                        leg=said.leg,
                        track=said.track,
                        utterance=wanted,
                        text=text,
                        by=_who(asked),
                    )
                )
                return await record(found.call.id)
        raise Problem(404, "not-found", "There is no such utterance on this call.")

    async def note(asked: Asked[Nothing, Note]) -> CallRecord:
        call = (await record(asked.path["call"])).call.id
        text = _clean(asked.body.text, lines=True)
        await publish(NoteChanged(call=call, text=text, by=_who(asked)))
        return await record(call)

    async def tags(asked: Asked[Nothing, Tags]) -> CallRecord:
        call = (await record(asked.path["call"])).call.id
        kept = tuple(dict.fromkeys(_clean(tag) for tag in asked.body.tags))
        await publish(TagsChanged(call=call, tags=kept, by=_who(asked)))
        return await record(call)

    async def record(sid: str) -> CallRecord:
        found = await run_in_threadpool(archive.call, sid)
        if found is None:
            raise Problem(404, "not-found", f"There is no call {sid}.")
        return found

    return [
        Operation(
            "correct_utterance", "PUT", "/calls/{call}/utterances/{utterance}/text",
            "Correct what was said; what was recognised is kept.", "control",
            correct, CallRecord, body=Correction, problems=(409,),
        ),
        Operation(
            "set_note", "PUT", "/calls/{call}/note", "Write a note about a call.", "control",
            note, CallRecord, body=Note, problems=(409,),
        ),
        Operation(
            "set_tags", "PUT", "/calls/{call}/tags", "Give a call its tags.", "control",
            tags, CallRecord, body=Tags, problems=(409,),
        ),
    ]  # fmt: skip


def _importing(archive: Archive, bring_in: BringIn) -> list[Operation[Any, Any]]:
    one_at_a_time = asyncio.Lock()

    async def import_call(asked: Asked[Nothing, document.Document]) -> Imported:
        body = await whole_body(asked.request, MAX_DOCUMENT)
        try:
            found = await run_in_threadpool(document.from_json, body)
            events = await run_in_threadpool(document.events_of, found)
        except document.DocumentError as error:
            raise Problem(409, "bad-document", str(error)) from None
        async with one_at_a_time:
            there = await run_in_threadpool(archive.call, found.call.id) is not None
            with contextlib.suppress(HereAlreadyError):
                if not there:
                    await bring_in(events)
                    return Imported(found.call.id)
        raise Problem(409, "here-already", f"The call {found.call.sid} is already here.")

    return [
        Operation(
            "import_call", "POST", "/imports",
            "Import a call that was exported as JSON, whole or not at all.", "admin",
            import_call, Imported, body=document.Document, reads=MAX_DOCUMENT, status=201,
            problems=(409,),
        ),
    ]  # fmt: skip


def _clean(text: str, *, lines: bool = False) -> str:
    try:
        return clean(text, MAX_TEXT, lines=lines)
    except ApiError as error:
        raise Problem(409, error.name, str(error)) from None


def _who(asked: Asked[Any, Any]) -> str:
    return grant_of(asked.request.scope).name


def _deleting(archive: Archive, erasure: Erasure) -> list[Operation[Any, Any]]:
    async def delete_call(asked: Asked[Nothing, None]) -> None:
        found = await run_in_threadpool(archive.call, asked.path["call"])
        if found is None:
            raise Problem(404, "not-found", f"There is no call {asked.path['call']}.")
        if not await erasure.delete([found.call.id]):
            raise Problem(
                409, "live", "The call is still in progress. You can delete it when it is over."
            )

    async def delete_calls(asked: Asked[Nothing, Deletion]) -> Deleted:
        body = asked.body
        if not (body.number.strip() or body.before.strip()):
            raise Problem(409, "bad-body", "Say which calls: `number`, `before`, or both.")
        try:
            found = await run_in_threadpool(
                archive.chosen,
                number=body.number.strip(),
                before=moment(body.before, "before"),
                limit=MOST,
            )
        except QueryError as error:
            raise Problem(409, "bad-number", str(error)) from None
        if body.confirm is None:
            return Deleted(len(found), [])
        if body.confirm != len(found):
            raise Problem(409, "changed", f"There are now {len(found)} calls. Confirm that number.")
        return Deleted(len(found), await erasure.delete(found))

    return [
        Operation(
            "delete_call", "DELETE", "/calls/{call}", "Delete a call that is over, for good.",
            "admin", delete_call, problems=(409,),
        ),
        Operation(
            "delete_calls", "POST", "/deletions",
            "Delete many calls: first without `confirm`, to learn how many it would be.", "admin",
            delete_calls, Deleted, body=Deletion, problems=(409,),
        ),
    ]  # fmt: skip
