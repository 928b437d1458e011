"""Calls as files over the API."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.exports.test_exports import CALL, EVENTS
from tests.web.serving import Serving


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with Serving(Path(tmp_path_factory.mktemp("exports"))) as serving:
        serving.publish(*EVENTS)
        yield serving


@pytest.mark.parametrize(
    ("kind", "media", "begins"),
    [
        ("txt", "text/plain", b"Alice"),
        ("md", "text/markdown", b"# Alice"),
        ("srt", "application/x-subrip", b"1\n00:00:01,000 --> "),
        ("vtt", "text/vtt", b"WEBVTT"),
        ("json", "application/json", b"{"),
        ("csv", "text/csv", b"call,started_at,"),
        ("html", "text/html", b"<!doctype html>"),
    ],
)
def test_one_call(server: Serving, kind: str, media: str, begins: bytes) -> None:
    answer = httpx.get(f"{server.url}/api/calls/{CALL}/export?format={kind}")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(media)
    assert f'attachment; filename="2026-01-15-100050-{CALL}.{kind}"' in str(answer.headers)
    assert answer.content.startswith(begins)


@pytest.mark.parametrize(
    ("query", "count"), [("q=truly", 1), ("number=%2B15005550010", 1), ("q=nothing", 0)]
)
@pytest.mark.parametrize("api", ["api", "api/v1"])
def test_many_calls(server: Serving, api: str, query: str, count: int) -> None:
    answer = httpx.get(f"{server.url}/{api}/export?format=txt&{query}")
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        assert len(packed.namelist()) == count


@pytest.mark.parametrize(
    ("path", "status", "name"),
    [
        (f"calls/{CALL}/export", 400, "bad-format"),
        (f"calls/{CALL}/export?format=doc", 400, "bad-format"),
        ("calls/CAnobody/export?format=txt", 404, "not-found"),
        ("export?format=txt", 400, "bad-query"),
        ("export?format=txt&q=(", 400, "bad-query"),
        ("export?format=txt&from=x", 400, "bad-from"),
    ],
)
def test_nonsense_is_explained(server: Serving, path: str, status: int, name: str) -> None:
    answer = httpx.get(f"{server.url}/api/{path}")
    assert (answer.status_code, answer.json()["error"]) == (status, name)


@pytest.mark.parametrize(
    ("query", "status"),
    [("", 400), ("format=txt", 409), ("format=txt&q=(", 409), ("format=a", 400)],
)
def test_nonsense_is_a_problem(server: Serving, query: str, status: int) -> None:
    answer = httpx.get(f"{server.url}/api/v1/export?{query}")
    assert (answer.status_code, answer.json()["status"]) == (status, status)
