"""The store in an SQLite file: the contract, and what can be wrong with files, in words."""

from __future__ import annotations

import contextlib
import functools
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

from callscribe.errors import RecordLostError, StoreError
from callscribe.events import FinalTranscript, GapDetected, from_json
from callscribe.records import UtteranceRecord
from callscribe.store import database, projections, schema
from callscribe.store.base import NoRecordError
from callscribe.store.sqlite import SqliteStore
from tests.store.contract import CALL, Opening, StoreContract, final, started


class TestContract(StoreContract):
    @pytest.fixture
    def opening(self, tmp_path: Path) -> Opening:
        return functools.partial(SqliteStore.open, tmp_path / "data")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with SqliteStore.open(tmp_path / "data") as opened:
        yield opened


def test_an_event_that_cannot_be_projected_keeps_no_other_out(
    store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
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
    kept = store.events_after(0)
    for part in database.parts(tmp_path / "data" / database.FILE):
        part.unlink()
    store.begin_anew(kept, ids[-1])
    assert store.events_after(0) == kept


def test_a_number_that_no_column_holds_keeps_no_other_event_out(store: SqliteStore) -> None:
    gap = GapDetected(
        call=CALL, leg=CALL, track="inbound", start_ms=0, end_ms=10**30, reason="missing"
    )
    assert len(store.append([started(), gap, final("u1", 0)])) == 3
    record = store.call(CALL)
    assert record is not None
    assert (len(record.gaps), len(record.utterances)) == (0, 1)


def test_the_other_writer_is_named(store: SqliteStore, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=rf"process {os.getpid()}\) is already writing"):
        SqliteStore.open(tmp_path / "data")


def test_reading_where_nothing_is(tmp_path: Path) -> None:
    with pytest.raises(NoRecordError, match=r"There is no folder .*--data"):
        SqliteStore.open(tmp_path / "nowhere", read_only=True)
    with pytest.raises(NoRecordError, match=r"holds no callscribe record.*--data"):
        SqliteStore.open(tmp_path, read_only=True)
    (tmp_path / "callscribe.db").touch()
    with pytest.raises(StoreError, match="is empty"):
        SqliteStore.open(tmp_path, read_only=True)


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    with pytest.raises(StoreError, match="cannot be created"):
        SqliteStore.open(tmp_path / "data")


@pytest.mark.parametrize("read_only", [False, True])
def test_a_file_that_is_no_database(tmp_path: Path, read_only: bool) -> None:
    (tmp_path / "callscribe.db").write_bytes(b"hello " * 1000)
    with pytest.raises(StoreError, match=r"damaged .*backup.*\.recover"):
        SqliteStore.open(tmp_path, read_only=read_only)


@pytest.mark.parametrize("read_only", [False, True])
def test_a_damaged_database(tmp_path: Path, read_only: bool) -> None:
    with SqliteStore.open(tmp_path) as store:
        store.append([started()])
    file = tmp_path / "callscribe.db"
    data = bytearray(file.read_bytes())
    data[4096:] = os.urandom(len(data) - 4096)
    file.write_bytes(data)
    with (
        pytest.raises(StoreError, match="damaged"),
        SqliteStore.open(tmp_path, read_only=read_only) as store,
    ):
        store.call(CALL)
    if not read_only:
        file.unlink()
        SqliteStore.open(tmp_path).close()  # the failed open has let go of the lock


@pytest.mark.parametrize("read_only", [False, True])
def test_a_newer_schema(tmp_path: Path, read_only: bool) -> None:
    SqliteStore.open(tmp_path).close()
    with sqlite3.connect(tmp_path / "callscribe.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(StoreError, match=r"newer callscribe.*9999"):
        SqliteStore.open(tmp_path, read_only=read_only)


def test_an_older_schema_is_not_migrated_by_a_reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SqliteStore.open(tmp_path) as store:
        store.append([started()])
    monkeypatch.setattr(schema, "HEAD", "9999")
    monkeypatch.setattr(schema, "KNOWN", (*schema.KNOWN, "9999"))
    with pytest.raises(StoreError, match=r"older callscribe.*Start `callscribe serve` once"):
        SqliteStore.open(tmp_path, read_only=True)
    with SqliteStore.open(tmp_path) as store:  # a writer runs the migrations there are
        assert store.call(CALL) is not None


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
def test_a_new_data_folder_is_private(tmp_path: Path) -> None:
    SqliteStore.open(tmp_path / "data").close()
    assert (tmp_path / "data").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("read_only", [False, True])
def test_another_programs_database(tmp_path: Path, read_only: bool) -> None:
    with sqlite3.connect(tmp_path / "callscribe.db") as connection:
        connection.execute("CREATE TABLE songs (title TEXT)")
    connection.close()
    with pytest.raises(StoreError, match="not one of callscribe's"):
        SqliteStore.open(tmp_path, read_only=read_only)


WRITER = """
    import asyncio, sys
    from pathlib import Path
    from callscribe.journal.hub import Hub
    from callscribe.journal.journal import Journal
    from callscribe.events import CallStarted, FinalTranscript, Published, Word, to_json
    from callscribe.store.sqlite import SqliteStore

    async def main():
        store = SqliteStore.open(Path(sys.argv[1]))
        hub = Hub(store.last_id())
        journal = Journal(store, hub, stalled_s=600)

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

    with SqliteStore.open(data, read_only=True) as reader:  # before any restart
        calls = reader.calls()
        assert {call.status for call in calls} == {"interrupted"}
        record = reader.call(calls[0].id)
        assert record is not None
        assert record.call == calls[0]
    finals = [event for line in shown if isinstance(event := from_json(line), FinalTranscript)]
    assert len(finals) > 100
    with SqliteStore.open(data) as store:
        ends = store.interruptions()
        assert sorted(end.call for end in ends) == [f"CA{n:032d}" for n in range(3)]
        store.append(ends)
        kept = {
            (u.call, u.utterance): u
            for summary in store.calls()
            if (record := store.call(summary.id)) is not None
            for u in record.utterances
        }
        assert [kept.get((f.call, f.utterance)) for f in finals] == [
            UtteranceRecord.of(f) for f in finals
        ]
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
            with SqliteStore.open(data, read_only=True) as store:
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
        store = SqliteStore.open(source)
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


def test_a_deleted_file_is_noticed_and_begun_anew(tmp_path: Path) -> None:
    with SqliteStore.open(tmp_path) as store:
        ids = store.append([started(), final("u1", 0)])
        kept = store.events_after(0)
        for file in tmp_path.glob("callscribe*"):  # the lock file too
            file.unlink()
        with pytest.raises(RecordLostError, match="was deleted while the server was running"):
            store.check()
        with pytest.raises(RecordLostError):
            store.append([final("u2", 1000)])
        store.begin_anew(kept, ids[-1])
        store.check()
        assert store.append([final("u2", 1000)]) == [ids[-1] + 1]
        with pytest.raises(StoreError, match="already writing"):
            SqliteStore.open(tmp_path)
    with SqliteStore.open(tmp_path, read_only=True) as again:
        assert [p.id for p in again.events_after(0)] == [*ids, ids[-1] + 1]
        record = again.call(CALL)
        assert record is not None
        assert len(record.utterances) == 2


def test_another_record_in_its_place_is_gone_on_with(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    with SqliteStore.open(there) as other:
        other.append([started(call="CA9")])
    with SqliteStore.open(here) as store:
        store.append([started(), final("u1", 0)])
        kept = store.events_after(0)
        (there / "callscribe.db").replace(here / "callscribe.db")
        with pytest.raises(RecordLostError, match="was replaced while the server was running"):
            store.append([final("u2", 1000)])
        store.begin_anew(kept, 2)
        events = [p.event for p in store.events_after(0)]
        assert sorted(event.call for event in events) == [CALL, CALL, "CA9"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps open files from being removed")
@pytest.mark.parametrize("ending", ["-wal", "-shm"])
def test_a_log_that_was_removed_is_noticed_and_nothing_of_it_is_lost(
    tmp_path: Path, ending: str
) -> None:
    store = SqliteStore.open(tmp_path)
    ids = store.append([started(), final("u1", 0)])
    (tmp_path / f"callscribe.db{ending}").unlink()
    with pytest.raises(RecordLostError, match="was removed while the server was running"):
        store.check()
    with pytest.raises(RecordLostError):
        store.append([final("u2", 1000)])
    store.begin_anew([], ids[-1])
    store.check()
    store.append([final("u2", 1000)])
    # What another process sees is what a crash would leave.
    with SqliteStore.open(tmp_path, read_only=True) as beside:
        record = beside.call(CALL)
        assert record is not None
        assert [utterance.utterance for utterance in record.utterances] == ["u1", "u2"]
    store.close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps open files from being removed")
def test_a_file_that_is_deleted_twice_is_begun_anew_twice(tmp_path: Path) -> None:
    with SqliteStore.open(tmp_path) as store:
        store.append([started(), final("u1", 0)])
        for _ in range(2):
            kept = store.events_after(0)
            (tmp_path / "callscribe.db").unlink()  # its log stays behind
            store.begin_anew(kept[:1], 2)
            assert [p.event.call for p in store.events_after(0)] == [CALL]
            store.append([final("u2", 1000)])


def test_an_emptied_log_is_made_good_from_what_is_remembered(tmp_path: Path) -> None:
    with SqliteStore.open(tmp_path) as store:
        ids = store.append([started(), final("u1", 0)])
        kept = store.events_after(0)
        os.truncate(tmp_path / "callscribe.db-wal", 0)
        store.begin_anew(kept, ids[-1])
        store.append([final("u2", 1000)])
    with SqliteStore.open(tmp_path, read_only=True) as beside:
        record = beside.call(CALL)
        assert record is not None
        assert [utterance.utterance for utterance in record.utterances] == ["u1", "u2"]


@pytest.mark.parametrize("failing", [False, True])
def test_a_record_that_is_all_there_keeps_what_is_in_its_log(
    tmp_path: Path, failing: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a disk failed for a moment, while somebody else has the record open."""

    def failed(engine: object) -> bool:
        raise sqlite3.OperationalError("disk I/O error")

    with SqliteStore.open(tmp_path) as store:
        beside = sqlite3.connect(tmp_path / "callscribe.db", isolation_level=None)
        with contextlib.closing(beside):
            beside.execute("BEGIN")
            beside.execute("SELECT count(*) FROM events").fetchone()
            ids = store.append([started(), final("u1", 0)])
            with monkeypatch.context() as patch:
                if failing:
                    patch.setattr(database, "empty_log", failed)
                store.begin_anew([], ids[-1])
            beside.execute("COMMIT")
            store.append([final("u2", 1000)])
            assert beside.execute("SELECT count(*) FROM events").fetchone() == (3,)
    with SqliteStore.open(tmp_path, read_only=True) as again:
        record = again.call(CALL)
        assert record is not None
        assert [utterance.utterance for utterance in record.utterances] == ["u1", "u2"]


@pytest.mark.parametrize("problem", ["disk I/O error", "database disk image is malformed"])
def test_a_file_that_is_at_fault_is_lost_and_a_full_disk_is_not(
    tmp_path: Path, problem: str
) -> None:
    with pytest.raises(RecordLostError), database.explained(tmp_path):
        raise sqlite3.OperationalError(problem)
    with pytest.raises(StoreError) as full, database.explained(tmp_path):
        raise sqlite3.OperationalError("database or disk is full")
    assert not isinstance(full.value, RecordLostError)


def test_a_folder_that_cannot_be_begun_anew_is_let_to_nobody_else(tmp_path: Path) -> None:
    with SqliteStore.open(tmp_path) as store:
        store.append([started()])
        for part in tmp_path.glob("callscribe.db*"):
            part.write_bytes(b"x" * 4096)
        with pytest.raises(RecordLostError, match="damaged"):
            store.begin_anew([], 1)
        with pytest.raises(StoreError, match="already writing"):
            SqliteStore.open(tmp_path)
        for part in tmp_path.glob("callscribe.db*"):
            part.unlink()
        store.begin_anew([], 1)
        assert store.append([started()]) == [2]


def test_a_folder_that_may_not_be_entered_any_more_is_an_error_of_the_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_: object, **__: object) -> bool:
        raise PermissionError(13, "Permission denied")

    with SqliteStore.open(tmp_path) as store:
        with monkeypatch.context() as patched:
            patched.setattr(os, "access", lambda *_: False)
            patched.setattr(Path, "exists", denied)
            with pytest.raises(StoreError, match="Permission denied"):
                store.call(CALL)
        assert store.call(CALL) is None


def test_a_folder_that_is_gone_altogether_is_made_again(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with SqliteStore.open(data) as store:
        store.append([started()])
        shutil.rmtree(data)
        store.begin_anew([], 1)
        assert store.append([final("u1", 0)]) == [2]


def test_a_lock_file_that_was_tidied_away_lets_nobody_in(tmp_path: Path) -> None:
    with SqliteStore.open(tmp_path) as store:
        store.append([started()])
        (tmp_path / "callscribe.lock").unlink()
        with pytest.raises(StoreError, match="already writing"):
            SqliteStore.open(tmp_path)
        (tmp_path / "callscribe.lock").unlink()
        with SqliteStore.open(tmp_path, read_only=True) as beside:
            assert beside.calls()[0].ended_at is None, "its writer is alive"
    SqliteStore.open(tmp_path).close()


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other permissions")
def test_nobody_else_reads_the_record_in_a_folder_that_was_there(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    with SqliteStore.open(tmp_path) as store:
        store.append([started()])
        for part in tmp_path.glob("callscribe.db*"):
            assert mode(part) & 0o007 == 0, part
    (tmp_path / "callscribe.db").chmod(0o664)
    with SqliteStore.open(tmp_path):
        assert mode(tmp_path / "callscribe.db") == 0o660


IMMUTABLE = """
import subprocess, sys
from pathlib import Path
from callscribe.errors import StoreError
from callscribe.events import CallStarted
from callscribe.store.sqlite import SqliteStore

store = SqliteStore.open(Path(sys.argv[1]))
store.append([CallStarted(call="CA1")])
files = [str(file) for file in Path(sys.argv[1]).glob("callscribe.db*")]
if subprocess.run(["chattr", "+i", *files], stderr=subprocess.DEVNULL).returncode:
    sys.exit(77)
try:
    for act in (lambda: store.append([CallStarted(call="CA2")]), lambda: store.calls()):
        try:
            act()
        except StoreError as error:
            print(error)
finally:
    subprocess.run(["chattr", "-i", *files])
store.append([CallStarted(call="CA3")])
store.close()
"""


@pytest.mark.skipif(shutil.which("chattr") is None, reason="no chattr here")
def test_files_made_immutable_are_an_error_and_not_the_end(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMMUTABLE, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    if done.returncode == 77:
        pytest.skip("files cannot be created immutable here")
    assert done.returncode == 0, done.stderr
    assert "cannot be written" in done.stdout


@pytest.mark.skipif(os.name == "nt", reason="Windows has no named pipes in folders")
def test_what_is_no_folder_or_no_file_is_said(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "data")
    with pytest.raises(StoreError, match=r"cannot be created \(it is not a folder\)"):
        SqliteStore.open(tmp_path / "data")
    os.mkfifo(tmp_path / "callscribe.db")
    for read_only in (False, True):
        with pytest.raises(StoreError, match=r"is not a file|holds no callscribe record"):
            SqliteStore.open(tmp_path, read_only=read_only)
