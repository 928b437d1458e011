"""Server-sent events: no hole, no double, nobody waits for anybody."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from callscribe.events import AnyEvent, CallStarted, FinalTranscript, LagChanged, StoreFailed
from callscribe.journal.hub import Hub
from callscribe.journal.journal import Journal
from callscribe.store.base import Store
from callscribe.store.opening import open_store
from callscribe.web import live
from callscribe.web.app import create_app
from callscribe.web.live import Viewer
from callscribe.web.services import Services, WebSettings
from tests.web.client import Client
from tests.web.script import Call, bank


class Server:
    """Store, hub and journal, without sockets."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.hub = Hub(store.last_id())
        self.journal = Journal(store, self.hub)
        self.services = Services(settings=WebSettings(), registry=None, store=store, hub=self.hub)

    def viewer(self, *, call: str | None = None, partials: str | None = None) -> Viewer:
        return Viewer(self.services, call=call, partials=partials)

    async def publish(self, *events: AnyEvent) -> None:
        for event in events:
            await self.journal.publish(event)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    with open_store(tmp_path) as store:
        server = Server(store)
        yield server
        server.services.stopping.set()
        await server.journal.close()


def parsed(message: bytes) -> tuple[int | None, str, Any]:
    """Id, event name and data of one message."""
    fields: dict[str, str] = {}
    for line in message.decode().rstrip("\n").split("\n"):
        name, _, value = line.partition(": ")
        fields[name] = value
    data = json.loads(fields["data"]) if "data" in fields else None
    return (int(fields["id"]) if "id" in fields else None), fields.get("event", "message"), data


class Reader:
    """Follows one stream."""

    def __init__(self, stream: AsyncIterator[bytes]) -> None:
        self._stream = stream

    async def next(self) -> tuple[int | None, str, Any]:
        return parsed(await asyncio.wait_for(anext(self._stream), 10))

    async def take(self, count: int) -> list[tuple[int | None, str, Any]]:
        return [await self.next() for _ in range(count)]


def final(call: Call, words: str = "Hello there.") -> FinalTranscript:
    return call.final("Alice Adams", words)


async def begun(server: Server) -> Call:
    call, events = bank()
    await server.publish(*events)
    return call


async def test_history_then_live_without_a_seam(server: Server) -> None:
    call = await begun(server)
    reader = Reader(server.viewer().stream(0))
    assert await reader.next() == (0, "message", None)
    last = server.store.last_id()
    history = await reader.take(last)
    assert [each[0] for each in history] == list(range(1, last + 1))
    await server.publish(final(call))
    number, _, data = await reader.next()
    assert number == last + 1
    assert data["text"] == "Hello there."


async def test_a_new_viewer_begins_now_with_what_is_being_said(server: Server) -> None:
    call = await begun(server)
    await server.publish(
        call.partial("Support", "I can", utterance="p", revision=1, start_ms=call.ms)
    )
    last = server.store.last_id()
    reader = Reader(server.viewer().stream(last))
    assert await reader.next() == (last, "message", None)
    number, _, data = await reader.next()
    assert (number, data["type"], data["text"]) == (None, "partial", "I can")


async def test_events_published_while_the_store_is_read_come_once(server: Server) -> None:
    call = await begun(server)
    read = server.store.events_after
    loop = asyncio.get_running_loop()

    def and_meanwhile(*args: Any, **kwargs: Any) -> Any:
        # Once before the read (in the store and in the queue), once after it (in the queue only).
        asyncio.run_coroutine_threadsafe(server.publish(final(call)), loop).result(10)
        page = read(*args, **kwargs)
        asyncio.run_coroutine_threadsafe(server.publish(final(call)), loop).result(10)
        return page

    server.store.events_after = and_meanwhile  # type: ignore[method-assign]
    first = server.store.last_id()
    reader = Reader(server.viewer().stream(first))
    await reader.next()
    assert [each[0] for each in await reader.take(2)] == [first + 1, first + 2]
    server.store.events_after = read  # type: ignore[method-assign]
    await server.publish(final(call))
    assert (await reader.next())[0] == first + 3


async def test_a_revision_of_a_finished_utterance_is_not_sent(server: Server) -> None:
    call = await begun(server)
    first = server.store.last_id()
    late = call.partial("Alice Adams", "I", utterance="u9", revision=1, start_ms=call.ms)
    read = server.store.events_after
    loop = asyncio.get_running_loop()

    def and_meanwhile(*args: Any, **kwargs: Any) -> Any:
        asyncio.run_coroutine_threadsafe(server.publish(late), loop).result(10)
        done = call.final("Alice Adams", "I do.", utterance="u9")
        asyncio.run_coroutine_threadsafe(server.publish(done), loop).result(10)
        return read(*args, **kwargs)

    server.store.events_after = and_meanwhile  # type: ignore[method-assign]
    reader = Reader(server.viewer().stream(first))
    await reader.next()
    assert (await reader.next())[2]["type"] == "final"
    await server.publish(final(call, "And then."))
    assert (await reader.next())[2]["text"] == "And then."


