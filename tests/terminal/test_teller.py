"""What changes becomes lines, each once and in order. What the lines say is tested with `transcript/`."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from callscribe.events import (
    CallEnded,
    DtmfReceived,
    FinalTranscript,
    GapDetected,
    LagChanged,
    ParticipantJoined,
    ParticipantLeft,
    RecordSettled,
    RevisedTranscript,
    SpeakerRenamed,
    StoreFailed,
    TranscriptionPaused,
)
from callscribe.terminal.teller import CONFIRM_S
from tests.said import reread
from tests.terminal.made import A, B, final, partial, started
from tests.terminal.screen import Stage


def revised(of: FinalTranscript, text: str) -> RevisedTranscript:
    return reread(of, text=text, raw_text=text.lower(), revision=of.revision + 1)


def printed(stage: Stage) -> list[str]:
    """What stays: the lines above the live region."""
    count = len(stage.printer.painted)
    return stage.terminal.everything()[: -count or None]


class TestNotes:
    def note(self, *events: Any, columns: int = 100) -> list[str]:
        stage = Stage(columns)
        stage.play(started(flow="conference", room="support"))
        stage.play(ParticipantJoined(call=A, leg=A, speaker="Al"), *events)
        return [line.split("· ", 1)[1] for line in stage.lines() if "· " in line][1:]

    @pytest.mark.parametrize(
        ("event", "words"),
        [
            (
                GapDetected(
                    call=A, leg=A, track="inbound", start_ms=0, end_ms=4_200, reason="missing"
                ),
                "Al: 4 s missing.",
            ),
            (TranscriptionPaused(call=A, at_ms=5), "Paused: nothing is transcribed or kept."),
            (ParticipantJoined(call=A, leg="CA2", speaker="Bob", joined_ms=9), "Bob joined."),
            (ParticipantLeft(call=A, leg=A, left_ms=9), "Al left."),
            (
                SpeakerRenamed(call=A, leg=A, track="inbound", speaker="Alan"),
                "Al is now called Alan.",
            ),
        ],
    )
    def test_words(self, event: Any, words: str) -> None:
        assert self.note(event) == [words]

    def test_names_written_from_right_to_left_keep_to_themselves(self) -> None:
        stage = Stage()
        stage.play(started(flow="conference", room="support"))
        stage.play(ParticipantJoined(call=A, leg="CA2", speaker="\u202eעדי", joined_ms=9))
        assert "\u2068 עדי\u2069 joined." in stage.terminal.raw

    def test_lag_is_noted_once_and_once_more_when_it_is_over(self) -> None:
        lags = [800, 1_300, 2_600, 1_200, 900, 100, 50]
        events = [LagChanged(call=A, leg=A, track="inbound", lag_ms=lag) for lag in lags]
        assert self.note(*events) == [
            "Al: 1 s behind, catching up.",
            "Al: caught up; was at most 3 s behind.",
        ]

    def test_keys_pressed_in_a_row_are_one_line(self) -> None:
        stage = Stage()
        stage.play(started())
        for number, digit in enumerate("411"):
            stage.play(DtmfReceived(call=A, leg=A, track="inbound", digit=digit, at_ms=number))
        assert not any("pressed" in line for line in stage.lines())
        stage.play(final("There."))
        assert [line for line in stage.lines() if "pressed" in line] == [
            " 0:00  · Caller pressed 4 1 1."
        ]

    def test_a_store_that_fails_is_said(self) -> None:
        stage = Stage()
        stage.play(StoreFailed(call="", message="The disk is full: free some space."))
        assert any("The disk is full" in line for line in stage.lines())


class TestTwoReadings:
    def stage(self) -> Stage:
        stage = Stage(second_reader=True)
        stage.play(started())
        return stage

    def test_a_line_is_printed_once_when_it_has_been_read_again(self) -> None:
        stage = self.stage()
        first = final("I sent the payment.")
        stage.play(first)
        assert not any("payment" in line for line in printed(stage))
        assert any("payment" in line for line in stage.lines()), "it is in the live region"
        stage.play(revised(first, "I sent the parcel."))
        assert [line for line in stage.lines() if "I sent" in line] == [
            " 0:01  Caller       I sent the parcel."
        ]
        stage.play(revised(first, "I sent the parcels."))
        assert sum("I sent" in line for line in stage.lines()) == 1

    def test_a_line_that_is_not_read_again_is_printed_after_a_while(self) -> None:
        stage = self.stage()
        first = final("I sent the payment.")
        stage.play(first)
        stage.clock.move(CONFIRM_S)
        stage.view.flush()
        assert any("payment" in line for line in printed(stage))
        stage.play(revised(first, "I sent the parcel."))
        assert not any("parcel" in line for line in stage.lines()), "what is printed stays"

    def test_lines_stay_in_order(self) -> None:
        stage = self.stage()
        first, second = final("One."), final("Two.", utterance="u2", start_ms=3_000)
        gap = GapDetected(
            call=A, leg=A, track="inbound", start_ms=2_000, end_ms=2_900, reason="missing"
        )
        stage.play(first, gap, second, revised(second, "Two."))
        assert len(printed(stage)) == 1, "the heading"
        stage.play(revised(first, "One."))
        assert [line.split()[-1] for line in printed(stage)[1:]] == ["One.", "missing.", "Two."]

    def test_an_utterance_without_words_after_all_is_never_printed(self) -> None:
        stage = self.stage()
        noise = final("huh")
        stage.play(noise, revised(noise, ""))
        assert not any("huh" in line for line in stage.lines())

    def test_a_call_ends_on_the_screen_when_its_last_line_is_sure(self) -> None:
        stage = self.stage()
        last = final("Goodbye.")
        stage.play(last, CallEnded(call=A, duration_ms=5_000))
        assert not any("Ended" in line for line in stage.lines())
        stage.play(revised(last, "Good-bye."), RecordSettled(call=A))
        assert [line.split()[-1] for line in stage.lines()[1:2]] == ["Good-bye."]
        assert "Ended after 0:05." in stage.lines()[2]
        assert len(stage.lines()) == 3

    def test_what_is_not_sure_when_the_view_closes_is_printed(self) -> None:
        stage = self.stage()
        stage.play(final("Goodbye."))
        stage.view.close()
        assert any("Goodbye." in line for line in stage.lines())

    def test_its_work_is_known_from_its_first_reading_on(self) -> None:
        stage = Stage()
        first, second = final("One."), final("Two.", utterance="u2", start_ms=3_000)
        stage.play(started(), first)
        assert any("One." in line for line in printed(stage))
        stage.play(revised(first, "One!"), second)
        assert not any("Two." in line for line in printed(stage))

    def test_later_words_about_a_call_that_is_over_open_nothing(self) -> None:
        stage = Stage()
        said = final("One.")
        stage.play(started(), said, CallEnded(call=A))
        lines = stage.lines()
        renamed = SpeakerRenamed(call=A, leg=A, track="inbound", speaker="Al")
        stage.play(revised(said, "Won."), renamed, RecordSettled(call=A))
        assert stage.lines() == lines


def test_letters_stay_for_a_calls_life() -> None:
    stage = Stage()
    stage.play(started(), started(B, from_name="Bob"), CallEnded(call=A))
    stage.play(final("still here", call=B))
    assert any(line.endswith("B Caller       still here") for line in stage.lines())
    stage.play(CallEnded(call=B), started("CA3"), final("alone", call="CA3"))
    assert stage.lines()[-2] == " 0:01  Caller       alone"


def test_a_partial_that_is_taken_back_leaves_the_live_region() -> None:
    stage = Stage()
    empty = msgspec.structs.replace(partial("", revision=2), raw_text="")
    stage.play(started(), partial("hm"), empty)
    assert not any("hm" in line for line in stage.lines())
