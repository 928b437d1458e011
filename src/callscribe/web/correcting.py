"""What people say about saved calls, over the API: corrections, notes, tags."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from callscribe.events import AnyEvent, NoteChanged, TagsChanged, UtteranceCorrected
from callscribe.names import misplaced
from callscribe.records import CallRecord
from callscribe.store.base import RecordReader
from callscribe.web.api import ApiError, guarded, json_response, read_json
from callscribe.web.grants import grant_of

MAX_TEXT = 2000
"""Characters of a corrected utterance, and of a note."""
MAX_TAG, MAX_TAGS = 40, 20

T = TypeVar("T")
Publish = Callable[[AnyEvent], Awaitable[None]]


class Text(msgspec.Struct, forbid_unknown_fields=True):
    """Body of a correction or a note. Empty: take it back."""

    text: str


class Tags(msgspec.Struct, forbid_unknown_fields=True):
    """Body of a change of tags: all the call has from now on."""

    tags: list[str]


def correcting_routes(records: RecordReader, publish: Publish) -> list[Route]:
    async def correct(request: Request) -> Response:
        """`POST /api/calls/{sid}/utterances/{utterance}/text`, `{"text": "what was really said"}`."""
        call = await record(request)
        text = clean((await body(request, Text)).text, MAX_TEXT)
        wanted = request.path_params["utterance"]
        for said in call.utterances:
            if said.utterance == wanted:
                await publish(
                    UtteranceCorrected(
                        call=call.call.id,
                        leg=said.leg,
                        track=said.track,
                        utterance=said.utterance,
                        text=text,
                        by=grant_of(request.scope).name,
                    )
                )
                return await answer(call.call.id)
        raise ApiError(404, "not-found", f"There is no utterance {wanted[:60]} on this call.")

    async def note(request: Request) -> Response:
        """`POST /api/calls/{sid}/note`, `{"text": "..."}`."""
        call = (await record(request)).call.id
        text = clean((await body(request, Text)).text, MAX_TEXT, lines=True)
        await publish(NoteChanged(call=call, text=text, by=grant_of(request.scope).name))
        return await answer(call)

    async def tags(request: Request) -> Response:
        """`POST /api/calls/{sid}/tags`, `{"tags": ["urgent"]}`."""
        call = (await record(request)).call.id
        given = [clean(tag, MAX_TAG) for tag in (await body(request, Tags)).tags]
        kept = tuple(dict.fromkeys(tag for tag in given if tag))
        if len(kept) > MAX_TAGS:
            raise ApiError(400, "too-many", f"A call has at most {MAX_TAGS} tags.")
        for tag in kept:
            if not any(c.isalnum() for c in tag):
                raise ApiError(400, "bad-tag", f"{tag!r} has neither a letter nor a digit.")
        await publish(TagsChanged(call=call, tags=kept, by=grant_of(request.scope).name))
        return await answer(call)

    async def record(request: Request) -> CallRecord:
        sid = request.path_params["sid"]
        found = await run_in_threadpool(records.call, sid)
        if found is None:
            raise ApiError(404, "not-found", f"There is no call {sid}.")
        return found

    async def answer(call: str) -> Response:
        """The call as it is now."""
        found = await run_in_threadpool(records.call, call)
        if found is None:
            raise ApiError(404, "not-found", "The call has been deleted.")
        return json_response(found)

    return [
        Route("/api/calls/{sid}/utterances/{utterance}/text", guarded(correct), methods=["POST"]),
        Route("/api/calls/{sid}/note", guarded(note), methods=["POST"]),
        Route("/api/calls/{sid}/tags", guarded(tags), methods=["POST"]),
    ]


async def body(request: Request, kind: type[T]) -> T:
    """The request's body.

    Raises:
        ApiError: it is not what it must be.
    """
    return await read_json(request, kind, limit=32 * 1024)


def clean(text: str, longest: int, *, lines: bool = False) -> str:
    """Text as it is kept: spaces as one, nothing that cannot be seen.

    Raises:
        ApiError: too long, or it has what cannot be shown.
    """
    kept = "\n".join(" ".join(line.split()) for line in text.splitlines()).strip()
    if not lines:
        kept = " ".join(kept.split())
    if len(kept) > longest:
        raise ApiError(400, "too-long", f"At most {longest} characters.")
    if found := misplaced(kept):
        raise ApiError(400, "bad-text", f"The text has a character that cannot be shown: {found}.")
    return kept
