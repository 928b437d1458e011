"""Opening the SQLite file: creation, migration, and every way in which that can go wrong, in words.

Durability: write-ahead log with `synchronous=FULL`. A commit returns when the log has been flushed to the disk, so a
committed event survives the death of the process and, as far as the disk keeps its promise to flush, a power cut.
(`NORMAL` would survive only the former. The journal commits what has gathered in one go, which makes the flush cheap.)
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    and_,
    create_engine,
    event,
    inspect,
    select,
)
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool, QueuePool

from callscribe import files
from callscribe.errors import RecordLostError, StoreError
from callscribe.store import schema

FILE = "callscribe.db"

_BUSY_MS = 10_000
"""How long to wait for another process's write. Only migrations and backups ever make us wait."""


def open_engine(file: Path, *, read_only: bool) -> Engine:
    """An engine whose every connection is set up alike; nothing is opened yet."""
    if read_only:
        engine = create_engine(
            "sqlite://", creator=lambda: _connect_read_only(file), poolclass=NullPool
        )
    else:
        engine = create_engine("sqlite://", creator=lambda: _connect(file), poolclass=QueuePool)
        event.listen(engine, "begin", lambda _: check_permissions(file))
    event.listen(engine, "begin", _begin)
    return engine


def _connect(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        file, timeout=_BUSY_MS / 1000, isolation_level=None, check_same_thread=False
    )
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA secure_delete=ON")
    except BaseException:
        connection.close()
        raise
    return connection


def parts(file: Path) -> list[Path]:
    """The files that SQLite keeps for a database."""
    return [file, *(file.with_name(file.name + ending) for ending in ("-wal", "-shm"))]


def make_private(file: Path) -> None:
    """Keep what people said from other users of this machine, also in a folder that they may enter.

    SQLite gives its other files the database's permissions. A group that was let in stays.

    Raises:
        OSError: the file cannot be created.
    """
    with contextlib.suppress(FileExistsError):
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    for part in parts(file):
        files.keep_others_out(part)


def check_permissions(file: Path) -> None:
    """Stop before SQLite does it the hard way: the index of its log is mapped into memory, and writing there once the
    file was made immutable (`chattr +i`) is a SIGBUS, which ends the process.

    Raises:
        StoreError: one of the files may not be written any more.
        OSError: the folder may not be entered.
    """
    for part in parts(file):
        if not os.access(part, os.W_OK) and part.exists():
            raise StoreError(
                f"{part} cannot be written. Make it writable for this user (ls -l, lsattr)."
            )


