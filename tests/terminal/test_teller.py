from __future__ import annotations

from typing import Any

import pytest

from callscribe.events import (
    CallUpdated,
    Dial,
    DtmfReceived,
    GapDetected,
    LagChanged,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantUpdated,
    SpeakerRenamed,
    StoreFailed,
    StreamCounters,
    StreamEnded,
    StreamStarted,
    Track,
    TranscriptionPaused,
    TranscriptionResumed,
)
from tests.terminal.made import A, started
from tests.terminal.screen import Stage


class TestNotes:
    def note(self, *events: Any, columns: int = 100) -> list[str]:
        stage = Stage(columns)
        stage.play(started(flow="conference", room="support"))
        stage.play(StreamStarted(call=A, leg=A, stream="MZ1", tracks=("inbound",)))
        stage.play(*events)
        return [line.split("· ", 1)[1] for line in stage.lines() if "· " in line]

    @pytest.mark.parametrize(
        ("event", "words"),
        [
            (
                GapDetected(
                    call=A, leg=A, track="inbound", start_ms=0, end_ms=4_200, reason="missing"
                ),
                "4.2 s of caller's audio missing",
            ),
            (
                GapDetected(
                    call=A, leg=A, track="inbound", start_ms=0, end_ms=12_000, reason="overload"
                ),
                "12 s of caller's audio given up: decoding was too far behind",
            ),
            (
                TranscriptionPaused(call=A, at_ms=5),
                "transcription paused: nothing is heard or kept",
            ),
            (TranscriptionResumed(call=A, at_ms=5), "transcription goes on"),
            (DtmfReceived(call=A, leg=A, track="inbound", digit="5", at_ms=1), "caller pressed 5"),
            (ParticipantJoined(call=A, leg="CA2", speaker="Bob", joined_ms=9), "Bob joined"),
            (CallUpdated(call=A, on_hold=True), "on hold"),
            (CallUpdated(call=A, dial=Dial("busy", to="+15005550020")), "+15005550020 is busy"),
            (
                CallUpdated(call=A, dial=Dial("ringing", to="+15005550020", name="Kelly")),
                "ringing at Kelly",
            ),
            (
                SpeakerRenamed(call=A, leg=A, track="inbound", speaker="Al"),
                "caller is now called Al",
            ),
            (
                StreamEnded(
                    call=A, leg=A, stream="MZ", reason="socket-lost", counters=StreamCounters()
                ),
                "the carrier's audio connection was lost",
            ),
        ],
    )
    def test_words(self, event: Any, words: str) -> None:
        assert self.note(event) == [words]

    def test_mute_hold_and_leave_by_name(self) -> None:
        assert self.note(
            ParticipantJoined(call=A, leg="CA2", speaker="Bob"),
            ParticipantUpdated(call=A, leg="CA2", muted=True),
            ParticipantUpdated(call=A, leg="CA2", muted=False, on_hold=True),
            ParticipantLeft(call=A, leg="CA2", left_ms=7),
        ) == ["Bob joined", "Bob muted", "Bob unmuted", "Bob is on hold", "Bob left"]

    def test_lag_is_noted_once_and_once_more_when_it_is_over(self) -> None:
        lags = [800, 1_300, 2_600, 1_200, 900, 100, 50]
        events = [LagChanged(call=A, leg=A, track="inbound", lag_ms=lag) for lag in lags]
        assert self.note(*events) == [
            "caller: 1.3 s behind, catching up",
            "caller: caught up; was at most 2.6 s behind",
        ]

    def test_a_lost_socket_is_one_note_though_it_carried_two_tracks(self) -> None:
        tracks: tuple[Track, Track] = ("inbound", "outbound")
        gaps = [
            GapDetected(
                call=A, leg=A, track=track, start_ms=10_000, end_ms=13_000, reason="socket-lost"
            )
            for track in tracks
        ]
        assert self.note(*gaps) == ["connection to the carrier lost for 3.0 s"]

    def test_repeated_dial_states_are_said_once(self) -> None:
        ringing = CallUpdated(call=A, dial=Dial("ringing", to="+15005550020"))
        assert self.note(ringing, ringing) == ["ringing at +15005550020"]

    def test_a_store_that_fails_is_said(self) -> None:
        stage = Stage()
        stage.play(StoreFailed(call=A, message="The disk is full: free some space."))
        assert any("The disk is full" in line for line in stage.lines())
