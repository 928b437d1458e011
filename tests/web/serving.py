"""A real server on loopback over a real store, fed by a script instead of a recogniser."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Coroutine, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import uvicorn

from callscribe.contacts import ContactFile
from callscribe.events import AnyEvent
from callscribe.journal.hub import Hub
from callscribe.journal.journal import Journal
from callscribe.journal.stages import Stage
from callscribe.recordings.shelf import Shelf
from callscribe.store.opening import open_store
from callscribe.upkeep import Upkeep
from callscribe.web.app import create_app
from callscribe.web.services import Services, WebSettings
from tests.web.live_calls import LiveCalls

TOKEN = "a-token-of-twenty-odd-characters"


class Serving:
    """`with Serving(folder) as server:` runs it; `stop` and `start` keep the port and the record."""

    def __init__(
        self, data: Path, settings: WebSettings | None = None, *, stages: Sequence[Stage] = ()
    ) -> None:
        self.data = data
        self.stages = stages
        self.rereading: set[str] = set()
        """Calls of which a second reader is to read more."""
        self.settings = settings or WebSettings(token=TOKEN)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        self.store = open_store(self.data)
        started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(started)))
        self._thread.start()
        if not started.wait(20):
            raise RuntimeError("the server did not start")

    def stop(self) -> None:
        """What SIGTERM does: endless answers end, the rest is finished."""

        def end() -> None:
            self.services.stopping.set()
            self._uvicorn.should_exit = True

        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(end)
        self._thread.join(20)
        if self._thread.is_alive():
            raise RuntimeError("the server did not stop")
        self.store.close()

    def cut(self) -> None:
        """Drops every connection, as a lost network does; the server stays."""

        def drop() -> None:
            for connection in list(self._uvicorn.server_state.connections):
                transport = getattr(connection, "transport", None)
                if transport is not None:
                    transport.abort()

        self._loop.call_soon_threadsafe(drop)

    def publish(self, *events: AnyEvent) -> None:
        """Publishes in order; back when all are written and handed to the viewers."""
        self._call(self._publish(events))

    async def _publish(self, events: Sequence[AnyEvent]) -> None:
        for event in events:
            await self.journal.publish(event)
            await self.calls.follow(event)

    def lose(self, call: str) -> None:
        """The call is not live any more, which no event has told yet."""
        self._call(self.calls.lose(call))

    def open_asked(self) -> None:
        """The streams that the carrier was asked for open."""

        async def open_them() -> None:
            self.calls.open_asked()

        self._call(open_them())

    def _call(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    async def _serve(self, started: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self.hub = Hub(self.store.last_id())
        self.journal = Journal(self.store, self.hub, stages=self.stages)
        self.calls = LiveCalls(self.journal.publish, self.store.call)
        shelf = Shelf(self.data / "recordings")
        upkeep = Upkeep(self.store, self.journal.publish, shelf=shelf, pause_s=0)
        self.services = Services(
            settings=self.settings,
            registry=self.calls.registry,
            store=self.store,
            archive=self.store,
            publish=self.journal.publish,
            bring_in=self.journal.bring_in,
            contacts=ContactFile(self.data, lambda number, name: None),
            erasure=upkeep,
            shelf=shelf,
            hub=self.hub,
            rereads=lambda call: call in self.rereading,
        )
        self._uvicorn = uvicorn.Server(
            uvicorn.Config(
                create_app(self.services),
                host="127.0.0.1",
                port=self.port,
                log_level="error",
                access_log=False,
                lifespan="off",
                timeout_graceful_shutdown=10,
            )
        )
        with socket.create_server(("127.0.0.1", self.port)) as listening:
            # Connections queue from here on, so nobody has to wait for the server's own word.
            started.set()
            async with upkeep.running():
                await self._uvicorn.serve(sockets=[listening])
        await self.calls.registry.close()
        await self.journal.close()