def _connect_read_only(file: Path) -> sqlite3.Connection:
    uri = file.absolute().as_uri()
    connection = sqlite3.connect(
        f"{uri}?mode=ro",
        uri=True,
        timeout=_BUSY_MS / 1000,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.DatabaseError as error:
        connection.close()
        if not isinstance(error, sqlite3.OperationalError):
            raise
        wal = file.with_name(file.name + "-wal")
        if wal.exists() and wal.stat().st_size:
            raise
        # A folder that cannot be written: SQLite wants to create its log there even to read. Without a log there is
        # nobody writing, so the file can be read as it is.
        connection = sqlite3.connect(
            f"{uri}?immutable=1", uri=True, isolation_level=None, check_same_thread=False
        )
    return connection


def _begin(connection: Connection) -> None:
    # sqlite3's own transaction handling is off (isolation_level=None), so that several reads see one state and DDL is
    # part of its transaction. A writer asks for the lock at once: upgrading a read later could fail instead of wait.
    write = connection.get_execution_options().get("callscribe_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def begin_write(engine: Engine) -> contextlib.AbstractContextManager[Connection]:
    """A transaction that holds the write lock from its start."""
    return engine.execution_options(callscribe_write=True).begin()


def empty_log(engine: Engine) -> bool:
    """Write everything from the log into the file and empty the log.

    Returns:
        False when a reader still needs it; try again.
    """
    with engine.connect() as connection:
        raw = connection.connection.dbapi_connection
        if raw is None:
            return False
        raw.execute("PRAGMA busy_timeout=100")
        busy, _, _ = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        raw.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
    return not busy


def prepare(engine: Engine, file: Path) -> None:
    """Create the tables in a fresh file, or bring an older one up to date.

    Raises:
        StoreError: written by a newer callscribe, not a callscribe record, damaged, or unwritable.
    """
    with explained(file), begin_write(engine) as connection:
        found = _version(connection, file)
        if found is None:
            schema.metadata.create_all(connection)
            connection.execute(schema.version.insert().values(version_num=schema.HEAD))
            return
        if found != schema.HEAD:
            _migrate(connection)


def check_readable(engine: Engine, file: Path) -> None:
    """Make sure that this version can read the file.

    Raises:
        StoreError: as `prepare`; also for an older file, which only a writer may migrate.
    """
    with explained(file), engine.begin() as connection:
        found = _version(connection, file)
    if found is None:
        raise StoreError(
            f"{file} is empty. Start `callscribe serve` with this --data folder to fill it."
        )
    if found != schema.HEAD:
        raise StoreError(
            f"{file} was written by an older callscribe. "
            "Start `callscribe serve` once with this --data folder to bring it up to date."
        )


def _version(connection: Connection, file: Path) -> str | None:
    """The migration the file is at; None when it is fresh."""
    tables = inspect(connection).get_table_names()
    if not tables:
        return None
    found = None
    if schema.version.name in tables:
        found = connection.execute(select(schema.version.c.version_num)).scalar()
    if found is None:
        raise StoreError(
            f"{file} is a database, but not one of callscribe's. Use another --data folder."
        )
    if found not in schema.KNOWN:
        raise StoreError(
            f"{file} was written by a newer callscribe (schema {found}; this one knows up to "
            f"{schema.HEAD}). Install that version or a later one; nothing has been changed."
        )
    return str(found)


def _migrate(connection: Connection) -> None:
    # Imported here because it takes a noticeable part of the start-up time and is needed once a version.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "callscribe.store:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def begins_with(column: ColumnElement[str], prefix: str) -> ColumnElement[bool]:
    """Whether a text begins so, upper and lower case apart.

    A range, not LIKE, because it uses the index and knows no wildcards.
    SQLite orders text by its bytes; a database that orders it as a language does needs another expression.
    """
    return and_(column >= prefix, column < prefix + "\U0010ffff")


@contextlib.contextmanager
def explained(file: Path) -> Iterator[None]:
    """Turn database errors into a `StoreError` that says what to do, a `RecordLostError` where the file is at fault."""
    try:
        yield
    except DBAPIError as error:
        raise _explain(str(error.orig), file) from error
    except sqlite3.Error as error:
        raise _explain(str(error), file) from error
    except SQLAlchemyError as error:
        raise StoreError(f"{file}: {error}") from error
    except OSError as error:  # looking at the files beside it
        why = error.strerror or type(error).__name__
        raise StoreError(
            f"{file} cannot be opened or written ({why}). Check the permissions of {file.parent}."
        ) from error


def _explain(problem: str, file: Path) -> StoreError:
    said = problem.lower()
    if "full" in said:
        return StoreError(f"The disk that holds {file.parent} is full. Free some space on it.")
    if "not a database" in said or "malformed" in said:
        return RecordLostError(
            f"{file} is damaged ({problem}). Stop callscribe, move the file away and put a backup in its place, "
            f"or save what can be read with: sqlite3 {file.name} .recover | sqlite3 rescued.db"
        )
    if "locked" in said or "busy" in said:
        return StoreError(f"{file} is locked by another program. Close whatever has it open.")
    if "readonly" in said or "unable to open" in said or "permission" in said:
        return StoreError(
            f"{file} cannot be opened or written ({problem}). Check the permissions of {file.parent}."
        )
    if "i/o" in said:
        return RecordLostError(f"The disk failed on {file} ({problem}). Check the disk.")
    return StoreError(f"{file}: {problem}.")
