"""Calls: listed, read, and what may be done to a live one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from starlette.concurrency import run_in_threadpool

from callscribe.errors import NoSpeakerError, NotLiveError
from callscribe.events import Track
from callscribe.names import LONGEST, fit, not_a_name
from callscribe.records import CallRecord, CallSummary
from callscribe.search.query import QueryError
from callscribe.web.services import CallControl, Services
from callscribe.web.steering import EndedError, steer
from callscribe.web.v1.filters import Filter
from callscribe.web.v1.operations import Asked, Nothing, Operation
from callscribe.web.v1.problems import Problem

PhoneNumber = Annotated[
    str, Meta(description="E.164, e.g. +15005550010.", pattern=r"^\+[1-9][0-9]{6,14}$")
]


class ListCalls(Filter, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which calls."""

    words: Annotated[
        str,
        Meta(
            max_length=200,
            description="Each is the beginning of a name, a number, a tag or the room, or was said on the call.",
        ),
    ] = ""

    limit: Annotated[int, Meta(ge=1, le=500, description="Calls per page.")] = 100
    cursor: Annotated[str, Meta(max_length=200, description="From the previous page.")] = ""


class CallPage(msgspec.Struct, frozen=True):
    """Calls, newest first."""

    items: list[CallSummary]
    cursor: str
    """Asks for the next page; empty when this is the last."""


class PlaceCall(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom to call."""

    to: PhoneNumber
    connect: PhoneNumber | None = None
    """The number to connect them to when they answer."""


class CallReference(msgspec.Struct, frozen=True):
    """A call that there is now."""

    id: str
    """The record's."""


class Rename(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to call the person heard on a track of a leg."""

    leg: Annotated[str, Meta(max_length=100)]
    speaker: Annotated[str, Meta(min_length=1, max_length=LONGEST, pattern=r"\S")]
    track: Track = "inbound"


def operations(services: Services) -> list[Operation[Any, Any]]:
    """Those of calls."""

    async def list_calls(asked: Asked[ListCalls, None]) -> CallPage:
        limit = asked.query.limit
        if services.archive is not None:
            try:
                listed = await run_in_threadpool(
                    services.archive.list_calls,
                    asked.query.calls(),
                    words=asked.query.words,
                    limit=limit,
                    cursor=asked.query.cursor,
                )
            except QueryError as error:
                raise Problem(409, "bad-query", str(error)) from None
            return CallPage(list(listed.calls), listed.cursor)
        found = await run_in_threadpool(
            services.store.calls, limit=limit + 1, before=asked.query.cursor or None
        )
        page = found[:limit]
        return CallPage(page, page[-1].id if len(found) > limit else "")

    async def get_call(asked: Asked[Nothing, None]) -> CallRecord:
        return await record(asked.path["call"])

    async def record(sid: str) -> CallRecord:
        found = await run_in_threadpool(services.store.call, sid)
        if found is None:
            raise Problem(404, "not-found", f"There is no call {sid}.")
        return found

    def control() -> CallControl:
        if services.registry is None:
            raise Problem(409, "refused", "This server takes no calls.")
        return services.registry

    async def place_call(asked: Asked[Nothing, PlaceCall]) -> CallReference:
        placed = await control().dial(asked.body.to, asked.body.connect or "")
        return CallReference(placed)

    async def rename_speaker(asked: Asked[Nothing, Rename]) -> None:
        body = asked.body
        speaker = fit(body.speaker)
        if why := not_a_name(body.speaker):
            raise Problem(409, "bad-name", why)
        try:
            await control().rename(asked.path["call"], body.leg, body.track, speaker)
        except NotLiveError as error:
            raise Problem(404, "not-found", str(error)) from None
        except NoSpeakerError:
            raise Problem(404, "not-found", "Nobody on this call has that leg and track.") from None

    async def swap(asked: Asked[Nothing, None]) -> None:
        try:
            await control().swap(asked.path["call"])
        except NotLiveError as error:
            raise Problem(404, "not-found", str(error)) from None

    def acting(
        act: Callable[[CallControl, str], Awaitable[object]],
    ) -> Callable[[Asked[Nothing, None]], Awaitable[None]]:
        async def handle(asked: Asked[Nothing, None]) -> None:
            calls = control()
            try:
                await steer(services.store, asked.path["call"], lambda call: act(calls, call))
            except EndedError:
                raise Problem(409, "ended", "The call is over.") from None
            except NotLiveError as error:
                raise Problem(404, "not-found", str(error)) from None

        return handle

    async def attach(asked: Asked[Nothing, None]) -> CallReference:
        return CallReference(await control().attach(asked.path["call_sid"]))

    return [
        Operation(
            "list_calls", "GET", "/calls", "Calls, newest first.", "read",
            list_calls, CallPage, ListCalls, problems=(409,),
        ),
        Operation(
            "place_call", "POST", "/calls", "Place a call and transcribe it.", "control",
            place_call, CallReference, body=PlaceCall, status=201, problems=(409,),
        ),
        Operation(
            "get_call", "GET", "/calls/{call}", "One call with everything kept of it.", "read",
            get_call, CallRecord,
        ),
        Operation(
            "rename_speaker", "POST", "/calls/{call}/rename",
            "Rename a person, in what was said before and from now on.", "control",
            rename_speaker, body=Rename, problems=(409,),
        ),
        Operation(
            "swap_speakers", "POST", "/calls/{call}/swap",
            "Swap the names of the two people on a call.", "control",
            swap, problems=(409,),
        ),
        Operation(
            "pause_call", "POST", "/calls/{call}/pause",
            "Stop transcribing; what is said from now on is not kept.", "control",
            acting(lambda calls, call: calls.pause(call)), problems=(409,),
        ),
        Operation(
            "resume_call", "POST", "/calls/{call}/resume", "Transcribe again.", "control",
            acting(lambda calls, call: calls.resume(call)), problems=(409,),
        ),
        Operation(
            "attach_call", "POST", "/calls/{call_sid}/attach",
            "Transcribe a call of the account that is already in progress, by its call SID.", "control",
            attach, CallReference, status=201, problems=(409,),
        ),
        Operation(
            "detach_call", "POST", "/calls/{call}/detach",
            "Stop transcribing a call; the call continues.", "control",
            acting(lambda calls, call: calls.detach(call)), problems=(409,),
        ),
        Operation(
            "hang_up", "POST", "/calls/{call}/hangup", "End a call for everybody on it.", "control",
            acting(lambda calls, call: calls.hang_up(call)), problems=(409,),
        ),
    ]  # fmt: skip
