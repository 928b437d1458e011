"""`GET /api/search`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from callscribe.events import CallStarted
from tests.cli.test_calls_and_show import ALICE, BOB, final
from tests.web.serving import Serving


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with Serving(Path(tmp_path_factory.mktemp("search"))) as serving:
        serving.publish(
            CallStarted(call=ALICE, at="2026-01-15T10:00:50.000Z", from_="+15005550010"),
            final(ALICE, "The refund went out", 9000),
            CallStarted(call=BOB, at="2026-01-16T10:00:50.000Z", from_="+15005550020"),
            final(BOB, "No refund at all", 1000),
        )
        yield serving


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=refund", [BOB, ALICE]),
        ("q=refund&by=rank&limit=5", [BOB, ALICE]),
        ("q=refund&number=%2B15005550010", [ALICE]),
        ("q=refund&from=2026-01-16", [BOB]),
        ("q=refund&to=2026-01-15", [ALICE]),
        ("q=refund&from=2026-01-16T02:00:00+02:00", [BOB]),
        ("q=refund&from=0001-01-01&to=9999-12-31", [BOB, ALICE]),
        ("q=refund&missed=false&direction=inbound&flow=answer", [BOB, ALICE]),
        ("q=refund&speaker=alice", [BOB, ALICE]),
        ("q=refund&tag=urgent", []),
        ("q=refund&longer=1", []),
    ],
)
def test_found(server: Serving, query: str, found: list[str]) -> None:
    answer = httpx.get(f"{server.url}/api/search?{query}")
    assert answer.status_code == 200, answer.text
    assert [hit["call"] for hit in answer.json()["hits"]] == found


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [BOB, ALICE]),
        ("limit=1", [BOB]),
        (f"cursor={BOB}", [ALICE]),
        ("words=refund+went", [ALICE]),
        ("number=%2B15005550020", [BOB]),
        ("missed=true", []),
    ],
)
def test_the_list(server: Serving, query: str, found: list[str]) -> None:
    answer = httpx.get(f"{server.url}/api/list?{query}")
    assert answer.status_code == 200, answer.text
    assert [call["id"] for call in answer.json()["calls"]] == found
    assert httpx.get(f"{server.url}/api/list?cursor=x").json()["error"] == "bad-query"
    assert httpx.get(f"{server.url}/api/list?limit=0").json()["error"] == "bad-limit"


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("", "bad-query"),
        ("q=(a", "bad-query"),
        ("q=a&limit=0", "bad-limit"),
        ("q=a&by=luck", "bad-by"),
        ("q=a&from=x", "bad-from"),
        ("q=a&to=2026-02-30", "bad-to"),
        ("q=a&missed=maybe", "bad-missed"),
        ("q=a&longer=-1", "bad-longer"),
        ("q=a&cursor=x", "bad-query"),
    ],
)
def test_nonsense_is_explained(server: Serving, query: str, name: str) -> None:
    answer = httpx.get(f"{server.url}/api/search?{query}")
    assert (answer.status_code, answer.json()["error"]) == (400, name)
    assert answer.json()["message"]


def test_a_time_that_ends_before_it_begins(server: Serving) -> None:
    for path in ("/api/search?q=refund&", "/api/list?"):
        answer = httpx.get(f"{server.url}{path}from=2026-01-16&to=2026-01-14")
        assert answer.status_code == 400
        assert "later than" in answer.json()["message"]
