from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.simulator.server import FakeServer, running_server


@pytest_asyncio.fixture
async def server() -> AsyncIterator[FakeServer]:
    async with running_server() as fake:
        yield fake
