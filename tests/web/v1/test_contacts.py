"""Contacts over the API."""

from __future__ import annotations

from pathlib import Path

import httpx

from tests.web.serving import Serving

JSON = {"Content-Type": "application/json"}


def test_contacts(tmp_path: Path) -> None:
    with Serving(tmp_path / "data") as server:
        url = f"{server.url}/api/v1/contacts"
        one = f"{url}/%2B1%20500%20555%200010"
        saved = {"number": "+15005550010", "name": "Alice Smith"}
        assert httpx.put(one, json={"name": " Alice  Smith "}).json() == saved
        assert httpx.get(url).json() == {"items": [saved]}
        for bad, body in (
            (f"{url}/555", {"name": "A"}),
            (one, {"name": " "}),
            (one, {"name": "\x07"}),
        ):
            assert httpx.put(bad, json=body).status_code == 409
        assert httpx.put(one, json={}).status_code in (400, 422)
        assert httpx.delete(one, headers=JSON).status_code == 204
        assert httpx.delete(one, headers=JSON).status_code == 404
        assert httpx.get(url).json() == {"items": []}
