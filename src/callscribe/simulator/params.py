"""The form parameters of the carrier's requests.

Sources: Twilio docs, "TwiML for Programmable Voice" (request parameters), "Call resource" (status callbacks), `<Dial>`,
`<Conference>`, `<Stream>`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Form = list[tuple[str, str]]

Direction = Literal["inbound", "outbound-api", "outbound-dial"]

_AREAS = {
    # Area code: city, state, zip of the made-up people behind it.
    "212": ("NEW YORK", "NY", "10001"),
    "312": ("CHICAGO", "IL", "60601"),
    "415": ("SAN FRANCISCO", "CA", "94105"),
    "500": ("OAKLAND", "CA", "94601"),
    "510": ("OAKLAND", "CA", "94601"),
    "617": ("BOSTON", "MA", "02108"),
}


@dataclass(frozen=True)
class Place:
    city: str = ""
    state: str = ""
    zip: str = ""
    country: str = ""


def place_of(number: str) -> Place:
    """Where the carrier believes a number to be; often it knows the country only."""
    if not number.startswith("+1") or len(number) != 12:
        return Place()
    city, state, zip_code = _AREAS.get(number[2:5], ("", "", ""))
    return Place(city, state, zip_code, "US")


@dataclass(frozen=True)
class CallFacts:
    """What every request about a call says."""

    account_sid: str
    call_sid: str
    from_: str
    to: str
    direction: Direction
    parent_call_sid: str = ""
    call_token: str = ""


def call_params(facts: CallFacts, status: str) -> Form:
    """Parameters of a request for TwiML.

    Args:
        status: `CallStatus`: `ringing` on an inbound call's first request, `in-progress` on later ones.
    """
    form: Form = [
        ("AccountSid", facts.account_sid),
        ("ApiVersion", "2010-04-01"),
        ("CallSid", facts.call_sid),
    ]
    if facts.parent_call_sid:
        form.append(("ParentCallSid", facts.parent_call_sid))
    form += [
        ("Called", facts.to),
        ("Caller", facts.from_),
        ("Direction", facts.direction),
        ("From", facts.from_),
        ("To", facts.to),
    ]
    called, caller = place_of(facts.to), place_of(facts.from_)
    for prefix, place in (("Called", called), ("Caller", caller), ("From", caller), ("To", called)):
        form += [
            (f"{prefix}City", place.city),
            (f"{prefix}Country", place.country),
            (f"{prefix}State", place.state),
            (f"{prefix}Zip", place.zip),
        ]
    form.append(("CallStatus", status))
    if facts.direction == "inbound" and status == "ringing":
        form.append(("CallToken", facts.call_token))
        if caller.country == "US":
            form.append(("StirVerstat", "TN-Validation-Passed-A"))
    return form


def call_status_params(
    facts: CallFacts,
    status: str,
    *,
    timestamp: str,
    sequence: int,
    duration_s: int | None = None,
    sip_code: int | None = None,
) -> Form:
    """Parameters of a call status callback.

    Args:
        timestamp: RFC 2822.
        duration_s: with the final status only.
    """
    form = call_params(facts, status)
    form = [(k, v) for k, v in form if k not in {"CallToken", "StirVerstat"}]
    if duration_s is not None:
        form += [("CallDuration", str(duration_s)), ("Duration", str(math.ceil(duration_s / 60)))]
    form += [
        ("CallbackSource", "call-progress-events"),
        ("SequenceNumber", str(sequence)),
        ("Timestamp", timestamp),
    ]
    if sip_code is not None:
        form.append(("SipResponseCode", str(sip_code)))
    return form


def stream_status_params(
    facts: CallFacts, *, stream_sid: str, name: str, event: str, timestamp: str, error: str = ""
) -> Form:
    """Parameters of a stream status callback.

    Args:
        event: `stream-started`, `stream-stopped` or `stream-error`.
        timestamp: ISO 8601.
    """
    form = [
        ("AccountSid", facts.account_sid),
        ("CallSid", facts.call_sid),
        ("StreamSid", stream_sid),
        ("StreamName", name or stream_sid),
        ("StreamEvent", event),
    ]
    if error:
        form.append(("StreamError", error))
    form.append(("Timestamp", timestamp))
    return form
