"""Asks an application in memory, from whatever address the test says."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
from starlette.types import ASGIApp


class Client:
    """Keeps cookies; follows no redirects.

    Args:
        base: scheme, host and port of the addresses it asks.
        at: the client's own address, as the server sees it.
        loop: runs the requests; without one, each has a loop of its own.
        raising: whether an exception in a route is the test's, or the server's 500.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        base: str = "http://localhost:8080",
        at: tuple[str, int] = ("127.0.0.1", 50000),
        raising: bool = True,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._loop = loop
        transport = httpx.ASGITransport(app, raise_app_exceptions=raising, client=at)
        self._client = httpx.AsyncClient(transport=transport, base_url=base)
        self.headers = self._client.headers

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        asking = self._client.request(method, path, **options)
        return asyncio.run(asking) if self._loop is None else self._loop.run_until_complete(asking)

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self.request("POST", path, **options)
