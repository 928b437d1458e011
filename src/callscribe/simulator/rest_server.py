"""Runs the simulated REST API on a port of this machine, beside blocking code: for tests and for trying things out."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import TypeVar

import uvicorn

from callscribe.simulator.rest import RestApi
from callscribe.simulator.webhooks import Target
from callscribe.simulator.world import ACCOUNT_SID, World

T = TypeVar("T")


@dataclass
class RunningRest:
    """A simulated carrier whose REST API listens on `url`."""

    url: str
    api: RestApi
    _loop: asyncio.AbstractEventLoop

    @property
    def world(self) -> World:
        return self.api.world

    def call(self, work: Callable[[], Coroutine[object, object, T]]) -> T:
        """Runs a coroutine in the world's own event loop and waits for it."""
        return asyncio.run_coroutine_threadsafe(work(), self._loop).result()


@contextlib.contextmanager
def rest_in_thread(
    *,
    auth_token: str,
    account_sid: str = ACCOUNT_SID,
    target: Target | None = None,
    speed: float = 1.0,
    seed: int | None = None,
) -> Iterator[RunningRest]:
    """A world and its REST API in a thread of their own.

    Args:
        target: the server that webhooks and sockets go to.
    """
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    started = threading.Event()
    stop: list[Callable[[], object]] = []
    made: list[RunningRest] = []
    problems: list[BaseException] = []

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        finish = asyncio.Event()
        async with World(
            target or Target(),
            auth_token=auth_token,
            account_sid=account_sid,
            speed=speed,
            seed=seed,
        ) as world:
            api = RestApi(world)
            async with serving(api, listener) as url:
                made.append(RunningRest(url, api, loop))
                stop.append(lambda: loop.call_soon_threadsafe(finish.set))
                started.set()
                await finish.wait()
            for call in world.calls.values():
                call.hang_up("carrier")

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:
            problems.append(error)
        finally:
            started.set()

    thread = threading.Thread(target=run, name="simulated-rest-api")
    thread.start()
    started.wait()
    try:
        if made:
            yield made[0]
    finally:
        for end in stop:
            end()
        thread.join()
        listener.close()
    if problems:
        raise problems[0]


@contextlib.asynccontextmanager
async def serving(api: RestApi, listener: socket.socket | None = None) -> AsyncIterator[str]:
    """The API on a free port of this machine, in the running event loop; gives its base URL."""
    own = listener is None
    if listener is None:
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(api.app(), log_level="error", lifespan="off"))
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]
    running = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await running
        if own:
            listener.close()
