"""A record that cannot be written at the moment costs no call: Twilio is answered, people see it, and it is kept."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from callscribe.events import CallStarted, StoreFailed
from callscribe.journal.follow import JournalFollower
from callscribe.recognition.scripted import ScriptedRecognizer
from callscribe.server import Server, running_server
from callscribe.settings import Settings
from callscribe.store.opening import open_store
from callscribe.web.listening import listen

CALL = "CA" + "0" * 31 + "1"
TWILIO_WAITS_S = 5.0
"""Less than an SQLite connection waits for another one's lock; Twilio itself waits for 15."""


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    settings = Settings(data=tmp_path / "data", allow_unsigned=True)
    async with running_server(settings, ScriptedRecognizer(), listen("127.0.0.1", 0)) as running:
        yield running


@contextlib.contextmanager
def locked(data: Path) -> Iterator[None]:
    """Another program has the database to itself, as a backup may."""
    with contextlib.closing(sqlite3.connect(data / "callscribe.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


async def phoned(server: Server) -> httpx.Response:
    """Twilio's request when a call comes in."""
    form = {
        "CallSid": CALL,
        "AccountSid": "AC" + "0" * 32,
        "From": "+15005550010",
        "To": "+15005550006",
        "CallStatus": "ringing",
        "Direction": "inbound",
        "ApiVersion": "2010-04-01",
    }
    async with httpx.AsyncClient(
        base_url=server.address.url, timeout=TWILIO_WAITS_S, trust_env=False
    ) as client:
        return await client.post("/twilio/voice", data=form)


async def test_a_call_that_comes_while_the_record_is_locked(server: Server, tmp_path: Path) -> None:
    record = server.record
    with JournalFollower(record.store, record.hub, after=None) as viewer:
        with locked(tmp_path / "data"):
            answer = await phoned(server)
            assert answer.status_code == 200
            assert "<Stream" in answer.text
            shown = [await anext(viewer), await anext(viewer)]
            assert {type(published.event) for published in shown} == {CallStarted, StoreFailed}
            async with httpx.AsyncClient(base_url=server.address.url, trust_env=False) as client:
                ready = await client.get("/readyz")
            assert ready.status_code == 503
            assert "has not answered" in ready.text
        works = await anext(viewer)
        assert isinstance(works.event, StoreFailed)
        assert works.event.resolved
    with open_store(tmp_path / "data", read_only=True) as saved:
        assert [call.id for call in saved.calls()] == [CALL]


async def test_what_a_record_did_not_take_until_the_end_is_there_at_the_next_start(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    settings = Settings(data=data, allow_unsigned=True)
    with contextlib.ExitStack() as stack:
        async with running_server(settings, ScriptedRecognizer(), listen("127.0.0.1", 0)) as server:
            stack.enter_context(locked(data))
            assert (await phoned(server)).status_code == 200
        assert list(data.glob("unwritten-*.jsonl"))
    async with running_server(settings, ScriptedRecognizer(), listen("127.0.0.1", 0)) as server:
        assert [call.id for call in server.record.store.calls()] == [CALL]
    assert not list(data.glob("unwritten-*.jsonl"))
