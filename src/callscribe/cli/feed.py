"""Follows the journal of a running server, over whatever connection there is: no hole, no double."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Self

import httpx
import msgspec

from callscribe.cli.remote import Place, ServerError, check_answer, not_ours, unreachable
from callscribe.clients import async_client
from callscribe.events import EPHEMERAL, Published, from_json
from callscribe.journal.follow import Unnumbered
from callscribe.ranges import whole_number
from callscribe.terminal.sse import Message, SseParser

SILENCE_S = 45.0
"""The server says something every 15 s; after this much silence the connection is dead."""
LONGEST_WAIT_S = 15.0
RETRIED = frozenset({429, 500, 502, 503, 504})


class Feed:
    """The follower (`callscribe.journal.follow.Follower`) of another process's journal; it never ends.

    Connection losses are mended by connecting again from the last event seen.

    Args:
        call: only this record's events (its id).
        on_state: told "reconnecting" when the connection is lost and "" when it is back.
        wait, jitter: for tests.
        client: for tests; otherwise made here and closed by `close`.
    """

    def __init__(
        self,
        place: Place,
        *,
        call: str = "",
        on_state: Callable[[str], None] = lambda _: None,
        client: httpx.AsyncClient | None = None,
        wait: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._place = place
        self._call = call
        self._on_state = on_state
        self._client = client or async_client(
            place.url, timeout=httpx.Timeout(10.0, read=SILENCE_S), follow_redirects=False
        )
        self._wait = wait
        self._jitter = jitter
        self._response: httpx.Response | None = None
        self._bytes: AsyncIterator[bytes] | None = None
        self._parser = SseParser()
        self._ready: deque[Message] = deque()
        self._unnumbered = Unnumbered()
        self._cursor: int | None = None
        self.skip: dict[str, int] = {}
        """Record id -> cursor: what a record that was read beside the stream holds already."""

    @property
    def cursor(self) -> int | None:
        """Journal id of the newest event seen or passed over; None before the first connection."""
        return self._cursor

    async def connect(self) -> None:
        """Open the stream from now on, the first time. After this, whatever is read from the server's record overlaps
        with the stream and leaves no hole.

        Raises:
            ServerError: not reachable, not ours, wrong token.
        """
        await self._open()
        while self._cursor is None:
            # The server begins with the id it starts from.
            messages = await self._read()
            if messages is None:
                raise not_ours(self._place, "the event stream ends at once")
            self._take_ids(messages)
            self._ready += messages

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Published:
        while True:
            while self._ready:
                published = self._event(self._ready.popleft())
                if published is not None:
                    return published
            await self._fill()

    async def batch(self) -> list[Published]:
        """The next events: all that have arrived, at least one."""
        found = [await anext(self)]
        while self._ready:
            published = self._event(self._ready.popleft())
            if published is not None:
                found.append(published)
        return found

    async def _fill(self) -> None:
        """Read on; connect again when that fails."""
        if self._bytes is not None:
            try:
                messages = await self._read()
                if messages is not None:
                    self._take_ids(messages)
                    self._ready += messages
                    return
            except httpx.TransportError:
                pass
        await self._drop()
        self._on_state("reconnecting")
        tries = 0
        while True:
            tries += 1
            pause = min(LONGEST_WAIT_S, 0.5 * 2 ** min(tries - 1, 6))
            await self._wait(pause * (0.5 + 0.5 * self._jitter()))
            try:
                await self._open()
            except ServerError as error:
                if error.status and error.status not in RETRIED:
                    raise
                continue
            self._on_state("")
            return

    async def _open(self) -> None:
        await self._drop()
        headers = dict(self._place.headers) | {"Accept": "text/event-stream"}
        if self._cursor is not None:
            headers["Last-Event-ID"] = str(self._cursor)
        request = self._client.build_request(
            "GET",
            f"{self._place.url}/api/events",
            params={"call": self._call} if self._call else None,
            headers=headers,
        )
        try:
            response = await self._client.send(request, stream=True)
        except httpx.TransportError as error:
            raise unreachable(self._place, error) from None
        try:
            if not response.is_success:
                await response.aread()
                check_answer(self._place, response)
            kind = response.headers.get("content-type", "").split(";")[0]
            if not response.is_success or kind != "text/event-stream":
                raise not_ours(self._place, kind or "no content type", response.status_code)
        except httpx.TransportError as error:
            await response.aclose()
            raise unreachable(self._place, error) from None
        except BaseException:
            await response.aclose()
            raise
        self._response = response
        self._bytes = response.aiter_bytes()
        self._parser = SseParser()

    async def _read(self) -> list[Message] | None:
        """The next messages; None when the server closed the stream."""
        if self._bytes is None:
            return None
        try:
            return self._parser.feed(await anext(self._bytes))
        except StopAsyncIteration:
            return None
        except ValueError as error:
            raise not_ours(self._place, str(error)) from None

    def _take_ids(self, messages: list[Message]) -> None:
        """Where the stream begins is said by an id without data."""
        for message in messages:
            if self._cursor is None and message.id and not message.data:
                self._cursor = whole_number(message.id)

    def _event(self, message: Message) -> Published | None:
        """None for what is not an event of ours, or has been shown."""
        number = whole_number(message.id or "")
        if number is not None:
            if message.data and self._cursor is not None and number <= self._cursor:
                return None
            self._cursor = number
        if message.event != "message" or not message.data:
            return None  # what the server says about the stream itself; it sends what was missed
        try:
            event = from_json(message.data)
        except msgspec.ValidationError:
            return None  # of a newer server
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise not_ours(self._place, "its events are not JSON") from None
        if number is not None and number <= self.skip.get(event.call, 0):
            return None
        if number is not None:
            known = self._unnumbered.forget(event)
        else:
            known = not isinstance(event, EPHEMERAL) and not self._unnumbered.remember(event)
        if known:
            return None
        return Published(number, event)

    async def _drop(self) -> None:
        self._bytes = None
        if self._response is not None:
            response, self._response = self._response, None
            await response.aclose()

    async def close(self) -> None:
        """Let the connection go."""
        await self._drop()
        await self._client.aclose()
