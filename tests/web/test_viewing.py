"""The pages' stream: what a page is sent, from wherever it stands."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from callscribe.errors import StoreError
from callscribe.events import AnyEvent, CallDeleted, CallStarted, SpeakerRenamed, TextDeleted
from callscribe.journal.hub import Hub
from callscribe.journal.journal import Journal
from callscribe.store.base import Archive
from callscribe.store.opening import open_store
from callscribe.web import boards, callboard, listboard, viewing
from callscribe.web.boards import Boards
from callscribe.web.drawing import Drawing
from callscribe.web.services import Services, WebSettings
from callscribe.web.viewing import Stream
from tests.web.script import Call, bank

Message = tuple[str, str, list[list[Any]]]
"""Id, name, steps."""


class Server:
    """Store, hub, journal and boards, without sockets."""

    def __init__(self, store: Archive) -> None:
        self.store = store
        self.hub = Hub(store.last_id())
        self.journal = Journal(store, self.hub)
        self.services = Services(settings=WebSettings(), registry=None, store=store, hub=self.hub)
        self.boards = Boards(self.services, Drawing())

    async def publish(self, *events: AnyEvent) -> None:
        for event in events:
            await self.journal.publish(event)

    def open(self, call: str | None, seen: str = "", *, calls: bool = False) -> Reader:
        stream = Stream(self.services, self.boards, call=call, calls=calls)
        return Reader(stream.messages(seen))


class Reader:
    """One page."""

    def __init__(self, messages: AsyncIterator[bytes]) -> None:
        self.messages = messages
        self.seen = ""

    async def next(self) -> Message:
        """The next message with steps."""
        while True:
            message = (await asyncio.wait_for(anext(self.messages), 10)).decode()
            fields = dict(line.partition(": ")[::2] for line in message.rstrip("\n").split("\n"))
            self.seen = fields.get("id", self.seen)
            if "data" in fields:
                return fields.get("id", ""), fields["event"], json.loads(fields["data"])

    async def until(self, words: str) -> list[Message]:
        """All messages up to the one in which these words are."""
        found = []
        while True:
            found.append(await self.next())
            if any(words in json.dumps(step, ensure_ascii=False) for step in found[-1][2]):
                return found

    async def close(self) -> None:
        await self.messages.aclose()  # type: ignore[attr-defined]


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    with open_store(tmp_path) as store:
        server = Server(store)
        yield server
        server.services.stopping.set()
        server.hub.close()
        await server.journal.close()


async def begun(server: Server, number: int = 1) -> Call:
    call, events = bank(number)
    await server.publish(*events)
    return call


async def test_a_page_without_a_past_gets_everything_and_then_what_changes(server: Server) -> None:
    call = await begun(server)
    page = server.open(call.sid)
    _, name, steps = await page.next()
    assert name == "call"
    assert steps[0][0] == "talk"
    assert "Harbour" in steps[0][1]
    await server.publish(call.final("Support", "Here."))
    *_, (_, _, steps) = await page.until("Here.")
    assert "talk" not in {step[0] for step in steps}
    await page.close()


async def test_a_page_that_was_away_gets_what_it_missed(server: Server) -> None:
    call = await begun(server)
    page = server.open(call.sid)
    await page.next()
    await server.publish(call.final("Support", "One."))
    await page.until("One.")
    await page.close()
    await server.publish(call.final("Support", "Two."), call.final("Support", "Three."))
    again = server.open(call.sid, page.seen)
    got = json.dumps([message[2] for message in await again.until("Three.")])
    assert "Two." in got
    assert "Harbour" not in got
    await again.close()


async def test_another_server_s_page_gets_everything(server: Server) -> None:
    call = await begun(server)
    page = server.open(call.sid, "0badcafe.7_")
    assert (await page.next())[2][0][0] == "talk"
    await page.close()


async def test_a_slow_page_skips_what_newer_pieces_replaced(server: Server) -> None:
    call = await begun(server)
    slow = server.open(call.sid)
    await slow.next()
    script = list(call.spoken("Support", "Word by word by word by word.", start_ms=call.ms + 300))
    await server.publish(*script)
    await server.publish(*(call.final("Support", f"Sentence {n}.") for n in range(40)))
    other = server.open(call.sid)
    await other.next()
    await server.publish(call.final("Support", "The end."))
    await other.until("The end.")
    messages = await slow.until("The end.")
    assert len(messages) == 1
    assert len([step for step in messages[0][2] if step[0] == "say"]) == callboard.SAID
    await slow.close()
    await other.close()


async def test_the_list_tells_of_all_calls(server: Server) -> None:
    call = await begun(server)
    page = server.open(None, calls=True)
    _, name, steps = await page.next()
    assert name == "list"
    assert steps[0] == ["items", [f"call-{call.sid}"]]
    other = await begun(server, 2)
    messages = await page.until(other.sid)
    assert {step[1] for message in messages for step in message[2]} == {f"call-{other.sid}"}
    leg, track = call.place("Alice Adams")
    await server.publish(SpeakerRenamed(call=call.sid, leg=leg, track=track, speaker="Dr. Adams"))
    await page.until("Dr. Adams")
    await server.publish(*call.end())
    _, _, steps = (await page.until('data-rank=\\"0 '))[-1]
    assert steps[-1][1] == f"call-{call.sid}"
    await page.close()


async def test_both_come_on_one_connection(server: Server) -> None:
    call = await begun(server)
    page = server.open(call.sid, calls=True)
    assert {(await page.next())[1], (await page.next())[1]} == {"call", "list"}
    assert page.seen.count(".") == 2
    again = server.open(call.sid, page.seen, calls=True)
    await server.publish(call.final("Support", "Here."))
    names = {(await again.next())[1], (await again.next())[1]}
    assert names == {"call", "list"}
    await page.close()
    await again.close()


async def test_a_call_that_is_not_here_is_gone(server: Server) -> None:
    page = server.open("CAnone")
    assert (await page.next())[1] == "gone"
    with pytest.raises(StopAsyncIteration):
        await page.next()


async def test_a_call_that_is_deleted_goes_from_its_page_and_from_the_list(server: Server) -> None:
    call = await begun(server)
    other = await begun(server, 2)
    page, lists = server.open(call.sid), server.open(None, calls=True)
    await page.next()
    await lists.next()
    await server.publish(CallDeleted(call=call.sid))
    assert (await page.next())[1] == "gone"
    assert (await lists.next())[2] == [["drop", f"call-{call.sid}"]]
    await server.publish(other.final("Support", "Still here."))
    await lists.until("Still here.")
    await lists.close()


async def test_text_that_is_deleted_goes_from_pages_and_the_list(server: Server) -> None:
    call = await begun(server)
    await server.publish(call.final("Support", "The xylotrapezium."), *call.end())
    page, lists = server.open(call.sid), server.open(None, calls=True)
    assert "xylotrapezium" in str(await page.next())
    assert "xylotrapezium" in str(await lists.next())
    server.store.erase([call.sid], "text")
    await server.publish(TextDeleted(call=call.sid))
    assert (await page.next())[1] == "gone"  # and is loaded again
    again = server.open(call.sid)
    assert "xylotrapezium" not in str(await again.next())
    _, _, steps = await lists.next()
    assert (steps[0][:2], "xylotrapezium" in str(steps)) == (["item", f"call-{call.sid}"], False)
    await lists.close()
    await again.close()


async def test_what_the_store_cannot_write_is_shown_all_the_same(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page opened during an outage shows the calls that began in it, and so does its list."""

    def full(*_: object, **__: object) -> list[int]:
        raise StoreError("disk full")

    old = await begun(server)
    lists = server.open(None, calls=True)
    await lists.next()
    monkeypatch.setattr(server.store, "append", full)
    call, events = bank(2)
    await server.publish(*events)
    await server.publish(*old.end(ended_by="Support"))
    await lists.until(call.sid)
    page = server.open(call.sid)
    assert "Harbour" in (await page.next())[2][0][1]
    with server.boards.list() as kept:
        shown = kept.board.calls()
    assert [(each.id, each.status) for each in shown] == [
        (call.sid, "in-progress"),
        (old.sid, "completed"),
    ]
    await page.close()
    await lists.close()


