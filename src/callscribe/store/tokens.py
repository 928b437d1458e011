"""Named tokens in the record's database. Unlike everything else there, they may be changed beside a running server."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Engine, Row, select
from sqlalchemy.exc import IntegrityError

from callscribe.errors import StoreError
from callscribe.records import TokenRecord
from callscribe.store import database
from callscribe.store.schema import tokens


class SqliteTokens:
    """A `TokenBook` (`callscribe.store.base`). Each method is one short transaction."""

    def __init__(self, engine: Engine, file: Path) -> None:
        self._engine = engine
        self._file = file

    @classmethod
    def open(cls, data: Path) -> SqliteTokens:
        """The tokens of a record that is up to date.

        Raises:
            StoreError: there is none, or it cannot be read.
        """
        file = data / database.FILE
        engine = database.open_engine(file, read_only=False)
        try:
            database.check_readable(engine, file)
        except BaseException:
            engine.dispose()
            raise
        return cls(engine, file)

    @staticmethod
    def there(data: Path) -> bool:
        """Whether a data folder holds a record."""
        return (data / database.FILE).is_file()

    def add(self, name: str, digest: str, scopes: Sequence[str], at: str) -> TokenRecord:
        """Keep a new token."""
        values = {"name": name, "digest": digest, "scopes": " ".join(scopes), "created_at": at}
        with database.explained(self._file):
            try:
                with database.begin_write(self._engine) as connection:
                    connection.execute(tokens.insert().values(values))
            except IntegrityError:
                raise StoreError(
                    f"There is a token called {name} already, or there once was. Choose another name."
                ) from None
        return TokenRecord(name=name, scopes=tuple(scopes), created_at=at)

    def all(self) -> list[TokenRecord]:
        """All tokens, oldest first, revoked ones too."""
        with database.explained(self._file), self._engine.begin() as connection:
            found = connection.execute(select(tokens).order_by(tokens.c.id)).all()
        return [_record(row) for row in found]

    def find(self, digest: str) -> TokenRecord | None:
        """The token of this digest, unless it was revoked."""
        query = select(tokens).where(tokens.c.digest == digest, tokens.c.revoked_at.is_(None))
        with database.explained(self._file), self._engine.begin() as connection:
            row = connection.execute(query).first()
        return None if row is None else _record(row)

    def used(self, name: str, at: str) -> None:
        """Note when a token was used last."""
        with database.explained(self._file), database.begin_write(self._engine) as connection:
            connection.execute(tokens.update().where(tokens.c.name == name).values(last_used_at=at))

    def revoke(self, name: str, at: str) -> bool:
        """Let a token open nothing any more, from now on; whether there was one that did."""
        change = tokens.update().where(tokens.c.name == name, tokens.c.revoked_at.is_(None))
        with database.explained(self._file), database.begin_write(self._engine) as connection:
            return connection.execute(change.values(revoked_at=at)).rowcount > 0

    def close(self) -> None:
        """Close all connections. Idempotent."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _record(row: Row[Any]) -> TokenRecord:
    return TokenRecord(
        name=row.name,
        scopes=tuple(row.scopes.split()),
        created_at=row.created_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
    )