async def test_a_slow_viewer_is_resynced_and_misses_nothing(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = await begun(server)
    first = server.store.last_id()
    subscribe = server.hub.subscribe
    monkeypatch.setattr(
        server.hub, "subscribe", lambda **options: subscribe(**{**options, "capacity": 4})
    )
    slow = Reader(server.viewer().stream(first))
    quick = Reader(server.viewer().stream(first))
    assert [(await each.next())[0] for each in (slow, quick)] == [first, first]
    await server.publish(final(call))  # Both are live now.
    assert [(await each.next())[0] for each in (slow, quick)] == [first + 1, first + 1]
    for number in range(20):
        await server.publish(final(call, f"Word {number}."))
        assert (await quick.next())[2]["text"] == f"Word {number}."
    assert (await slow.next())[1] == "resync"
    assert [each[0] for each in await slow.take(20)] == list(range(first + 2, first + 22))
    await server.publish(final(call, "Again."))
    assert (await slow.next())[2]["text"] == "Again."


async def test_one_call_only(server: Server) -> None:
    call = await begun(server)
    other, events = bank(2)
    await server.publish(*events)
    reader = Reader(server.viewer(call=other.sid).stream(0))
    await reader.next()
    got = await reader.take(len(events))
    assert {each[2]["call"] for each in got} == {other.sid}
    await server.publish(final(call, "Not for you."), final(other, "For you."))
    assert (await reader.next())[2]["text"] == "For you."


async def test_partials_of_one_call_but_everything_that_lasts(server: Server) -> None:
    call = await begun(server)
    other, events = bank(2)
    await server.publish(*events)
    last = server.store.last_id()
    reader = Reader(server.viewer(partials=call.sid).stream(last))
    nobody = Reader(server.viewer(partials="none").stream(last))
    await reader.next()
    await nobody.next()

    def partial(of: Call) -> AnyEvent:
        return of.partial("Support", "I", utterance=f"p{of.sid}", revision=1, start_ms=of.ms)

    leg, track = other.place("Support")
    await server.publish(final(call, "Live now."))
    for each in (reader, nobody):
        assert (await each.next())[2]["text"] == "Live now."
    await server.publish(
        partial(other),
        LagChanged(call=other.sid, leg=leg, track=track, lag_ms=5000),
        partial(call),
        final(other, "Lasts."),
    )
    assert (await reader.next())[2]["call"] == call.sid
    assert (await reader.next())[2]["text"] == "Lasts."
    assert (await nobody.next())[2]["text"] == "Lasts."


async def test_a_failing_store_is_told_to_everyone(server: Server) -> None:
    call = await begun(server)
    last = server.store.last_id()
    reader = Reader(server.viewer(call=call.sid).stream(last))
    await reader.next()
    await server.publish(StoreFailed(call="", message="The disk is full."))
    assert (await reader.next())[2]["message"] == "The disk is full."


async def test_silence_is_broken_by_a_comment(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "HEARTBEAT_S", 0.01)
    stream = server.viewer().stream(0)
    await anext(stream)
    assert (await asyncio.wait_for(anext(stream), 10)).startswith(b":")


async def test_streams_end_when_the_server_stops(server: Server) -> None:
    stream = server.viewer().stream(0)
    await anext(stream)
    waiting = asyncio.ensure_future(_rest(stream))
    await asyncio.sleep(0)
    server.services.stopping.set()
    assert await asyncio.wait_for(waiting, 10) == []
    assert server.hub.viewers == 0


async def test_streams_end_when_the_hub_closes(server: Server) -> None:
    stream = server.viewer().stream(0)
    await anext(stream)
    server.hub.close()
    assert await asyncio.wait_for(_rest(stream), 10) == []


async def test_a_viewer_that_goes_leaves_nothing_behind(server: Server) -> None:
    stream = server.viewer().stream(0)
    await anext(stream)
    assert server.hub.viewers == 1
    await stream.aclose()  # type: ignore[attr-defined]
    assert server.hub.viewers == 0


async def _rest(stream: AsyncIterator[bytes]) -> list[bytes]:
    return [message async for message in stream]


async def test_a_long_history_is_read_in_pages(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "PAGE", 7)
    calls = [CallStarted(call=f"CA{number}", at="2026-01-15T10:00:00.000Z") for number in range(21)]
    await server.publish(*calls)
    reader = Reader(server.viewer().stream(0))
    await reader.next()
    assert [each[2]["call"] for each in await reader.take(21)] == [c.call for c in calls]


@pytest.mark.parametrize("cursor", ["x", "-1", "1.5", "9" * 30, "²"])
def test_a_bad_cursor_is_refused(tmp_path: Path, cursor: str) -> None:
    with open_store(tmp_path) as store:
        services = Services(settings=WebSettings(), registry=None, store=store, hub=Hub())
        services.stopping.set()
        client = Client(create_app(services))
        answer = client.get("/api/events", params={"after": cursor})
        assert answer.status_code == 400
        assert answer.json()["error"] == "bad-cursor"
        fine = client.get("/api/events", params={"after": "0"})
        assert fine.headers["content-type"].startswith("text/event-stream")
        store.append(bank()[1])
        wins = client.get("/api/events?after=0", headers={"last-event-id": "5"})
        assert b"id: 5\n" in wins.content
        assert b"reset" not in wins.content
        assert client.request("HEAD", "/api/events").status_code == 200


def test_a_cursor_of_another_record_is_told_so(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        ids = store.append(bank()[1])
        services = Services(settings=WebSettings(), registry=None, store=store, hub=Hub())
        services.stopping.set()
        client = Client(create_app(services))
        answer = client.get("/api/events", headers={"last-event-id": str(ids[-1] + 1)})
        assert b"id: %d\n\nevent: reset\n" % ids[-1] in answer.content
