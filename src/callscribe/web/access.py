"""Who may see what, as plain ASGI middleware in front of every route.

**The rule.** Pages and API want the token. There is one exception: a server that listens on a loopback address only
and has been told of no public address serves whoever is on this machine without it. Whether that exception holds is
decided once, at start, from the settings; no request can bring it about. A proxy, tunnel or port forwarder on this
machine makes the world's requests come from 127.0.0.1, and what it adds to them, if anything, is its own choice:
nothing that a request lacks is a reason to trust it.

A request is one of three kinds:

* **local**: the exception holds, and the request comes from a loopback address to a loopback `Host` and carries no mark
  of a proxy. It needs no token. The `Host` check keeps out pages elsewhere that point their own name at 127.0.0.1 (DNS
  rebinding).
* **public**: to the public URL's host, or marked by a proxy while a public URL is set. It reaches Twilio's routes and
  `/healthz` only, unless the settings expose the pages; then it needs the token.
* **remote**: anything else. It needs the token.

The token comes as `Authorization: Bearer`, as a cookie, or once in a link (`/?token=...`), which sets the cookie and
redirects to the address without it. Twilio's own routes check Twilio's signature instead.

A request that changes something must come from our own pages or from no browser at all: `Sec-Fetch-Site` or
`Origin` say so, and its body must be JSON, which a foreign form cannot send.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import time
from collections.abc import Callable
from typing import Literal
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from callscribe.errors import SettingsError
from callscribe.web.services import WebSettings

CARRIER_PREFIX = "/twilio/"
STATIC_PREFIX = "/static/"
PROXY_MARKS = (
    "forwarded",
    "x-forwarded",
    "x-real-ip",
    "via",
    "x-envoy-",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-original-",
    "true-client-ip",
    "fastly-",
    "cf-",
    "cdn-",
    "ngrok-",
)
"""How the names of headers begin that only proxies add. They can take trust away, never give any."""
MINIMUM_TOKEN = 16
TOKEN_FILE = "token"  # noqa: S105 - a name
"""The file in the data folder that keeps the token which the server made."""
COOKIE_DAYS = 180

Kind = Literal["local", "remote", "public"]

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


class SecurityHeaders:
    """Puts the same protective headers on every HTTP answer; an answer's own headers win."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self.app(scope, receive, with_headers)


