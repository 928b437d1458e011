"""What every store must do. An implementation's tests derive from `StoreContract` and say how to open one.

class TestMine(StoreContract):
    @pytest.fixture
    def opening(self, tmp_path: Path) -> Opening:
        return functools.partial(MyStore.open, tmp_path)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import msgspec
import pytest

from callscribe.errors import StoreError
from callscribe.events import (
    AnyEvent,
    CallEnded,
    CallStarted,
    CallUpdated,
    Dial,
    FinalTranscript,
    GapDetected,
    LagChanged,
    PartialTranscript,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantUpdated,
    RevisedTranscript,
    SpeakerRenamed,
    StoreFailed,
    StreamCounters,
    StreamEnded,
    StreamStarted,
    Token,
    Track,
    TranscriptionPaused,
    TranscriptionResumed,
    Word,
)
from callscribe.records import ParticipantRecord, PauseRecord, UtteranceRecord
from callscribe.store.base import HereAlreadyError, NoRecordError, Store
from tests.said import reread

CALL = "CA00000000000000000000000000000001"
AGENT = "CA00000000000000000000000000000002"
ROOM = "CF00000000000000000000000000000001"


class Opening(Protocol):
    """Opens the record of this test, again and again; nothing is there before the first writer came."""

    def __call__(self, *, read_only: bool = False) -> Store: ...


def final(
    utterance: str,
    start_ms: int,
    text: str = "hello there",
    *,
    call: str = CALL,
    leg: str = CALL,
    track: Track = "inbound",
    speaker: str = "Caller",
    revision: int = 3,
) -> FinalTranscript:
    words = tuple(
        Word(text=word, start_ms=start_ms + 100 * n, end_ms=start_ms + 100 * n + 90, confidence=0.5)
        for n, word in enumerate(text.split())
    )
    return FinalTranscript(
        call=call,
        at="2026-01-15T10:00:55.000Z",
        leg=leg,
        track=track,
        speaker=speaker,
        utterance=utterance,
        revision=revision,
        text=text.capitalize() + ".",
        raw_text=text,
        start_ms=start_ms,
        end_ms=start_ms + 100 * len(words),
        words=words,
        tokens=(Token(text=text, start=0, stop=len(words)),),
        confidence=0.5,
        lag_ms=120,
    )


def revised(utterance: str, text: str, revision: int, reading: int = 2) -> RevisedTranscript:
    read = final(utterance, 0, text, revision=revision)
    return reread(read, text=read.text if text else "", reader="tiny.en", reading=reading)


def started(call: str = CALL, at: str = "2026-01-15T10:00:50.000Z") -> CallStarted:
    return CallStarted(call=call, at=at, from_="+15005550010", to="+15005550006", from_name="Alice")


class StoreContract:
    """Derive from it, with an `opening` of your own."""

    @pytest.fixture
    def opening(self) -> Opening:
        raise NotImplementedError

    @pytest.fixture
    def store(self, opening: Opening) -> Iterator[Store]:
        with opening() as opened:
            yield opened

    def test_a_record_begun_anew_goes_on_with_its_ids(self, store: Store) -> None:
        ids = store.append([started(), final("u1", 0), final("u2", 1000)])
        store.check()
        kept = store.events_after(0)
        store.begin_anew(kept[1:], ids[-1] + 5)
        found = {p.id: p.event for p in store.events_after(0)}
        assert found[ids[1]] == kept[1].event
        assert found[ids[2]] == kept[2].event
        (new,) = store.append([final("u3", 2000)])
        assert new > ids[-1] + 5
        assert store.last_id() == new

    def test_a_call_knows_what_is_spoken_on_it(self, store: Store) -> None:
        stream = StreamStarted(
            call=CALL, leg=CALL, stream="MZ1", tracks=("inbound",), language="en"
        )
        store.append([started(), stream])
        assert [call.language for call in store.calls()] == ["en"]
        heard = msgspec.structs.replace(final("u1", 0), language="fr")
        store.append([heard, final("u2", 1000)])
        record = store.call(CALL)
        assert record is not None
        assert record.call.language == "fr"

    def test_a_whole_call_is_brought_in_once(self, store: Store) -> None:
        other = "CA00000000000000000000000000000009"
        store.append([started(other), final("u1", 0, call=other, leg=other)])
        events: list[AnyEvent] = [started(), *(final(f"u{n}", 1000 * n) for n in range(20))]
        bring_in, again = store.prepare(events), store.prepare(events)
        assert store.call(CALL) is None
        ids = bring_in()
        assert [p.event for p in store.events_after(0, call=CALL)] == events
        assert [p.id for p in store.events_after(0, call=CALL)] == list(ids)
        record = store.call(CALL)
        assert record is not None
        assert len(record.utterances) == 20
        with pytest.raises(HereAlreadyError):
            again()
        assert store.append([final("u90", 90_000)])[0] > ids[-1]
        with pytest.raises(ValueError, match="not stored"):
            store.prepare([LagChanged(call=CALL, leg=CALL, track="inbound", lag_ms=1)])

    def test_a_call_that_is_attached_to_again_keeps_its_flow(self, store: Store) -> None:
        store.append(
            [
                CallStarted(call=CALL, from_="+15005550010", flow="forward"),
                CallEnded(call=CALL, status="completed", duration_ms=1000, reason="detached"),
                CallStarted(call=CALL, from_="+15005550010", flow="attach"),
            ]
        )
        record = store.call(CALL)
        assert record is not None
        assert (record.call.flow, record.call.ended_at) == ("forward", None)

    def test_a_plain_call_comes_back_whole(self, store: Store) -> None:
        ids = store.append(
            [
                started(),
                ParticipantJoined(call=CALL, leg=CALL, speaker="Alice", track="inbound"),
                StreamStarted(
                    call=CALL,
                    at="2026-01-15T10:00:51.000Z",
                    leg=CALL,
                    stream="MZ1",
                    tracks=("inbound", "outbound"),
                ),
                final("u2", 5000, speaker="Alice"),
                final("u1", 1000, "good morning", track="outbound", speaker="Us"),
                GapDetected(
                    call=CALL,
                    leg=CALL,
                    track="inbound",
                    start_ms=2000,
                    end_ms=6000,
                    reason="missing",
                ),
            ]
        )
        later = store.append(
            [
                StreamEnded(
                    call=CALL,
                    at="2026-01-15T10:01:31.000Z",
                    leg=CALL,
                    stream="MZ1",
                    reason="stop",
                    counters=StreamCounters(frames=2000, missing_ms=4000),
                ),
                CallEnded(
                    call=CALL,
                    at="2026-01-15T10:01:32.000Z",
                    duration_ms=42_000,
                    ended_by="Alice",
                    reason="hang-up",
                ),
            ]
        )
        ids = [*ids, *later]
        assert ids == sorted(set(ids))
        assert store.last_id() == ids[-1]
        record = store.call(CALL)
        assert record is not None
        call = record.call
        assert (call.id, call.sid, call.from_, call.to) == (
            CALL,
            CALL,
            "+15005550010",
            "+15005550006",
        )
        assert (call.status, call.started_at, call.ended_at) == (
            "completed",
            "2026-01-15T10:00:50.000Z",
            "2026-01-15T10:01:32.000Z",
        )
        assert (call.duration_ms, call.ended_by, call.end_reason) == (42_000, "Alice", "hang-up")
        assert (call.utterance_count, call.last_text) == (2, "Good morning.")
        assert call.speakers == ("Alice", "Us")
        assert [track.track for track in record.tracks] == ["inbound", "outbound"]
        assert [track.speaker for track in record.tracks] == ["Alice", "Us"]
        assert record.tracks[0].counters == StreamCounters(frames=2000, missing_ms=4000)
        assert record.tracks[1].end_reason == "stop"
        assert list(record.utterances) == [
            UtteranceRecord.of(final("u1", 1000, "good morning", track="outbound", speaker="Us")),
            UtteranceRecord.of(final("u2", 5000, speaker="Alice")),
        ]
        assert [(gap.start_ms, gap.end_ms, gap.reason) for gap in record.gaps] == [
            (2000, 6000, "missing")
        ]
        assert record.participants == (
            ParticipantRecord(leg=CALL, track="inbound", speaker="Alice", left_ms=42_000),
        )
        assert record.cursor == ids[-1]

    def test_the_list_is_newest_first_and_pages(self, store: Store) -> None:
        sids = [f"CA{number:032d}" for number in range(5)]
        for sid in sids:
            store.append([started(sid), final("u1", 0, f"call {sid[-1]}", call=sid, leg=sid)])
        newest = store.calls(limit=2)
        assert [call.id for call in newest] == [sids[4], sids[3]]
        assert [call.id for call in store.calls(before=newest[-1].id)] == [
            sids[2],
            sids[1],
            sids[0],
        ]
        assert newest[0].last_text == "Call 4."

    def test_a_conference_answers_to_every_sid(self, store: Store) -> None:
        store.append(
            [
                started(),
                ParticipantJoined(call=CALL, leg=CALL, speaker="Alice"),
                ParticipantJoined(
                    call=CALL, leg=AGENT, speaker="Bob", joined_ms=3000, number="+15005550020"
                ),
                CallUpdated(call=CALL, conference_sid=ROOM),
            ]
        )
        for sid in (CALL, AGENT, ROOM, ROOM[:6], CALL):
            record = store.call(sid)
            assert record is not None, sid
            assert record.call.id == CALL
            assert record.call.sid == ROOM
            assert record.call.conference_sid == ROOM
        assert store.calls()[0].sid == ROOM

    def test_a_prefix_must_be_long_and_unique(self, store: Store) -> None:
        other = CALL[:-1] + "9"
        store.append([started(), started(other)])
        assert store.call(CALL[:5]) is None
        assert store.call(CALL[:20]) is None
        assert store.matching(CALL[:20]) == [other, CALL]
        assert store.call("CA_%_%_%") is None
        assert store.call("") is None

    def test_a_stay_can_be_left_and_come_back_to(self, store: Store) -> None:
        join = ParticipantJoined(call=CALL, leg=AGENT, speaker="Bob", joined_ms=1000)
        store.append(
            [
                started(),
                join,
                join,  # callbacks repeat
                ParticipantUpdated(call=CALL, leg=AGENT, at_ms=1500, muted=True),
                ParticipantLeft(call=CALL, leg=AGENT, left_ms=2000, reason="hung up"),
                ParticipantLeft(call=CALL, leg=AGENT, left_ms=2500),
                ParticipantJoined(call=CALL, leg=AGENT, speaker="Bob", joined_ms=7000),
                ParticipantUpdated(call=CALL, leg=AGENT, at_ms=8000, on_hold=True),
            ]
        )
        record = store.call(CALL)
        assert record is not None
        assert record.participants == (
            ParticipantRecord(
                leg=AGENT,
                track="inbound",
                speaker="Bob",
                joined_ms=1000,
                left_ms=2000,
                muted=True,
                leave_reason="hung up",
            ),
            ParticipantRecord(
                leg=AGENT, track="inbound", speaker="Bob", joined_ms=7000, on_hold=True
            ),
        )

    def test_a_rename_counts_for_the_past_and_the_future(self, store: Store) -> None:
        store.append(
            [
                started(),
                ParticipantJoined(call=CALL, leg=CALL, speaker="Caller"),
                StreamStarted(call=CALL, leg=CALL, stream="MZ1", tracks=("inbound", "outbound")),
                final("u1", 0),
                final("u2", 10, track="outbound", speaker="Us"),
                SpeakerRenamed(call=CALL, leg=CALL, track="inbound", speaker="Alice"),
                final("u3", 20),  # recognised while the rename was on its way
                ParticipantJoined(call=CALL, leg=CALL, speaker="Caller", joined_ms=30),
                SpeakerRenamed(call=CALL, leg=CALL, track="inbound", speaker="Alice A."),
            ]
        )
        record = store.call(CALL)
        assert record is not None
        assert [u.speaker for u in record.utterances] == ["Alice A.", "Us", "Alice A."]
        assert [t.speaker for t in record.tracks] == ["Alice A.", "Us"]
        assert record.participants[0].speaker == "Alice A."
        assert record.call.speakers == ("Alice A.", "Us")

    def test_dial_grows_with_what_is_told(self, store: Store) -> None:
        store.append(
            [
                started(),
                CallUpdated(call=CALL, dial=Dial(status="ringing", to="+15005550020", leg=AGENT)),
                CallUpdated(call=CALL, dial=Dial(status="in-progress", answered_ms=4000)),
                CallUpdated(call=CALL, dial=Dial(status="completed", duration_s=12)),
            ]
        )
        record = store.call(AGENT)
        assert record is not None
        dial = Dial(
            status="completed", to="+15005550020", leg=AGENT, answered_ms=4000, duration_s=12
        )
        assert record.dial == record.call.dial == dial

    def test_the_name_of_a_dialled_number_is_not_given_to_the_next_one(self, store: Store) -> None:
        known = Dial(status="no-answer", to="+15005550020", name="Kelly")
        updates = (known, Dial(status="no-answer"), Dial(status="ringing", to="+15005550030"))
        names = []
        store.append([started()])
        for dial in updates:
            store.append([CallUpdated(call=CALL, dial=dial)])
            record = store.call(CALL)
            assert record is not None
            assert record.dial is not None
            names.append(record.dial.name)
        assert names == ["Kelly", "Kelly", ""]

    def test_pauses_and_holds(self, store: Store) -> None:
        store.append(
            [
                started(),
                TranscriptionPaused(call=CALL, at_ms=1000),
                TranscriptionPaused(call=CALL, at_ms=1200),
                CallUpdated(call=CALL, on_hold=True),
            ]
        )
        summary = store.calls()[0]
        assert summary.paused
        assert summary.on_hold
        store.append(
            [
                TranscriptionResumed(call=CALL, at_ms=3000),
                TranscriptionPaused(call=CALL, at_ms=9000),
            ]
        )
        store.append([CallEnded(call=CALL, duration_ms=10_000)])
        record = store.call(CALL)
        assert record is not None
        assert record.pauses == (
            PauseRecord(start_ms=1000, end_ms=3000),
            PauseRecord(start_ms=9000, end_ms=10_000),
        )
        assert not record.call.paused
        assert not record.call.on_hold

    def test_a_late_status_does_not_reopen_an_ended_call(self, store: Store) -> None:
        store.append([started(), CallEnded(call=CALL, at="2026-01-15T10:02:00.000Z")])
        store.append([CallUpdated(call=CALL, status="in-progress")])
        assert store.calls()[0].status == "completed"
        store.append([CallUpdated(call=CALL, status="failed")])
        assert store.calls()[0].status == "failed"

    def test_a_call_that_starts_again_goes_on(self, store: Store) -> None:
        store.append([started(), CallEnded(call=CALL, status="interrupted", duration_ms=5)])
        store.append([started(at="2026-01-15T10:05:00.000Z")])
        call = store.calls()[0]
        assert (call.status, call.ended_at, call.duration_ms) == ("in-progress", None, None)
        assert call.started_at == "2026-01-15T10:00:50.000Z"

    def test_events_without_a_start_still_make_a_record(self, store: Store) -> None:
        store.append([final("u1", 0)])
        record = store.call(CALL)
        assert record is not None
        assert record.call.started_at == "2026-01-15T10:00:55.000Z"

    def test_a_repeated_final_replaces_the_first(self, store: Store) -> None:
        store.append([final("u1", 0, "one"), final("u1", 0, "two", revision=4)])
        record = store.call(CALL)
        assert record is not None
        assert [u.raw_text for u in record.utterances] == ["two"]
        assert record.call.utterance_count == 1

    def test_a_better_reading_takes_the_firsts_place_and_keeps_it(self, store: Store) -> None:
        store.append(
            [final("u1", 0, "one"), revised("u1", "won", 4), revised("u1", "one one", 5, 3)]
        )
        record = store.call(CALL)
        assert record is not None
        (said,) = record.utterances
        assert (said.raw_text, said.reading, said.reader) == ("one one", 3, "tiny.en")
        assert said.first is not None
        assert (said.first.text, said.first.raw_text) == ("One.", "one")
        assert [word.text for word in said.first.words] == ["one"]
        assert (record.call.utterance_count, record.call.last_text) == (1, "One one.")

    def test_what_was_read_once_has_no_first_reading(self, store: Store) -> None:
        store.append([final("u1", 0, "one")])
        record = store.call(CALL)
        assert record is not None
        (said,) = record.utterances
        assert (said.reading, said.reader, said.first) == (1, "", None)

    def test_a_reading_without_words_withdraws_the_utterance(self, store: Store) -> None:
        store.append([final("u1", 0, "one"), final("u2", 500, "six"), revised("u2", "", 4)])
        record = store.call(CALL)
        assert record is not None
        assert [said.utterance for said in record.utterances] == ["u1"]
        assert (record.call.utterance_count, record.call.last_text) == (1, "One.")

    def test_an_older_reading_changes_nothing(self, store: Store) -> None:
        store.append([final("u1", 0, "one"), revised("u1", "two", 5), revised("u1", "three", 4)])
        record = store.call(CALL)
        assert record is not None
        assert [said.raw_text for said in record.utterances] == ["two"]

    def test_the_journal_can_be_read_in_pages_and_by_call(self, store: Store) -> None:
        other = AGENT
        events: list[AnyEvent] = [
            started(),
            started(other),
            final("u1", 0),
            final("u2", 5, call=other, leg=other),
        ]
        ids = store.append(events)
        assert [p.event for p in store.events_after(0)] == events
        assert [p.id for p in store.events_after(ids[1], limit=1)] == [ids[2]]
        assert [p.event for p in store.events_after(0, call=other)] == [events[1], events[3]]
        assert store.events_after(ids[-1]) == []

    def test_ephemeral_events_are_refused(self, store: Store) -> None:
        event = PartialTranscript(
            call=CALL,
            leg=CALL,
            track="inbound",
            speaker="",
            utterance="u1",
            revision=1,
            text="",
            raw_text="",
            start_ms=0,
            end_ms=0,
        )
        with pytest.raises(ValueError, match="not stored"):
            store.append([event])

    def test_text_without_a_json_form_is_refused_and_nothing_is_written(self, store: Store) -> None:
        with pytest.raises(ValueError, match="surrogate"):
            store.append([started(), final("u1", 0, "half a \ud800 character")])
        assert store.last_id() == 0

    def test_interrupted_calls_end_at_their_last_event(self, store: Store) -> None:
        store.append(
            [
                started(),
                ParticipantJoined(
                    call=CALL, at="2026-01-15T10:00:51.000Z", leg=CALL, speaker="Alice"
                ),
                StreamStarted(
                    call=CALL,
                    at="2026-01-15T10:00:51.000Z",
                    leg=CALL,
                    stream="MZ1",
                    tracks=("inbound",),
                ),
                final("u1", 4000),
                started(AGENT),
                CallEnded(call=AGENT, at="2026-01-15T10:00:59.000Z"),
            ]
        )
        ends = store.interruptions()
        assert [end.call for end in ends] == [CALL]
        store.append(ends)
        assert store.interruptions() == []
        record = store.call(CALL)
        assert record is not None
        assert record.call.status == "interrupted"
        assert record.call.ended_at == "2026-01-15T10:00:55.000Z"
        assert record.call.duration_ms == 4200
        assert record.participants[0].left_ms == 4200
        assert record.tracks[0].end_reason == "interrupted"
        newest = store.events_after(0)[-1].event
        assert isinstance(newest, CallEnded)

    def test_none_of_the_events_is_written_when_one_is_refused(self, store: Store) -> None:
        for event in (
            LagChanged(call=CALL, leg=CALL, track="inbound", lag_ms=1),
            StoreFailed(call="", message=""),
        ):
            with pytest.raises(ValueError, match="not stored"):
                store.append([started(), event])
        assert store.last_id() == 0

    def test_a_call_that_is_written_late_is_listed_by_when_it_began(self, store: Store) -> None:
        store.append([started("CA2", at="2026-01-15T10:00:02.000Z")])
        store.append([started("CA1", at="2026-01-15T10:00:01.000Z")])
        assert [call.id for call in store.calls()] == ["CA2", "CA1"]
        assert [call.id for call in store.calls(before="CA2")] == ["CA1"]

    def test_nothing_to_write_is_nothing_written(self, store: Store) -> None:
        assert list(store.append([])) == []
        assert (store.calls(), store.call(CALL), store.matching(CALL)) == ([], None, [])

    def test_what_a_sid_finds_tells_upper_from_lower_case(self, store: Store) -> None:
        store.append([started("CAaaaaaaaa1"), started("CAAAAAAAAA2")])
        assert store.matching("CAaaaa") == ["CAaaaaaaaa1"]
        assert store.matching("CAAAAA") == ["CAAAAAAAAA2"]
        assert store.matching("caaaaa") == []

    def test_an_own_sid_counts_before_that_of_a_leg(self, store: Store) -> None:
        store.append([started(AGENT), started()])
        store.append([ParticipantJoined(call=CALL, leg=AGENT, speaker="Bob")])
        assert store.matching(AGENT) == [AGENT]

    def test_pages_begin_where_a_call_is_known(self, store: Store) -> None:
        store.append([started()])
        assert store.calls(before="CA404") == []
        assert store.calls(before=CALL) == []

    def test_two_who_begin_at_once_are_named_in_the_order_they_were_written(
        self, store: Store
    ) -> None:
        store.append(
            [
                final("u1", 0, track="outbound", speaker="Zoë"),
                final("u2", 0, speaker="Alice"),
            ]
        )
        assert store.calls()[0].speakers == ("Zoë", "Alice")

    def test_what_was_written_is_there_again(self, opening: Opening) -> None:
        first = opening()
        ids = first.append([started()])
        first.close()
        first.close()
        with opening() as second:
            assert second.call(CALL) is not None
            assert second.last_id() == ids[-1]
            assert second.append([final("u1", 0)])[0] > ids[-1]

    def test_one_writes_and_others_read_beside_it(self, opening: Opening, store: Store) -> None:
        store.append([started()])
        with pytest.raises(StoreError, match="already writing"):
            opening()
        with opening(read_only=True) as reader, opening(read_only=True) as another:
            assert reader.calls()[0].id == CALL
            store.append([final("u1", 0)])
            assert reader.calls()[0].utterance_count == 1
            assert another.last_id() == reader.last_id() == store.last_id()
            with pytest.raises(StoreError, match="reading only"):
                reader.append([final("u2", 0)])

    def test_a_call_is_in_progress_while_its_writer_lives(
        self, opening: Opening, store: Store
    ) -> None:
        with opening(read_only=True) as reader:
            store.append([CallStarted(call="CA1", at="2026-01-15T10:00:50.123Z")])
            assert [call.status for call in reader.calls()] == ["in-progress"]
            assert [call.status for call in store.calls()] == ["in-progress"]
            store.close()
            [left] = reader.calls()
            assert (left.status, left.ended_at) == ("interrupted", "2026-01-15T10:00:50.123Z")
            record = reader.call("CA1")
            assert record is not None
            assert record.call == left
        with opening() as again:
            again.append(again.interruptions())
            assert again.calls() == [left]

    def test_there_is_nothing_to_read_before_somebody_wrote(self, opening: Opening) -> None:
        with pytest.raises(NoRecordError):
            opening(read_only=True)

    def test_a_message_can_say_where_it_is(self, store: Store) -> None:
        assert store.place
