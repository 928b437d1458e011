"""What `callscribe doctor` tries from outside in: the way that the carrier's requests take to this server."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import urlsplit

import httpx
import uvicorn
from websockets.exceptions import (
    InvalidHandshake,
    InvalidProxy,
    InvalidStatus,
    WebSocketException,
)
from websockets.sync.client import connect

from callscribe.addresses import is_here, is_loopback_name
from callscribe.carriers.twilio import probe
from callscribe.carriers.twilio.signature import SIGNATURE_HEADER, SignatureChecker, sign
from callscribe.carriers.twilio.webhook import Form
from callscribe.cli.findings import Finding
from callscribe.cli.remote import Place, unreachable
from callscribe.clients import ProxyError, unusable_proxy
from callscribe.clients import client as http_client

TIMEOUT_S = 10.0
CERTIFICATE_DAYS = 14

_WAY = (
    "Is the tunnel or proxy up, does public_url name it, and does it pass requests on to this machine's port? "
    "Some routers don't let a machine reach its own public address; if so, try from elsewhere."
)


def own_host(host: str) -> str:
    """Where a server that listens on `host` is reached from this machine."""
    return "127.0.0.1" if host in ("0.0.0.0", "") else "::1" if host == "::" else host  # noqa: S104


def is_listening(host: str, port: int) -> bool:
    """Whether something answers at the server's own address."""
    try:
        with socket.create_connection((own_host(host), port), timeout=2):
            return True
    except (OSError, UnicodeError):
        return False


@contextlib.contextmanager
def stand_in(host: str, port: int, signatures: SignatureChecker | None) -> Iterator[None]:
    """A server that only has the probe's addresses, while no real one runs.

    Raises:
        OSError: the port cannot be used.
    """
    listener = socket.create_server((host, port))
    server = uvicorn.Server(
        uvicorn.Config(
            probe.probe_app(signatures), log_config=None, lifespan="off", access_log=False
        )
    )
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]
    thread = threading.Thread(
        target=lambda: asyncio.run(server.serve(sockets=[listener])), name="probe", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(TIMEOUT_S)
        listener.close()


def public_address(url: str, *, verify: bool | ssl.SSLContext = True) -> list[Finding]:
    """The address resolves, its certificate is good, and this server answers there."""
    parts = urlsplit(url)
    findings = []
    if parts.scheme != "https" and is_loopback_name(parts.hostname or ""):
        findings.append(
            Finding(
                "TLS", "skipped", f"{url} is this machine: only the simulated Twilio can reach it"
            )
        )
    elif parts.scheme != "https":
        findings.append(
            Finding(
                "TLS",
                "failed",
                f"{url} is not https",
                "Twilio opens media sockets over TLS only: put a proxy with a certificate in front, "
                "or use --tunnel ngrok.",
            )
        )
    elif parts.port not in (None, 443):
        findings.append(
            Finding(
                "TLS",
                "warning",
                f"{url} uses port {parts.port}",
                "Port 443 always works with Twilio; use it if sockets fail with 31902.",
            )
        )
    try:
        with (
            http_client(url, verify=verify, timeout=TIMEOUT_S) as client,
            client.stream("GET", f"{url}/healthz") as response,
        ):
            if parts.scheme == "https":
                findings.append(_certificate(response))
            response.read()
    except ProxyError as error:
        return [*findings, Finding("Public address", "failed", str(error))]
    except httpx.TransportError as error:
        reason = unreachable(Place(url, ""), error)
        tls = "TLS" in str(reason)
        cure = (
            "Twilio accepts only certificates of public authorities, valid for exactly this name, with their "
            "intermediate certificates."
            if tls
            else _WAY
        )
        return [*findings, Finding("TLS" if tls else "Public address", "failed", str(reason), cure)]
    if response.status_code == 200 and "alive" in response.text:
        return [*findings, Finding("Public address", "ok", f"{url} reaches this server")]
    return [
        *findings,
        Finding(
            "Public address",
            "failed",
            f"{url}/healthz answers HTTP {response.status_code}, and not with callscribe's words",
            _WAY,
        ),
    ]


def _certificate(response: httpx.Response) -> Finding:
    stream = response.extensions.get("network_stream")
    tls = stream.get_extra_info("ssl_object") if stream is not None else None
    expires = (tls.getpeercert() or {}).get("notAfter") if tls is not None else None
    if not expires:
        return Finding("TLS", "ok", "the certificate is accepted")
    until = datetime.strptime(expires, "%b %d %H:%M:%S %Y %Z").replace(tzinfo=UTC)
    days = (until - datetime.now(UTC)).days
    detail = f"the certificate is valid until {until:%d %B %Y}"
    if days < CERTIFICATE_DAYS:
        return Finding("TLS", "warning", detail, f"Renew it: {days} days left.")
    return Finding("TLS", "ok", detail)


def signed_request(url: str, token: str, *, verify: bool | ssl.SSLContext = True) -> Finding:
    """A request signed as the carrier would is accepted, and one that is not is refused."""
    check = "Signature"
    address = url + probe.PATH
    form = {"Probe": secrets.token_hex(8)}
    body = f"Probe={form['Probe']}"
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        SIGNATURE_HEADER: sign(token, address, Form(form.items())),
    }
    try:
        with http_client(url, verify=verify, timeout=TIMEOUT_S) as client:
            signed = client.post(address, content=body, headers=headers)
            headers[SIGNATURE_HEADER] = sign("not the token", address, Form(form.items()))
            forged = client.post(address, content=body, headers=headers)
    except ProxyError as error:
        return Finding(check, "failed", str(error))
    except httpx.TransportError as error:
        return Finding(check, "failed", str(unreachable(Place(url, ""), error)), _WAY)
    if signed.status_code == 403:
        return Finding(
            check,
            "failed",
            f"a correctly signed request was refused ({signed.text.strip()[:200]})",
            "The server checks against another public_url or another auth token than these settings have. "
            "Start it again with the same ones.",
        )
    if signed.status_code != 200 or signed.text != body:
        return Finding(
            check, "failed", f"{address} answers HTTP {signed.status_code} instead of an echo", _WAY
        )
    if forged.status_code != 403:
        return Finding(
            check,
            "warning",
            "a request with a wrong signature was accepted",
            "The server runs with --allow-unsigned: anyone who knows its address can invent calls. Turn it off.",
        )
    return Finding(check, "ok", "a signed request arrives and is accepted, a forged one refused")


