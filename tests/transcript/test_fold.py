"""What a call's journal reads like."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callscribe.events import (
    AnyEvent,
    CallStarted,
    CallUpdated,
    Dial,
    DtmfReceived,
    GapDetected,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantUpdated,
    RecordSettled,
    SpeakerRenamed,
    StreamCounters,
    StreamEnded,
    TranscriptionPaused,
    TranscriptionResumed,
)
from callscribe.transcript.fold import Transcript
from callscribe.transcript.parts import Note, Turn
from tests.web.script import Call, bank


def started(flow: str = "forward") -> tuple[Call, list[AnyEvent]]:
    call = Call(1, flow=flow)  # type: ignore[arg-type]
    return call, [call.start(), *call.people("Ann", "Ben")]


def folded(events: list[AnyEvent]) -> Transcript:
    return Transcript(events[0].call, events)


def read(events: list[AnyEvent]) -> list[str]:
    """One line a block: `Ann: One. Two. / Three.` or `[Ben left.]`."""
    lines = []
    for block in folded(events).blocks:
        if isinstance(block, Note):
            lines.append(f"[{block.sentence}]")
        else:
            paragraphs = [
                " ".join(said.text for said in paragraph.utterances)
                for paragraph in block.paragraphs
            ]
            lines.append(f"{block.person.name}: {' / '.join(paragraphs)}")
    return lines


def test_utterances_within_two_seconds_flow_as_one_paragraph() -> None:
    call, events = started()
    events += [
        call.final("Ann", "One.", start_ms=0, end_ms=1000),
        call.final("Ann", "Two.", start_ms=3000, end_ms=3500),
        call.final("Ann", "Three.", start_ms=5501, end_ms=6000),
        call.final("Ben", "Four.", start_ms=6100, end_ms=7000),
    ]
    assert read(events) == ["Ann: One. Two. / Three.", "Ben: Four."]


def test_a_long_speech_is_cut_into_paragraphs() -> None:
    call, events = started()
    events += [
        call.final("Ann", f"{n}.", start_ms=n * 10_000, end_ms=n * 10_000 + 9900) for n in range(7)
    ]
    assert read(events) == ["Ann: 0. 1. 2. 3. 4. / 5. 6."]


def test_finals_stand_in_the_order_of_their_beginnings() -> None:
    call, events = started()
    events += [
        call.final("Ben", "Mhm.", start_ms=2000, end_ms=2300),
        call.final("Ann", "A long story.", start_ms=0, end_ms=4000),
    ]
    assert read(events) == ["Ann: A long story.", "Ben: Mhm."]
    first, second = folded(events).blocks
    assert isinstance(first, Turn)
    assert isinstance(second, Turn)
    assert (first.overlaps_after, second.overlaps_before) == (True, True)
    assert (first.overlaps_before, second.overlaps_after) == (False, False)


def test_touching_turns_do_not_overlap() -> None:
    call, events = started()
    events += [
        call.final("Ann", "One.", start_ms=0, end_ms=1000),
        call.final("Ben", "Two.", start_ms=800, end_ms=1500),
    ]
    assert [block.overlaps_before for block in folded(events).blocks] == [False, False]  # type: ignore[union-attr]


def test_a_partial_stands_where_its_final_will() -> None:
    call, events = started()
    events += [call.partial("Ann", "I would", utterance="u", revision=2, start_ms=100)]
    assert read(events) == ["Ann: I would"]
    older = call.partial("Ann", "I", utterance="u", revision=1, start_ms=100)
    assert read([*events, older]) == ["Ann: I would"]
    gone = call.partial("Ann", "", utterance="u", revision=3, start_ms=100)
    assert read([*events, gone]) == []
    done = call.final("Ann", "I would like.", utterance="u", start_ms=100)
    late = call.partial("Ann", "I would li", utterance="u", revision=9, start_ms=100)
    assert read([*events, done, late]) == ["Ann: I would like."]


def test_a_rename_reaches_back() -> None:
    call, events = started()
    leg, track = call.place("Ann")
    events += [
        call.final("Ann", "One."),
        SpeakerRenamed(call=call.sid, leg=leg, track=track, speaker="Dr. Ann"),
        call.final("Ben", "Two."),
    ]
    assert read(events) == ["Dr. Ann: One.", "Ben: Two."]


def test_a_conference_tells_who_comes_and_goes() -> None:
    call, events = started("conference")
    leg, track = call.place("Ben")

    def ben(**changes: object) -> ParticipantUpdated:
        return ParticipantUpdated(call=call.sid, leg=leg, track=track, **changes)  # type: ignore[arg-type]

    events += [
        ben(muted=True, at_ms=5000),
        ben(muted=True, at_ms=6000),
        ben(on_hold=True, at_ms=7000),
        ben(muted=False, on_hold=False, at_ms=8000),
        ParticipantLeft(call=call.sid, leg=leg, track=track, left_ms=9000),
        ParticipantJoined(call=call.sid, leg=leg, track=track, speaker="Ben", joined_ms=12_000),
    ]
    assert read(events) == [
        "[Ann joined.]",
        "[Ben joined.]",
        "[Ben is muted.]",
        "[Ben is on hold.]",
        "[Ben is no longer muted.]",
        "[Ben is back from hold.]",
        "[Ben left.]",
        "[Ben is back.]",
    ]


def test_the_two_parties_of_a_plain_call_need_no_notes() -> None:
    assert read(started()[1]) == []


def test_a_person_keeps_the_colour_on_a_new_leg() -> None:
    call, events = started("conference")
    joined = ParticipantJoined(call=call.sid, leg="CAnew", speaker="Ann", joined_ms=9000)
    people = folded([*events, joined]).people
    assert [person.slot for person in people] == [0, 1, 0]


def test_the_ninth_colour_is_the_first_one_dashed() -> None:
    call = Call(1, flow="conference")
    events = [call.start(), *call.people(*(f"P{n}" for n in range(9)))]
    colours = [person.colour for person in folded(events).people]
    assert colours == [*(f"s{n}" for n in range(8)), "s0 again"]


def test_pauses_and_gaps_are_words() -> None:
    call, events = started()
    leg, track = call.place("Ann")

    def gap(reason: str, start_ms: int, end_ms: int, track: str = track) -> GapDetected:
        return GapDetected(
            call=call.sid,
            leg=leg,
            track=track,  # type: ignore[arg-type]
            start_ms=start_ms,
            end_ms=end_ms,
            reason=reason,  # type: ignore[arg-type]
        )

    events += [
        gap("missing", 1000, 5000),
        gap("overload", 6000, 7400),
        TranscriptionPaused(call=call.sid, at_ms=8000),
        gap("paused", 8000, 90_000),
        TranscriptionResumed(call=call.sid, at_ms=90_000),
        gap("socket-lost", 91_000, 91_400),
        gap("socket-lost", 91_000, 91_400, "outbound"),
        gap("failed", 92_000, 94_000),
    ]
    assert read(events) == [
        "[Ann: 4 s missing.]",
        "[Ann: 1 s not transcribed: this computer could not keep up.]",
        "[Paused: nothing is transcribed or kept.]",
        "[Transcription resumed after 1:22.]",
        "[0.4 s missing: the connection to Twilio was lost.]",
        "[Ann: 2 s not transcribed: the recogniser failed.]",
    ]


def test_keys_pressed_together_are_one_note() -> None:
    call, events = started()
    leg, track = call.place("Ann")
    events += [
        DtmfReceived(call=call.sid, leg=leg, track=track, digit=digit, at_ms=ms)
        for digit, ms in [("4", 1000), ("2", 1800), ("#", 4500), ("1", 9000)]
    ]
    assert read(events) == ["[Ann pressed 4 2 #.]", "[Ann pressed 1.]"]


@pytest.mark.parametrize(
    ("dials", "expected"),
    [
        ([Dial(status="ringing", to="+1")], ["[Calling +1.]"]),
        (
            [Dial(status="initiated", to="+1"), Dial(status="ringing", to="+1")],
            ["[Calling +1.]"],
        ),
        (
            [
                Dial(status="ringing", to="+1"),
                Dial(status="in-progress", to="+1", answered_ms=4000),
                Dial(status="completed", to="+1", answered_ms=4000),
            ],
            ["[Calling +1.]", "[+1 answered.]"],
        ),
        ([Dial(status="busy", to="+1")], ["[+1 was busy.]"]),
        ([Dial(status="ringing", to="+1", name="Kelly")], ["[Calling Kelly.]"]),
        ([Dial(status="no-answer", to="+1")], ["[+1 did not answer.]"]),
        ([Dial(status="completed", to="+1")], []),
    ],
)
def test_a_forwarded_call_tells_how_the_dialling_goes(
    dials: list[Dial], expected: list[str]
) -> None:
    call, events = started()
    events += [CallUpdated(call=call.sid, dial=dial) for dial in dials]
    assert read(events) == expected


def test_hold_is_told_where_it_happened() -> None:
    call, events = started()
    events += [
        call.final("Ann", "One moment."),
        CallUpdated(call=call.sid, on_hold=True),
        CallUpdated(call=call.sid, on_hold=True),
        CallUpdated(call=call.sid, on_hold=False),
        call.final("Ann", "Here I am.", start_ms=20_000),
    ]
    assert read(events) == [
        "Ann: One moment.",
        "[On hold.]",
        "[Back from hold.]",
        "Ann: Here I am.",
    ]


def test_a_refused_stream_says_why() -> None:
    call, events = started()
    events.append(
        StreamEnded(
            call=call.sid,
            leg=call.sid,
            stream="MZ",
            reason="refused: 16 kHz audio",
            counters=StreamCounters(),
        )
    )
    assert read(events) == ["[The audio stream was refused: 16 kHz audio.]"]


def test_the_end() -> None:
    call, events = bank()
    assert folded(events).ending == ""
    said = call.partial("Support", "Goodb", utterance="x", revision=1, start_ms=call.ms)
    timeline = folded([*events, said, *call.end(ended_by="Alice Adams")])
    assert timeline.ending.endswith("Alice Adams hung up.")
    assert "x" not in [said.id for said in timeline.utterances]


@settings(deadline=None)
@given(st.permutations(range(8)))
def test_finals_in_any_order_read_the_same(order: list[int]) -> None:
    events = bank()[1]
    finals = events[-8:]
    expected = read(events)
    assert read([*events[:-8], *(finals[index] for index in order)]) == expected


def test_an_unknown_conference_start_still_reads() -> None:
    lone = ParticipantLeft(call="CA", leg="CAx", left_ms=1000)
    assert read([CallStarted(call="CA", flow="conference"), lone]) == ["[Someone left.]"]


def test_what_was_read_while_it_was_said_stays_until_the_final_is_read() -> None:
    call, events = started()
    heard = call.partial("Ann", "I lost my debit", utterance="u", revision=3, start_ms=0)
    final = call.final("Ann", "I lost my daddy car.", utterance="u", start_ms=0)
    live = Transcript(call.sid, events, second_reader=True)
    live.apply(msgspec.structs.replace(heard, reread_ms=900))
    live.apply(final)
    (said,) = live.utterances
    assert (said.text, said.first_text, said.final, said.tentative) == (
        "I lost my debit", "I lost my daddy car.", True, True,
    )  # fmt: skip
    live.apply(call.revised(final, "I lost my debit card."))
    (said,) = live.utterances
    assert (said.text, said.first_text) == ("I lost my debit card.", "I lost my daddy car.")


def test_a_final_that_is_never_read_is_as_in_the_record_once_that_is_settled() -> None:
    call, events = started()
    heard = call.partial("Ann", "I lost my debit", utterance="u", revision=3, start_ms=0)
    final = call.final("Ann", "I lost my daddy car.", utterance="u", start_ms=0)
    live = Transcript(call.sid, events, second_reader=True)
    settled = RecordSettled(call=call.sid, unread=1)
    for event in (msgspec.structs.replace(heard, reread_ms=900), final, settled):
        live.apply(event)
    assert live == Transcript(call.sid, [*events, final, settled], second_reader=True)
    assert [said.text for said in live.utterances] == ["I lost my daddy car."]
