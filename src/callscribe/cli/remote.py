"""A running server as the command line sees it: its address, its token, its JSON interface."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
from collections.abc import Iterator
from typing import Any, TypeVar
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import msgspec

from callscribe.addresses import is_loopback_name, parse
from callscribe.clients import client
from callscribe.errors import CallscribeError, SettingsError
from callscribe.events import AnyEvent
from callscribe.outlet import warn_visible
from callscribe.records import CallRecord, CallSummary
from callscribe.settings import Settings, load
from callscribe.web.pagetoken import kept_token

T = TypeVar("T")

DEFAULT_SERVER = "http://127.0.0.1:8080"
TIMEOUT = httpx.Timeout(10.0)


class ServerError(CallscribeError):
    """The server cannot be reached, is not ours, or said no.

    Attributes:
        status: of the HTTP answer; 0 when there was none.
        problem: what the server calls it, e.g. `not-found`; empty when it did not say.
    """

    def __init__(self, message: str, *, status: int = 0, problem: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.problem = problem


class Place(msgspec.Struct, frozen=True):
    """Where a server is and what opens it."""

    url: str
    """Without a slash at the end."""
    token: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}


def place(server: str, token: str = "") -> Place:
    """Understand what a person gives as a server: an address, or the link that it printed, token and all.

    The token is looked for in `token`, then in the link, then in `CALLSCRIBE_TOKEN`; for a server on this machine also
    in the settings that hold here and in their data folder, where the server keeps the one it made.

    Raises:
        ServerError: not an http or https address.
    """
    text = server.strip()
    parts = parse(text if "://" in text else f"http://{text}")
    if parts is None:
        raise ServerError(f"{server!r} is not an address like {DEFAULT_SERVER}.")
    linked = parse_qs(parts.query).get("token", [""])[-1]
    if token or linked:
        what = "--token" if token else "a token in the address"
        warn_visible(
            what,
            "Set CALLSCRIBE_TOKEN instead; in the folder of a server on this machine nothing is needed.",
        )
    given = token or linked or os.environ.get("CALLSCRIBE_TOKEN", "")
    if not given and is_loopback_name(parts.hostname or ""):
        given = _token_kept_here()
    path = parts.path.split("/calls/")[0].rstrip("/")
    return Place(f"{parts.scheme}://{parts.netloc}{path}", given)


def _token_kept_here() -> str:
    """The token of a server that was started with the settings of this folder; empty when there is none to be had."""
    try:
        return token_of(load())
    except SettingsError:
        return ""  # the server says that it wants one, and the answer to that names every way to give it


def token_of(settings: Settings) -> str:
    """The token of a server that was started with these settings; empty when there is none to be had."""
    if settings.token:
        return settings.token.reveal()
    with contextlib.suppress(SettingsError):
        return kept_token(settings.data)
    return ""


def unreachable(place: Place, error: httpx.TransportError) -> ServerError:
    """Why there was no answer, and what to do."""
    if isinstance(error, httpx.ConnectError):
        causes = list(_causes(error))
        text = " ".join(str(cause) for cause in causes).lower()
        if any(isinstance(cause, ssl.SSLError) for cause in causes):
            return ServerError(f"{place.url}: the TLS connection failed ({error}).")
        if any(isinstance(cause, ConnectionRefusedError) for cause in causes) or "refused" in text:
            return ServerError(
                f"Nothing answers at {place.url}. Is `callscribe serve` running there, on that port?"
            )
        if any(isinstance(cause, socket.gaierror) for cause in causes) or "name or service" in text:
            return ServerError(f"There is no host {urlsplit(place.url).hostname}.")
        return ServerError(f"{place.url} cannot be reached: {error}.")
    if isinstance(error, httpx.TimeoutException):
        return ServerError(f"{place.url} did not answer in time.")
    return ServerError(f"{place.url} does not speak HTTP as expected ({type(error).__name__}).")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error, what led to it, and what led to that; the libraries in between keep the reason to themselves."""
    seen: list[BaseException] = [error]
    while seen:
        one = seen.pop()
        yield one
        if isinstance(one, BaseExceptionGroup):
            seen.extend(one.exceptions)
        below = one.__cause__ or one.__context__
        if below is not None:
            seen.append(below)


