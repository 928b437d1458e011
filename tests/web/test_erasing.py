"""Deleting calls over the API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from callscribe.events import CallEnded
from callscribe.web.grants import Grant
from tests.cli.test_calls_and_show import ALICE, BOB
from tests.cli.test_delete import EVENTS
from tests.web.serving import Serving


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Serving]:
    with Serving(tmp_path / "data") as serving:
        serving.publish(*EVENTS)
        yield serving


def send(server: Serving, method: str, path: str, body: Any = None) -> httpx.Response:
    return httpx.request(method, server.url + path, json={} if body is None else body)


def test_one_call(server: Serving) -> None:
    answer = send(server, "DELETE", f"/api/calls/{ALICE}")
    assert (answer.status_code, answer.json()) == (200, {"deleted": [ALICE]})
    assert httpx.get(f"{server.url}/api/calls/{ALICE}").status_code == 404
    assert send(server, "DELETE", f"/api/calls/{ALICE}").json()["error"] == "not-found"
    assert send(server, "DELETE", f"/api/calls/{BOB}").json()["error"] == "live"


def test_many_calls_in_two_steps(server: Serving) -> None:
    server.publish(CallEnded(call=BOB, at="2026-01-16T10:05:00.000Z"))
    asked = {"before": "2026-02-01"}
    answer = send(server, "POST", "/api/deletions", asked)
    assert answer.json() == {"calls": 2, "deleted": []}
    assert send(server, "POST", "/api/deletions", {**asked, "confirm": 1}).status_code == 409
    answer = send(server, "POST", "/api/deletions", {**asked, "confirm": 2})
    assert answer.json() == {"calls": 2, "deleted": [ALICE, BOB]}
    assert httpx.get(f"{server.url}/api/calls").json() == []


@pytest.mark.parametrize(
    "body", [{}, {"before": "x"}, {"number": "x"}, {"before": 1}, {"other": 1}, []]
)
def test_nonsense_is_explained(server: Serving, body: Any) -> None:
    answer = send(server, "POST", "/api/deletions", body)
    assert answer.status_code == 400
    assert answer.json()["message"]


def test_a_foreign_page_deletes_nothing(server: Serving) -> None:
    answer = httpx.delete(f"{server.url}/api/calls/{ALICE}", headers={"Origin": "http://evil"})
    assert answer.status_code == 403
    assert httpx.get(f"{server.url}/api/calls/{ALICE}").status_code == 200


def test_viewers_are_told(server: Serving) -> None:
    with httpx.stream("GET", f"{server.url}/api/events", timeout=20) as stream:
        lines = stream.iter_lines()
        next(lines)
        send(server, "DELETE", f"/api/calls/{ALICE}")
        line = next(line for line in lines if '"call_deleted"' in line)
    assert f'"call":"{ALICE}"' in line


def test_deleting_wants_the_widest_scope(server: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    some = Grant("crm", frozenset({"read", "control"}))
    monkeypatch.setattr("callscribe.web.erasing.grant_of", lambda scope: some)
    for method, path in (("DELETE", f"/api/calls/{ALICE}"), ("POST", "/api/deletions")):
        answer = send(server, method, path, {"before": "2030-01-01"})
        assert (answer.status_code, answer.json()["error"]) == (403, "scope-missing")
