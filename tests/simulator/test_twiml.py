from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callscribe.simulator import twiml
from callscribe.simulator.twiml import TwimlError, parse

BASE = "https://calls.example.test/twilio/voice"


def body(inner: str) -> tuple[twiml.Verb, ...]:
    document = parse(f"<?xml version='1.0'?><Response>{inner}</Response>", BASE)
    assert document.warnings == ()
    return document.verbs


def test_streams_resolve_and_carry_their_parameters() -> None:
    (stream,) = body(
        '<Start><Stream name="main" url="/media/x" track="both_tracks">'
        '<Parameter name="role" value="caller"/></Stream></Start>'
    )
    assert stream == twiml.Stream(
        "wss://calls.example.test/media/x",
        "main",
        "both_tracks",
        parameters=(("role", "caller"),),
    )
    assert stream.tracks == ("inbound", "outbound")
    assert twiml.stream_url("http://127.0.0.1:8080/v", "media") == "ws://127.0.0.1:8080/media"
    assert twiml.stream_url(BASE, "wss://other.example/m") == "wss://other.example/m"


def test_a_dial_in_full() -> None:
    (dial,) = body(
        '<Dial answerOnBridge="true" timeout="20" callerId="+15005550006" action="/done">'
        '<Number statusCallback="/leg" statusCallbackEvent="initiated answered">+15005550011</Number>'
        "<Number>+15005550012</Number></Dial>"
    )
    assert dial == twiml.Dial(
        targets=(
            twiml.Number(
                "+15005550011",
                status_callback="https://calls.example.test/leg",
                status_callback_events=("initiated", "answered"),
            ),
            twiml.Number("+15005550012", status_callback_events=("completed",)),
        ),
        action="https://calls.example.test/done",
        answer_on_bridge=True,
        caller_id="+15005550006",
        timeout_s=20,
    )
    (plain,) = body("<Dial>+15005550011</Dial>")
    assert isinstance(plain, twiml.Dial)
    assert isinstance(plain.targets[0], twiml.Number)
    assert plain.targets[0].number == "+15005550011"


def test_a_conference() -> None:
    (dial,) = body(
        '<Dial><Conference beep="onEnter" endConferenceOnExit="true" participantLabel="anna" '
        'waitUrl="" statusCallback="/conf" statusCallbackEvent="start join">room</Conference></Dial>'
    )
    assert isinstance(dial, twiml.Dial)
    assert dial.targets == (
        twiml.Conference(
            "room",
            end_on_exit=True,
            label="anna",
            wait_url="",
            beep="onEnter",
            status_callback="https://calls.example.test/conf",
            status_callback_events=("start", "join"),
        ),
    )


def test_the_other_verbs() -> None:
    assert body(
        "<Say voice='x'>Hello <break/> you</Say><Pause length='3'/><Play>/a.wav</Play>"
        "<Gather timeout='2'><Say>Press</Say></Gather><Record maxLength='9' action='/r'/>"
        "<Stop><Stream name='main'/></Stop><Redirect method='GET'>/next</Redirect><Hangup/>"
        "<Reject reason='busy'/>"
    ) == (
        twiml.Say("Hello you"),
        twiml.Pause(3),
        twiml.Play("https://calls.example.test/a.wav"),
        twiml.Gather((twiml.Say("Press"),), 2, BASE),
        twiml.Record(max_length_s=9, action="https://calls.example.test/r"),
        twiml.StopStream("main"),
        twiml.Redirect("https://calls.example.test/next", "GET"),
        twiml.Hangup(),
        twiml.Reject("busy"),
    )


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("hello", 12100, "well-formed"),
        ("", 12100, "well-formed"),
        ("\n<?xml version='1.0'?><Response/>", 12100, "first byte"),
        ("<!DOCTYPE x><Response/>", 12100, "document type"),
        ("<Answer/>", 12102, "<Answer>"),
        ("<Response><Shout>Hi</Shout></Response>", 12200, "<Shout>"),
        ("<Response><say>Hi</say></Response>", 12200, "case-sensitive"),
        ("<Response><Say/></Response>", 13520, "no text"),
        ("<Response><Start><Stream/></Start></Response>", 12200, "url"),
        (
            "<Response><Start><Stream url='x' track='both'/></Start></Response>",
            12200,
            "both_tracks",
        ),
        ("<Response><Start><Siprec/></Start></Response>", 12200, "Siprec"),
        ("<Response><Connect><Stream url='wss://x'/></Connect></Response>", 12200, "Connect"),
        ("<Response><Dial/></Response>", 13221, "nobody"),
        ("<Response><Dial><Number/></Dial></Response>", 13223, "empty"),
        ("<Response><Dial timeout='soon'>+15005550011</Dial></Response>", 12200, "soon"),
        ("<Response><Dial><Stream url='wss://x'/></Dial></Response>", 12200, "Stream"),
        ("<Response><Pause length='-1'/></Response>", 12200, "-1"),
        (
            "<Response><Start><Stream url='x' statusCallback='/s'/></Start></Response>",
            12200,
            "absolute",
        ),
        (
            "<Response><Dial><Number statusCallbackEvent='done'>+1</Number></Dial></Response>",
            12200,
            "done",
        ),
        (
            "<Response><Start><Stream url='x'><Parameter name='a' value='"
            + "b" * 500
            + "'/></Stream></Start></Response>",
            12200,
            "500",
        ),
    ],
)
def test_what_the_carrier_would_not_execute(text: str, code: int, says: str) -> None:
    with pytest.raises(TwimlError, match=says) as error:
        parse(text, BASE)
    assert error.value.code == code


def test_an_unknown_attribute_is_a_warning_and_the_verb_still_runs() -> None:
    document = parse("<Response><Say volume='11'>Hi</Say></Response>", BASE)
    assert document.verbs == (twiml.Say("Hi"),)
    assert document.warnings == ('<Say> has no attribute "volume".',)


@given(st.text() | st.text("<>/= \"'ResponseSayStart!-[]&;", max_size=60))
def test_no_text_breaks_the_parser(text: str) -> None:
    with contextlib.suppress(TwimlError):
        parse(text, BASE)
