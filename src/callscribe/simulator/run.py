"""Simulated calls from start to end: what the command line and tests call."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from callscribe.simulator.report import CallReport
from callscribe.simulator.script import CallbackFaults, CallScript
from callscribe.simulator.timeline import Source
from callscribe.simulator.webhooks import Target
from callscribe.simulator.world import ACCOUNT_SID, World

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


async def simulate_calls(
    scripts: Sequence[CallScript],
    server: Server,
    *,
    auth_token: str = "",
    account_sid: str = ACCOUNT_SID,
    speed: float = 1.0,
    seed: int | None = None,
    spread_s: float = 0.25,
    bad_signature: bool = False,
    slash_signature: bool = False,
    continuous: bool = False,
    callback_faults: CallbackFaults | None = None,
    prompt: Source | None = None,
) -> list[CallReport]:
    """Phones the server with every script at once and returns when all calls are over.

    Args:
        auth_token: signs all requests; empty sends them unsigned.
        spread_s: real seconds between the beginnings of two calls.

    Returns:
        One report per script, in their order; dialled legs and other participants are in its `legs`.
    """
    async with World(
        server.target,
        auth_token=auth_token,
        account_sid=account_sid,
        speed=speed,
        seed=seed,
        bad_signature=bad_signature,
        slash_signature=slash_signature,
        continuous=continuous,
        callback_faults=callback_faults,
        prompt=prompt,
    ) as world:
        for number in dict.fromkeys(script.to for script in scripts):
            world.add_number(number, voice_url=server.voice, status_callback=server.status)

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
    script: CallScript,
    server: Server,
    *,
    auth_token: str = "",
    account_sid: str = ACCOUNT_SID,
    speed: float = 1.0,
    seed: int | None = None,
    bad_signature: bool = False,
    slash_signature: bool = False,
    continuous: bool = False,
    callback_faults: CallbackFaults | None = None,
    prompt: Source | None = None,
) -> CallReport:
    """One call; see `simulate_calls`."""
    reports = await simulate_calls(
        [script],
        server,
        auth_token=auth_token,
        account_sid=account_sid,
        speed=speed,
        seed=seed,
        bad_signature=bad_signature,
        slash_signature=slash_signature,
        continuous=continuous,
        callback_faults=callback_faults,
        prompt=prompt,
    )
    return reports[0]
