"""The figures at their addresses, on a real server."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from callscribe.metrics import Figures
from callscribe.recognition.scripted import ScriptedRecognizer
from callscribe.server import running_server
from callscribe.settings import Settings
from callscribe.speech.strain import STEPS
from callscribe.web.figures import rows
from callscribe.web.listening import listen


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path, allow_unsigned=True)


async def test_metrics_page_and_json(settings: Settings) -> None:
    async with (
        running_server(settings, ScriptedRecognizer(), listen("127.0.0.1", 0)) as server,
        httpx.AsyncClient(base_url=server.address.url, trust_env=False) as client,
    ):
        metrics = await client.get("/metrics")
        assert metrics.headers["content-type"].startswith("text/plain; version=0.0.4")
        names = {family.name for family in text_string_to_metric_families(metrics.text)}
        assert {
            "callscribe_calls",
            "callscribe_decode_lag_seconds",
            "callscribe_viewers",
        } <= names
        page = await client.get("/operations")
        assert "Calls now" in page.text
        assert (await client.get("/api/operations")).json()["calls_now"] == 0


async def test_they_need_the_token_where_pages_do(settings: Settings) -> None:
    public = "https://calls.example.com"
    async with (
        running_server(
            settings, ScriptedRecognizer(), listen("127.0.0.1", 0), public_url=public
        ) as server,
        httpx.AsyncClient(base_url=server.address.url, trust_env=False) as client,
    ):
        for path in ("/metrics", "/operations", "/api/operations"):
            assert (await client.get(path)).status_code in {401, 403}


async def test_what_gives_way_is_shown_in_its_order(settings: Settings) -> None:
    async with (
        running_server(settings, ScriptedRecognizer(), listen("127.0.0.1", 0)) as server,
        httpx.AsyncClient(base_url=server.address.url, trust_env=False) as client,
    ):
        page = (await client.get("/operations")).text
        places = [page.index(step.capitalize()) for step in STEPS]
        assert places == sorted(places)
        told = (await client.get("/api/operations")).json()
        assert told["gives_way"] == dict.fromkeys(STEPS, False)
        assert told["more"]["open_files_allowed"] > 0
        assert (
            'callscribe_gives_way{step="second readings wait"} 0.0'
            in (await client.get("/metrics")).text
        )


def test_only_what_needs_a_person_stands_out() -> None:
    calm = Figures(2, 4, 10, 200, 0.2, 1.5, 0.0, 3, 1, 2, 0, False, {"backlog_seconds": 3.0})
    shown = rows(calm, {"backlog_seconds": "Not read yet"})
    assert not any(alarm for _, _, alarm in shown)
    assert ("Not read yet", "3.0 s", False) in shown
    bad = Figures(2, 4, 10, 200, 40, 1.5, 7.0, 3, 1, 2, 0, True)
    assert {name for name, _, alarm in rows(bad, {}) if alarm} == {
        "Behind",
        "Audio dropped here",
        "Record",
    }
