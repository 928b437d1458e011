"""Saved contacts outlive the server."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from callscribe.contacts import ContactFile
from callscribe.errors import StoreError
from callscribe.names import CONTACTS


def test_a_name_is_told_and_kept(tmp_path: Path) -> None:
    told: list[tuple[str, str]] = []
    contacts = ContactFile(tmp_path, lambda *pair: told.append(pair))
    contacts.save("+1 500 555 0010", 'Zoë "Z" Smith')
    contacts.save("+15005550020", "Bob")
    assert told == [("+15005550010", 'Zoë "Z" Smith'), ("+15005550020", "Bob")]
    again: list[tuple[str, str]] = []
    known = ContactFile(tmp_path, lambda *pair: again.append(pair))
    assert known.all() == {"+15005550020": "Bob", "+15005550010": 'Zoë "Z" Smith'}
    assert ("+15005550020", "Bob") in again
    known.save("+1-500-555-0020", "")
    assert ContactFile(tmp_path, lambda *pair: None).all() == {"+15005550010": 'Zoë "Z" Smith'}
    assert [path.name for path in tmp_path.iterdir()] == [CONTACTS]


def test_what_is_edited_by_hand_counts_and_stays(tmp_path: Path) -> None:
    told: dict[str, str] = {}
    contacts = ContactFile(tmp_path, lambda number, name: told.update({number: name}))
    (tmp_path / CONTACTS).write_text('# The family.\n"+1 500 555 0010" = "Zoë"  # mother\n')
    assert contacts.all() == {"+15005550010": "Zoë"}
    assert told == {"+15005550010": "Zoë"}
    assert contacts.save("+1-500-555-0010", "Zoe")
    assert not contacts.save("+15005550020", "Bob")
    assert (tmp_path / CONTACTS).read_text() == (
        '# The family.\n"+1 500 555 0010" = "Zoe"  # mother\n"+15005550020" = "Bob"\n'
    )
    (tmp_path / CONTACTS).write_text("")
    assert contacts.all() == {}
    assert told == {"+15005550010": "", "+15005550020": ""}


def test_two_who_save_at_once_lose_nothing(tmp_path: Path) -> None:
    contacts = ContactFile(tmp_path)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: contacts.save(f"+150055500{n}", f"Name {n}"), range(10, 40)))
    assert len(ContactFile(tmp_path).all()) == 30


def test_what_is_wrong_with_the_file_is_said(tmp_path: Path) -> None:
    (tmp_path / CONTACTS).write_text("= broken")
    with pytest.raises(StoreError, match=r"contacts\.toml cannot be read"):
        ContactFile(tmp_path, lambda *pair: None)
    with pytest.raises(StoreError, match="cannot be written"):
        ContactFile(tmp_path / "nowhere", lambda *pair: None).save("+15005550010", "A")


def test_whoever_watches_is_told_when_names_change(tmp_path: Path) -> None:
    contacts, changes = ContactFile(tmp_path), []
    contacts.watch(lambda: changes.append(1))
    contacts.save("+15005550010", "Zoë")
    contacts.save("+15005550010", "Zoë")
    assert len(changes) == 1
    (tmp_path / CONTACTS).write_text("")
    contacts.all()
    assert len(changes) == 2
