"""Corrections, notes and tags over the API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cli.test_calls_and_show import ALICE
from tests.cli.test_delete import EVENTS
from tests.web.serving import Serving


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with Serving(Path(tmp_path_factory.mktemp("correcting"))) as serving:
        serving.publish(*EVENTS)
        yield serving


def send(server: Serving, path: str, body: Any) -> httpx.Response:
    return httpx.post(f"{server.url}/api/calls/{path}", json=body)


def test_a_correction(server: Serving) -> None:
    answer = send(
        server, f"{ALICE}/utterances/u9000/text", {"text": " The  refund went\nout today. "}
    )
    assert answer.status_code == 200, answer.text
    (said,) = answer.json()["utterances"]
    assert said["text"] == "The refund went out today."
    assert said["correction"]["recognised"] == "The refund went out"
    assert said["correction"]["by"] == "here"
    assert said["correction"]["at"].endswith("Z")
    found = httpx.get(f"{server.url}/api/search?q=today").json()["hits"]
    assert [hit["utterance"] for hit in found] == ["u9000"]
    answer = send(server, f"{ALICE}/utterances/u9000/text", {"text": ""})
    assert answer.json()["utterances"][0]["correction"] is None


def test_a_note_and_tags(server: Serving) -> None:
    answer = send(server, f"{ALICE}/note", {"text": "Call back.\n\nMonday"})
    assert answer.json()["call"]["note"] == "Call back.\n\nMonday"
    answer = send(server, f"{ALICE}/tags", {"tags": ["urgent", " follow  up ", "urgent", ""]})
    assert answer.json()["call"]["tags"] == ["urgent", "follow up"]
    found = httpx.get(f"{server.url}/api/list?tag=urgent").json()["calls"]
    assert [call["id"] for call in found] == [ALICE]


@pytest.mark.parametrize(
    ("path", "body", "status", "name"),
    [
        ("CAnobody/note", {"text": "x"}, 404, "not-found"),
        (f"{ALICE}/utterances/none/text", {"text": "x"}, 404, "not-found"),
        (f"{ALICE}/utterances/u9000/text", {"text": "x" * 2001}, 400, "too-long"),
        (f"{ALICE}/utterances/u9000/text", {"text": "a\u0000b"}, 400, "bad-text"),
        (f"{ALICE}/utterances/u9000/text", {}, 400, "bad-body"),
        (f"{ALICE}/note", {"text": 1}, 400, "bad-body"),
        (f"{ALICE}/tags", {"tags": ["!!"]}, 400, "bad-tag"),
        (f"{ALICE}/tags", {"tags": [str(n) for n in range(21)]}, 400, "too-many"),
    ],
)
def test_nonsense_is_explained(
    server: Serving, path: str, body: Any, status: int, name: str
) -> None:
    answer = send(server, path, body)
    assert (answer.status_code, answer.json()["error"]) == (status, name)