async def test_silence_is_broken_by_a_comment(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(viewing, "HEARTBEAT_S", 0.01)
    stream = server.open(None, calls=True)
    await stream.next()
    assert (await asyncio.wait_for(anext(stream.messages), 10)).startswith(b":")


@pytest.mark.parametrize("how", ["server", "hub"])
async def test_pages_end_with_the_server(server: Server, how: str) -> None:
    call = await begun(server)
    page = server.open(call.sid, calls=True)
    await page.next()
    await page.next()
    waiting = asyncio.ensure_future(_rest(page))
    await asyncio.sleep(0)
    if how == "server":
        server.services.stopping.set()
    else:
        server.hub.close()
    assert await asyncio.wait_for(waiting, 10) == []


async def _rest(page: Reader) -> list[bytes]:
    return [message async for message in page.messages]


async def test_a_call_nobody_looks_at_is_let_go(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boards, "LINGER_S", 0.0)
    call = await begun(server)
    page = server.open(call.sid)
    await page.next()
    assert server.hub.viewers == 1
    await page.close()
    for _ in range(1000):
        if not server.hub.viewers:
            break
        await asyncio.sleep(0)
    assert server.hub.viewers == 0


async def test_a_long_record_is_read_in_pages(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listboard, "PAGE", 3)
    call = await begun(server)
    page = server.open(None, calls=True)
    await page.next()
    await server.publish(call.final("Support", "Here."))
    await page.until("Here.")
    await server.publish(CallStarted(call="CAnew", from_name="Newcomer"))
    await page.until("Newcomer")
    await page.close()
