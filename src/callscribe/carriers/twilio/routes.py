"""The carrier's routes: webhooks, callbacks and the media socket.

Every request proves that the carrier sent it before anything else happens: a POST by its signature, a socket by its
signature and a single-use ticket, both before the upgrade is accepted. Reading a socket never waits for decoding.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote

import structlog
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketState

from callscribe.calls.streams import OpenStream
from callscribe.calls.tickets import Ticket
from callscribe.carriers.texts import TEXTS, TakeTexts
from callscribe.carriers.twilio import urls, webhook
from callscribe.carriers.twilio.signature import SignatureChecker, SignatureRefused
from callscribe.carriers.twilio.stream import (
    MAX_MESSAGE_CHARS,
    Dtmf,
    Media,
    MediaEvent,
    MediaStream,
    Started,
    Stopped,
)
from callscribe.carriers.twilio.webhook import Form, is_form
from callscribe.errors import CallscribeError, ProtocolError
from callscribe.refusals import Refusals

log = structlog.get_logger(__name__)

MAX_BODY_BYTES = 64 * 1024
"""A voice request has about 1500."""

TWIML = "text/xml; charset=utf-8"


class CarrierCalls(Protocol):
    """What the routes need of the call registry (`calls.registry.CallRegistry`)."""

    async def incoming(self, call: webhook.IncomingCall, *, connect: str = "") -> str: ...

    async def call_status(self, status: webhook.CallStatusChanged) -> None: ...

    async def stream_status(self, status: webhook.StreamStatus) -> None: ...

    async def leg_status(self, status: webhook.LegStatus) -> None: ...

    async def dial_finished(self, finished: webhook.DialFinished) -> str: ...

    async def conference_status(self, event: webhook.ConferenceEvent) -> None: ...

    def whisper(self, call: webhook.IncomingCall) -> str: ...

    def redeem(self, token: str) -> Ticket | None: ...

    async def stream_opened(self, ticket: Ticket, started: Started) -> OpenStream: ...

    def digit_pressed(self, stream: OpenStream, pressed: Dtmf) -> None: ...

    async def stream_closed(self, stream: OpenStream, reason: str) -> None: ...


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


def carrier_routes(
    calls: CarrierCalls,
    signatures: SignatureChecker | None,
    *,
    allow_unsigned: bool = False,
    limits: SocketLimits | None = None,
) -> list[BaseRoute]:
    """All routes below `/twilio/`.

    Args:
        signatures: None only with `allow_unsigned`.

    Raises:
        CallscribeError: signatures can't be checked, and nobody said that this is wanted.
    """
    if signatures is None and not allow_unsigned:
        raise CallscribeError(
            "Without the auth token the carrier's requests cannot be checked. Set TWILIO_AUTH_TOKEN, "
            "or allow_unsigned to try things out on this machine."
        )
    return _CarrierRoutes(calls, signatures, limits or SocketLimits()).routes()


class _CarrierRoutes:
    def __init__(
        self, calls: CarrierCalls, signatures: SignatureChecker | None, limits: SocketLimits
    ) -> None:
        self._calls = calls
        self._signatures = signatures
        self._limits = limits
        self._refusals = Refusals()

    def routes(self) -> list[BaseRoute]:
        posts: dict[str, Callable[[Request, Form], Awaitable[Response]]] = {
            urls.VOICE: self._voice,
            urls.STATUS: self._status,
            urls.STREAM: self._stream,
            urls.LEG: self._leg,
            urls.DIAL: self._dial,
            urls.WHISPER: self._whisper,
            urls.CONFERENCE: self._conference,
        }
        routes: list[BaseRoute] = [
            Route(path, _AnyMethod(self._checked(handler))) for path, handler in posts.items()
        ]
        # The carrier is said to sign, and may call, the socket's address with a slash behind it.
        sockets = [urls.MEDIA + "/{ticket}", urls.MEDIA + "/{ticket}/"]
        return routes + [WebSocketRoute(path, self._media) for path in sockets]

    # Webhooks and callbacks

    async def _voice(self, request: Request, form: Form) -> Response:
        call = webhook.parse_incoming_call(form)
        connect = request.query_params.get("connect", "")
        return Response(await self._calls.incoming(call, connect=connect), media_type=TWIML)

    async def _status(self, request: Request, form: Form) -> Response:
        await self._calls.call_status(webhook.parse_call_status(form))
        return Response(status_code=204)

    async def _stream(self, request: Request, form: Form) -> Response:
        await self._calls.stream_status(webhook.parse_stream_status(form))
        return Response(status_code=204)

    async def _leg(self, request: Request, form: Form) -> Response:
        await self._calls.leg_status(webhook.parse_leg_status(form))
        return Response(status_code=204)

    async def _dial(self, request: Request, form: Form) -> Response:
        answer = await self._calls.dial_finished(webhook.parse_dial_finished(form))
        return Response(answer, media_type=TWIML)

    async def _whisper(self, request: Request, form: Form) -> Response:
        answer = self._calls.whisper(webhook.parse_incoming_call(form))
        return Response(answer, media_type=TWIML)

    async def _conference(self, request: Request, form: Form) -> Response:
        await self._calls.conference_status(webhook.parse_conference_event(form))
        return Response(status_code=204)

    def _checked(
        self, handler: Callable[[Request, Form], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            if request.method != "POST":
                return PlainTextResponse(
                    f"{request.url.path} takes POST requests from the carrier, not {request.method}. In the "
                    "carrier's console the method of this address must be HTTP POST.\n",
                    status_code=405,
                    headers={"Allow": "POST"},
                )
            body = await _body(request)
            if body is None:
                return PlainTextResponse("The request is too large.\n", status_code=413)
            try:
                if self._signatures is not None:
                    form = self._signatures.check_request(
                        raw_path=_raw_path(request),
                        query=_query(request),
                        headers=request.headers,
                        body=body,
                    )
                else:
                    form = Form.parse(
                        body if is_form(request.headers.get("content-type", "")) else b""
                    )
                return await handler(request, form)
            except SignatureRefused as refused:
                self._log_refusal(request, refused)
                return PlainTextResponse(_UNSIGNED, status_code=403)
            except ProtocolError as error:
                return PlainTextResponse(f"{error}\n", status_code=400)

        return endpoint

    def _log_refusal(self, connection: HTTPConnection, refused: SignatureRefused) -> None:
        token = str(connection.path_params.get("ticket", ""))
        route = urls.MEDIA if token else connection.scope["path"]
        signed, arrived = (_without(u, token) for u in (refused.signed_url, str(connection.url)))
        self._refusals.note(
            (refused.reason, route),
            lambda hidden: log.warning(
                "refused a request that the carrier did not sign for this address",
                reason=refused.reason,
                signed_against=signed,
                arrived=arrived,
                hint="public_url must be exactly the address that the carrier calls, and the auth token the account's",
                **({"more_like_this": hidden} if hidden else {}),
            ),
        )

    # The media socket

    async def _media(self, websocket: WebSocket) -> None:
        if self._signatures is not None:
            try:
                self._signatures.check_upgrade(
                    raw_path=_raw_path(websocket),
                    query=_query(websocket),
                    headers=websocket.headers,
                )
            except SignatureRefused as refused:
                self._log_refusal(websocket, refused)
                await _deny(websocket, _UNSIGNED)
                return
        ticket = self._calls.redeem(websocket.path_params["ticket"])
        if ticket is None:
            self._refusals.note(
                "ticket",
                lambda hidden: log.warning(
                    "refused a media socket: its ticket is unknown, used or expired",
                    **({"more_like_this": hidden} if hidden else {}),
                ),
            )
            await _deny(websocket, "The ticket is unknown, used or expired.\n")
            return
        await websocket.accept()
        await _Socket(websocket, self._calls, ticket, self._limits).run()


class _Socket:
    """One media socket, from its upgrade to its end."""

    def __init__(
        self, websocket: WebSocket, calls: CarrierCalls, ticket: Ticket, limits: SocketLimits
    ) -> None:
        self._websocket = websocket
        self._calls = calls
        self._ticket = ticket
        self._limits = limits
        self._machine = MediaStream(max_message_chars=limits.message_chars)
        self._stream: OpenStream | None = None
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
            if self._stream is not None:
                await asyncio.shield(self._calls.stream_closed(self._stream, "socket-lost"))
            raise
        if reason.startswith("refused"):
            log.warning(
                "closed a media socket", call=self._ticket.call, leg=self._ticket.leg, reason=reason
            )
        if self._stream is None:
            return
        if self._machine.ignored:
            log.info("passed over messages", call=self._ticket.call, count=self._machine.ignored)
        end = asyncio.ensure_future(self._calls.stream_closed(self._stream, reason))
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
        self._stream = await self._calls.stream_opened(self._ticket, self._machine.started)
        reader = asyncio.ensure_future(self._read(self._stream))
        superseded = asyncio.ensure_future(self._stream.superseded.wait())
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

    async def _read(self, stream: OpenStream) -> str:
        extension = self._websocket.scope.get("extensions", {}).get(TEXTS)
        while True:
            if extension is not None and stream.ready:
                return await self._read_quickly(stream, extension["take"])
            text = await self._receive()
            if text is None:
                return "socket-lost"
            for event in self._machine.receive_text(text):
                if isinstance(event, Media) and not stream.ready:
                    await stream.settle(event)
                elif self._took_last(stream, event):
                    return "stop"

    async def _read_quickly(self, stream: OpenStream, take_texts: TakeTexts) -> str:
        """Like `_read`, with messages handed on in the callback in which their bytes arrive."""
        over: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        def take(text: str) -> None:
            self._until_check -= 1
            if self._until_check <= 0:
                self._check_rate()
            for event in self._machine.receive_text(text):
                if self._took_last(stream, event) and not over.done():
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

    def _took_last(self, stream: OpenStream, event: MediaEvent) -> bool:
        """Hand an event on; true when it says that nothing follows."""
        if isinstance(event, Media):
            stream.receive(event)
        elif isinstance(event, Dtmf):
            self._calls.digit_pressed(stream, event)
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


class _AnyMethod:
    """An endpoint for all methods, which Starlette would narrow for a plain function."""

    def __init__(self, endpoint: Callable[[Request], Awaitable[Response]]) -> None:
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        response = await self._endpoint(request)
        await response(scope, receive, send)


_UNSIGNED = "This request is not signed by the carrier for this address.\n"


async def _deny(websocket: WebSocket, text: str) -> None:
    """Refuse the upgrade: an HTTP answer instead of a socket."""
    await websocket.send_denial_response(PlainTextResponse(text, status_code=403))


async def _body(request: Request) -> bytes | None:
    """The body; None when it is too large."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            return None
    return bytes(body)


def _raw_path(connection: HTTPConnection) -> str:
    """The path as it was sent: decoding and encoding it again would not give the string that was signed."""
    raw = connection.scope.get("raw_path")
    if isinstance(raw, bytes):
        return raw.partition(b"?")[0].decode("latin-1")
    return quote(connection.scope["path"])


def _query(connection: HTTPConnection) -> str:
    query: bytes = connection.scope.get("query_string", b"")
    return query.decode("latin-1")


def _without(url: str, secret: str) -> str:
    return url.replace(secret, "<ticket>") if secret else url
