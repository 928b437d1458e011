"""Contacts: names that people gave to numbers."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta
from starlette.concurrency import run_in_threadpool

from callscribe.contacts import ContactFile
from callscribe.phone import is_number, normal
from callscribe.web.api import MAX_NAME, ApiError
from callscribe.web.correcting import clean
from callscribe.web.v1.operations import Asked, Nothing, Operation
from callscribe.web.v1.problems import Problem


class Contact(msgspec.Struct, frozen=True):
    """A number and its name."""

    number: str
    name: str


class ContactList(msgspec.Struct, frozen=True):
    """All saved contacts, by name. Those of the settings are not among them."""

    items: list[Contact]


class ContactName(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a number is called from now on."""

    name: Annotated[str, Meta(min_length=1, max_length=MAX_NAME)]


def operations(contacts: ContactFile) -> list[Operation[Any, Any]]:
    """Those of contacts."""

    async def list_contacts(asked: Asked[Nothing, None]) -> ContactList:
        found = await run_in_threadpool(contacts.all)
        return ContactList([Contact(number, name) for number, name in found.items()])

    async def save_contact(asked: Asked[Nothing, ContactName]) -> Contact:
        number = number_of(asked)
        try:
            name = clean(asked.body.name, MAX_NAME)
        except ApiError as error:
            raise Problem(409, error.name, str(error)) from None
        if not name:
            raise Problem(409, "bad-name", "A contact needs a name.")
        await run_in_threadpool(contacts.save, number, name)
        return Contact(number, name)

    async def remove_contact(asked: Asked[Nothing, None]) -> None:
        number = number_of(asked)
        if not await run_in_threadpool(contacts.save, number, ""):
            raise Problem(404, "not-found", f"There is no contact with the number {number}.")

    def number_of(asked: Asked[Any, Any]) -> str:
        given = asked.path["number"]
        if not is_number(given):
            raise Problem(
                409, "bad-number", "Write the number with + and country code: +15005550010."
            )
        return normal(given)

    return [
        Operation(
            "list_contacts", "GET", "/contacts", "Saved contacts, by name.", "read",
            list_contacts, ContactList,
        ),
        Operation(
            "save_contact", "PUT", "/contacts/{number}",
            "Give a number a name: calls from now on are named by it.", "control",
            save_contact, Contact, body=ContactName, problems=(409,),
        ),
        Operation(
            "remove_contact", "DELETE", "/contacts/{number}", "Remove a number's name.", "control",
            remove_contact, problems=(409,),
        ),
    ]  # fmt: skip
