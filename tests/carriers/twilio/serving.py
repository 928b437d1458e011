"""callscribe's carrier side on a real server, with sessions that only keep what they get."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode
from xml.etree.ElementTree import fromstring

import httpx
import uvicorn
import websockets
from starlette.applications import Starlette

from callscribe.calls.plans import Flows, NumberFlow
from callscribe.calls.registry import CallRegistry
from callscribe.calls.setup import RegistryOptions, Setup
from callscribe.carriers.twilio.api import Client, TwilioApi
from callscribe.carriers.twilio.routes import carrier_routes
from callscribe.carriers.twilio.signature import SignatureChecker, sign
from callscribe.carriers.twilio.socket import SocketLimits
from callscribe.carriers.twilio.urls import CarrierUrls
from callscribe.carriers.twilio.webhook import Form
from callscribe.events import AnyEvent
from tests.calls.sessions import QUICK, FakeSession, until
from tests.calls.world import ALICE, CALL, OURS

TOKEN = "0123456789abcdef0123456789abcdef"
FORM_TYPE = "application/x-www-form-urlencoded; charset=UTF-8"


class Server:
    """callscribe's carrier side at a loopback address, with sessions that only keep what they get."""

    def __init__(self, port: int) -> None:
        self.origin = f"http://127.0.0.1:{port}"
        self.events: list[AnyEvent] = []
        self.sessions: list[FakeSession] = []
        self.client = httpx.AsyncClient(trust_env=False, verify=False)

    async def publish(self, event: AnyEvent) -> None:
        self.events.append(event)

    def open_session(self, **given: Any) -> FakeSession:
        self.sessions.append(FakeSession(self.events.append, **given))
        return self.sessions[-1]

    def of(self, kind: type[AnyEvent]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    async def post(
        self,
        path: str,
        form: Mapping[str, str],
        *,
        signature: str | None = None,
        method: str = "POST",
    ) -> httpx.Response:
        url = self.origin + path
        if signature is None:
            signature = sign(TOKEN, url, Form(form.items()))
        headers = {"Content-Type": FORM_TYPE}
        if signature:
            headers["X-Twilio-Signature"] = signature
        return await self.client.request(
            method, url, content=urlencode(form).encode(), headers=headers
        )

    async def call(self, sid: str = CALL) -> str:
        """A call comes in; the media socket's address."""
        answer = await self.post("/twilio/voice", voice(sid))
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/xml; charset=utf-8"
        stream = fromstring(answer.text).find("Start/Stream")
        assert stream is not None
        return stream.attrib["url"]

    def connect(self, url: str, *, slash: bool = False, signature: str | None = None) -> Any:
        if signature is None:
            signature = sign(TOKEN, url + "/" * slash)
        headers = {"X-Twilio-Signature": signature} if signature else {}
        return websockets.connect(url, additional_headers=headers, compression=None, proxy=None)


def voice(sid: str = CALL) -> dict[str, str]:
    return {
        "CallSid": sid,
        "AccountSid": "AC1",
        "From": ALICE,
        "To": OURS,
        "CallStatus": "ringing",
        "Direction": "inbound",
        "FromCity": "",
    }


@asynccontextmanager
async def serving(
    *,
    limits: SocketLimits | None = None,
    unsigned: bool = False,
    flow: NumberFlow | None = None,
    api: Client | None = None,
    options: RegistryOptions = QUICK,
) -> AsyncIterator[Server]:
    # Without the protocol named, asyncio would leave Nagle's algorithm on.
    listener = socket.socket(proto=socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    server = Server(listener.getsockname()[1])
    urls = CarrierUrls(server.origin)
    registry = CallRegistry(
        Setup(flows=Flows(flow), options=options),
        publish=server.publish,
        open_session=server.open_session,
        api=TwilioApi(api, urls) if api is not None else None,
    )
    signatures = None if unsigned else SignatureChecker([TOKEN], server.origin)
    routes = carrier_routes(registry, signatures, urls, allow_unsigned=unsigned, limits=limits)
    app = Starlette(routes=routes)
    config = uvicorn.Config(app, log_level="error", ws_max_size=2**20, lifespan="off")
    runner = uvicorn.Server(config)
    task = asyncio.create_task(runner.serve(sockets=[listener]))
    await until(lambda: runner.started)
    try:
        yield server
    finally:
        await server.client.aclose()
        runner.should_exit = True
        await task
        await registry.close()
