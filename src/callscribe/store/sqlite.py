"""The store in an SQLite file, for its one writer and any number of readers in this and other processes."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Self

import msgspec
import structlog
from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import InterfaceError, OperationalError

from callscribe.errors import RecordLostError, StoreError
from callscribe.events import (
    AFTERWARDS,
    EPHEMERAL,
    AnyEvent,
    CallEnded,
    Published,
    RevisedTranscript,
    to_json,
)
from callscribe.records import CallFilter, CallPage, CallRecord, CallSummary, SearchPage
from callscribe.store import (
    database,
    erasing,
    index,
    listing,
    projections,
    queries,
    schema,
    search,
    whole,
)
from callscribe.store.base import Erased, HereAlreadyError, NoRecordError
from callscribe.store.lock import OwnerLock, is_held
from callscribe.store.naming import SavedNames

LOCK = "callscribe.lock"
_LOG_TRIES = 20
"""How often emptying the log is tried while somebody reads."""
_READERS_S = 1.0
"""How long beginning anew waits for those that read the old file."""
_WRITER_S = 0.25
"""How long a search waits for a write that goes on: many times what a write takes, too short to be felt."""


class SqliteStore:
    """An `Archive` (`callscribe.store.base`, which describes the methods) in one file of a data folder.

    Open it with `SqliteStore.open`; close it when done.
    """

    def __init__(self, engine: Engine, file: Path, lock: OwnerLock | None) -> None:
        self._file = file
        self._engine = engine
        self._lock = lock
        self._writing = threading.Lock()
        self._switching = threading.Condition()
        self._readers = 0
        self._names = SavedNames(file.parent)
        self._identity = _identity(file)
        self._logs = {log: _identity(log) for log in _logs(file)}
        self._log = structlog.get_logger(__name__)

    @classmethod
    def open(
        cls, data: Path, *, read_only: bool = False, lock: OwnerLock | None = None
    ) -> SqliteStore:
        """See `callscribe.store.opening.open_store`.

        Args:
            lock: the folder's, when this process has it already; it is kept when that fails.
        """
        file = data / database.FILE
        if read_only:
            _check_there(data, file)
            engine = database.open_engine(file, read_only=True)
            try:
                database.check_readable(engine, file)
            except BaseException:
                engine.dispose()
                raise
            return cls(engine, file, None)
        try:
            data.mkdir(
                mode=0o700, parents=True, exist_ok=True
            )  # what people say is nobody else's business
        except OSError as error:
            why = "it is not a folder" if os.path.lexists(data) else error.strerror
            raise StoreError(
                f"The data folder {data} cannot be created ({why}). Name another one with --data."
            ) from None
        if file.exists() and not file.is_file():
            raise StoreError(f"{file} is not a file. Move it away; the server makes a new one.")
        own = lock or OwnerLock(data / LOCK)
        engine = database.open_engine(file, read_only=False)
        try:
            with contextlib.suppress(OSError):  # SQLite will say why it cannot be made
                database.make_private(file)
            database.prepare(engine, file)
        except BaseException:
            engine.dispose()
            if lock is None:
                own.release()
            raise
        return cls(engine, file, own)

    @property
    def place(self) -> str:
        """The data folder."""
        return str(self._file.parent)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections and let another process write. Idempotent."""
        self._engine.dispose()
        if self._lock is not None:
            self._lock.release()

    def append(self, events: Sequence[AnyEvent], *, index: bool = True) -> list[int]:
        """Commit events to the journal and its projections in one transaction."""
        self._refuse_ephemeral(events)
        self._refuse_reader()
        with self._writing, database.explained(self._file):
            self.check()
            try:
                return self._write(events, _append, index)
            except (OperationalError, InterfaceError, StoreError):
                raise  # the database, not the events
            except Exception as error:
                # One event that cannot be projected must not keep the others out of the journal.
                self._log.error("event not projected", error=str(error))
                return self._write(events, self._append_carefully, index)

    def prepare(self, events: Sequence[AnyEvent]) -> Callable[[], list[int]]:
        """Make a whole call ready to be committed in one short transaction."""
        self._refuse_reader()
        self._refuse_ephemeral(events)
        made = whole.made(events)

        def bring_in() -> list[int]:
            with self._writer() as connection:
                self.check()
                if projections.is_known(connection, made.call):
                    raise HereAlreadyError(f"The call {made.call} is already here.")
                return whole.put_in(connection, made)

        return bring_in

    def _refuse_reader(self) -> None:
        if self._lock is None:
            raise StoreError(f"{self._file} is open for reading only.")

    @staticmethod
    def _refuse_ephemeral(events: Sequence[AnyEvent]) -> None:
        for event in events:
            if isinstance(event, EPHEMERAL):
                raise ValueError(f"{type(event).__name__} is not stored")

    def _write(
        self, events: Sequence[AnyEvent], append: Callable[[Connection, AnyEvent], int], now: bool
    ) -> list[int]:
        """All of them in one transaction.

        Args:
            append: writes one and returns its id.
            now: they are indexed in it, too.
        """
        with database.begin_write(self._engine) as connection:
            ids = [append(connection, event) for event in events]
            if now:
                index.catch_up(connection)
            return ids

    def _append_carefully(self, connection: Connection, event: AnyEvent) -> int:
        if _is_too_late(connection, event):
            return 0
        event_id = projections.journal(connection, event)
        self._project_carefully(connection, event_id, event)
        return event_id

    def _project_carefully(self, connection: Connection, event_id: int, event: AnyEvent) -> None:
        try:
            with connection.begin_nested():
                projections.apply(connection, event_id, event)
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:
            self._log.error(
                "event kept in the journal only", id=event_id, call=event.call, error=str(error)
            )

    def _restore(self, connection: Connection, published: Published) -> None:
        """Put an event back with its id, unless it is there; with another one if that is taken."""
        body = to_json(published.event).decode()
        found = connection.execute(
            select(schema.events.c.body).where(schema.events.c.id == published.id)
        ).scalar()
        if found is None and published.id is not None:
            projections.journal(connection, published.event, published.id)
            self._project_carefully(connection, published.id, published.event)
        elif found != body:
            self._append_carefully(connection, published.event)

    def check(self) -> None:
        """See whether the file is still the one that was opened."""
        found = _identity(self._file)
        if found is None:
            raise RecordLostError(f"{self._file} was deleted while the server was running.")
        if found != self._identity:
            raise RecordLostError(f"{self._file} was replaced while the server was running.")
        for log in self._removed_logs():
            # What was written since goes into a file without a name, which is gone with this process.
            raise RecordLostError(f"{log} was removed while the server was running.")

    def _removed_logs(self) -> list[Path]:
        """The logs that were opened and are not there any more, or not the same."""
        opened = {log: identity for log, identity in self._logs.items() if identity is not None}
        return [log for log, identity in opened.items() if _identity(log) != identity]

    def begin_anew(self, kept: Sequence[Published], last_id: int) -> None:
        """Open what is in the file's place now, or make a new one there."""
        with self._writing, self._switching:
            if not self._switching.wait_for(lambda: not self._readers, timeout=_READERS_S):
                # An old connection that is closed later would delete the new file's log, which has the same name.
                raise StoreError(f"{self._file} is still being read.")
            in_parts = bool(self._removed_logs())
            if _identity(self._file) != self._identity:
                in_parts = True
            else:
                # Where only its log was removed, what that held is still open here, and goes into the file.
                try:
                    with database.explained(self._file):
                        database.empty_log(self._engine)
                except StoreError:
                    in_parts = in_parts or _is_emptied(database.parts(self._file)[1])
            self._engine.dispose()
            for log, identity in self._logs.items():
                # Left behind by a file that is not there to take it in, it would be read into the one that is. Where
                # all is there, as when a disk failed for a moment, it may hold what is not in the file yet.
                if in_parts and identity is not None and _identity(log) == identity:
                    with database.explained(self._file):
                        log.unlink()
            lock = self._lock
            if lock is not None and not lock.holds():
                lock.release()
                lock = None
            opened = SqliteStore.open(self._file.parent, lock=lock)
            try:
                with (
                    database.explained(self._file),
                    database.begin_write(opened._engine) as connection,
                ):
                    for published in kept:
                        self._restore(connection, published)
                    index.catch_up(connection)
                    _reserve(connection, last_id)
            except BaseException:
                opened._engine.dispose()
                if lock is None:
                    opened.close()
                raise
            self._engine, self._lock = opened._engine, opened._lock
            self._identity, self._logs = opened._identity, opened._logs

    @contextlib.contextmanager
    def _read(self) -> Iterator[Connection]:
        """A connection that sees the record as of one moment."""
        with self._switching:
            self._readers += 1
            engine = self._engine
        try:
            with database.explained(self._file), engine.begin() as connection:
                yield connection
        finally:
            with self._switching:
                self._readers -= 1
                self._switching.notify_all()

    def interruptions(self) -> list[CallEnded]:
        """How the calls ended that a process left open when it died."""
        with self._read() as connection:
            return _ends(connection)

    def events_after(
        self,
        cursor: int,
        *,
        call: str | None = None,
        limit: int = 1000,
        as_written: bool = False,
    ) -> list[Published]:
        """Journalled events with an id above `cursor`, in order."""
        with self._read() as connection:
            names = {} if as_written else self._names()
            return queries.events_after(connection, cursor, call, limit, names)

    def calls(self, *, limit: int = 100, before: str | None = None) -> list[CallSummary]:
        """Calls, newest first."""
        alive = self._has_writer()
        with self._read() as connection:
            found = queries.summaries(connection, limit, before, self._names())
            return found if alive else _as_left(connection, found)

    def call(self, sid: str) -> CallRecord | None:
        """One call with everything kept of it, as of one moment."""
        alive = self._has_writer()
        with self._read() as connection:
            found = queries.matching(connection, sid)
            record = (
                queries.record(connection, found[0], self._names()) if len(found) == 1 else None
            )
            if record is None or alive:
                return record
            return msgspec.structs.replace(record, call=_as_left(connection, [record.call])[0])

    def _has_writer(self) -> bool:
        """Whether somebody is there who will end the calls that have not ended.

        To be asked before reading: what a server saved before it went is then what is read.
        """
        return self._lock is not None or is_held(self._file.parent / LOCK)

    def matching(self, sid: str) -> list[str]:
        """The records that `sid` may stand for, newest first."""
        with self._read() as connection:
            return queries.matching(connection, sid)

    def last_id(self) -> int:
        """The newest journal id, 0 when the journal is empty."""
        with self._read() as connection:
            return queries.last_id(connection)

    def list_calls(
        self,
        wanted: CallFilter = CallFilter(),  # noqa: B008 - immutable
        *,
        words: str = "",
        limit: int = 50,
        cursor: str = "",
    ) -> CallPage:
        """Calls by when they began, the newest first."""
        alive = self._has_writer()
        if words:
            self._catch_up()
        with self._read() as connection:
            names = self._names()
            ids, following = listing.list_calls(connection, wanted, words, limit, cursor, names)
            found = queries.summaries_of(connection, ids, names)
            listed = found if alive else _as_left(connection, found)
            return CallPage(calls=tuple(listed), cursor=following)

    def search(
        self,
        query: str,
        wanted: CallFilter = CallFilter(),  # noqa: B008 - immutable
        *,
        limit: int = 20,
        by_rank: bool = False,
        cursor: str = "",
    ) -> SearchPage:
        """The utterances that a query finds."""
        asked = search.Asked(query, wanted, limit, by_rank, cursor)
        self._catch_up()
        with self._read() as connection:
            return search.search(connection, asked, self._names())

    def index_new(self, limit: int = 50) -> bool:
        """Let searches find what was appended without being indexed."""
        with self._writer() as connection:
            return index.index_pending(connection, limit)

    def _catch_up(self) -> None:
        """Let a search find what was said a moment ago; when a write does not end, or nothing can be written, it goes
        without."""
        if self._lock is None or not self._writing.acquire(timeout=_WRITER_S):
            return
        try:
            with self._read() as connection:
                behind = index.is_behind(connection)
            if behind:
                with (
                    database.explained(self._file),
                    database.begin_write(self._engine) as connection,
                ):
                    index.catch_up(connection)
        except StoreError as error:
            self._log.warning("what was said just now cannot be found yet", error=str(error))
        finally:
            self._writing.release()

    def index_more(self, limit: int = 500) -> int:
        """Index some of what an older version kept without an index."""
        with self._writer() as connection:
            return index.index_more(connection, limit)

    def chosen(self, *, number: str = "", before: str = "", limit: int = 1000) -> list[str]:
        """Calls that are over, oldest first."""
        with self._read() as connection:
            return listing.chosen(connection, number, before, limit)

    def expired(self, before: str, what: Erased, limit: int = 100) -> list[str]:
        """Calls that ended before a moment and are still there, or still have text."""
        with self._read() as connection:
            return erasing.older_than(connection, before, what, limit)

    def erase(self, calls: Collection[str], what: Erased = "call") -> list[str]:
        """Delete calls that are over, or their text."""
        with self._writer() as connection:
            return erasing.erase(connection, calls, what)

    def erased(self) -> list[tuple[str, Erased]]:
        """What was deleted and may still have traces in files."""
        with self._read() as connection:
            return erasing.pending(connection)

    def scrub(self) -> Iterator[None]:
        """Remove the traces that deleted rows leave in the file and its log."""
        more, first = True, True
        while more:
            with self._writer() as connection:
                more = erasing.merge_index(connection, first=first)
            first = False
            yield
        for _ in range(_LOG_TRIES):
            with self._writing, database.explained(self._file):
                if database.empty_log(self._engine):
                    return
            yield
        raise StoreError(
            f"Another program keeps reading {self._file}, so its log still holds what was deleted."
        )

    def forget(self, calls: Sequence[str]) -> None:
        """Nothing is left of these."""
        with self._writer() as connection:
            erasing.forget(connection, calls)
        with self._writing, database.explained(self._file):
            database.empty_log(self._engine)

    @contextlib.contextmanager
    def _writer(self) -> Iterator[Connection]:
        """A transaction that writes."""
        self._refuse_reader()
        with (
            self._writing,
            database.explained(self._file),
            database.begin_write(self._engine) as connection,
        ):
            yield connection


