"""What we ask of the carrier's REST API, as blocking calls that return plain facts.

The official SDK speaks the protocol; this module gives it patience (see `transport`), small return types, and errors
that say which setting to look at. Nothing here logs, and no error text contains a token.
"""

from __future__ import annotations

import contextlib
import json
import random
import re
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Literal

import msgspec
import requests
from twilio.base.exceptions import TwilioException, TwilioRestException, TwilioServiceException
from twilio.base.values import unset
from twilio.rest import Client

from callscribe.carriers.twilio.explain import explain
from callscribe.carriers.twilio.resources import CallInfo
from callscribe.carriers.twilio.transport import Transport
from callscribe.errors import CarrierError

_ACCOUNT_SID = re.compile(r"AC[0-9a-fA-F]{32}")
_CONSOLE = "https://console.twilio.com"

_RING_S = 30
"""How long a call that we place may ring."""

StreamTrack = Literal["inbound_track", "both_tracks"]


class ApiError(CarrierError):
    """The API refused or cannot be reached.

    Attributes:
        status: of the HTTP answer; 0 when there was none.
        code: the carrier's error number; 0 when there is none.
    """

    def __init__(self, message: str, *, status: int = 0, code: int = 0) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class Account(msgspec.Struct, frozen=True):
    """Whom the credentials belong to."""

    sid: str
    name: str
    status: str
    """`active`, `suspended` or `closed`."""
    kind: str
    """`Trial` or `Full`."""
    carrier_time: datetime | None
    """The carrier's clock when it answered."""


class PhoneNumber(msgspec.Struct, frozen=True):
    """One of the account's numbers and what it does with calls."""

    sid: str
    number: str
    name: str
    voice: bool
    """Whether it can take calls at all."""
    voice_url: str
    voice_method: str
    status_callback: str
    status_callback_method: str
    voice_application_sid: str
    """While set, `voice_url` is ignored."""
    trunk_sid: str
    """While set, `voice_url` is ignored."""


# Where `explain` is silent, or a setting of ours can be named.
_HINTS: Mapping[int, str] = {
    20003: "Check TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN: both are on the first page of "
    f"{_CONSOLE}. After a token was rotated, the old one no longer works here.",
    20005: f"The account is not active. See {_CONSOLE}.",
    20429: "Wait a minute and try again.",
    21213: "Set number to the number that the call is to come from.",
    21502: "The address for callbacks must be absolute and reachable: check public_url.",
}


