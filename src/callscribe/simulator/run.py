"""Simulated calls from start to end: what the command line and tests call."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import TypedDict, Unpack
from urllib.parse import urljoin, urlsplit

from callscribe.errors import SimulationError
from callscribe.simulator.report import CallReport
from callscribe.simulator.rest import RestApi
from callscribe.simulator.rest_server import serving
from callscribe.simulator.script import CallbackFaults, CallScript, Party
from callscribe.simulator.timeline import Source
from callscribe.simulator.webhooks import Target
from callscribe.simulator.world import World

VOICE_PATH = "/twilio/voice"
STATUS_PATH = "/twilio/status"


@dataclass(frozen=True)
class Server:
    """A server to phone.

    Args:
        url: its address; with a path, that is the voice webhook, else callscribe's own paths are used.
        public_url: the address that the carrier believes in, when it is another one.
        status_url: the number's status callback.
    """

    url: str = "http://127.0.0.1:8080"
    public_url: str = ""
    status_url: str = ""

    @property
    def target(self) -> Target:
        parts = urlsplit(self.url)
        return Target(f"{parts.scheme}://{parts.netloc}", self.public_url.rstrip("/"))

    @property
    def voice(self) -> str:
        parts = urlsplit(self.url)
        if parts.path in {"", "/"}:
            return self.target.public + VOICE_PATH
        return self.target.public + parts.path + (f"?{parts.query}" if parts.query else "")

    @property
    def status(self) -> str:
        if self.status_url:
            return urljoin(self.target.public + "/", self.status_url)
        return self.target.public + STATUS_PATH if self.voice.endswith(VOICE_PATH) else ""


@dataclass(frozen=True)
class RestOn:
    """Offer the REST API on this port of this machine.

    Args:
        tell: is given the API's base URL once it listens.
    """

    port: int
    tell: Callable[[str], None] = lambda url: None

    @contextlib.asynccontextmanager
    async def beside(self, world: World) -> AsyncIterator[None]:
        """The API while the block runs.

        Raises:
            SimulationError: the port is taken.
        """
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", self.port))
        except OSError as error:
            listener.close()
            raise SimulationError(
                f"The REST API cannot listen on port {self.port} ({error.strerror}). Choose another one."
            ) from error
        with listener:
            async with serving(RestApi(world), listener) as url:
                self.tell(url)
                yield


class CarrierOptions(TypedDict, total=False):
    """How the simulated carrier behaves; see `World`."""

    auth_token: str
    account_sid: str
    speed: float
    seed: int | None
    bad_signature: bool
    slash_signature: bool
    continuous: bool
    callback_faults: CallbackFaults | None
    prompt: Source | None


async def simulate_calls(
    scripts: Sequence[CallScript],
    server: Server,
    *,
    spread_s: float = 0.25,
    parties: Sequence[Party] = (),
    rest: RestOn | None = None,
    wait_s: float = 0.0,
    stop: asyncio.Event | None = None,
    **options: Unpack[CarrierOptions],
) -> list[CallReport]:
    """Phones the server with every script at once and returns when all calls are over.

    Args:
        spread_s: real seconds between the beginnings of two calls.
        parties: who answers when the server calls someone by itself, through REST.
        rest: offer the REST API while the calls run; without scripts, until `stop` is set.
        wait_s: how long to wait for a server that is not up yet.
        stop: when set, all callers hang up.

    Returns:
        One report per script, in their order; dialled legs and other participants are in its `legs`.
    """
    async with World(server.target, **options) as world:
        world.parties |= {party.number: party for party in parties}
        for number in dict.fromkeys(script.to for script in scripts) or [CallScript.to]:
            world.add_number(number, voice_url=server.voice, status_callback=server.status)
        async with rest.beside(world) if rest is not None else contextlib.nullcontext():
            stop = stop or asyncio.Event()
            stopping = asyncio.create_task(_hang_up_on(stop, world))
            try:
                if not scripts:
                    await stop.wait()
                await _wait_for(server.target.url, wait_s, stop)
                return await _phone_all(world, scripts, spread_s)
            finally:
                stopping.cancel()


async def _hang_up_on(stop: asyncio.Event, world: World) -> None:
    await stop.wait()
    world.hang_up_all()


async def _wait_for(url: str, wait_s: float, stop: asyncio.Event) -> None:
    """Returns when something listens at the URL, when the time is over, or when told to stop."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    loop = asyncio.get_running_loop()
    end = loop.time() + wait_s
    while loop.time() < end and not stop.is_set():
        try:
            _, writer = await asyncio.open_connection(parts.hostname, port)
        except OSError:
            await asyncio.sleep(0.2)
            continue
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        return


async def _phone_all(
    world: World, scripts: Sequence[CallScript], spread_s: float
) -> list[CallReport]:
    async def one(index: int, script: CallScript) -> CallReport:
        await asyncio.sleep(spread_s * index)
        return await world.phone(script)

    calls = [asyncio.create_task(one(i, script)) for i, script in enumerate(scripts)]
    try:
        return await asyncio.gather(*calls)
    finally:
        for call in calls:
            call.cancel()


async def simulate_call(
    script: CallScript, server: Server, **options: Unpack[CarrierOptions]
) -> CallReport:
    """One call; see `simulate_calls`."""
    return (await simulate_calls([script], server, **options))[0]
