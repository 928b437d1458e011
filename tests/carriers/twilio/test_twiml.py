"""TwiML is compared by parsing: the library chooses the order of attributes."""

from __future__ import annotations

from xml.etree.ElementTree import Element, fromstring

from callscribe.carriers.twilio import twiml
from callscribe.carriers.twilio.twiml import Announcement, ConferencePlan, DialPlan, StreamPlan

STREAM = StreamPlan(
    url="wss://calls.example.test/twilio/media/t1",
    track="both_tracks",
    status_callback="https://calls.example.test/twilio/stream",
    name="callscribe",
    parameters={"role": "caller & co"},
)
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
                "name": "callscribe",
            },
            "",
            [("Parameter", {"name": "role", "value": "caller & co"}, "", [])],
        )
    ],
)


def tree(element: Element) -> object:
    return (element.tag, element.attrib, element.text or "", [tree(child) for child in element])


def parsed(text: str) -> list[object]:
    assert text.startswith("<?xml"), "the declaration must be at the first byte"
    root = fromstring(text)
    assert root.tag == "Response"
    return [tree(child) for child in root]


def test_hold_the_line() -> None:
    text = twiml.hold_line(
        [STREAM],
        [
            Announcement("Recorded.", "Polly.Amy", "en-GB"),
            Announcement("<Hi> & welcome"),
            Announcement(" "),
        ],
        hold_s=1300,
    )
    assert parsed(text) == [
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
    text = twiml.dial(
        [STREAM],
        [],
        DialPlan(
            to=["+15005550020", "sip:desk@example.test", "client:alice"],
            action="https://calls.example.test/twilio/dial",
            leg_callback="https://calls.example.test/twilio/leg",
            caller_id="+15005550006",
            timeout_s=15,
            whisper_url="https://calls.example.test/twilio/whisper",
        ),
    )
    assert parsed(text) == [
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
    text = twiml.conference(
        [STREAM],
        [Announcement("Welcome.")],
        ConferencePlan(
            room="support",
            status_callback="https://calls.example.test/twilio/conference",
            label="Alice",
            beep="onEnter",
            end_on_exit=True,
            wait_url="",
            max_participants=5,
        ),
    )
    assert parsed(text) == [
        STREAM_ELEMENTS,
        ("Say", {}, "Welcome.", []),
        (
            "Dial",
            {},
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
    assert parsed(twiml.empty()) == []
    assert parsed(twiml.hang_up([Announcement("Bye.")])) == [
        ("Say", {}, "Bye.", []),
        ("Hangup", {}, "", []),
    ]
    assert parsed(twiml.speak([Announcement("This call is transcribed.")])) == [
        ("Say", {}, "This call is transcribed.", [])
    ]
    assert parsed(twiml.reject_busy()) == [("Reject", {"reason": "busy"}, "", [])]
