"""Saved contacts over the API."""

from __future__ import annotations

from pathlib import Path

import httpx

from tests.web.serving import Serving


def test_contacts(tmp_path: Path) -> None:
    with Serving(tmp_path / "data") as server:
        url = f"{server.url}/api/contacts"
        answer = httpx.post(url, json={"number": "+1 500 555 0010", "name": " Alice  Smith "})
        assert answer.json() == {"contacts": {"+15005550010": "Alice Smith"}}
        assert httpx.get(url).json() == {"contacts": {"+15005550010": "Alice Smith"}}
        for bad in (
            {"number": "555", "name": "A"},
            {"number": "+15005550010"},
            {"number": "+15005550010", "name": "a\x07"},
        ):
            answer = httpx.post(url, json=bad)
            assert answer.status_code == 400
        assert httpx.post(url, json={"number": "+15005550010", "name": ""}).json() == {
            "contacts": {}
        }