def _check_there(data: Path, file: Path) -> None:
    try:
        folder_there, file_there = data.is_dir(), file.is_file()
    except OSError as error:
        raise StoreError(
            f"{data} cannot be read ({error.strerror}). Check its permissions."
        ) from None
    if not folder_there:
        raise NoRecordError(
            f"There is no folder {data}. Name the folder that `callscribe serve` writes to with --data, "
            "or start the server to make one."
        )
    if not file_there:
        raise NoRecordError(
            f"{data} holds no callscribe record. Name the folder that `callscribe serve` writes to with --data, "
            "or start the server to make one."
        )


def _ends(connection: Connection) -> list[CallEnded]:
    """How the calls without an end ended, when whoever wrote them is gone."""
    return [
        CallEnded(
            call=row.id,
            at=row.at,
            status="interrupted",
            duration_ms=projections.last_ms(connection, row.id),
            reason="the server stopped during the call",
        )
        for row in queries.unfinished(connection)
    ]


def _as_left(connection: Connection, found: Sequence[CallSummary]) -> list[CallSummary]:
    """Calls as the next server will mark them: those that nobody is writing any more were interrupted."""
    if all(call.ended_at is not None for call in found):
        return list(found)
    ends = {end.call: end for end in _ends(connection)}
    return [
        msgspec.structs.replace(
            call,
            status=end.status,
            ended_at=end.at,
            duration_ms=end.duration_ms,
            end_reason=end.reason,
        )
        if (end := ends.get(call.id))
        else call
        for call in found
    ]


