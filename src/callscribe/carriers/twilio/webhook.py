"""The carrier's HTTP requests as typed facts: form fields in, one struct out. Pure.

Nothing is required but what the fact is about (a call SID, a conference SID): fields come absent, empty, repeated and
in company of new ones, so everything else has a default. Field names are the carrier's own only inside this package.

Sources: Twilio docs, "TwiML for Programmable Voice" (request parameters), "Call resource" (status callbacks),
"TwiML Voice: <Dial>, <Number>, <Conference>, <Stream>".
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import TypeVar
from urllib.parse import parse_qsl

import msgspec

from callscribe.errors import ProtocolError

MAX_FIELDS = 500
"""A voice request has about 40 fields."""


class Form(Mapping[str, str]):
    """A form's fields. As a mapping it gives a name's first value that is not empty; `getlist` gives all of them."""

    def __init__(self, fields: Iterable[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in fields:
            self._values.setdefault(name, []).append(value)

    @classmethod
    def parse(cls, body: bytes) -> Form:
        """Decode an `application/x-www-form-urlencoded` body; undecodable bytes become U+FFFD.

        Raises:
            ProtocolError: more fields than any request of the carrier has.
        """
        try:
            return cls(
                parse_qsl(
                    body.decode("utf-8", "replace"),
                    keep_blank_values=True,
                    max_num_fields=MAX_FIELDS,
                )
            )
        except ValueError:
            raise ProtocolError(f"the form has more than {MAX_FIELDS} fields") from None

    def __getitem__(self, name: str) -> str:
        values = self._values[name]
        return next((value for value in values if value), values[0])

    def getlist(self, name: str) -> list[str]:
        """All values of a name in the order they came; the signature covers every one."""
        return list(self._values[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def is_form(content_type: str) -> bool:
    """Whether a Content-Type header announces a form; parameters such as a charset do not matter."""
    return content_type.partition(";")[0].strip().lower() == "application/x-www-form-urlencoded"


class Place(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a number belongs, as far as the carrier knows."""

    city: str = ""
    state: str = ""
    zip: str = ""
    country: str = ""


class IncomingCall(msgspec.Struct, frozen=True, kw_only=True):
    """The carrier asks what to do with a call: its voice request."""

    call_sid: str
    account_sid: str = ""
    from_: str = ""
    """E.164 when possible; also `client:name`, `sip:...`, or words such as `anonymous`."""
    to: str = ""
    status: str = ""
    """The carrier's word; `ringing` on an inbound call's first request."""
    direction: str = ""
    """`inbound`, `outbound-api` or `outbound-dial`."""
    caller_name: str = ""
    """Only with the number's caller-name lookup."""
    forwarded_from: str = ""
    parent_call_sid: str = ""
    stir_verstat: str = ""
    """How far the caller's number can be trusted, e.g. `TN-Validation-Passed-A`."""
    from_place: Place = Place()
    to_place: Place = Place()
    error_code: int | None = None
    """Only on requests to the fallback URL: what went wrong with the first one."""


class CallStatusChanged(msgspec.Struct, frozen=True, kw_only=True):
    """A status callback of a call, ours or a dialled leg's. They come late, repeated and out of order."""

    call_sid: str
    status: str
    """The carrier's word: queued, initiated, ringing, in-progress, completed, busy, no-answer, failed, canceled."""
    at: dt.datetime | None = None
    """When it happened, by the carrier's clock (whole seconds)."""
    sequence: int | None = None
    """Counts a call's callbacks from 0."""
    duration_s: int | None = None
    sip_code: int | None = None
    direction: str = ""
    from_: str = ""
    to: str = ""
    parent_call_sid: str = ""
    answered_by: str = ""


class LegStatus(CallStatusChanged, frozen=True, kw_only=True):
    """A status callback of `<Dial><Number>`: the dialled leg, child of `parent_call_sid`."""


_Status = TypeVar("_Status", bound=CallStatusChanged)


class StreamStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A media stream started, stopped or failed. Travels apart from the socket, so it may come before or after it."""

    call_sid: str
    stream_sid: str = ""
    name: str = ""
    event: str = ""
    """`stream-started`, `stream-stopped` or `stream-error`."""
    error: str = ""
    error_code: int | None = None
    """The five-digit number found in `error`."""
    at: dt.datetime | None = None


class DialFinished(msgspec.Struct, frozen=True, kw_only=True):
    """The `action` request of `<Dial>`: the dialled leg is over, what now?"""

    call_sid: str
    """The leg that dialled."""
    dial_status: str = ""
    """completed, answered (conferences only), busy, no-answer, failed or canceled."""
    dial_call_sid: str = ""
    dial_duration_s: int | None = None
    bridged: bool | None = None
    call_status: str = ""
    """The dialling leg's own; `completed` when the caller has hung up."""
    from_: str = ""
    to: str = ""


class ConferenceEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A conference's status callback."""

    conference_sid: str
    room: str = ""
    event: str = ""
    """conference-start, conference-end, participant-join, -leave, -mute, -unmute, -hold, -unhold, -modify,
    -speech-start, -speech-stop, announcement-end, announcement-fail."""
    at: dt.datetime | None = None
    sequence: int | None = None
    """Counts a conference's callbacks from 1."""
    call_sid: str = ""
    """The participant's leg."""
    label: str = ""
    muted: bool | None = None
    hold: bool | None = None
    coaching: bool | None = None
    start_on_enter: bool | None = None
    end_on_exit: bool | None = None
    participant_status: str = ""
    leave_reason: str = ""
    """participant_hung_up, participant_updated_via_api, moderator_ended_conference, conference_ended_via_api or
    participant_add_failed."""
    ending_call_sid: str = ""
    ending_label: str = ""
    end_reason: str = ""
    """last-participant-left, last-participant-kicked, participant-with-end-conference-on-exit-left or -kicked,
    conference-ended-via-api."""
    reason: str = ""


def parse_incoming_call(form: Mapping[str, str]) -> IncomingCall:
    """The voice request.

    Raises:
        ProtocolError: no CallSid.
    """
    return IncomingCall(
        call_sid=_sid(form, "CallSid"),
        account_sid=_text(form, "AccountSid"),
        # `Caller` and `Called` are older duplicates that look-alike carriers may send alone.
        from_=_text(form, "From") or _text(form, "Caller"),
        to=_text(form, "To") or _text(form, "Called"),
        status=_text(form, "CallStatus"),
        direction=_text(form, "Direction"),
        caller_name=_text(form, "CallerName"),
        forwarded_from=_text(form, "ForwardedFrom"),
        parent_call_sid=_text(form, "ParentCallSid"),
        stir_verstat=_text(form, "StirVerstat"),
        from_place=_place(form, "From", "Caller"),
        to_place=_place(form, "To", "Called"),
        error_code=_int(form, "ErrorCode"),
    )


def parse_call_status(form: Mapping[str, str]) -> CallStatusChanged:
    """A call's status callback.

    Raises:
        ProtocolError: no CallSid.
    """
    return _status(CallStatusChanged, form)


def parse_leg_status(form: Mapping[str, str]) -> LegStatus:
    """A dialled leg's status callback.

    Raises:
        ProtocolError: no CallSid.
    """
    return _status(LegStatus, form)


def parse_stream_status(form: Mapping[str, str]) -> StreamStatus:
    """A stream's status callback.

    Raises:
        ProtocolError: no CallSid.
    """
    error = _text(form, "StreamError")
    return StreamStatus(
        call_sid=_sid(form, "CallSid"),
        stream_sid=_text(form, "StreamSid"),
        name=_text(form, "StreamName"),
        event=_text(form, "StreamEvent"),
        error=error,
        error_code=_error_code(error),
        at=_time(form),
    )


def parse_dial_finished(form: Mapping[str, str]) -> DialFinished:
    """The `action` request of `<Dial>`.

    Raises:
        ProtocolError: no CallSid.
    """
    return DialFinished(
        call_sid=_sid(form, "CallSid"),
        dial_status=_text(form, "DialCallStatus"),
        dial_call_sid=_text(form, "DialCallSid"),
        dial_duration_s=_int(form, "DialCallDuration"),
        bridged=_flag(form, "DialBridged"),
        call_status=_text(form, "CallStatus"),
        from_=_text(form, "From") or _text(form, "Caller"),
        to=_text(form, "To") or _text(form, "Called"),
    )


