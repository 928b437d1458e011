"""What this server is, who asks, and what its answers look like."""

from __future__ import annotations

from typing import Any

import msgspec

import callscribe
from callscribe.events import VERSION
from callscribe.web.grants import Scope, grant_of
from callscribe.web.v1.openapi import event_schema
from callscribe.web.v1.operations import Asked, Nothing, Operation


class About(msgspec.Struct, frozen=True):
    """The server, and the token that asks."""

    version: str
    """callscribe's."""
    events: int
    """Version of the events' JSON form."""
    token: str
    """Name of the token that asks; `page` for that of the pages, `here` for none on the server's own machine."""
    scopes: list[Scope]


def operations() -> list[Operation[Any, Any]]:
    """Those about the API itself, but for its description."""

    async def about(asked: Asked[Nothing, None]) -> About:
        grant = grant_of(asked.request.scope)
        return About(callscribe.__version__, VERSION, grant.name, sorted(grant.scopes))

    async def events_schema(asked: Asked[Nothing, None]) -> dict[str, Any]:
        return event_schema()

    return [
        Operation("about", "GET", "/about", "This server, and who asks.", "read", about, About),
        Operation(
            "get_event_schema", "GET", "/schemas/events",
            "The JSON Schema of events.", "read", events_schema, dict[str, Any],
        ),
    ]  # fmt: skip