def check_answer(place: Place, response: httpx.Response) -> None:
    """Whether an answer is a yes of a callscribe server. Its body must have been read.

    Raises:
        ServerError: it is not; with the server's own words where it gave some.
    """
    if response.is_success:
        return
    try:
        said = response.json()
        message, problem = "", ""
        if isinstance(said, dict) and "error" in said:
            message, problem = said["message"], said["error"]
        elif isinstance(said, dict):
            message, problem = said["detail"], said["type"].rpartition(":")[2]
    except (ValueError, KeyError):
        message, problem = "", ""
    status = response.status_code
    if status == 401 and message:
        if place.token:
            text = (
                f"{place.url} does not accept this token. The link that the server printed when it started "
                "has the right one; it is also in its data folder, in the file `token`."
            )
        else:
            text = (
                f"{place.url} needs the token: give the link that the server printed when it started, "
                "or --token, or set CALLSCRIBE_TOKEN. On the server's machine, in the folder that it was started "
                "in, nothing is needed."
            )
        raise ServerError(text, status=status)
    if status == 404 and message == "Not here.":
        raise ServerError(
            f"{place.url} is the server's public address, which shows no pages. Use its local address, or start it "
            "with --expose-pages.",
            status=status,
        )
    if message:
        raise ServerError(str(message), status=status, problem=str(problem))
    raise not_ours(place, f"HTTP {status}", status)


def not_ours(place: Place, what: str, status: int = 0) -> ServerError:
    """Something answers there, but not callscribe."""
    return ServerError(
        f"{place.url} answers, but it is not a callscribe server ({what}). Check the address.",
        status=status,
    )


class Entry(msgspec.Struct, frozen=True):
    """An event and its place in the journal."""

    id: int
    event: AnyEvent


class EventPage(msgspec.Struct, frozen=True):
    """A page of the journal, as the server gives it."""

    items: list[Entry]
    more: bool


class Remote:
    """The JSON interface of a running server. Blocking; every method raises `ServerError`."""

    def __init__(self, place: Place, *, transport: httpx.BaseTransport | None = None) -> None:
        self.place = place
        self._client = client(
            place.url,
            headers=place.headers,
            timeout=TIMEOUT,
            transport=transport,
            follow_redirects=False,
        )

    def get(self, path: str, **query: str) -> Any:
        """Decoded JSON."""
        return self._ask("GET", path, params=query)

    def fetch(self, kind: type[T], path: str, **query: str) -> T:
        """An answer as one of our records."""
        try:
            return msgspec.convert(self.get(path, **query), kind)
        except msgspec.ValidationError as error:
            raise not_ours(self.place, str(error)) from None

    def calls(self) -> list[CallSummary]:
        """The newest calls, newest first."""
        return self.fetch(list[CallSummary], "/api/calls", limit="200")

    def record(self, sid: str) -> CallRecord:
        """One call, by its SID or the beginning of it."""
        return self.fetch(CallRecord, f"/api/calls/{quote(sid, safe='')}")

    def events(self, call: str) -> tuple[list[AnyEvent], int]:
        """All that is stored of one call, by its record's id, and the journal id of the newest of it."""
        found: list[AnyEvent] = []
        after = 0
        while True:
            page = self.fetch(
                EventPage, "/api/v1/events", call=call, after=str(after), limit="1000"
            )
            found += [entry.event for entry in page.items]
            after = max((entry.id for entry in page.items), default=after)
            if not page.more or not page.items:
                return found, after

    def post(self, path: str, body: object = None) -> Any:
        """Decoded JSON."""
        return self._ask("POST", path, json={} if body is None else body)

    def delete(self, path: str) -> Any:
        """Decoded JSON."""
        return self._ask("DELETE", path, headers={"Content-Type": "application/json"})

    def close(self) -> None:
        self._client.close()

    def __enter__(self) -> Remote:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, method: str, path: str, **more: Any) -> Any:
        try:
            response = self._client.request(method, self.place.url + path, **more)
        except httpx.TransportError as error:
            raise unreachable(self.place, error) from None
        except httpx.InvalidURL as error:
            raise ServerError(f"{self.place.url} is not an address: {error}.") from None
        check_answer(self.place, response)
        try:
            return response.json()
        except ValueError:
            raise not_ours(self.place, "no JSON", response.status_code) from None