def parse_conference_event(form: Mapping[str, str]) -> ConferenceEvent:
    """A conference's status callback.

    Raises:
        ProtocolError: no ConferenceSid.
    """
    return ConferenceEvent(
        conference_sid=_sid(form, "ConferenceSid"),
        room=_text(form, "FriendlyName"),
        event=_text(form, "StatusCallbackEvent"),
        at=_time(form),
        sequence=_int(form, "SequenceNumber"),
        call_sid=_text(form, "CallSid"),
        label=_text(form, "ParticipantLabel"),
        muted=_flag(form, "Muted"),
        hold=_flag(form, "Hold"),
        coaching=_flag(form, "Coaching"),
        start_on_enter=_flag(form, "StartConferenceOnEnter"),
        end_on_exit=_flag(form, "EndConferenceOnExit"),
        participant_status=_text(form, "ParticipantCallStatus"),
        leave_reason=_text(form, "ReasonParticipantLeft"),
        ending_call_sid=_text(form, "CallSidEndingConference"),
        ending_label=_text(form, "ParticipantLabelEndingConference"),
        end_reason=_text(form, "ReasonConferenceEnded"),
        reason=_text(form, "Reason"),
    )


def parse_timestamp(text: str) -> dt.datetime | None:
    """The carrier's time: RFC 2822 in call callbacks, ISO 8601 (up to nanoseconds) in stream callbacks.

    None when it is neither; a time without a zone is taken as UTC.
    """
    text = text.strip()
    if not text or len(text) > 64:
        return None
    try:
        parsed = dt.datetime.fromisoformat(text)
    except ValueError:
        try:
            parsed = parsedate_to_datetime(text)
        except (ValueError, IndexError, TypeError, OverflowError):
            return None
    if parsed.tzinfo is None:
        parsed = parsed.replace(tzinfo=dt.UTC)
    try:
        return parsed.astimezone(dt.UTC)
    except OverflowError:
        return None


def _status(kind: type[_Status], form: Mapping[str, str]) -> _Status:
    return kind(
        call_sid=_sid(form, "CallSid"),
        status=_text(form, "CallStatus").lower(),
        at=_time(form),
        sequence=_int(form, "SequenceNumber"),
        duration_s=_int(form, "CallDuration"),
        sip_code=_int(form, "SipResponseCode"),
        direction=_text(form, "Direction"),
        from_=_text(form, "From") or _text(form, "Caller"),
        to=_text(form, "To") or _text(form, "Called"),
        parent_call_sid=_text(form, "ParentCallSid"),
        answered_by=_text(form, "AnsweredBy"),
    )


def _text(form: Mapping[str, str], name: str) -> str:
    """Bounded, since it ends up in the store and on screens."""
    return form.get(name, "").strip()[:500]


def _sid(form: Mapping[str, str], name: str) -> str:
    sid = _text(form, name)
    if not sid or len(sid) > 128 or not sid.isprintable():
        raise ProtocolError(f"the request has no usable {name}")
    return sid


def _int(form: Mapping[str, str], name: str) -> int | None:
    text = _text(form, name)
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 15 else None


def _flag(form: Mapping[str, str], name: str) -> bool | None:
    return {"true": True, "false": False}.get(_text(form, name).lower())


def _time(form: Mapping[str, str]) -> dt.datetime | None:
    return parse_timestamp(form.get("Timestamp", ""))


def _place(form: Mapping[str, str], prefix: str, older: str) -> Place:
    parts = (
        _text(form, prefix + p) or _text(form, older + p)
        for p in ("City", "State", "Zip", "Country")
    )
    return Place(*parts)


def _error_code(text: str) -> int | None:
    digits = "".join(c if c.isascii() and c.isdigit() else " " for c in text).split()
    return next((int(d) for d in digits if len(d) == 5), None)
