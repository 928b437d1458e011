"""Pages as they arrive, before any script."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args, get_type_hints

import httpx
import pytest

from callscribe.events import AnyEvent, FinalTranscript, GapDetected, StreamStarted
from callscribe.journal.hub import Hub
from callscribe.store.opening import open_store
from callscribe.web.app import create_app
from callscribe.web.services import Services, WebSettings
from tests.web.client import Client
from tests.web.script import Call, bank
from tests.web.serving import Serving


def pages(folder: Path, events: list[AnyEvent], *paths: str) -> list[tuple[int, str]]:
    """Status and body of each page, over a record that holds these events."""
    with open_store(folder) as store:
        store.append(events)
        services = Services(
            settings=WebSettings(), registry=None, store=store, hub=Hub(store.last_id())
        )
        client = Client(create_app(services))
        answers = [client.get(path) for path in paths]
        return [(answer.status_code, answer.text) for answer in answers]


@pytest.mark.parametrize("reason", get_args(get_type_hints(GapDetected)["reason"]))
def test_a_gap_of_any_reason_can_be_read(tmp_path: Path, reason: Any) -> None:
    call, events = bank()
    leg, track = call.place("Support")
    gap = GapDetected(call=call.sid, leg=leg, track=track, start_ms=1, end_ms=4001, reason=reason)
    sid = call.sid
    found = pages(tmp_path, [*events, gap], "/", f"/calls/{sid}", f"/calls/{sid}/captions")
    assert [status for status, _ in found] == [200, 200, 200]
    for _, body in found[:2]:
        assert ("4 s" in body) == (reason != "paused")


def test_a_second_final_of_an_utterance_replaces_the_first(tmp_path: Path) -> None:
    call, events = bank()
    first = call.final("Support", "One thing.", utterance="u")
    second = call.final("Support", "Another thing.", utterance="u")
    assert isinstance(first, FinalTranscript)
    ((_, body),) = pages(tmp_path, [*events, first, second], f"/calls/{call.sid}")
    assert "One" not in body
    assert body.count("Another") == 2  # in the list and in the call


def test_a_call_is_found_by_the_beginning_of_its_sid(tmp_path: Path) -> None:
    call, events = bank()
    assert pages(tmp_path, events, f"/calls/{call.sid[:20]}")[0][0] == 200
    other = Call(2)
    more = [other.start()]
    found = pages(tmp_path / "2", [*events, *more], f"/calls/{call.sid[:20]}", "/calls/CAnone")
    assert [status for status, _ in found] == [404, 404]


def test_nothing_that_people_say_becomes_markup(tmp_path: Path) -> None:
    call = Call(1)
    bad = "<script>alert(1)</script>"
    events = [call.start(from_name=bad), *call.people(bad, "Ben"), call.final(bad, bad)]
    for _, body in pages(tmp_path, events, "/", f"/calls/{call.sid}"):
        assert bad not in body
        assert "&lt;script&gt;" in body


def test_an_empty_record_says_what_to_do(tmp_path: Path) -> None:
    ((status, body),) = pages(tmp_path, [], "/")
    assert status == 200
    assert "No calls yet" in body


def test_lines_and_snippets_say_what_language_they_are_in(tmp_path: Path) -> None:
    call, events = bank()
    listens = StreamStarted(
        call=call.sid, leg=call.sid, stream="MZ1", tracks=("inbound",), language="de-DE"
    )
    with Serving(tmp_path) as server:
        server.publish(*events, listens, call.final("Support", "Auf Wiedersehen."))
        page = httpx.get(f"{server.url}/").text
        assert '<bdi class="last" lang="de-DE">Auf Wiedersehen.</bdi>' in page
        found = httpx.get(f"{server.url}/find?q=wiedersehen").text
        assert '<span dir="auto" lang="de-DE">Auf <mark>Wiedersehen</mark>' in found
        (hit,) = httpx.get(f"{server.url}/api/search?q=wiedersehen").json()["hits"]
        assert hit["language"] == "de-DE"
