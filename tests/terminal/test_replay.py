from __future__ import annotations

from callscribe.events import (
    CallEnded,
    CallStarted,
    CallUpdated,
    Dial,
    ParticipantJoined,
    ParticipantLeft,
    SpeakerRenamed,
    StreamEnded,
)
from callscribe.records import (
    CallRecord,
    ParticipantRecord,
    TrackRecord,
    UtteranceRecord,
)
from callscribe.terminal.replay import events_of
from tests.terminal.recorded import CALL, RECORD, final, summary


def test_events_are_in_time_order_with_the_people() -> None:
    record = CallRecord(
        call=summary(flow="conference", room="support"),
        participants=(
            ParticipantRecord(leg="CA1", track="inbound", speaker="Alice", left_ms=42_000),
            ParticipantRecord(
                leg="CA2", track="inbound", speaker="Bob", joined_ms=5000, left_ms=8000
            ),
            ParticipantRecord(
                leg="CA2", track="inbound", speaker="Bob", joined_ms=8000, left_ms=42_000
            ),
        ),
        utterances=(UtteranceRecord.of(final(6000, "Hello")),),
    )
    told = [type(event) for event in events_of(record)]
    assert told == [
        CallStarted,
        ParticipantJoined,
        ParticipantJoined,
        UtteranceRecord,
        ParticipantLeft,
        ParticipantJoined,
        CallEnded,
    ]


def test_one_who_returns_at_once_left_first() -> None:
    record = CallRecord(
        call=summary(flow="conference"),
        participants=(
            ParticipantRecord(leg="CA2", track="inbound", speaker="Bob", left_ms=8000),
            ParticipantRecord(leg="CA2", track="inbound", speaker="Bob", joined_ms=8000),
        ),
    )
    told = [type(event) for event in events_of(record)]
    assert told.index(ParticipantLeft) == 2


def test_a_forward_that_nobody_answered() -> None:
    record = CallRecord(call=summary(), dial=Dial(status="busy", to="+15005550020", ended_ms=4000))
    (updated,) = [event for event in events_of(record) if isinstance(event, CallUpdated)]
    assert updated.dial is not None
    assert updated.dial.status == "busy"


def test_a_stream_that_was_followed_by_another_ended_quietly() -> None:
    def track(stream: str, reason: str) -> TrackRecord:
        return TrackRecord(
            leg=CALL,
            stream=stream,
            track="inbound",
            speaker="Alice",
            ended_at="x",
            end_reason=reason,
        )

    record = CallRecord(
        call=summary(), tracks=(track("MZ1", "socket-lost"), track("MZ2", "socket-lost"))
    )
    ends = [event for event in events_of(record) if isinstance(event, StreamEnded)]
    assert [end.reason for end in ends] == ["stop", "socket-lost"]


def test_no_rename_is_told_a_second_time() -> None:
    assert not [event for event in events_of(RECORD) if isinstance(event, SpeakerRenamed)]
