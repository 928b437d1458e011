"""TwiML is compared by parsing: the library chooses the order of attributes."""

from __future__ import annotations

from xml.etree.ElementTree import Element, fromstring

from callscribe.carriers.base import (
    Connect,
    HangUp,
    Hold,
    Instruction,
    JoinRoom,
    Listen,
    Refuse,
    Say,
)
from callscribe.carriers.twilio.twiml import render
from callscribe.carriers.twilio.urls import CarrierUrls

URLS = CarrierUrls("https://calls.example.test")
STREAM_ELEMENTS: object = (
    "Start",
    {},
    "",
    [
        (
            "Stream",
            {
                "url": "wss://calls.example.test/twilio/media/t1",
                "track": "both_tracks",
                "statusCallback": "https://calls.example.test/twilio/stream",
                "statusCallbackMethod": "POST",
            },
            "",
            [],
        )
    ],
)


def tree(element: Element) -> object:
    return (element.tag, element.attrib, element.text or "", [tree(child) for child in element])


def told(*answer: Instruction) -> list[object]:
    """The TwiML of an answer."""
    text = render(answer, URLS)
    assert text.startswith("<?xml"), "the declaration must be at the first byte"
    root = fromstring(text)
    assert root.tag == "Response"
    return [tree(child) for child in root]


def test_hold_the_line() -> None:
    assert told(
        Listen("t1", "both"),
        Say("Recorded.", "Polly.Amy", "en-GB"),
        Say("<Hi> & welcome"),
        Say(" "),
        Hold(1300),
    ) == [
        STREAM_ELEMENTS,
        ("Say", {"voice": "Polly.Amy", "language": "en-GB"}, "Recorded.", []),
        ("Say", {}, "<Hi> & welcome", []),
        ("Pause", {"length": "600"}, "", []),
        ("Pause", {"length": "600"}, "", []),
        ("Pause", {"length": "100"}, "", []),
    ]


def test_dial() -> None:
    leg = {
        "statusCallback": "https://calls.example.test/twilio/leg",
        "statusCallbackEvent": "initiated ringing answered completed",
        "statusCallbackMethod": "POST",
        "url": "https://calls.example.test/twilio/whisper",
        "method": "POST",
    }
    connect = Connect(
        to=["+15005550020", "sip:desk@example.test", "client:alice"],
        caller_id="+15005550006",
        timeout_s=15,
        whisper=True,
    )
    assert told(Listen("t1", "both"), connect) == [
        STREAM_ELEMENTS,
        (
            "Dial",
            {
                "action": "https://calls.example.test/twilio/dial",
                "method": "POST",
                "timeout": "15",
                "answerOnBridge": "true",
                "callerId": "+15005550006",
            },
            "",
            [
                ("Number", leg, "+15005550020", []),
                ("Sip", leg, "sip:desk@example.test", []),
                ("Client", leg, "alice", []),
            ],
        ),
    ]


def test_conference() -> None:
    join = JoinRoom(
        room="support",
        label="Alice",
        beep="onEnter",
        music=False,
        end_on_exit=True,
        max_participants=5,
    )
    assert told(Listen("t1", "both"), Say("Welcome."), join) == [
        STREAM_ELEMENTS,
        ("Say", {}, "Welcome.", []),
        (
            "Dial",
            {"action": "https://calls.example.test/twilio/dial", "method": "POST"},
            "",
            [
                (
                    "Conference",
                    {
                        "participantLabel": "Alice",
                        "muted": "false",
                        "beep": "onEnter",
                        "startConferenceOnEnter": "true",
                        "endConferenceOnExit": "true",
                        "waitUrl": "",
                        "maxParticipants": "5",
                        "statusCallback": "https://calls.example.test/twilio/conference",
                        "statusCallbackMethod": "POST",
                        "statusCallbackEvent": "start end join leave mute hold modify",
                    },
                    "support",
                    [],
                )
            ],
        ),
    ]


def test_the_short_answers() -> None:
    assert told() == []
    assert told(Say("Bye."), HangUp()) == [("Say", {}, "Bye.", []), ("Hangup", {}, "", [])]
    assert told(Refuse()) == [("Reject", {"reason": "busy"}, "", [])]
