"""The journal, a page at a time or as it grows."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from callscribe.events import VERSION, AnyEvent
from callscribe.web.live import Viewer
from callscribe.web.services import Services
from callscribe.web.v1.operations import Asked, Operation
from callscribe.web.v1.problems import Problem

Position = Annotated[
    int, Meta(ge=0, le=2**53, description="An event's id; only later ones. 0: from the first.")
]


class ListEvents(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which events."""

    after: Position = 0
    call: Annotated[str, Meta(max_length=200, description="Only those of this record.")] = ""
    limit: Annotated[int, Meta(ge=1, le=1000, description="Events per page.")] = 500


class StreamEvents(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where to begin."""

    after: Position | None = None
    call: Annotated[str, Meta(max_length=200, description="Only those of this record.")] = ""
    partials: Annotated[
        bool, Meta(description="Include what is being said, word by word, not only what was said.")
    ] = True


class JournalEntry(msgspec.Struct, frozen=True):
    """An event and its place in the journal."""

    id: int
    event: AnyEvent


class EventPage(msgspec.Struct, frozen=True):
    """Events, oldest first."""

    items: list[JournalEntry]
    after: int
    """Asks for what comes next, now or later."""
    more: bool
    """Whether there is more already."""


def operations(services: Services) -> list[Operation[Any, Any]]:
    """Those of events."""

    async def list_events(asked: Asked[ListEvents, None]) -> EventPage:
        wanted = asked.query
        found = await run_in_threadpool(
            services.store.events_after,
            wanted.after,
            call=wanted.call or None,
            limit=wanted.limit + 1,
        )
        page = found[: wanted.limit]
        items = [JournalEntry(entry.id or 0, entry.event) for entry in page]
        last = items[-1].id if items else wanted.after
        return EventPage(items, last, len(found) > len(page))

    async def stream_events(asked: Asked[StreamEvents, None]) -> Response:
        wanted = asked.query
        newest = await run_in_threadpool(services.store.last_id)
        after = _resumed(asked.request.headers.get("last-event-id", ""))
        after = wanted.after if after is None else after
        after = newest if after is None else after
        viewer = Viewer(
            services, call=wanted.call or None, partials=None if wanted.partials else "none"
        )
        return StreamingResponse(
            viewer.stream(min(after, newest), other_record=after > newest),
            media_type="text/event-stream",
            headers={
                "Cache-Control": "no-store",
                "X-Accel-Buffering": "no",
                "Callscribe-Events": str(VERSION),
            },
        )

    return [
        Operation(
            "list_events", "GET", "/events", "Everything that happened, in order.", "read",
            list_events, EventPage, ListEvents,
        ),
        Operation(
            "stream_events", "GET", "/events/stream",
            "Everything as it happens (server-sent events), after what happened since `after` or Last-Event-ID.",
            "read", stream_events, query=StreamEvents, media="text/event-stream",
        ),
    ]  # fmt: skip


def _resumed(header: str) -> int | None:
    """Where a broken-off stream goes on; None when it is a new one."""
    if not header:
        return None
    if not (header.isascii() and header.isdigit() and len(header) < 17):
        raise Problem(
            400, "bad-cursor", "Last-Event-ID must be the id of an event, a whole number."
        )
    return int(header)
