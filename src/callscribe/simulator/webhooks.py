"""The carrier's HTTP requests to the server: signed, with its time limits and its retry.

Sources: Twilio docs, "TwiML for Programmable Voice" (request), "Webhooks (HTTP callbacks): Connection overrides".
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urldefrag, urlencode, urlsplit, urlunsplit

import httpx

from callscribe.simulator import signing
from callscribe.simulator.ids import Ids
from callscribe.simulator.report import CallReport, RequestReport

Form = Sequence[tuple[str, str]]

CONNECT_TIMEOUT_S = 5.0
CONNECT_TRIES = 2
TOTAL_TIMEOUT_S = 15.0
MAX_REDIRECTS = 10


@dataclass(frozen=True)
class Target:
    """Where the server is, and what the carrier believes it to be called.

    With a public URL, requests for it are sent to `url` as a tunnel would send them: the public host in `Host`,
    forwarding headers, and signatures over the public URL.
    """

    url: str = "http://127.0.0.1:8080"
    public_url: str = ""

    @property
    def public(self) -> str:
        return (self.public_url or self.url).rstrip("/")

    def route(self, url: str) -> tuple[str, dict[str, str]]:
        """Where a request for `url` is really sent, and the headers a tunnel adds."""
        there, here = urlsplit(url), urlsplit(self.url)
        public = urlsplit(self.public)
        if there.netloc != public.netloc or public.netloc == here.netloc:
            return url, {}
        secure = here.scheme == "https"
        socket = there.scheme in {"ws", "wss"}
        scheme = ("wss" if secure else "ws") if socket else here.scheme
        routed = urlunsplit((scheme, here.netloc, there.path, there.query, ""))
        return routed, {
            "Host": there.netloc,
            "X-Forwarded-For": "198.51.100.7",
            "X-Forwarded-Host": there.netloc,
            "X-Forwarded-Proto": "https",
        }


@dataclass(frozen=True)
class Answer:
    """The server's answer to a webhook."""

    url: str
    """Where the answer came from, redirects followed."""
    status: int
    content_type: str
    text: str


class Webhooks:
    """Sends the carrier's requests; keeps one connection pool and one cookie jar per world.

    Args:
        auth_token: signs the requests; empty sends them unsigned.
        bad_signature: sign wrongly.
        transport: replaces the network, for tests.
    """

    def __init__(
        self,
        target: Target,
        ids: Ids,
        *,
        auth_token: str,
        bad_signature: bool = False,
        total_timeout_s: float = TOTAL_TIMEOUT_S,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._target = target
        self._ids = ids
        self._auth_token = auth_token
        self._bad_signature = bad_signature
        self._total_timeout_s = total_timeout_s
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(total_timeout_s, connect=CONNECT_TIMEOUT_S),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=50),
            trust_env=False,
            transport=transport,
        )

    async def close(self) -> None:
        await self._client.aclose()

    def signature(self, url: str, form: Form = ()) -> str | None:
        """The signature header's value, or None when requests go unsigned."""
        if not self._auth_token:
            return None
        signature = signing.sign(self._auth_token, url, form)
        return signing.spoil(signature) if self._bad_signature else signature

    async def request(
        self, report: CallReport, what: str, method: str, url: str, form: Form, *, times: int = 1
    ) -> Answer | None:
        """One request, redirects and the retry of a failed connection included.

        Failures are noted in `report` as the carrier would log them and answered by None.

        Args:
            times: send the same request this often, as when an answer got lost; the last answer counts.
        """
        url = urldefrag(url).url
        if urlsplit(url).scheme not in {"http", "https"}:
            report.notify(11100, f"The URL for {what} is not an http or https address.", url)
            return None
        token = self._ids.idempotency_token()
        answer: Answer | None = None
        for _ in range(times):
            answer = await self._follow(report, what, method, url, form, token)
        return answer

    async def _follow(
        self, report: CallReport, what: str, method: str, url: str, form: Form, token: str
    ) -> Answer | None:
        for _ in range(MAX_REDIRECTS + 1):
            response = await self._once(report, what, method, url, form, token)
            if response is None:
                return None
            location = response.headers.get("location")
            if response.is_redirect and location:
                url = str(httpx.URL(url).join(location))
                if response.status_code in {301, 302, 303}:
                    method, form = "GET", ()
                continue
            answer = Answer(
                url,
                response.status_code,
                response.headers.get("content-type", "").partition(";")[0].strip().lower(),
                response.text,
            )
            if not 200 <= answer.status < 300:
                hint = _hint(answer)
                report.notify(
                    11200, f"The server answered {what} with HTTP {answer.status}{hint}.", url
                )
            return answer
        report.notify(11215, f"More than {MAX_REDIRECTS} redirects for {what}.", url)
        return None

    async def _once(
        self, report: CallReport, what: str, method: str, url: str, form: Form, token: str
    ) -> httpx.Response | None:
        if method == "GET" and form:
            url += ("&" if urlsplit(url).query else "?") + urlencode(form)
            form = ()
        where, extra = self._target.route(url)
        headers = {
            "User-Agent": "TwilioProxy/1.1",
            "I-Twilio-Idempotency-Token": token,
            "Accept": "*/*",
            **extra,
        }
        signature = self.signature(url, form)
        if signature is not None:
            headers["X-Twilio-Signature"] = signature
        body = None
        if method == "POST":
            headers["Content-Type"] = "application/x-www-form-urlencoded; charset=UTF-8"
            body = urlencode(form)
        began = time.perf_counter()
        response: httpx.Response | None = None
        problem: tuple[int, str] | None = None
        try:
            async with asyncio.timeout(self._total_timeout_s):
                for attempt in range(CONNECT_TRIES):
                    try:
                        response = await self._client.request(
                            method, where, content=body, headers=headers
                        )
                        break
                    except (httpx.ConnectError, httpx.ConnectTimeout):
                        if attempt + 1 == CONNECT_TRIES:
                            raise
        except (TimeoutError, httpx.ReadTimeout, httpx.WriteTimeout):
            problem = 11205, f"No answer to {what} within {self._total_timeout_s:g} s."
        except httpx.ConnectTimeout:
            problem = 11205, f"No connection for {what} in {CONNECT_TRIES} tries."
        except httpx.ConnectError as error:
            if "SSL" in str(error):
                problem = 11220, f"TLS failed for {what} ({error})."
            else:
                problem = 11205, f"No connection for {what}: is the server running? ({error})"
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            problem = 11206, f"The answer to {what} is not proper HTTP ({error})."
        report.requests.append(
            RequestReport(
                what,
                method,
                url,
                response.status_code if response is not None else None,
                time.perf_counter() - began,
                tuple(form),
            )
        )
        if problem is not None:
            report.notify(*problem, url=url)
        return response


def _hint(answer: Answer) -> str:
    if answer.status == 403:
        return " (it refused the signature: is this its auth token, and its public URL?)"
    first = answer.text.strip().splitlines()[:1]
    return f" ({first[0][:120]})" if first and "xml" not in answer.content_type else ""
