"""The carrier's routes: webhooks, callbacks and the media socket.

Every request proves that the carrier sent it before anything else happens: a POST by its signature, a socket by its
signature and a single-use ticket, both before the upgrade is accepted. Reading a socket never waits for decoding.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from urllib.parse import quote

import structlog
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from callscribe.addresses import masked
from callscribe.carriers.base import Calls, CarrierFact
from callscribe.carriers.texts import CHECKED
from callscribe.carriers.twilio import facts, twiml, urls, webhook
from callscribe.carriers.twilio.signature import (
    SIGNATURE_HEADER,
    SignatureChecker,
    SignatureRefused,
)
from callscribe.carriers.twilio.socket import MediaSocket, SocketLimits
from callscribe.carriers.twilio.urls import CarrierUrls
from callscribe.carriers.twilio.webhook import Form, is_form
from callscribe.errors import CallscribeError, ProtocolError
from callscribe.refusals import Refusals

log = structlog.get_logger(__name__)

MAX_BODY_BYTES = 32 * 1024
"""A voice request has about 1500, and what add-ons found out about a number comes with it (`AddOns`). Not more room
than that asks for: reading a form is what a stranger costs most."""

USUAL_BODY_BYTES = 4 * 1024
"""Larger ones are read one at a time, and so many may wait:"""
LARGE_BODIES = 32

TWIML = "text/xml; charset=utf-8"


def carrier_routes(
    calls: Calls,
    signatures: SignatureChecker | None,
    addresses: CarrierUrls,
    *,
    allow_unsigned: bool = False,
    limits: SocketLimits | None = None,
) -> list[BaseRoute]:
    """All routes below `/twilio/`.

    Args:
        signatures: None only with `allow_unsigned`.
        addresses: ours, for the answers.

    Raises:
        CallscribeError: signatures can't be checked, and nobody said that this is wanted.
    """
    if signatures is None and not allow_unsigned:
        raise CallscribeError(
            "Without the auth token Twilio's requests cannot be checked. Set TWILIO_AUTH_TOKEN, "
            "or allow_unsigned to try things out on this machine."
        )
    return _CarrierRoutes(calls, signatures, addresses, limits or SocketLimits()).routes()


class _CarrierRoutes:
    def __init__(
        self,
        calls: Calls,
        signatures: SignatureChecker | None,
        addresses: CarrierUrls,
        limits: SocketLimits,
    ) -> None:
        self._calls = calls
        self._signatures = signatures
        self._addresses = addresses
        self._limits = limits
        self._refusals = Refusals()
        self._large = asyncio.Lock()
        self._large_ones = 0

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
        for path in sockets:
            routes += [WebSocketRoute(path, self._media), Route(path, _AnyMethod(self._no_socket))]
        return routes

    # Webhooks and callbacks

    async def _voice(self, request: Request, form: Form) -> Response:
        connect = request.query_params.get("connect", "")
        return await self._answer(facts.call_came(webhook.parse_incoming_call(form), connect))

    async def _dial(self, request: Request, form: Form) -> Response:
        return await self._answer(facts.dial_over(webhook.parse_dial_finished(form)))

    async def _whisper(self, request: Request, form: Form) -> Response:
        return await self._answer(facts.whisper_asked(webhook.parse_incoming_call(form)))

    async def _status(self, request: Request, form: Form) -> Response:
        return await self._take(facts.leg_changed(webhook.parse_call_status(form)))

    async def _leg(self, request: Request, form: Form) -> Response:
        return await self._take(facts.dialed_leg_changed(webhook.parse_leg_status(form)))

    async def _conference(self, request: Request, form: Form) -> Response:
        return await self._take(facts.in_room(webhook.parse_conference_event(form)))

    async def _stream(self, request: Request, form: Form) -> Response:
        return await self._take(facts.stream_reported(webhook.parse_stream_status(form)))

    async def _answer(self, question: CarrierFact) -> Response:
        answer = await self._calls.tell(question)
        return Response(twiml.render(answer, self._addresses), media_type=TWIML)

    async def _take(self, news: CarrierFact | None) -> Response:
        if news is not None:
            await self._calls.tell(news)
        return Response(status_code=204)

    def _checked(
        self, handler: Callable[[Request, Form], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            if request.method != "POST":
                self._log_near_miss(
                    request,
                    "a request that looks like Twilio's used a method other than POST",
                    "in Twilio's console the method of this address must be HTTP POST",
                )
                return PlainTextResponse(
                    f"{request.url.path} takes POST requests from Twilio, not {request.method}. In "
                    "Twilio's console the method of this address must be HTTP POST.\n",
                    status_code=405,
                    headers={"Allow": "POST"},
                )
            body = await _body(request)
            if body is None:
                self._log_near_miss(
                    request,
                    "a request that looks like Twilio's is too large",
                    f"more than {MAX_BODY_BYTES} bytes are not read; remove add-ons from the number",
                )
                return PlainTextResponse("The request is too large.\n", status_code=413)
            try:
                if len(body) <= USUAL_BODY_BYTES:
                    form = self._form(request, body)
                elif self._large_ones < LARGE_BODIES:
                    form = await self._large_form(request, body)
                else:
                    self._log_near_miss(
                        request,
                        "too many large requests at once",
                        "some are refused; if they are not from Twilio, refuse their senders in front of this server",
                    )
                    return PlainTextResponse("Too many large requests at once.\n", status_code=503)
                request.scope[CHECKED] = True
                return await handler(request, form)
            except SignatureRefused as refused:
                self._log_refusal(request, refused)
                return PlainTextResponse(_UNSIGNED, status_code=403)
            except ProtocolError as error:
                return PlainTextResponse(f"{error}\n", status_code=400)

        return endpoint

    def _form(self, request: Request, body: bytes) -> Form:
        """What was sent, once it is certain that the carrier sent it.

        Raises:
            SignatureRefused, ProtocolError: see `SignatureChecker.check_request`, `Form.parse`.
        """
        if self._signatures is None:
            return Form.parse(body if is_form(request.headers.get("content-type", "")) else b"")
        return self._signatures.check_request(
            raw_path=_raw_path(request),
            query=_query(request),
            headers=request.headers,
            body=body,
        )

    async def _large_form(self, request: Request, body: bytes) -> Form:
        """As `_form`, which takes milliseconds for these: when strangers send hundreds at once, other webhooks have
        their turn between any two."""
        self._large_ones += 1
        try:
            async with self._large:
                await asyncio.sleep(0)
                return self._form(request, body)
        finally:
            self._large_ones -= 1

    async def _no_socket(self, request: Request) -> Response:
        self._log_near_miss(
            request,
            "a media socket arrived as a plain request",
            "the proxy in front must pass WebSocket upgrades on: docs/connect-a-number.md",
        )
        return PlainTextResponse(
            "This address is for WebSockets. A proxy in front must pass upgrades on.\n",
            status_code=426,
            headers={"Upgrade": "websocket"},
        )

    def _log_near_miss(self, request: Request, what: str, hint: str) -> None:
        """Log what Twilio may have sent; others only knock."""
        if SIGNATURE_HEADER.lower() not in request.headers:
            return
        self._refusals.note(
            what,
            lambda hidden: log.warning(
                what,
                method=request.method,
                asked_for=_without_ticket(request.url.path[:200]),
                hint=hint,
                **({"more_like_this": hidden} if hidden else {}),
            ),
        )

    def _log_refusal(self, connection: HTTPConnection, refused: SignatureRefused) -> None:
        route = urls.MEDIA if connection.path_params else connection.scope["path"]
        arrived = masked(str(connection.url)[:500])
        signed, arrived = map(_without_ticket, (refused.signed_url, arrived))
        self._refusals.note(
            (refused.reason, route),
            lambda hidden: log.warning(
                "refused a request that Twilio did not sign for this address",
                reason=refused.reason,
                signed_against=signed,
                arrived=arrived,
                hint="public_url must be exactly the address that Twilio calls, and the auth token the account's",
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
        ticket = self._calls.admit(websocket.path_params["ticket"])
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
        await MediaSocket(websocket, self._calls, ticket, self._limits).run()


class _AnyMethod:
    """An endpoint for all methods, which Starlette would narrow for a plain function."""

    def __init__(self, endpoint: Callable[[Request], Awaitable[Response]]) -> None:
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        response = await self._endpoint(request)
        await response(scope, receive, send)


_UNSIGNED = "This request is not signed by Twilio for this address.\n"


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


def _without_ticket(url: str) -> str:
    return re.sub(rf"({urls.MEDIA}/+)[^/?]+", r"\1<ticket>", url)
