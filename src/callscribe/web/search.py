"""Search and the filters of calls, as the pages and scripts ask for them."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from typing import Any, get_args

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from callscribe.events import Direction, Flow
from callscribe.ranges import whole_number
from callscribe.records import CallFilter
from callscribe.search.moments import in_utc
from callscribe.search.query import QueryError
from callscribe.store.base import Searcher
from callscribe.web.api import ApiError, ErrorAnswers, guarded, json_response

_ZONE = re.compile(r" (\d\d:?\d\d)$")
MOST = 200
"""Hits on a page."""
_ANSWERS: ErrorAnswers = {QueryError: (400, "bad-query")}


def search_routes(searcher: Searcher) -> list[Route]:
    async def search(request: Request) -> Response:
        """`GET /api/search?q=QUERY`, narrowed as `filter_from` says; `by=rank`, `limit`, `cursor`."""
        asked = request.query_params
        wanted = filter_from(asked)
        by = choice(asked, "by", ("time", "rank")) or "time"
        page = await run_in_threadpool(
            searcher.search,
            asked.get("q", ""),
            wanted,
            limit=whole(asked, "limit", 1, MOST) or 20,
            by_rank=by == "rank",
            cursor=asked.get("cursor", ""),
        )
        return json_response(page)

    async def listed(request: Request) -> Response:
        """`GET /api/list`: calls, newest first, narrowed by `words` and as `filter_from` says; `limit`, `cursor`."""
        asked = request.query_params
        page = await run_in_threadpool(
            searcher.list_calls,
            filter_from(asked),
            words=asked.get("words", ""),
            limit=whole(asked, "limit", 1, MOST) or 50,
            cursor=asked.get("cursor", ""),
        )
        return json_response(page)

    return [
        Route("/api/search", guarded(search, _ANSWERS)),
        Route("/api/list", guarded(listed, _ANSWERS)),
    ]


def filter_from(asked: QueryParams) -> CallFilter:
    """Which calls, from a query string.

    `person`, `speaker`, `number`, `tag` (several), `from`, `to` (ISO 8601; a `to` that is only a day includes it),
    `longer`, `shorter` (seconds), `direction`, `flow`, `missed` (true, false), `call`.

    Raises:
        ApiError: one of them makes no sense.
    """
    longer, shorter = whole(asked, "longer", 0, 10**7), whole(asked, "shorter", 0, 10**7)
    missed = choice(asked, "missed", ("true", "false"))
    values: Mapping[str, Any] = {
        "person": asked.get("person", ""),
        "speaker": asked.get("speaker", ""),
        "number": asked.get("number", ""),
        "tags": tuple(tag for tag in asked.getlist("tag") if tag.strip()),
        "since": as_moment(asked.get("from", ""), "from"),
        "until": as_moment(asked.get("to", ""), "to", end=True),
        "shortest_ms": None if longer is None else longer * 1000,
        "longest_ms": None if shorter is None else shorter * 1000,
        "direction": choice(asked, "direction", get_args(Direction)),
        "flow": choice(asked, "flow", get_args(Flow)),
        "missed": None if missed is None else missed == "true",
        "call": asked.get("call", ""),
    }
    return CallFilter(**values)


def whole(asked: QueryParams, name: str, low: int, high: int) -> int | None:
    """A whole number in a range; None when it is not given."""
    given = asked.get(name, "")
    if not given:
        return None
    number = whole_number(given)
    if number is None or not low <= number <= high:
        raise ApiError(400, f"bad-{name}", f"`{name}` must be a whole number from {low} to {high}.")
    return number


def choice(asked: QueryParams, name: str, choices: tuple[str, ...]) -> Any:
    """One of some words; None when it is not given."""
    given = asked.get(name, "")
    if not given:
        return None
    if given not in choices:
        raise ApiError(400, f"bad-{name}", f"`{name}` must be one of {', '.join(choices)}.")
    return given


def as_moment(given: str, name: str, *, end: bool = False) -> str:
    """A day or a moment in UTC as events carry it; empty when it is not given.

    Args:
        name: what it is called in the error.
        end: of a whole day, the moment after it.

    Raises:
        ApiError: it is neither.
    """
    given = _ZONE.sub(r"+\1", given.strip())  # a plus that was not escaped has come as a space
    if not given:
        return ""
    try:
        return in_utc(given, zone=dt.UTC, end=end)
    except ValueError:
        raise ApiError(
            400,
            f"bad-{name}",
            f"`{name}` must be a date or time such as 2026-01-15 or 2026-01-15T10:00:00Z.",
        ) from None
