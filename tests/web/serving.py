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

from callscribe.errors import CallscribeError
from callscribe.events import (
    AnyEvent,
    SpeakerRenamed,
    Track,
    TranscriptionPaused,
    TranscriptionResumed,
)
from callscribe.journal.hub import Hub
from callscribe.journal.journal import Journal
from callscribe.recordings.shelf import Shelf
from callscribe.store.opening import open_store
from callscribe.upkeep import Upkeep
from callscribe.web.app import create_app
from callscribe.web.services import Services, WebSettings

TOKEN = "a-token-of-twenty-odd-characters"


class Controls:
    """What the registry does for the pages, by publishing the events."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.now_ms = 0
        self.refusal = ""
        self.placed: list[tuple[str, str]] = []

    async def pause(self, call: str) -> None:
        if self.refusal:
            raise CallscribeError(self.refusal)
        await self._journal.publish(TranscriptionPaused(call=call, at_ms=self.now_ms))

    async def resume(self, call: str) -> None:
        await self._journal.publish(TranscriptionResumed(call=call, at_ms=self.now_ms))

    async def rename(self, call: str, leg: str, track: Track, speaker: str) -> None:
        await self._journal.publish(
            SpeakerRenamed(call=call, leg=leg, track=track, speaker=speaker)
        )

    async def dial(self, to: str, connect: str = "") -> str:
        if self.refusal:
            raise CallscribeError(self.refusal)
        self.placed.append((to, connect))
        return "CA" + "d" * 32

    async def attach(self, call_sid: str) -> str:
        self.placed.append(("attach", call_sid))
        return call_sid

    async def detach(self, call_sid: str) -> None:
        self.placed.append(("detach", call_sid))

    async def swap(self, call: str) -> None:
        await self.rename(call, call, "inbound", "Support")
        await self.rename(call, call, "outbound", "Alice Adams")


class Serving:
    """`with Serving(folder) as server:` runs it; `stop` and `start` keep the port and the record."""

    def __init__(self, data: Path, settings: WebSettings | None = None) -> None:
        self.data = data
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

    def _call(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    async def _serve(self, started: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self.hub = Hub(self.store.last_id())
        self.journal = Journal(self.store, self.hub)
        self.controls = Controls(self.journal)
        shelf = Shelf(self.data / "recordings")
        upkeep = Upkeep(self.store, self.journal.publish, shelf=shelf, pause_s=0)
        self.services = Services(
            settings=self.settings,
            registry=self.controls,
            store=self.store,
            archive=self.store,
            erasure=upkeep,
            shelf=shelf,
            hub=self.hub,
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
        await self.journal.close()
