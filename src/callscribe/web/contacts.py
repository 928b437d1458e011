"""Saved contacts over the API."""

from __future__ import annotations

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from callscribe.contacts import ContactFile
from callscribe.names import fit, not_a_name
from callscribe.phone import is_number
from callscribe.web.api import ApiError, guarded, json_response
from callscribe.web.correcting import body


class Contact(msgspec.Struct, forbid_unknown_fields=True):
    """Body of a contact. An empty name takes it away."""

    number: str
    name: str


def contact_routes(contacts: ContactFile) -> list[Route]:
    async def listed(request: Request) -> Response:
        """`GET /api/contacts`: the names saved here; those of the settings are not among them."""
        return json_response({"contacts": await run_in_threadpool(contacts.all)})

    async def save(request: Request) -> Response:
        """`POST /api/contacts`, `{"number": "+15005550010", "name": "Alice"}`: calls that are over and calls that come
        are named by it."""
        given = await body(request, Contact)
        if not is_number(given.number):
            raise ApiError(
                400, "bad-number", "Write the number with + and country code: +15005550010."
            )
        name = fit(given.name)
        if given.name.strip() and (why := not_a_name(given.name)):
            raise ApiError(400, "bad-name", why)
        await run_in_threadpool(contacts.save, given.number, name)
        return json_response({"contacts": await run_in_threadpool(contacts.all)})

    return [
        Route("/api/contacts", listed),
        Route("/api/contacts", guarded(save), methods=["POST"]),
    ]
