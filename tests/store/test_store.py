"""The store: what goes in comes back in the records' shapes, in words when something is wrong."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
import warnings
from collections.abc import Iterator
from pathlib import Path

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
    PartialTranscript,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantUpdated,
    SpeakerRenamed,
    StreamCounters,
    StreamEnded,
    StreamStarted,
    Token,
    Track,
    TranscriptionPaused,
    TranscriptionResumed,
    Word,
    from_json,
)
from callscribe.records import ParticipantRecord, PauseRecord
from callscribe.store import projections, schema
from callscribe.store.store import NoRecordError, Store

CALL = "CA00000000000000000000000000000001"
AGENT = "CA00000000000000000000000000000002"
ROOM = "CF00000000000000000000000000000001"


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


def started(call: str = CALL, at: str = "2026-01-15T10:00:50.000Z") -> CallStarted:
    return CallStarted(call=call, at=at, from_="+15005550010", to="+15005550006", from_name="Alice")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "data") as opened:
        yield opened


def test_a_call_that_is_attached_to_again_keeps_its_flow(store: Store) -> None:
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


def test_a_plain_call_comes_back_whole(store: Store) -> None:
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
                call=CALL, leg=CALL, track="inbound", start_ms=2000, end_ms=6000, reason="missing"
            ),
        ]
    )
    ids += store.append(
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
    assert ids == sorted(set(ids))
    assert store.last_id() == ids[-1]
    record = store.call(CALL)
    assert record is not None
    call = record.call
    assert (call.id, call.sid, call.from_, call.to) == (CALL, CALL, "+15005550010", "+15005550006")
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
        final("u1", 1000, "good morning", track="outbound", speaker="Us"),
        final("u2", 5000, speaker="Alice"),
    ]
    assert [(gap.start_ms, gap.end_ms, gap.reason) for gap in record.gaps] == [
        (2000, 6000, "missing")
    ]
    assert record.participants == (
        ParticipantRecord(leg=CALL, track="inbound", speaker="Alice", left_ms=42_000),
    )
    assert record.cursor == ids[-1]


def test_the_list_is_newest_first_and_pages(store: Store) -> None:
    sids = [f"CA{number:032d}" for number in range(5)]
    for sid in sids:
        store.append([started(sid), final("u1", 0, f"call {sid[-1]}", call=sid, leg=sid)])
    newest = store.calls(limit=2)
    assert [call.id for call in newest] == [sids[4], sids[3]]
    assert [call.id for call in store.calls(before=newest[-1].id)] == [sids[2], sids[1], sids[0]]
    assert newest[0].last_text == "Call 4."


def test_a_conference_answers_to_every_sid(store: Store) -> None:
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


def test_a_prefix_must_be_long_and_unique(store: Store) -> None:
    other = CALL[:-1] + "9"
    store.append([started(), started(other)])
    assert store.call(CALL[:5]) is None
    assert store.call(CALL[:20]) is None
    assert store.matching(CALL[:20]) == [other, CALL]
    assert store.call("CA_%_%_%") is None
    assert store.call("") is None


def test_a_stay_can_be_left_and_come_back_to(store: Store) -> None:
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
        ParticipantRecord(leg=AGENT, track="inbound", speaker="Bob", joined_ms=7000, on_hold=True),
    )


def test_a_rename_counts_for_the_past_and_the_future(store: Store) -> None:
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


def test_dial_grows_with_what_is_told(store: Store) -> None:
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
    dial = Dial(status="completed", to="+15005550020", leg=AGENT, answered_ms=4000, duration_s=12)
    assert record.dial == record.call.dial == dial


def test_the_name_of_a_dialled_number_is_not_given_to_the_next_one(store: Store) -> None:
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


def test_pauses_and_holds(store: Store) -> None:
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
        [TranscriptionResumed(call=CALL, at_ms=3000), TranscriptionPaused(call=CALL, at_ms=9000)]
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


def test_a_late_status_does_not_reopen_an_ended_call(store: Store) -> None:
    store.append([started(), CallEnded(call=CALL, at="2026-01-15T10:02:00.000Z")])
    store.append([CallUpdated(call=CALL, status="in-progress")])
    assert store.calls()[0].status == "completed"
    store.append([CallUpdated(call=CALL, status="failed")])
    assert store.calls()[0].status == "failed"


def test_a_call_that_starts_again_goes_on(store: Store) -> None:
    store.append([started(), CallEnded(call=CALL, status="interrupted", duration_ms=5)])
    store.append([started(at="2026-01-15T10:05:00.000Z")])
    call = store.calls()[0]
    assert (call.status, call.ended_at, call.duration_ms) == ("in-progress", None, None)
    assert call.started_at == "2026-01-15T10:00:50.000Z"


def test_events_without_a_start_still_make_a_record(store: Store) -> None:
    store.append([final("u1", 0)])
    record = store.call(CALL)
    assert record is not None
    assert record.call.started_at == "2026-01-15T10:00:55.000Z"


def test_a_repeated_final_replaces_the_first(store: Store) -> None:
    store.append([final("u1", 0, "one"), final("u1", 0, "two", revision=4)])
    record = store.call(CALL)
    assert record is not None
    assert [u.raw_text for u in record.utterances] == ["two"]
    assert record.call.utterance_count == 1


def test_the_journal_can_be_read_in_pages_and_by_call(store: Store) -> None:
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


def test_ephemeral_events_are_refused(store: Store) -> None:
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


def test_an_event_that_cannot_be_projected_keeps_no_other_out(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = projections.apply

    def broken(connection: object, event_id: int, event: object) -> None:
        if isinstance(event, GapDetected):
            raise ValueError("boom")
        whole(connection, event_id, event)  # type: ignore[arg-type]

    monkeypatch.setattr(projections, "apply", broken)
    gap = GapDetected(call=CALL, leg=CALL, track="inbound", start_ms=0, end_ms=1, reason="missing")
    ids = store.append([started(), gap, final("u1", 0)])
    assert len(ids) == 3
    assert [p.event for p in store.events_after(0)] == [started(), gap, final("u1", 0)]
    record = store.call(CALL)
    assert record is not None
    assert len(record.utterances) == 1


def test_a_number_that_no_column_holds_keeps_no_other_event_out(store: Store) -> None:
    gap = GapDetected(
        call=CALL, leg=CALL, track="inbound", start_ms=0, end_ms=10**30, reason="missing"
    )
    assert len(store.append([started(), gap, final("u1", 0)])) == 3
    record = store.call(CALL)
    assert record is not None
    assert (len(record.gaps), len(record.utterances)) == (0, 1)


def test_text_without_a_json_form_is_refused_and_nothing_is_written(store: Store) -> None:
    with pytest.raises(ValueError, match="surrogate"):
        store.append([started(), final("u1", 0, "half a \ud800 character")])
    assert store.last_id() == 0


def test_interrupted_calls_end_at_their_last_event(store: Store) -> None:
    store.append(
        [
            started(),
            ParticipantJoined(call=CALL, at="2026-01-15T10:00:51.000Z", leg=CALL, speaker="Alice"),
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
    assert store.mark_interrupted() == [CALL]
    assert store.mark_interrupted() == []
    record = store.call(CALL)
    assert record is not None
    assert record.call.status == "interrupted"
    assert record.call.ended_at == "2026-01-15T10:00:55.000Z"
    assert record.call.duration_ms == 4200
    assert record.participants[0].left_ms == 4200
    assert record.tracks[0].end_reason == "interrupted"
    newest = store.events_after(0)[-1].event
    assert isinstance(newest, CallEnded)


def test_only_one_process_may_write(store: Store) -> None:
    with pytest.raises(StoreError, match=rf"process {os.getpid()}\) is already writing"):
        Store.open(store.file.parent)


def test_reading_beside_the_writer(store: Store) -> None:
    store.append([started()])
    with Store.open(store.file.parent, read_only=True) as reader:
        assert reader.calls()[0].id == CALL
        store.append([final("u1", 0)])
        assert reader.calls()[0].utterance_count == 1
        with pytest.raises(StoreError, match="reading only"):
            reader.append([final("u2", 0)])


def test_closing_lets_the_next_one_in(tmp_path: Path) -> None:
    first = Store.open(tmp_path)
    first.append([started()])
    first.close()
    first.close()
    with Store.open(tmp_path) as second:
        assert second.call(CALL) is not None


def test_reading_where_nothing_is(tmp_path: Path) -> None:
    with pytest.raises(NoRecordError, match=r"There is no folder .*--data"):
        Store.open(tmp_path / "nowhere", read_only=True)
    with pytest.raises(NoRecordError, match=r"holds no callscribe record.*--data"):
        Store.open(tmp_path, read_only=True)
    (tmp_path / "callscribe.db").touch()
    with pytest.raises(StoreError, match="is empty"):
        Store.open(tmp_path, read_only=True)


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    with pytest.raises(StoreError, match="cannot be made"):
        Store.open(tmp_path / "data")


@pytest.mark.parametrize("read_only", [False, True])
def test_a_file_that_is_no_database(tmp_path: Path, read_only: bool) -> None:
    (tmp_path / "callscribe.db").write_bytes(b"hello " * 1000)
    with pytest.raises(StoreError, match=r"damaged .*backup.*\.recover"):
        Store.open(tmp_path, read_only=read_only)


@pytest.mark.parametrize("read_only", [False, True])
def test_a_damaged_database(tmp_path: Path, read_only: bool) -> None:
    with Store.open(tmp_path) as store:
        store.append([started()])
    file = tmp_path / "callscribe.db"
    data = bytearray(file.read_bytes())
    data[4096:] = os.urandom(len(data) - 4096)
    file.write_bytes(data)
    with (
        pytest.raises(StoreError, match="damaged"),
        Store.open(tmp_path, read_only=read_only) as store,
    ):
        store.call(CALL)
    if not read_only:
        file.unlink()
        Store.open(tmp_path).close()  # the failed open has let go of the lock


@pytest.mark.parametrize("read_only", [False, True])
def test_a_newer_schema(tmp_path: Path, read_only: bool) -> None:
    Store.open(tmp_path).close()
    with sqlite3.connect(tmp_path / "callscribe.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(StoreError, match=r"newer callscribe.*9999"):
        Store.open(tmp_path, read_only=read_only)


def test_an_older_schema_is_not_migrated_by_a_reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store.open(tmp_path) as store:
        store.append([started()])
    monkeypatch.setattr(schema, "HEAD", "0002")
    monkeypatch.setattr(schema, "KNOWN", ("0001", "0002"))
    with pytest.raises(StoreError, match=r"older callscribe.*Start `callscribe serve` once"):
        Store.open(tmp_path, read_only=True)
    with Store.open(tmp_path) as store:  # a writer runs the migrations there are
        assert store.call(CALL) is not None


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
def test_a_new_data_folder_is_private(tmp_path: Path) -> None:
    Store.open(tmp_path / "data").close()
    assert (tmp_path / "data").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("read_only", [False, True])
def test_another_programs_database(tmp_path: Path, read_only: bool) -> None:
    with sqlite3.connect(tmp_path / "callscribe.db") as connection:
        connection.execute("CREATE TABLE songs (title TEXT)")
    connection.close()
    with pytest.raises(StoreError, match="not one of callscribe's"):
        Store.open(tmp_path, read_only=read_only)


WRITER = """
    import asyncio, sys
    from pathlib import Path
    from callscribe.journal.hub import Hub
    from callscribe.journal.journal import Journal
    from callscribe.events import CallStarted, FinalTranscript, Published, Word, to_json
    from callscribe.store.store import Store

    async def main():
        store = Store.open(Path(sys.argv[1]))
        hub = Hub(store.last_id())
        journal = Journal(store, hub)

        async def call(sid):
            await journal.publish(CallStarted(call=sid))
            number = 0
            while True:
                number += 1
                await journal.publish(FinalTranscript(
                    call=sid, leg=sid, track="inbound", speaker="Caller", utterance=f"u{number}", revision=1,
                    text=f"{number}", raw_text=f"{number}", start_ms=number, end_ms=number + 1,
                    words=(Word(text=f"{number}", start_ms=number, end_ms=number + 1, confidence=1.0),)))

        calls = [asyncio.create_task(call(f"CA{n:032d}")) for n in range(3)]
        with hub.subscribe(capacity=10**6) as viewer:
            async for published in viewer:
                sys.stdout.buffer.write(to_json(published.event) + b"\\n")
                sys.stdout.buffer.flush()

    asyncio.run(main())
