"""One media socket of Twilio's: reads its messages and hands the audio on, as it arrives. Never waits for decoding."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass

import structlog
from starlette.websockets import WebSocket, WebSocketState

from callscribe.carriers.base import Calls, Feed, Pass
from callscribe.carriers.texts import TEXTS, TakeTexts
from callscribe.carriers.twilio.stream import (
    MAX_MESSAGE_CHARS,
    Dtmf,
    Media,
    MediaEvent,
    MediaStream,
    Stopped,
)
from callscribe.errors import CallscribeError, ProtocolError

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SocketLimits:
    """What a media socket may do before it is closed."""

    start_s: float = 10.0
    """From the upgrade to `start`."""
    linger_s: float = 5.0
    """From `stop` to the carrier's own close."""
    message_chars: int = MAX_MESSAGE_CHARS
    messages_per_s: float = 5_000.0
    """Sustained; two tracks make 100, and a simulated call may be played many times faster."""
    burst: float = 20_000.0
    """Messages that may come at once, e.g. after the network was stuck."""


class MediaSocket:
    """One media socket, from its upgrade to its end."""

    def __init__(
        self, websocket: WebSocket, calls: Calls, ticket: Pass, limits: SocketLimits
    ) -> None:
        self._websocket = websocket
        self._calls = calls
        self._ticket = ticket
        self._limits = limits
        self._machine = MediaStream(max_message_chars=limits.message_chars)
        self._feed: Feed | None = None
        self._allowance = limits.burst
        self._allowance_at = time.monotonic()
        self._until_check = 0

    async def run(self) -> None:
        try:
            reason = await self._talk()
        except ProtocolError as error:
            reason = f"refused: {error}"
            await self._close(error.close_code, str(error))
        except CallscribeError as error:
            # We cannot take the stream, e.g. no recogniser: our fault, not the peer's.
            reason = f"refused: {error}"
            await self._close(1011, str(error))
        except BaseException:
            # The server is going down, or has a bug: what was said is not lost either way.
            if self._feed is not None:
                await asyncio.shield(self._feed.closed("socket-lost"))
            raise
        if reason.startswith("refused"):
            log.warning(
                "closed a media socket", call=self._ticket.call, leg=self._ticket.leg, reason=reason
            )
        if self._feed is None:
            return
        if self._machine.ignored:
            log.info("ignored messages", call=self._ticket.call, count=self._machine.ignored)
        end = asyncio.ensure_future(self._feed.closed(reason))
        if reason == "stop":
            await self._linger()
        await asyncio.shield(end)

    async def _talk(self) -> str:
        """Read until the stream is over; says why it is.

        Raises:
            ProtocolError: the peer broke the protocol or a limit.
        """
        try:
            async with asyncio.timeout(self._limits.start_s):
                while self._machine.started is None:
                    text = await self._receive()
                    if text is None:
                        return "socket-lost"
                    self._machine.receive_text(text)
        except TimeoutError:
            raise ProtocolError(
                f"no 'start' within {self._limits.start_s:g} seconds", close_code=1008
            ) from None
        started = self._machine.started
        self._feed = feed = self._calls.stream_opened(
            self._ticket, leg=started.call_sid, stream=started.stream_sid, tracks=started.tracks
        )
        reader = asyncio.ensure_future(self._read(feed))
        superseded = asyncio.ensure_future(feed.superseded())
        try:
            await asyncio.wait((reader, superseded), return_when=asyncio.FIRST_COMPLETED)
            if reader.done():
                return reader.result()
            await self._close(
                1000, "another socket has taken this stream's place, or the call is over"
            )
            return "taken-over"
        finally:
            reader.cancel()
            superseded.cancel()

    async def _read(self, feed: Feed) -> str:
        extension = self._websocket.scope.get("extensions", {}).get(TEXTS)
        if extension is not None:
            return await self._read_quickly(feed, extension["take"])
        while True:
            text = await self._receive()
            if text is None:
                return "socket-lost"
            for event in self._machine.receive_text(text):
                if self._took_last(feed, event):
                    return "stop"

    async def _read_quickly(self, feed: Feed, take_texts: TakeTexts) -> str:
        """Like `_read`, with messages handed on in the callback in which their bytes arrive."""
        over: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        receive_text, receive = self._machine.receive_text, feed.receive

        def take(text: str | bytes) -> None:
            self._until_check -= 1
            if self._until_check <= 0:
                self._check_rate()
            for event in receive_text(text):
                if type(event) is Media:
                    receive(event.track, event.timestamp_ms, event.payload, event.chunk)
                elif self._took_last(feed, event) and not over.done():
                    over.set_result("stop")

        def failed(error: Exception) -> None:
            if not over.done():
                over.set_exception(error)

        take_texts(take, failed)
        other = asyncio.ensure_future(self._receive())
        try:
            await asyncio.wait((over, other), return_when=asyncio.FIRST_COMPLETED)
            if not over.done():
                other.result()  # raises for what is no text
                return "socket-lost"
            return over.result()
        finally:
            other.cancel()

    def _took_last(self, feed: Feed, event: MediaEvent) -> bool:
        """Hand an event on; true when it says that nothing follows."""
        if isinstance(event, Media):
            feed.receive(event.track, event.timestamp_ms, event.payload, event.chunk)
        elif isinstance(event, Dtmf):
            feed.digit(event.track, event.digit)
        return isinstance(event, Stopped)

    async def _receive(self) -> str | None:
        """The next text; None when the socket is closed."""
        self._until_check -= 1
        if self._until_check <= 0:
            self._check_rate()
            await asyncio.sleep(0)  # others have a turn
        message = await self._websocket.receive()
        if message["type"] == "websocket.disconnect":
            return None
        text: str | None = message.get("text")
        if text is None:
            raise ProtocolError("a binary message; the media protocol is text", close_code=1003)
        return text

    def _check_rate(self) -> None:
        """Every so many messages: are they too many?"""
        every = 100
        now = time.monotonic()
        self._allowance += (now - self._allowance_at) * self._limits.messages_per_s - every
        self._allowance = min(self._allowance, self._limits.burst)
        self._allowance_at = now
        if self._allowance < 0:
            raise ProtocolError(
                f"more than {self._limits.messages_per_s:g} messages a second", close_code=1008
            )
        self._until_check = every

    async def _linger(self) -> None:
        """After `stop` the carrier closes; a close by us would be an error in its log."""
        if self._websocket.client_state is not WebSocketState.CONNECTED:
            return  # it has closed already
        try:
            async with asyncio.timeout(self._limits.linger_s):
                while (await self._websocket.receive())["type"] != "websocket.disconnect":
                    pass
        except TimeoutError:
            await self._close(1000, "")

    async def _close(self, code: int, reason: str) -> None:
        if self._websocket.application_state is not WebSocketState.CONNECTED:
            return
        if self._websocket.client_state is not WebSocketState.CONNECTED:
            return
        # A close frame holds 123 bytes of reason (RFC 6455, 5.5).
        short = reason.encode()[:120].decode("utf-8", "ignore")
        with contextlib.suppress(RuntimeError):  # it was closed from the other side meanwhile
            await self._websocket.close(code, short)
