"""Deleting calls over the API."""

from __future__ import annotations

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from callscribe.search.query import QueryError
from callscribe.store.base import Archive
from callscribe.web.api import ApiError, ErrorAnswers, guarded, json_response, read_json
from callscribe.web.grants import grant_of
from callscribe.web.search import as_moment
from callscribe.web.services import Erasure

MOST = 100_000
"""Calls deleted by one request."""
_ANSWERS: ErrorAnswers = {QueryError: (400, "bad-number")}


class Deletion(msgspec.Struct, forbid_unknown_fields=True):
    """Body of a request to delete many calls: all of a number, all before a date, or all that are both."""

    number: str = ""
    before: str = ""
    """A day or a moment, ISO 8601; the calls that began before it."""
    confirm: int | None = None
    """How many calls this is about, as the answer without it said. Nothing is deleted without it."""


def erasing_routes(archive: Archive, erasure: Erasure) -> list[Route]:
    async def delete_one(request: Request) -> Response:
        """`DELETE /api/calls/{sid}`: this call, for good."""
        _need_admin(request)
        sid = request.path_params["sid"]
        found = await run_in_threadpool(archive.call, sid)
        if found is None:
            raise ApiError(404, "not-found", f"There is no call {sid}.")
        if not await erasure.delete([found.call.id]):
            raise ApiError(
                409, "live", "The call is still in progress. You can delete it when it is over."
            )
        return json_response({"deleted": [found.call.id]})

    async def delete_many(request: Request) -> Response:
        """`POST /api/deletions`: first without `confirm`, to learn how many calls it would be; then with it."""
        _need_admin(request)
        asked = await read_json(request, Deletion, "Send `number` or `before` as JSON")
        if not (asked.number.strip() or asked.before.strip()):
            raise ApiError(400, "bad-body", "Say which calls: `number`, `before`, or both.")
        before = as_moment(asked.before, "before")
        found = await run_in_threadpool(
            archive.chosen, number=asked.number.strip(), before=before, limit=MOST
        )
        if asked.confirm is None:
            return json_response({"calls": len(found), "deleted": []})
        if asked.confirm != len(found):
            raise ApiError(
                409, "changed", f"There are now {len(found)} calls. Confirm that number."
            )
        return json_response({"calls": len(found), "deleted": await erasure.delete(found)})

    return [
        Route("/api/calls/{sid}", guarded(delete_one), methods=["DELETE"]),
        Route("/api/deletions", guarded(delete_many, _ANSWERS), methods=["POST"]),
    ]


def _need_admin(request: Request) -> None:
    if not grant_of(request.scope).allows("admin"):
        raise ApiError(403, "scope-missing", "Deleting needs a token with the scope `admin`.")