class Attempts:
    """Counts wrong tokens for each client address, so that guessing is slow.

    Args:
        limit: wrong tokens within `window_s` after which an address is refused.
        window_s: seconds.
        clock: monotonic seconds.
    """

    REMEMBERED = 4096

    def __init__(
        self,
        *,
        limit: int = 10,
        window_s: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit = limit
        self._window_s = window_s
        self._clock = clock
        self._failures: dict[str, tuple[int, float]] = {}

    def blocked_for(self, client: str) -> float:
        """Seconds until this address may try again; 0 when it may now."""
        count, since = self._failures.get(client, (0, 0.0))
        left = since + self._window_s - self._clock()
        return left if count >= self._limit and left > 0 else 0.0

    def failed(self, client: str) -> None:
        now = self._clock()
        count, since = self._failures.pop(client, (0, now))
        if now - since >= self._window_s:
            count, since = 0, now
        self._failures[client] = (count + 1, since)
        while len(self._failures) > self.REMEMBERED:
            del self._failures[next(iter(self._failures))]


def is_loopback_name(name: str) -> bool:
    """Whether a host name or address literal (without port or brackets) can only mean this machine."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def host_and_port(value: str) -> tuple[str, str]:
    """Splits a `Host` header; lower case, no brackets, no final dot. ("", "") when it is malformed."""
    try:
        parts = urlsplit(f"//{value}")
        port = parts.port
    except ValueError:
        return "", ""
    if parts.path or parts.query or parts.fragment or parts.username is not None:
        return "", ""
    return (parts.hostname or "").rstrip("."), "" if port is None else str(port)


class Access:
    """The middleware. Requests it lets through carry `scope["callscribe.permitted"]`: True unless it is one of the
    few addresses that are open to everyone and the client showed no token.

    Args:
        app: what it protects.
        settings: token, public URL and what is exposed there.
        refusal: makes the page that says "no permission", from the status code and the sentence to show.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        settings: WebSettings,
        refusal: Callable[[int, str], Response],
        attempts: Attempts | None = None,
    ) -> None:
        if settings.token and len(settings.token) < MINIMUM_TOKEN:
            raise SettingsError(
                f"The token has {len(settings.token)} characters; at least {MINIMUM_TOKEN} are needed. "
                "Set a longer one, or none and one is made."
            )
        self.app = app
        self._settings = settings
        self._refusal = refusal
        self._attempts = attempts or Attempts()
        self._token = settings.token.encode()
        self._cookie_value = hmac.new(
            self._token, b"callscribe page cookie", hashlib.sha256
        ).hexdigest()
        public = host_and_port(urlsplit(settings.public_url).netloc)[0]
        self._public_host = "" if is_loopback_name(public) else public
        self._trusts_this_machine = settings.listens_here and not settings.public_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or scope["path"].startswith(CARRIER_PREFIX):
            await self.app(scope, receive, send)
            return
        answer = self._judge(scope)
        if answer is None:
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            await answer(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008, "reason": "no permission"})

    def kind(self, connection: HTTPConnection) -> Kind:
        """Which of the three kinds a request is."""
        headers = connection.headers
        marked = any(name.startswith(PROXY_MARKS) for name in headers)
        name, _ = host_and_port(headers.get("host", ""))
        if self._settings.public_url and (marked or name == self._public_host):
            return "public"
        # No browser speaks HTTP/1.0; old proxies do.
        marked = marked or connection.scope.get("http_version") == "1.0"
        client = connection.client.host if connection.client else ""
        if (
            self._trusts_this_machine
            and not marked
            and is_loopback_name(name)
            and _is_loopback_client(client)
        ):
            return "local"
        return "remote"

    def _judge(self, scope: Scope) -> Response | None:
        """None lets the request through."""
        connection = HTTPConnection(scope)
        path: str = scope["path"]
        scope["callscribe.permitted"] = False
        if path == "/healthz":
            return None
        kind = self.kind(connection)
        if kind == "public" and not self._settings.expose_pages:
            return JSONResponse({"error": "not-found", "message": "Not here."}, status_code=404)
        if foreign := self._foreign(scope, connection.headers):
            return self._refuse(scope, 403, foreign)
        linked = self._linked(scope, connection)
        if linked is not None:
            return linked
        permitted = kind == "local" or self._cookie_is_right(connection)
        if not permitted and (credential := _bearer(connection.headers)) is not None:
            limited = self._limited(scope, connection)
            if limited is not None:
                return limited
            permitted = self._token_is_right(credential)
            if not permitted:
                return self._wrong(scope, connection)
        scope["callscribe.permitted"] = permitted
        if permitted or path == "/readyz" or path.startswith(STATIC_PREFIX):
            return None
        return self._refuse(
            scope,
            401,
            "Open the link that the server printed when it started: it carries the token."
            if self._token
            else "This server was started without a token, so only its own machine may look.",
        )

    def _linked(self, scope: Scope, connection: HTTPConnection) -> Response | None:
        """Answers a link that carries a token."""
        pairs = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        given = [value for key, value in pairs if key == "token"]
        if not given or scope["type"] != "http" or scope["path"].startswith("/api/"):
            return None
        if scope["method"] not in ("GET", "HEAD"):
            return None
        local = self.kind(connection) == "local"
        if not local and (limited := self._limited(scope, connection)) is not None:
            return limited
        right = self._token_is_right(given[-1])
        if not right and not local:
            return self._wrong(scope, connection)
        rest = urlencode([(key, value) for key, value in pairs if key != "token"])
        # A path such as //example.org would leave this site.
        target = "/" + scope["path"].lstrip("/") + (f"?{rest}" if rest else "")
        answer = RedirectResponse(target, status_code=303)
        if right:
            answer.set_cookie(
                self._cookie_name(connection),
                self._cookie_value,
                max_age=COOKIE_DAYS * 86400,
                httponly=True,
                samesite="lax",
                secure=self._is_https(connection),
            )
        return answer

    def _foreign(self, scope: Scope, headers: Headers) -> str:
        """Why a browser's request from another site is refused; empty when it is fine."""
        if scope["type"] == "websocket":
            return "There is no socket here."
        site = headers.get("sec-fetch-site", "none")
        reading = scope["method"] in ("GET", "HEAD")
        if reading:
            navigating = headers.get("sec-fetch-mode", "navigate") == "navigate"
            if site == "cross-site" and not navigating:
                return "Another site asked for this; only callscribe's own pages may."
            return ""
        if site not in ("none", "same-origin"):
            return "Another site sent this; only callscribe's own pages may."
        origin = headers.get("origin")
        if origin is not None:
            # http and https are the same site here: a proxy in front may end TLS.
            own = host_and_port(headers.get("host", ""))
            theirs = host_and_port(urlsplit(origin).netloc) if "//" in origin else ("", "")
            if theirs[0] == "" or _without_default(theirs) != _without_default(own):
                return "Another site sent this; only callscribe's own pages may."
        kind = headers.get("content-type", "").split(";")[0].strip().lower()
        if kind != "application/json":
            return "Send the request as JSON: `Content-Type: application/json`."
        return ""

    def _token_is_right(self, given: str) -> bool:
        return bool(self._token) and hmac.compare_digest(given.encode(), self._token)

    def _cookie_name(self, connection: HTTPConnection) -> str:
        # Cookies do not know ports; two servers on one machine must not sign each other out.
        _, port = host_and_port(connection.headers.get("host", ""))
        return f"callscribe-{port}" if port else "callscribe"

    def _cookie_is_right(self, connection: HTTPConnection) -> bool:
        given = connection.cookies.get(self._cookie_name(connection), "")
        return bool(self._token) and hmac.compare_digest(
            given.encode(), self._cookie_value.encode()
        )

    def _is_https(self, connection: HTTPConnection) -> bool:
        forwarded = connection.headers.get("x-forwarded-proto", "").split(",")[0].strip()
        return connection.url.scheme == "https" or forwarded == "https"

    def _limited(self, scope: Scope, connection: HTTPConnection) -> Response | None:
        wait = self._attempts.blocked_for(_client(connection))
        if not wait:
            return None
        seconds = max(1, round(wait))
        answer = self._refuse(scope, 429, f"Too many wrong tokens. Try again in {seconds} s.")
        answer.headers["Retry-After"] = str(seconds)
        return answer

    def _wrong(self, scope: Scope, connection: HTTPConnection) -> Response:
        self._attempts.failed(_client(connection))
        return self._refuse(
            scope,
            401,
            "This token is not the one the server has now. Use the link that it printed at its latest start.",
        )

    def _refuse(self, scope: Scope, status: int, message: str) -> Response:
        name = {401: "no-permission", 403: "foreign-request", 429: "too-many-attempts"}[status]
        headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
        if scope["path"].startswith("/api/") or scope.get("method") not in ("GET", "HEAD"):
            return JSONResponse(
                {"error": name, "message": message}, status_code=status, headers=headers
            )
        answer = self._refusal(status, message)
        answer.headers.update(headers or {})
        return answer


def _bearer(headers: Headers) -> str | None:
    scheme, _, credential = headers.get("authorization", "").partition(" ")
    return credential.strip() if scheme.lower() == "bearer" else None


def _client(connection: HTTPConnection) -> str:
    return connection.client.host if connection.client else ""


def _is_loopback_client(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return (mapped or parsed).is_loopback


def _without_default(place: tuple[str, str]) -> tuple[str, str]:
    name, port = place
    return name, "" if port in ("80", "443") else port
