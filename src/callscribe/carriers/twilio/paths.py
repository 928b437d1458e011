"""Requests that nearly reach Twilio's routes: put right where it is certain what was meant, else told the reason.

People type the webhook's address into a console, and proxies change paths. So a slash too many, at the end or doubled,
and the public address's own path, which a proxy may leave on, are taken away before the routes are looked at. The
signature is checked over the path as it arrived all the same. What is still nowhere and looks like Twilio's is logged.
"""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

import structlog
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from callscribe.addresses import masked
from callscribe.carriers.twilio import urls
from callscribe.carriers.twilio.signature import SIGNATURE_HEADER
from callscribe.refusals import Refusals

log = structlog.get_logger(__name__)

_OURS = frozenset(
    (urls.VOICE, urls.STATUS, urls.STREAM, urls.DIAL, urls.LEG, urls.WHISPER, urls.CONFERENCE)
)


class NearMisses:
    """The middleware, in front of all others.

    Args:
        app: what comes behind.
        public_url: where Twilio reaches us; its path is a prefix that a proxy may leave on.
    """

    def __init__(self, app: ASGIApp, *, public_url: str) -> None:
        self.app = app
        self._prefix = unquote(urlsplit(public_url).path).rstrip("/")
        self._voice = masked(urls.CarrierUrls(public_url).voice)
        self._refusals = Refusals()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        path: str = scope["path"]
        meant = self.meant(path)
        scope["path"] = meant  # the web server reads there, too, what becomes of the request
        signed = SIGNATURE_HEADER.lower() in Headers(scope=scope)
        if not _is_ours(meant) and (signed or "/twilio" in path.lower()):
            self._refusals.note(
                ("near-miss", signed),  # so that nobody who only knocks hides what Twilio sent
                lambda hidden: log.warning(
                    "a request that looks like Twilio's asked for an address that is not here",
                    asked_for=path[:200],
                    hint=f"the number's voice URL is {self._voice}, by HTTP POST",
                    **({"more_like_this": hidden} if hidden else {}),
                ),
            )
            if scope["type"] == "http":
                answer = PlainTextResponse(
                    f"There is nothing here. The voice URL is {self._voice}\n", status_code=404
                )
                await answer(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def meant(self, path: str) -> str:
        """The path that a request is for."""
        tidied = re.sub(r"/{2,}", "/", path).rstrip("/")
        if self._prefix and tidied.startswith(f"{self._prefix}/twilio/"):
            tidied = tidied[len(self._prefix) :]
        if _is_ours(tidied):
            return tidied
        if path.startswith("/static/"):
            return path
        return path.rstrip("/") or "/"


def _is_ours(path: str) -> bool:
    if path in _OURS or path == urls.PROBE:
        return True
    head, _, ticket = path.rpartition("/")
    return head == urls.MEDIA and bool(ticket)


def near_misses(public_url: str) -> Middleware:
    """The middleware for one server."""
    return Middleware(NearMisses, public_url=public_url)
