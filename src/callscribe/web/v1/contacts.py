"""Contacts: names that people gave to numbers."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta
from starlette.concurrency import run_in_threadpool

from callscribe.contacts import ContactFile
from callscribe.names import LONGEST, fit, not_a_name
from callscribe.phone import is_number, normal
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
    """How a number is called."""

    name: Annotated[str, Meta(min_length=1, max_length=LONGEST)]


def operations(contacts: ContactFile) -> list[Operation[Any, Any]]:
    """Those of contacts."""

    async def list_contacts(asked: Asked[Nothing, None]) -> ContactList:
        found = await run_in_threadpool(contacts.all)
        return ContactList([Contact(number, name) for number, name in found.items()])

    async def save_contact(asked: Asked[Nothing, ContactName]) -> Contact:
        number = number_of(asked)
        if why := not_a_name(asked.body.name):
            raise Problem(409, "bad-name", why)
        name = fit(asked.body.name)
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
            "Give a number a name, on past and future calls.", "control",
            save_contact, Contact, body=ContactName, problems=(409,),
        ),
        Operation(
            "remove_contact", "DELETE", "/contacts/{number}", "Remove a number's name.", "control",
            remove_contact, problems=(409,),
        ),
    ]  # fmt: skip
