from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callscribe.carriers.twilio import webhook
from callscribe.carriers.twilio.webhook import Form, Place, parse_timestamp
from callscribe.errors import ProtocolError

EXAMPLES = Path(__file__).parents[3].parent / "shared" / "docs" / "twilio-examples"
CALL = "CA" + "a1" * 16
LEG = "CA" + "b2" * 16
CONFERENCE = "CF" + "e5" * 16
NOON = dt.datetime(2026, 1, 15, 12, 0, 7, tzinfo=dt.UTC)

PARSERS: list[Callable[[Mapping[str, str]], object]] = [
    webhook.parse_incoming_call,
    webhook.parse_call_status,
    webhook.parse_leg_status,
    webhook.parse_stream_status,
    webhook.parse_dial_finished,
    webhook.parse_conference_event,
]


def test_an_incoming_call() -> None:
    call = webhook.parse_incoming_call(
        {
            "CallSid": CALL,
            "AccountSid": "AC1",
            "From": "+15005550010",
            "To": "+15005550006",
            "CallStatus": "ringing",
            "Direction": "inbound",
            "CallerName": "ALICE",
            "FromCity": "OAKLAND",
            "CalledCountry": "US",
            "StirVerstat": "TN-Validation-Passed-A",
            "Novelty": "1",
        }
    )
    assert call == webhook.IncomingCall(
        call_sid=CALL,
        account_sid="AC1",
        from_="+15005550010",
        to="+15005550006",
        status="ringing",
        direction="inbound",
        caller_name="ALICE",
        from_place=Place(city="OAKLAND"),
        to_place=Place(country="US"),
        stir_verstat="TN-Validation-Passed-A",
    )


@pytest.mark.parametrize(
    "body",
    [
        b"CallSid=%s&From=&From=%%2B1&To=x",
        b"From=%%2B1&CallSid=%s&To=x&To=&To=y",
        b"Caller=%%2B1&CallSid=&CallSid=%s&Called=x&From=",
    ],
)
def test_absent_empty_and_repeated_fields(body: bytes) -> None:
    call = webhook.parse_incoming_call(Form.parse(body % CALL.encode()))
    assert (call.call_sid, call.from_, call.to, call.status) == (CALL, "+1", "x", "")


@pytest.mark.parametrize("parse", PARSERS)
@pytest.mark.parametrize("form", [{}, {"CallSid": "", "ConferenceSid": " "}, {"CallSid": "a\nb"}])
def test_a_request_about_nothing_is_refused(
    parse: Callable[[Mapping[str, str]], object], form: dict[str, str]
) -> None:
    with pytest.raises(ProtocolError, match=r"no usable (CallSid|ConferenceSid)"):
        parse(form)


def test_a_call_status() -> None:
    status = webhook.parse_call_status(
        {
            "CallSid": CALL,
            "CallStatus": "completed",
            "Timestamp": "Thu, 15 Jan 2026 12:00:07 +0000",
            "SequenceNumber": "3",
            "CallDuration": "42",
            "SipResponseCode": "200",
        }
    )
    assert (status.status, status.at, status.sequence) == ("completed", NOON, 3)
    assert (status.duration_s, status.sip_code) == (42, 200)


def test_a_leg_status_knows_its_parent() -> None:
    status = webhook.parse_leg_status(
        {"CallSid": LEG, "ParentCallSid": CALL, "CallStatus": "in-progress", "SequenceNumber": "x"}
    )
    assert isinstance(status, webhook.LegStatus)
    assert (status.parent_call_sid, status.sequence, status.at) == (CALL, None, None)


def test_a_stream_status() -> None:
    status = webhook.parse_stream_status(
        {
            "CallSid": CALL,
            "StreamSid": "MZ1",
            "StreamEvent": "stream-error",
            "StreamError": "Stream signal error, code: 31924",
            "Timestamp": "2026-01-15T12:00:07Z",
        }
    )
    assert (status.event, status.error_code, status.at) == ("stream-error", 31924, NOON)


