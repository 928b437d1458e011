"""The API over a store, in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

from starlette.applications import Starlette

from callscribe.contacts import ContactFile
from callscribe.journal.hub import Hub
from callscribe.recordings.shelf import Shelf
from callscribe.records import TokenRecord
from callscribe.store.base import Store
from callscribe.web.app import create_app
from callscribe.web.services import CallControl, Services, WebSettings
from tests.web.live_calls import no_calls

TOKEN = "a-token-of-twenty-odd-characters"


class NoTokens:
    """Takes every token and keeps none."""

    def add(self, name: str, digest: str, scopes: Sequence[str], at: str) -> TokenRecord:
        return TokenRecord(name=name, scopes=tuple(scopes), created_at=at)

    def all(self) -> list[TokenRecord]:
        return [TokenRecord(name="taken", scopes=("read",), created_at="")]

    def find(self, digest: str) -> TokenRecord | None:
        return None

    def used(self, name: str, at: str) -> None:
        pass

    def revoke(self, name: str, at: str) -> bool:
        return name == "taken"

    def close(self) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


async def _publish_nothing(event: object) -> None:
    pass


class _Nothing:
    """Deletes nothing."""

    async def delete(self, calls: Sequence[str]) -> list[str]:
        return list(calls)


class _Contacts(ContactFile):
    """Has one, takes every other and keeps none."""

    def __init__(self) -> None:
        pass

    def watch(self, changed: Callable[[], None]) -> None:
        pass

    def all(self) -> dict[str, str]:
        return {"+15005550010": "Alice"}

    def save(self, number: str, name: str) -> bool:
        return number in self.all()


def services_over(store: Store | None, registry: CallControl | None = None) -> Services:
    """Without a store only good for what does not ask it."""
    services = Services(
        settings=WebSettings(token=TOKEN, listens_here=False),
        registry=registry or no_calls(store.call if store else lambda sid: None),
        store=store,  # type: ignore[arg-type]
        archive=store,  # type: ignore[arg-type]
        publish=_publish_nothing,
        bring_in=_publish_nothing,
        erasure=_Nothing(),
        shelf=Shelf(Path("nowhere")),
        hub=Hub(store.last_id() if store else 0),
        tokens=NoTokens(),
        contacts=_Contacts(),
    )
    services.stopping.set()
    return services


def app_over(store: Store, registry: CallControl | None = None) -> Starlette:
    """Reached with `TOKEN`; endless answers end at once."""
    return create_app(services_over(store, registry))
