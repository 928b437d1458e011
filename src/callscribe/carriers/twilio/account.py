"""The account's numbers while a server runs: which ones are its own, pointed at it, and put back at the end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import structlog

from callscribe.addresses import masked
from callscribe.carriers.twilio import number as numbers
from callscribe.carriers.twilio.client import ApiError, CarrierClient, PhoneNumber
from callscribe.carriers.twilio.urls import CarrierUrls
from callscribe.errors import CarrierError

Tell = Callable[[str], None]
"""Says a line to a person."""

log = structlog.get_logger(__name__)


class Account:
    """One account's numbers.

    Args:
        client: its REST API; `close` closes it.
        notes: folder in which it is noted what a number was set to before it was changed.
        wanted: the number asked for; empty: those in `configured`, else the account's only one.
        configured: numbers that have a flow of their own.
    """

    def __init__(
        self,
        client: CarrierClient,
        notes: Path,
        *,
        wanted: str = "",
        configured: Sequence[str] = (),
    ) -> None:
        self.client = client
        self._notes = notes
        self._wanted = wanted
        self._configured = configured

    def close(self) -> None:
        """Close the connection to the API."""
        self.client.close()

    async def choose(self, public_url: str, tell: Tell) -> list[PhoneNumber]:
        """The numbers to point here, after repairing what a killed server left.

        With a public address of its own the server is of use without the API, since a number may point here already:
        an API that does not answer is then told, and no number is touched.

        Args:
            public_url: the server's own address; empty when calls come through a new tunnel.

        Raises:
            CarrierError: no such number, or the API refused; or it does not answer and there is no public address.
        """
        try:
            for line in await asyncio.to_thread(numbers.repair, self.client, self._notes):
                tell(line)
            return await asyncio.to_thread(self._choose)
        except ApiError as error:
            if error.status or not public_url:
                raise
            tell(f"WARNING  {error}")
            tell(
                "WARNING  No number was changed. Calls arrive only if a number's voice URL already is "
                f"{masked(CarrierUrls(public_url).voice)}"
            )
            return []

    @contextlib.asynccontextmanager
    async def pointed(
        self, own: Sequence[PhoneNumber], public_url: str, tell: Tell
    ) -> AsyncIterator[None]:
        """Numbers that bring their calls to a running server until the end of the block, then what they had before.

        Raises:
            CarrierError: the API refused; the numbers pointed here so far are put back.
        """
        urls = CarrierUrls(public_url)
        async with contextlib.AsyncExitStack() as stack:
            for number in own:
                connected = await asyncio.to_thread(
                    numbers.connect, self.client, self._notes, number, urls.voice, urls.status
                )
                stack.push_async_callback(_put_back, connected, tell)
                before = masked(connected.before.voice_url) or "none"
                tell(f"{number.number} now sends its calls here. Its voice URL was: {before}")
                if reason := numbers.ignored_because(number):
                    log.warning(reason)
            yield

    def plan(self, public_url: str) -> list[str]:
        """What `pointed` would change, for people.

        Raises:
            CarrierError: no number, or the API cannot be asked.
        """
        urls = CarrierUrls(public_url)
        wanted = numbers.Routing.to(urls.voice, urls.status)
        lines = []
        for chosen in self._choose():
            changes = numbers.Routing.of(chosen).changes(wanted)
            lines.append(
                f"{chosen.number} ({chosen.sid}) would be changed, and restored when the server stops:"
            )
            lines += [f"  {change}" for change in changes] or ["  nothing; it already points here"]
            if reason := numbers.ignored_because(chosen):
                lines.append(f"Note: {reason}")
        return lines

    def _choose(self) -> list[PhoneNumber]:
        return numbers.choose_all(self.client, self._wanted, self._configured)


async def _put_back(connected: numbers.ConnectedNumber, tell: Tell) -> None:
    """Give a number back what it had; a failure is told, not raised, so that the rest still closes."""
    try:
        said = await asyncio.to_thread(connected.restore)
        before = masked(connected.before.voice_url) or "none"
        tell(said or f"{connected.number} is back to its old voice URL: {before}")
    except CarrierError as error:
        tell(f"callscribe: {error}")