def test_the_end_of_a_dial() -> None:
    finished = webhook.parse_dial_finished(
        {
            "CallSid": CALL,
            "DialCallStatus": "completed",
            "DialCallSid": LEG,
            "DialCallDuration": "42",
            "DialBridged": "true",
        }
    )
    assert (finished.dial_status, finished.dial_call_sid) == ("completed", LEG)
    assert (finished.dial_duration_s, finished.bridged) == (42, True)
    assert webhook.parse_dial_finished({"CallSid": CALL}).bridged is None


def test_a_conference_event() -> None:
    event = webhook.parse_conference_event(
        {
            "ConferenceSid": CONFERENCE,
            "FriendlyName": "support",
            "StatusCallbackEvent": "participant-leave",
            "SequenceNumber": "8",
            "CallSid": CALL,
            "ParticipantLabel": "caller",
            "Muted": "false",
            "Hold": "true",
            "EndConferenceOnExit": "",
            "ReasonParticipantLeft": "participant_hung_up",
        }
    )
    assert (event.room, event.event, event.sequence) == ("support", "participant-leave", 8)
    assert (event.muted, event.hold, event.end_on_exit) == (False, True, None)
    assert event.leave_reason == "participant_hung_up"


@pytest.mark.parametrize(
    "text",
    [
        "Thu, 15 Jan 2026 12:00:07 +0000",
        "Thu, 15 Jan 2026 13:00:07 +0100",
        "2026-01-15T12:00:07Z",
        "2026-01-15T12:00:07.000Z",
        "2026-01-15T12:00:07.000000000Z",
        "2026-01-15T12:00:07",
    ],
)
def test_both_styles_of_time(text: str) -> None:
    assert parse_timestamp(text) == NOON


@pytest.mark.parametrize(
    "text", ["", "soon", "0001-01-01T00:00:00+23:00", "Thu, 99 Jan 2026 12:00:07", "1" * 99]
)
def test_a_time_that_is_none(text: str) -> None:
    assert parse_timestamp(text) is None


def test_a_form_with_absurdly_many_fields_is_refused() -> None:
    with pytest.raises(ProtocolError, match="more than 500 fields"):
        Form.parse(b"a=1&" * 600)


@settings(deadline=None)
@given(st.binary())
def test_any_body_parses(body: bytes) -> None:
    form = Form.parse(body)
    for name in form:
        assert form[name] in form.getlist(name)


fields = st.sampled_from(
    [
        "CallSid",
        "ConferenceSid",
        "Timestamp",
        "SequenceNumber",
        "CallDuration",
        "Muted",
        "CallStatus",
        "StreamError",
        "StreamEvent",
        "DialBridged",
        "From",
        "FromCity",
    ]
)


@settings(deadline=None)
@given(st.dictionaries(fields, st.text(max_size=40)))
def test_any_values_parse_or_are_refused_in_words(form: dict[str, str]) -> None:
    for parse in PARSERS:
        try:
            parse(form)
        except ProtocolError as error:
            refusal = str(error)
            break
    else:
        return
    assert refusal.startswith("the request has no usable")


@pytest.mark.skipif(not EXAMPLES.is_dir(), reason="../shared/docs/twilio-examples is not here")
def test_every_request_of_the_example_logs_means_something() -> None:
    by_path = {
        "/voice": webhook.parse_incoming_call,
        "/stream-status": webhook.parse_stream_status,
        "/leg": webhook.parse_leg_status,
        "/dial-done": webhook.parse_dial_finished,
        "/call-status": webhook.parse_call_status,
        "/conf": webhook.parse_conference_event,
    }
    seen = set()
    for name in ("03_http_forwarded_call", "04_http_conference_and_rtt"):
        for line in (EXAMPLES / f"{name}.jsonl").read_text().splitlines():
            entry = json.loads(line)
            path = entry["url"].removeprefix("https://calls.example.test")
            if path in by_path:
                fact = by_path[path](Form.parse(entry["body"].encode()))
                if not isinstance(fact, webhook.IncomingCall | webhook.DialFinished):
                    assert fact.at is not None, entry["note"]  # type: ignore[attr-defined]
                seen.add(path)
    assert seen == set(by_path)
