"""The API over a store, in memory."""

from __future__ import annotations

from starlette.applications import Starlette

from callscribe.journal.hub import Hub
from callscribe.store.base import Store
from callscribe.web.app import create_app
from callscribe.web.services import CallControl, Services, WebSettings
from tests.web.test_api import Registry

TOKEN = "a-token-of-twenty-odd-characters"


def services_over(store: Store | None, registry: CallControl | None = None) -> Services:
    """Without a store only good for what does not ask it."""
    services = Services(
        settings=WebSettings(token=TOKEN, listens_here=False),
        registry=registry or Registry(),
        store=store,  # type: ignore[arg-type]
        hub=Hub(store.last_id() if store else 0),
    )
    services.stopping.set()
    return services


def app_over(store: Store, registry: CallControl | None = None) -> Starlette:
    """Reached with `TOKEN`; endless answers end at once."""
    return create_app(services_over(store, registry))