"""


def test_a_call_is_in_progress_while_its_writer_lives(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store, Store.open(tmp_path, read_only=True) as reader:
        store.append([CallStarted(call="CA1", at="2026-01-15T10:00:50.123Z")])
        assert [call.status for call in reader.calls()] == ["in-progress"]
        assert [call.status for call in store.calls()] == ["in-progress"]
        store.close()
        [left] = reader.calls()
        assert (left.status, left.ended_at) == ("interrupted", "2026-01-15T10:00:50.123Z")
    with Store.open(tmp_path) as store:
        assert store.mark_interrupted() == ["CA1"]
        assert store.calls() == [left]


def test_after_a_kill_every_final_that_was_shown_is_there(tmp_path: Path) -> None:
    data = tmp_path / "data"
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WRITER), str(data)], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    shown = [process.stdout.readline() for _ in range(150)]
    process.send_signal(signal.SIGKILL)
    shown += [
        line for line in process.stdout.read().splitlines(keepends=True) if line.endswith(b"\n")
    ]
    process.stdout.close()
    process.wait()

    with Store.open(data, read_only=True) as reader:  # before any restart
        calls = reader.calls()
        assert {call.status for call in calls} == {"interrupted"}
        record = reader.call(calls[0].id)
        assert record is not None
        assert record.call == calls[0]
    finals = [event for line in shown if isinstance(event := from_json(line), FinalTranscript)]
    assert len(finals) > 100
    with Store.open(data) as store:
        assert sorted(store.mark_interrupted()) == [f"CA{n:032d}" for n in range(3)]
        kept = {
            (u.call, u.utterance): u
            for summary in store.calls()
            if (record := store.call(summary.id)) is not None
            for u in record.utterances
        }
        assert [kept.get((f.call, f.utterance)) for f in finals] == finals
        assert {call.status for call in store.calls()} == {"interrupted"}


def _read_unprivileged(data: Path) -> str:
    """Open and list, in a child process that permissions apply to."""
    receive, send = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # other tests' idle threads are of no use to the child
        child = os.fork()
    if child == 0:
        try:
            if os.geteuid() == 0:
                os.setgid(65534)
                os.setuid(65534)
            with Store.open(data, read_only=True) as store:
                answer = f"{len(store.calls())} calls"
        except BaseException as error:
            answer = repr(error)
        os.write(send, answer.encode())
        os._exit(0)
    os.close(send)
    with os.fdopen(receive, encoding="utf-8") as answers:
        answer = answers.read()
    os.waitpid(child, 0)
    return answer


@pytest.mark.skipif(
    sys.platform == "win32", reason="folder permissions work differently on Windows"
)
@pytest.mark.parametrize("crashed", [False, True])
def test_reading_from_a_folder_that_cannot_be_written(crashed: bool) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        folder.chmod(0o755)
        source, data = folder / "source", folder / "data"
        store = Store.open(source)
        store.append([started()])
        if not crashed:
            store.close()
        shutil.copytree(source, data)  # with its log when nobody closed it
        store.close()
        for path in data.iterdir():
            path.chmod(0o444)
        data.chmod(0o555)
        try:
            assert _read_unprivileged(data) == "1 calls"
        finally:
            data.chmod(0o755)