class CarrierClient:
    """The carrier's REST API for one account. Thread-safe; every method blocks and raises `ApiError`.

    Args:
        account_sid: `AC` and 32 hex digits.
        base_url: another server that speaks the same API, for tests and the simulator.
        timeout_s, attempts, wait, jitter: see `Transport`.

    Raises:
        ApiError: the account SID or the token cannot be right.
    """

    def __init__(
        self,
        account_sid: str,
        auth_token: str,
        *,
        base_url: str = "",
        timeout_s: float = 10.0,
        attempts: int = 5,
        wait: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        check_credentials(account_sid, auth_token)
        self.account_sid = account_sid
        self._transport = Transport(
            base_url=base_url, timeout_s=timeout_s, attempts=attempts, wait=wait, jitter=jitter
        )
        self._where = base_url or "api.twilio.com"
        self._client = Client(account_sid, auth_token, http_client=self._transport)

    def close(self) -> None:
        """Give up the connections that are kept open."""
        self._transport.close()

    # -- account and numbers

    def account(self) -> Account:
        """Whose credentials these are; the cheapest way to check them."""
        with self._asking("read the account"):
            found = self._client.api.accounts(self.account_sid).fetch()
        return Account(
            sid=str(found.sid),
            name=str(found.friendly_name or ""),
            status=_text(found.status),
            kind=_text(found.type),
            carrier_time=self._transport.date,
        )

    def numbers(self, number: str = "") -> list[PhoneNumber]:
        """The account's numbers, all pages; or those that match `number` (E.164)."""
        with self._asking("list the account's numbers"):
            found = self._client.incoming_phone_numbers.list(
                phone_number=number or unset, page_size=200
            )
        return [_phone_number(item) for item in found]

    def number(self, sid: str) -> PhoneNumber:
        """One number by its SID (`PN...`)."""
        with self._asking(f"read the number {sid}"):
            return _phone_number(self._client.incoming_phone_numbers(sid).fetch())

    def update_number(
        self,
        sid: str,
        *,
        voice_url: str,
        voice_method: str,
        status_callback: str,
        status_callback_method: str,
    ) -> PhoneNumber:
        """Set where a number's calls and their status go. An empty address clears it."""
        with self._asking(f"change the number {sid}"):
            return _phone_number(
                self._client.incoming_phone_numbers(sid).update(
                    voice_url=voice_url,
                    voice_method=voice_method or unset,
                    status_callback=status_callback,
                    status_callback_method=status_callback_method or unset,
                )
            )

    # -- calls

    def fetch_call(self, call_sid: str) -> CallInfo:
        """A call's present state."""
        with self._asking(f"read the call {call_sid}"):
            return _call(self._client.calls(call_sid).fetch())

    def live_calls(self) -> list[CallInfo]:
        """The calls that are up, the newest first; not more than fifty."""
        with self._asking("list the calls in progress"):
            return [
                _call(found) for found in self._client.calls.list(status="in-progress", limit=50)
            ]

    def create_call(self, *, to: str, from_: str, url: str, status_callback: str) -> str:
        """Place a call whose TwiML is asked for at `url` once it is answered, and return its SID.

        Status callbacks are wanted for all four events.
        """
        with self._asking(f"call {to}"):
            placed = self._client.calls.create(
                to=to,
                from_=from_,
                url=url,
                status_callback=status_callback,
                status_callback_event=["initiated", "ringing", "answered", "completed"],
                timeout=_RING_S,
            )
        return str(placed.sid)

    def end_call(self, call_sid: str) -> None:
        """Hang up on a call that is up, and so on whom it was connected with (`Status=completed`)."""
        with self._asking(f"hang up on the call {call_sid}"):
            self._client.calls(call_sid).update(status="completed")

    # -- media streams

    def start_stream(
        self, call_sid: str, *, url: str, track: StreamTrack, name: str, status_callback: str
    ) -> str:
        """Start a unidirectional media stream on a call in progress and return its SID.

        Args:
            url: `wss://`, without a query string.
            name: unique within the call; stops the stream later.
        """
        with self._asking(f"start a media stream on the call {call_sid}"):
            started = self._client.calls(call_sid).streams.create(
                url=url, track=track, name=name, status_callback=status_callback
            )
        return str(started.sid)

    def stop_stream(self, call_sid: str, stream: str) -> None:
        """Stop a media stream of a call, by SID or name, also one that TwiML started."""
        with self._asking(f"stop the media stream {stream}"):
            self._client.calls(call_sid).streams(stream).update(status="stopped")

    @contextlib.contextmanager
    def _asking(self, action: str) -> Iterator[None]:
        """Turn whatever goes wrong while we `action` into an error that says what to do."""
        try:
            yield
        except TwilioRestException as error:
            raise _refusal(action, error.status, error.code, error.msg) from None
        except TwilioServiceException as error:
            raise _refusal(action, error.status, error.code, error.detail or error.title) from None
        except requests.exceptions.SSLError:
            raise ApiError(
                f"Could not {action}: the TLS connection to {self._where} failed. "
                "Is this machine's clock right, and is a proxy intercepting TLS?"
            ) from None
        except requests.Timeout:
            raise ApiError(
                f"Could not {action}: {self._where} did not answer in time. Try again."
            ) from None
        except requests.RequestException as error:
            raise ApiError(
                f"Could not {action}: {self._where} cannot be reached ({_cause(error)}). "
                "Is this machine online? Behind a proxy, set HTTPS_PROXY."
            ) from None
        except TwilioException as error:
            raise _page_refusal(action, error) from None
        except (ValueError, KeyError, TypeError):
            raise ApiError(
                f"Could not {action}: {self._where} answered something that is not Twilio's API. Check api_url."
            ) from None


def check_credentials(account_sid: str, auth_token: str) -> None:
    """Catch what cannot be right before anything is sent.

    Raises:
        ApiError: what is wrong and where the right value is found.
    """
    if not account_sid or not auth_token:
        missing = "TWILIO_AUTH_TOKEN" if account_sid else "TWILIO_ACCOUNT_SID"
        raise ApiError(f"{missing} is not set. It is on the first page of {_CONSOLE}.")
    if account_sid.startswith("SK"):
        raise ApiError(
            "TWILIO_ACCOUNT_SID holds an API key (SK...). It must be the account's own SID (AC...), "
            f"and TWILIO_AUTH_TOKEN its auth token: both are on the first page of {_CONSOLE}."
        )
    if not _ACCOUNT_SID.fullmatch(account_sid):
        raise ApiError(
            f"TWILIO_ACCOUNT_SID must be AC and 32 hexadecimal digits; {account_sid!r} is not. "
            f"It is on the first page of {_CONSOLE}."
        )


def _refusal(action: str, status: int, code: int | None, message: object) -> ApiError:
    number = code or 0
    if status == 401:
        number = 20003
    if status == 429:
        number = 20429
    # The SDK puts "Unable to fetch record: " before the carrier's own words.
    said = _clipped(str(message or "")).split(": ", 1)[-1].rstrip(".")
    known = explain(number)
    hint = _HINTS.get(number) or (known.cure if known and number != 20404 else "")
    if not hint and status == 404:
        hint = "It may have ended, or belong to another account."
    if not hint and status >= 500:
        hint = "The fault is on Twilio's side; see https://status.twilio.com and try again."
    if not hint and number >= 10_000:
        hint = f"See https://www.twilio.com/docs/errors/{number}"
    named = f"error {number}" if number >= 10_000 else f"HTTP {status}"
    text = f"Could not {action}: Twilio refused ({named}: {said or 'no reason given'})."
    return ApiError(f"{text} {hint}".rstrip(), status=status, code=number)


def _page_refusal(action: str, error: TwilioException) -> ApiError:
    """For lists the SDK raises its plain exception, with the HTTP answer as its second argument."""
    answer = error.args[1] if len(error.args) > 1 else None
    status = getattr(answer, "status_code", None)
    if not isinstance(status, int):
        return ApiError(f"Could not {action}: {_clipped(str(error))}.")
    code, message = 0, ""
    with contextlib.suppress(ValueError, TypeError, AttributeError, RecursionError):
        body = json.loads(getattr(answer, "text", ""))
        code, message = int(body.get("code") or 0), str(body.get("message") or "")
    return _refusal(action, status, code, message)


def _cause(error: BaseException) -> str:
    """The innermost reason of a failed connection, without addresses of objects."""
    text = str(error)
    for pattern in (
        r"Name or service not known|Temporary failure in name resolution|getaddrinfo failed",
        r"Connection refused",
        r"Network is unreachable",
        r"No route to host",
        r"Connection reset by peer",
        r"Remote end closed connection",
        r"Cannot connect to proxy",
    ):
        found = re.search(pattern, text)
        if found:
            return found.group(0).lower()
    return type(error).__name__


def _clipped(text: str) -> str:
    return " ".join(text.split())[:300]


def _text(value: object) -> str:
    """The SDK gives enums here and plain strings there."""
    return str(getattr(value, "value", value) or "")


def _phone_number(item: Any) -> PhoneNumber:
    capabilities = item.capabilities
    voice = (
        capabilities.get("voice", True)
        if isinstance(capabilities, Mapping)
        else getattr(capabilities, "voice", True)
    )
    return PhoneNumber(
        sid=str(item.sid),
        number=str(item.phone_number),
        name=str(item.friendly_name or ""),
        voice=voice is not False,
        voice_url=str(item.voice_url or ""),
        voice_method=_text(item.voice_method),
        status_callback=str(item.status_callback or ""),
        status_callback_method=_text(item.status_callback_method),
        voice_application_sid=str(item.voice_application_sid or ""),
        trunk_sid=str(item.trunk_sid or ""),
    )


def _call(item: Any) -> CallInfo:
    return CallInfo(
        call_sid=str(item.sid),
        from_=str(item._from or ""),
        to=str(item.to or ""),
        direction=str(item.direction or ""),
        status=_text(item.status),
        caller_name=str(item.caller_name or ""),
    )
