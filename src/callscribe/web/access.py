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

Programs may have tokens of their own (`web.tokens`), named and with scopes; they come as `Authorization: Bearer`.

The token comes as `Authorization: Bearer`, as a cookie, or once in a link (`/?token=...`), which sets the cookie and
redirects to the address without it. Twilio's own routes check Twilio's signature instead.

A right token always passes: wrong ones sent by others, perhaps from behind the same proxy, lock nobody out. Wrong ones
are counted for each address, refused with 429 past a limit, and logged once a minute. What makes guessing hopeless is
the token's strength (`web.strength`).

A request that changes something must come from our own pages or from no browser at all: `Sec-Fetch-Site` or
`Origin` say so, and its body must be JSON, which a foreign form cannot send.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import ipaddress
import time
from collections.abc import Callable, Mapping
from typing import Literal
from urllib.parse import parse_qsl, urlencode, urlsplit

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from callscribe.addresses import host_and_port, is_address, is_loopback_name
from callscribe.errors import SettingsError
from callscribe.refusals import Refusals
from callscribe.web.grants import EVERYTHING, Grant, give
from callscribe.web.grants import Scope as GrantScope
from callscribe.web.services import WebSettings
from callscribe.web.strength import MINIMUM
from callscribe.web.tokens import NamedTokens
from callscribe.web.v1.problems import PREFIX, problem_response

log = structlog.get_logger(__name__)

CARRIER_PREFIX = "/twilio/"
STATIC_PREFIX = "/static/"
PROXY_MARKS = (
    "forwarded", "x-forwarded", "via", "x-real-", "x-client-", "x-cluster-client-ip", "x-original-", "x-originating-",
    "x-remote-", "x-host", "x-scheme", "x-url-scheme", "x-proxy", "x-tunnel-", "x-envoy-", "x-varnish", "max-forwards",
    "front-end-https", "true-client-ip", "client-ip", "proxy-client-ip", "wl-proxy-", "fastly-", "akamai-", "cf-",
    "cdn-", "ngrok-", "fly-", "x-amzn-", "x-appengine-", "x-cloud-trace-context", "x-azure-", "x-arr-", "x-vercel-",
    "x-nf-", "x-sucuri-", "tailscale-",
)  # fmt: skip
"""How the names of headers begin that only proxies, tunnels and their like add. They can take trust away, never give
any."""
COOKIE_DAYS = 180

