"""A fresh database and a migrated one are the same database."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect

from callscribe.store import database, schema


def _shape(connection: Connection) -> dict[str, object]:
    inspector = inspect(connection)
    return {
        table: (
            [(c["name"], str(c["type"]), c["nullable"]) for c in inspector.get_columns(table)],
            inspector.get_pk_constraint(table),
            sorted(str(sorted(i.items(), key=str)) for i in inspector.get_indexes(table)),
            sorted(
                str(sorted(u.items(), key=str)) for u in inspector.get_unique_constraints(table)
            ),
        )
        for table in sorted(inspector.get_table_names())
    }


def _scripts() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", "callscribe.store:migrations")
    return ScriptDirectory.from_config(config)


def test_migrations_lead_to_the_schema(tmp_path: Path) -> None:
    fresh = database.open_engine(tmp_path / "fresh.db", read_only=False)
    migrated = database.open_engine(tmp_path / "migrated.db", read_only=False)
    database.prepare(fresh, tmp_path / "fresh.db")
    with database.begin_write(migrated) as connection:
        database._migrate(connection)
    with fresh.begin() as one, migrated.begin() as other:
        assert _shape(one) == _shape(other)
    fresh.dispose()
    migrated.dispose()
    for name in ("fresh.db", "migrated.db"):
        plain = sqlite3.connect(tmp_path / name)
        (sql,) = plain.execute("SELECT sql FROM sqlite_master WHERE name = 'events'").fetchone()
        plain.close()
        assert "AUTOINCREMENT" in sql
    # and a migrated file opens
    again = database.open_engine(tmp_path / "migrated.db", read_only=True)
    database.check_readable(again, tmp_path / "migrated.db")
    again.dispose()


def test_the_named_revisions_are_alembics() -> None:
    scripts = _scripts()
    assert scripts.get_current_head() == schema.HEAD
    assert tuple(s.revision for s in reversed(list(scripts.walk_revisions()))) == schema.KNOWN
