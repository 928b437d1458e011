"""Saved contacts outlive the server."""

from __future__ import annotations

from pathlib import Path

import pytest

from callscribe.contacts import FILE, ContactFile
from callscribe.errors import StoreError


def test_a_name_is_told_and_kept(tmp_path: Path) -> None:
    told: list[tuple[str, str]] = []
    contacts = ContactFile(tmp_path, lambda *pair: told.append(pair))
    contacts.save("+1 500 555 0010", 'Zoë "Z" Smith')
    contacts.save("+15005550020", "Bob")
    assert told == [("+1 500 555 0010", 'Zoë "Z" Smith'), ("+15005550020", "Bob")]
    again: list[tuple[str, str]] = []
    known = ContactFile(tmp_path, lambda *pair: again.append(pair))
    assert known.all() == {"+15005550020": "Bob", "+15005550010": 'Zoë "Z" Smith'}
    assert ("+15005550020", "Bob") in again
    known.save("+1-500-555-0020", "")
    assert ContactFile(tmp_path, lambda *pair: None).all() == {"+15005550010": 'Zoë "Z" Smith'}
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_what_is_wrong_with_the_file_is_said(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("= broken")
    with pytest.raises(StoreError, match=r"contacts\.toml cannot be read"):
        ContactFile(tmp_path, lambda *pair: None)
    with pytest.raises(StoreError, match="cannot be written"):
        ContactFile(tmp_path / "nowhere", lambda *pair: None).save("+15005550010", "A")