def _append(connection: Connection, event: AnyEvent) -> int:
    if _is_too_late(connection, event):
        return 0
    event_id = projections.journal(connection, event)
    projections.apply(connection, event_id, event)
    return event_id


def _is_too_late(connection: Connection, event: AnyEvent) -> bool:
    """Whether an event comes after its record, or what it is about, was deleted."""
    if not isinstance(event, AFTERWARDS):
        return False
    if not projections.is_known(connection, event.call):
        return True
    return isinstance(event, RevisedTranscript) and not queries.was_heard(connection, event.call)


def _reserve(connection: Connection, last_id: int) -> None:
    """Give no id up to this one again."""
    if last_id > queries.last_id(connection):
        # The highest id ever used counts, whether its row is still there or not.
        values = {"id": last_id, "call": "", "type": "", "at": "", "body": ""}
        connection.execute(schema.events.insert().values(values))
        connection.execute(schema.events.delete().where(schema.events.c.id == last_id))


def _logs(file: Path) -> list[Path]:
    """The files beside in which SQLite keeps what is not in the file yet; they are there while it is open."""
    return [file.with_name(file.name + end) for end in ("-wal", "-shm")]


def _is_emptied(file: Path) -> bool:
    """Whether nothing is left in a file."""
    with contextlib.suppress(OSError):
        return not file.stat().st_size
    return False


def _identity(file: Path) -> tuple[int, int] | None:
    """Which file this is, however it is called; None when there is none."""
    try:
        about = file.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"{file} cannot be seen ({error.strerror}). Check the disk.") from None
    return about.st_dev, about.st_ino