Kind = Literal["local", "remote", "public"]

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "media-src 'self'",
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
    """Counts wrong tokens for each client address.

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


class Access:
    """The middleware. Requests it lets through carry `scope["callscribe.permitted"]`: True unless it is one of the
    few addresses that are open to everyone and the client showed no token.

    Args:
        app: what it protects.
        settings: token, public URL and what is exposed there.
        refusal: makes the page that says "no permission", from the status code and the sentence to show.
        tokens: named tokens, which open what their scopes allow.
        unsigned: nobody checks Twilio's signature, so web pages elsewhere must be kept from its routes here.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        settings: WebSettings,
        refusal: Callable[[int, str], Response],
        attempts: Attempts | None = None,
        unsigned: bool = False,
        tokens: NamedTokens | None = None,
    ) -> None:
        if settings.token and len(settings.token) < MINIMUM:
            raise SettingsError(
                f"The token has {len(settings.token)} characters; at least {MINIMUM} are needed. "
                "Set a longer one, or none and one is made."
            )
        self.app = app
        self._settings = settings
        self._refusal = refusal
        self._attempts = attempts or Attempts()
        self._unsigned = unsigned
        self._tokens = tokens
        self._refusals = Refusals()
        self._token = settings.token.encode()
        self._cookie_value = hmac.new(
            self._token, b"callscribe page cookie", hashlib.sha256
        ).hexdigest()
        public = (urlsplit(settings.public_url).hostname or "").rstrip(".")
        self._public_host = "" if is_loopback_name(public) else public
        self._trusts_this_machine = settings.listens_here and not settings.public_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        carrier = scope["path"].startswith(CARRIER_PREFIX)
        named = None if carrier else await self._named(scope)
        answer = self._judge_unsigned(scope) if carrier else self._judge(scope, named)
        if answer is None and named is None:
            await self.app(scope, receive, send)
        elif answer is None:
            await self._serve_while_it_holds(scope, receive, send)
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

    async def _named(self, scope: Scope) -> Grant | None:
        """The grant of the named token that the request shows; None when it shows none of ours."""
        bearer = _bearer(Headers(scope=scope))
        if bearer is None or self._tokens is None or self._token_is_right(bearer):
            return None
        return await self._tokens.grant(bearer)

    async def _serve_while_it_holds(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the bearer of a named token; a stream that is being followed ends when the token is revoked."""
        tokens, bearer = self._tokens, _bearer(Headers(scope=scope))
        assert tokens is not None  # or nobody could have been named
        assert bearer is not None

        async def end() -> None:
            await tokens.revoked(bearer)
            holds.reschedule(asyncio.get_running_loop().time())

        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                kind = Headers(raw=message["headers"]).get("content-type", "")
                if kind.startswith("text/event-stream"):  # all else ends by itself
                    watching.callback(asyncio.create_task(end(), name="token revoked").cancel)
            await send(message)

        try:
            async with asyncio.timeout(None) as holds:
                with contextlib.ExitStack() as watching:
                    await self.app(scope, receive, noted)
        except TimeoutError:
            if not holds.expired():
                raise
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _judge(self, scope: Scope, named: Grant | None) -> Response | None:
        """None lets the request through."""
        connection = HTTPConnection(scope)
        path: str = scope["path"]
        scope["callscribe.permitted"] = False
        if path == "/healthz":
            return None
        kind = self.kind(connection)
        if kind == "public" and not self._settings.expose_pages:
            return _json_refusal(path, 404, "not-found", "Not here.")
        if foreign := self._foreign(scope, connection.headers):
            return self._refuse(scope, 403, foreign)
        linked = self._linked(scope, connection)
        if linked is not None:
            return linked
        bearer = _bearer(connection.headers)
        cookie = connection.cookies.get(self._cookie_name(connection), "")
        shown = (bearer is not None and self._token_is_right(bearer)) or self._cookie_is_right(
            cookie
        )
        permitted = kind == "local" or shown or named is not None
        scope["callscribe.permitted"] = permitted
        if permitted:
            grant = named or Grant("page" if shown else "here", EVERYTHING)
            give(scope, grant)
            needed = _scope_needed(scope)
            if not path.startswith(f"{PREFIX}/") and not grant.allows(needed):
                return self._refuse(
                    scope, 403, f"The token {grant.name} has no scope `{needed}`.", "scope-missing"
                )
        open_to_all = path == "/readyz" or path.startswith(STATIC_PREFIX)
        if not permitted and (bearer is not None or cookie):
            wrong = self._wrong(scope, connection)
            if bearer is not None or not open_to_all:
                return wrong
        if permitted or open_to_all:
            return None
        return self._refuse(
            scope,
            401,
            "Open the link that the server printed when it started: it contains the token, which is also "
            "in the server's data folder, in the file `token`."
            if self._token
            else "This server was started without a token, so only the machine it runs on may see it.",
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
                return "Another site asked for this; only callscribe's own pages may do that."
            return ""
        if site not in ("none", "same-origin"):
            return "Another site sent this; only callscribe's own pages may do that."
        origin = headers.get("origin")
        if origin is not None and not _same_site(origin, host_and_port(headers.get("host", ""))):
            return "Another site sent this; only callscribe's own pages may do that."
        kind = headers.get("content-type", "").split(";")[0].strip().lower()
        # No page elsewhere can add a bearer token, so a program that shows one need not say what it does not send.
        if kind != "application/json" and _bearer(headers) is None:
            return "Send the request as JSON: `Content-Type: application/json`."
        return ""

    def _token_is_right(self, given: str) -> bool:
        return bool(self._token) and hmac.compare_digest(given.encode(), self._token)

    def _cookie_name(self, connection: HTTPConnection) -> str:
        # Cookies do not know ports; two servers on one machine must not sign each other out.
        _, port = host_and_port(connection.headers.get("host", ""))
        return f"callscribe-{port}" if port else "callscribe"

    def _cookie_is_right(self, given: str) -> bool:
        return bool(self._token) and hmac.compare_digest(
            given.encode(), self._cookie_value.encode()
        )

    def _is_https(self, connection: HTTPConnection) -> bool:
        forwarded = connection.headers.get("x-forwarded-proto", "").split(",")[0].strip()
        return connection.url.scheme == "https" or forwarded == "https"

    def _wrong(self, scope: Scope, connection: HTTPConnection) -> Response:
        """Counts a wrong token, link or cookie, and answers it."""
        client = _client(connection)
        wait = self._attempts.blocked_for(client)
        self._attempts.failed(client)
        self._refusals.note(
            "wrong-token",
            lambda hidden: log.warning(
                "refused a wrong token",
                client=client,
                **({"more_like_this": hidden} if hidden else {}),
            ),
        )
        if wait:
            seconds = max(1, round(wait))
            answer = self._refuse(scope, 429, f"Too many wrong tokens. Try again in {seconds} s.")
            answer.headers["Retry-After"] = str(seconds)
        else:
            answer = self._refuse(
                scope,
                401,
                "This token is not the one the server has now. Use the link that it printed most recently.",
            )
        name = self._cookie_name(connection)
        if name in connection.cookies:
            # A browser that has an old one need not go on sending it.
            answer.delete_cookie(name, httponly=True, samesite="lax")
        return answer

    def _judge_unsigned(self, scope: Scope) -> Response | None:
        """What Twilio's routes want of a request that nobody has signed: that no web page elsewhere has sent it."""
        if not self._unsigned:
            return None
        headers = HTTPConnection(scope).headers
        why = ""
        own = host_and_port(headers.get("host", ""))
        if not (
            is_loopback_name(own[0]) or is_address(own[0]) or own[0] == self._public_host != ""
        ):
            why = (
                "Without signatures, only this machine's own names are accepted (localhost, an IP address, or the "
                "public_url's host)."
            )
        elif headers.get("sec-fetch-site", "none") not in ("none", "same-origin") or (
            "origin" in headers and not _same_site(headers["origin"], own)
        ):
            why = "A web page sent this; while signatures are not checked, only programs may."
        if not why:
            return None
        self._refusals.note(
            "unsigned",
            lambda hidden: log.warning(
                "refused a request to Twilio's routes: signatures are not checked (--allow-unsigned), and a web page "
                "elsewhere may have sent it",
                host=headers.get("host", "")[:100],
                origin=headers.get("origin", "")[:100],
                **({"more_like_this": hidden} if hidden else {}),
            ),
        )
        return PlainTextResponse(f"{why}\n", status_code=403)

    def _refuse(self, scope: Scope, status: int, message: str, name: str = "") -> Response:
        names = {401: "no-permission", 403: "foreign-request", 429: "too-many-attempts"}
        name = name or names[status]
        headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
        if scope["path"].startswith("/api/") or scope.get("method") not in ("GET", "HEAD"):
            return _json_refusal(scope["path"], status, name, message, headers)
        answer = self._refusal(status, message)
        answer.headers.update(headers or {})
        return answer


def _scope_needed(scope: Scope) -> GrantScope:
    """What is not of the API for programs knows no scopes: looking is reading, deleting rules, the rest is control."""
    method, path = scope.get("method"), scope["path"]
    if method in ("GET", "HEAD"):
        return "read"
    return "admin" if method == "DELETE" or path == "/api/deletions" else "control"


def _json_refusal(
    path: str, status: int, name: str, message: str, headers: Mapping[str, str] | None = None
) -> Response:
    if path.startswith(f"{PREFIX}/"):
        return problem_response(status, name, message, headers)
    return JSONResponse({"error": name, "message": message}, status_code=status, headers=headers)


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


def _same_site(origin: str, own: tuple[str, str]) -> bool:
    """Whether an `Origin` header names the host that was asked. A proxy in front may end TLS, so http and https are
    the same here."""
    try:
        theirs = host_and_port(urlsplit(origin).netloc) if "//" in origin else ("", "")
    except ValueError:
        return False
    return theirs[0] != "" and _without_default(theirs) == _without_default(own)


def _without_default(place: tuple[str, str]) -> tuple[str, str]:
    name, port = place
    return name, "" if port in ("80", "443") else port
