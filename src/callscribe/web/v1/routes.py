"""All operations of the API, as routes; and their description, which the server gives itself."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from callscribe.web.services import Services
from callscribe.web.v1 import about, calls, contacts, events, record, tokens
from callscribe.web.v1.openapi import describe
from callscribe.web.v1.operations import Operation, route
from callscribe.web.v1.problems import PREFIX


def all_operations(services: Services) -> list[Operation[Any, Any]]:
    """Every operation that this server offers, in the order of the description."""
    return [
        *about.operations(),
        *calls.operations(services),
        *record.operations(services),
        *(contacts.operations(services.contacts) if services.contacts else ()),
        *events.operations(services),
        *(tokens.operations(services.tokens) if services.tokens else ()),
    ]


def api_v1_routes(services: Services) -> list[Route]:
    """The API's routes, and `GET /api/v1/openapi.json`."""
    operations = all_operations(services)
    document = msgspec.json.encode(describe(operations))

    async def openapi(request: Request) -> Response:
        return Response(document, media_type="application/json")

    return [Route(f"{PREFIX}/openapi.json", openapi), *map(route, operations)]
