from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from callscribe.carriers.twilio.client import CarrierClient
from tests.carriers.twilio.fake import ACCOUNT, TOKEN, Api, serve


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for name in ("TWILIO_REGION", "TWILIO_EDGE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def api() -> Iterator[Api]:
    api = Api()
    server, thread = serve(api)
    yield api
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def waits() -> list[float]:
    """Seconds that a client has slept between attempts."""
    return []


@pytest.fixture
def make_client(api: Api, waits: list[float]) -> Iterator[Callable[..., CarrierClient]]:
    made: list[CarrierClient] = []

    def make(sid: str = ACCOUNT, token: str = TOKEN, **more: Any) -> CarrierClient:
        options: dict[str, Any] = {
            "base_url": api.url,
            "wait": waits.append,
            "jitter": lambda: 0.0,
        }
        made.append(CarrierClient(sid, token, **(options | more)))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture
def client(make_client: Callable[..., CarrierClient]) -> CarrierClient:
    return make_client()