def signed_socket(url: str, token: str) -> Finding:
    """A WebSocket, signed as the carrier would, opens and gives back what is sent."""
    check = "WebSocket"
    address = url.replace("http", "ws", 1) + probe.PATH
    word = secrets.token_hex(8)
    try:
        with connect(
            address,
            additional_headers={SIGNATURE_HEADER: sign(token, address)},
            user_agent_header="callscribe doctor",
            open_timeout=TIMEOUT_S,
            close_timeout=2,
            compression=None,
            proxy=None if is_here(url) else True,
        ) as websocket:
            websocket.send(word)
            answer = websocket.recv(TIMEOUT_S)
    except InvalidStatus as error:
        status = error.response.status_code
        if status == 403:
            return Finding(
                check,
                "failed",
                "the socket was refused: its signature does not fit",
                "The server checks against another public_url or auth token than these settings have.",
            )
        return Finding(
            check,
            "failed",
            f"the upgrade was answered with HTTP {status} (Twilio would report error 31920)",
            "The proxy or tunnel must pass WebSocket upgrades on: see docs/connect-a-number.md.",
        )
    except InvalidHandshake as error:
        return Finding(
            check,
            "failed",
            f"the upgrade failed: {error}",
            "The proxy or tunnel must pass WebSocket upgrades on: see docs/connect-a-number.md.",
        )
    except (ImportError, InvalidProxy) as error:
        return Finding(check, "failed", str(unusable_proxy(error)))
    except (OSError, TimeoutError, WebSocketException) as error:
        return Finding(check, "failed", f"no socket to {address}: {error}", _WAY)
    if answer != word:
        return Finding(check, "failed", "the socket did not give back what was sent", _WAY)
    return Finding(check, "ok", "a signed socket opens and carries messages both ways")
