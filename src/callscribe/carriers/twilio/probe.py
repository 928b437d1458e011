"""Two addresses beside the carrier's, for `callscribe doctor`: does a signed request, and a signed socket, arrive?

They take the same way through proxy or tunnel as the carrier's requests, are signed the same way and checked by the
same code, but touch no call. Each answers what it was sent, once.
"""

from __future__ import annotations

import asyncio

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from callscribe.carriers.twilio.signature import SignatureChecker, SignatureRefused
from callscribe.carriers.twilio.urls import PROBE

PATH = PROBE
MAX_CHARS = 200
PATIENCE_S = 10.0


def probe_routes(signatures: SignatureChecker | None) -> list[BaseRoute]:
    """The routes. Without a checker nothing is checked, as for the carrier's own routes."""

    async def post(request: Request) -> Response:
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > 10 * MAX_CHARS:
                return PlainTextResponse("too large\n", status_code=413)
        if signatures is not None:
            try:
                signatures.check_request(
                    raw_path=PATH, query="", headers=request.headers, body=body
                )
            except SignatureRefused as refused:
                return PlainTextResponse(f"{refused}\n", status_code=403)
        return PlainTextResponse(body.decode("utf-8", "replace"))

    async def socket(websocket: WebSocket) -> None:
        if signatures is not None:
            try:
                signatures.check_upgrade(raw_path=PATH, query="", headers=websocket.headers)
            except SignatureRefused as refused:
                await websocket.send_denial_response(
                    PlainTextResponse(f"{refused}\n", status_code=403)
                )
                return
        await websocket.accept()
        try:
            async with asyncio.timeout(PATIENCE_S):
                text = await websocket.receive_text()
                await websocket.send_text(text[:MAX_CHARS])
                await websocket.close()
        except (TimeoutError, WebSocketDisconnect, KeyError):
            return  # nobody is there any more, or not one of us

    return [Route(PATH, post, methods=["POST"]), WebSocketRoute(PATH, socket)]


def probe_app(signatures: SignatureChecker | None) -> Starlette:
    """Nothing but the probe and `/healthz`: stands in for a server that is not running."""

    async def healthz(request: Request) -> Response:
        return JSONResponse({"status": "alive"})

    return Starlette(routes=[Route("/healthz", healthz), *probe_routes(signatures)])
