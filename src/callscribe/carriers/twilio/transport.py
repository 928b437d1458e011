"""How requests reach the carrier's API: base address, time limits, and trying again when that is safe."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response

from callscribe.addresses import is_here, parse
from callscribe.errors import CarrierError
from callscribe.ranges import whole_number

RETRIED = frozenset({429, 503})
"""The carrier has not taken the request: it may be sent again, whatever it asked for."""
LONGEST_WAIT_S = 20.0

# The SDK logs phone numbers and addresses of every request; ours say what went wrong, which is enough.
_silent = logging.getLogger("callscribe.carriers.twilio.requests")
_silent.addHandler(logging.NullHandler())
_silent.propagate = False


class Transport(TwilioHttpClient):  # type: ignore[misc]
    """The SDK's HTTP client, which by itself never tries again (Twilio docs, "Error handling", 429).

    Args:
        base_url: another server instead of the real API, e.g. `http://127.0.0.1:4010`. Replaces the
            scheme and host of every request, after the SDK has put region and edge into them.
        timeout_s: for connecting and for each read, in seconds.
        attempts: how often a request is sent at most.
        wait: sleeps; given seconds.
        jitter: a random number from 0 to 1.
    """

    def __init__(
        self,
        *,
        base_url: str = "",
        timeout_s: float = 10.0,
        attempts: int = 5,
        wait: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        super().__init__(timeout=timeout_s, logger=_silent)
        if base_url and parse(base_url) is None:
            raise CarrierError(
                f"api_url {base_url!r} is not an address like https://api.twilio.com."
            )
        self._base = urlsplit(base_url) if base_url else None
        if base_url and is_here(base_url) and self.session is not None:
            self.session.trust_env = False  # no proxy reaches this machine
        self._attempts = max(1, attempts)
        self._wait = wait
        self._jitter = jitter
        self.date: datetime | None = None
        """The carrier's clock in its last answer."""

    def request(
        self,
        method: str,
        url: str,
        params: Any = None,
        data: Any = None,
        headers: Any = None,
        auth: Any = None,
        timeout: float | None = None,
        allow_redirects: bool = False,
    ) -> Response:
        """Send a request, again if it was turned away (429, 503) or never arrived.

        Raises:
            requests.RequestException: no answer.
        """
        url = self._rebased(url)
        attempt = 0
        while True:
            attempt += 1
            try:
                response: Response = super().request(
                    method, url, params, data, headers, auth, timeout, allow_redirects
                )
            except requests.RequestException as error:
                if attempt >= self._attempts or not _harmless_again(method, error):
                    raise
                self._wait(self._pause(attempt, None))
                continue
            self.date = _date(response)
            if response.status_code not in RETRIED or attempt >= self._attempts:
                return response
            self._wait(self._pause(attempt, _header(response, "Retry-After")))

    def close(self) -> None:
        """Give up the connections that are kept open."""
        if self.session is not None:
            self.session.close()

    def _rebased(self, url: str) -> str:
        if self._base is None:
            return url
        parts = urlsplit(url)
        path = self._base.path.rstrip("/") + parts.path
        return urlunsplit((self._base.scheme, self._base.netloc, path, parts.query, ""))

    def _pause(self, attempt: int, retry_after: str | None) -> float:
        """Seconds until the next attempt: what the carrier asked for, else doubling; spread, so that many do not come
        back together."""
        asked = float(whole_number(retry_after or "") or 0)
        backoff = 0.5 * float(2 ** (attempt - 1))
        return min(LONGEST_WAIT_S, max(asked, backoff) * (1 + 0.5 * self._jitter()))


def _harmless_again(method: str, error: requests.RequestException) -> bool:
    """Whether the request surely had no effect: it only reads, or no connection was made."""
    if isinstance(error, requests.exceptions.SSLError | requests.exceptions.ProxyError):
        return False  # will not be better the next time
    if isinstance(error, requests.ConnectTimeout):
        return True
    if method.upper() == "GET":
        return isinstance(error, requests.ConnectionError | requests.Timeout)
    return "NewConnectionError" in repr(error) or "NameResolutionError" in repr(error)


def _header(response: Response, name: str) -> str | None:
    return response.headers.get(name) if response.headers else None


def _date(response: Response) -> datetime | None:
    text = _header(response, "Date")
    try:
        return parsedate_to_datetime(text).astimezone(UTC) if text else None
    except ValueError:
        return None
