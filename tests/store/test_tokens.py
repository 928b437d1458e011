"""Named tokens: kept beside a running server, known by digests, revoked for good."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from callscribe.errors import StoreError
from callscribe.records import TokenRecord
from callscribe.store.base import NoRecordError
from callscribe.store.opening import open_store, open_tokens

AT, LATER = "2026-01-15T10:00:00.000Z", "2026-01-16T10:00:00.000Z"


def test_a_token_is_found_by_its_digest_until_it_is_revoked(tmp_path: Path) -> None:
    with open_tokens(tmp_path, create=True) as book:
        kept = book.add("crm", "d1", ["read", "control"], AT)
        assert kept == TokenRecord(name="crm", scopes=("read", "control"), created_at=AT)
        assert book.find("d1") == kept
        assert book.find("d2") is None
        book.used("crm", LATER)
        assert book.revoke("crm", LATER)
        assert not book.revoke("crm", LATER)
        assert book.find("d1") is None
        [listed] = book.all()
        assert (listed.last_used_at, listed.revoked_at) == (LATER, LATER)


def test_a_name_is_given_once_for_all(tmp_path: Path) -> None:
    with open_tokens(tmp_path, create=True) as book:
        book.add("crm", "d1", ["read"], AT)
        book.revoke("crm", LATER)
        with pytest.raises(StoreError, match="called crm already, or there once was"):
            book.add("crm", "d2", ["read"], LATER)
        assert [token.name for token in book.all()] == ["crm"]


def test_they_can_be_changed_beside_a_server(tmp_path: Path) -> None:
    with open_store(tmp_path), open_tokens(tmp_path) as servers:
        with open_tokens(tmp_path, create=True) as ours:
            ours.add("crm", "d1", ["read"], AT)
        assert servers.find("d1") is not None
        with open_tokens(tmp_path) as ours:
            ours.revoke("crm", AT)
        assert servers.find("d1") is None


def test_without_a_record_there_are_none(tmp_path: Path) -> None:
    with pytest.raises(NoRecordError, match="holds no callscribe record"):
        open_tokens(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


def test_a_server_may_start_after_a_token_was_made(tmp_path: Path) -> None:
    open_tokens(tmp_path / "data", create=True).close()
    with open_store(tmp_path / "data") as store:
        assert store.calls() == []


def test_a_record_of_another_program_is_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "callscribe.db") as connection:
        connection.execute("CREATE TABLE songs (title TEXT)")
    connection.close()
    with pytest.raises(StoreError, match="not one of callscribe's"):
        open_tokens(tmp_path, create=True)
