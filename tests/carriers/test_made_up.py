"""Another carrier, with another wire format and signature, through the same calls from end to end."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from typing import Any

import httpx
from starlette.applications import Starlette

from callscribe.calls.plans import FlowDefaults, Flows, NumberFlow
from callscribe.calls.registry import CallRegistry
from callscribe.calls.setup import Setup
from callscribe.calls.speakers import Contacts
from callscribe.events import (
    AnyEvent,
    CallEnded,
    CallStarted,
    CallUpdated,
    FinalTranscript,
    ParticipantJoined,
)
from tests.calls.sessions import FakeSession
from tests.calls.world import ALICE, BOB, OURS
from tests.carriers.made_up import END, FRAME, SEAL, MadeUp, seal
from tests.wire.clockwork import Clockwork, clockwork, play

KEY = b"the account's own key"
EPOCH = dt.datetime(2026, 1, 15, 10, 0, 0, tzinfo=dt.UTC)


class Network:
    """The made-up carrier's side, and a server that it calls."""

    def __init__(self, loop: Clockwork) -> None:
        self.loop = loop
        self.events: list[AnyEvent] = []
        self.sessions: list[FakeSession] = []
        plan = NumberFlow(flow="forward", to=(BOB,))
        self.registry = CallRegistry(
            Setup(
                flows=Flows(plan, defaults=FlowDefaults(consent="Recorded.")),
                contacts=Contacts({ALICE: "Alice", BOB: "Bob"}),
                carrier="Made-up",
            ),
            publish=self._publish,
            open_session=self._open,
            clock=loop.time,
            wall=lambda: EPOCH + dt.timedelta(seconds=loop.time()),
        )
        self.app = Starlette(routes=MadeUp(self.registry, KEY).routes())
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app), base_url="https://calls.example.test"
        )

    async def _publish(self, event: AnyEvent) -> None:
        self.events.append(event)

    def _open(self, **given: Any) -> FakeSession:
        self.sessions.append(FakeSession(self.events.append, **given))
        return self.sessions[-1]

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    async def send(self, event: str, *, key: bytes = KEY, **more: str) -> httpx.Response:
        """A request; `when` is now."""
        when = (EPOCH + dt.timedelta(seconds=int(self.loop.time()))).isoformat()
        body = json.dumps({"event": event, "line": "L1", "when": when} | more).encode()
        return await self.client.post("/made-up", content=body, headers={SEAL: seal(key, body)})

    def media(self, path: str) -> asyncio.Queue[Any]:
        """A socket; what is put into the queue arrives at the server."""
        messages: asyncio.Queue[Any] = asyncio.Queue()
        scope: dict[str, Any] = {
            "type": "websocket",
            "path": path,
            "query_string": b"",
            "headers": [],
        }
        scope |= {"subprotocols": [], "asgi": {"version": "3.0"}}

        async def send(message: Any) -> None:
            if message["type"] == "websocket.close":
                messages.put_nowait({"type": "websocket.disconnect", "code": 1000})

        self._socket = asyncio.ensure_future(self.app(scope, messages.get, send))
        messages.put_nowait({"type": "websocket.connect"})
        hello = json.dumps({"line": "L1", "stream": "S1"})
        messages.put_nowait({"type": "websocket.receive", "text": hello})
        return messages

    async def talk(self, socket: asyncio.Queue[Any], seconds: float) -> None:
        """Both tracks, in real time."""
        began = self.loop.time()
        while self.loop.time() < began + seconds:
            for track in (1, 2):
                frame = FRAME.pack(track, round(self.loop.time() * 1000)) + b"\xff" * 160
                socket.put_nowait({"type": "websocket.receive", "bytes": frame})
            await asyncio.sleep(0.02)


async def forwarded(network: Network) -> None:
    """A call comes, is forwarded, answered after six seconds, and the callee hangs up."""
    answer = (await network.send("call", caller=ALICE, called=OURS)).json()
    assert [each["do"] for each in answer] == ["tap", "speak", "ring"]
    assert answer[2]["numbers"] == [BOB]
    socket = network.media(answer[0]["at"])
    await network.talk(socket, 2.0)
    await network.send("ringing-other", other="L2", called=BOB, state="ringing")
    await network.talk(socket, 4.0)
    await network.send("ringing-other", other="L2", called=BOB, state="in-progress")
    await network.talk(socket, 6.0)
    over = (await network.send("other-gone", other="L2", state="completed")).json()
    assert over == [{"do": "hang-up"}]
    socket.put_nowait({"type": "websocket.receive", "bytes": END})
    await network.send("line", state="completed")
    await asyncio.sleep(10)
    await network.client.aclose()
    await network.registry.close()


def test_a_forwarded_call_from_end_to_end() -> None:
    with clockwork() as loop:
        network = Network(loop)
        play(loop, forwarded(network))
    (started,) = network.of(CallStarted)
    assert (started.call, started.flow, started.from_name) == ("L1", "forward", "Alice")
    assert [p.speaker for p in network.of(ParticipantJoined)] == ["Alice", "Bob"]
    dial = [u.dial for u in network.of(CallUpdated) if u.dial][-1]
    assert (dial.status, dial.to, dial.leg) == ("completed", BOB, "L2")
    (session,) = network.sessions
    assert session.released["outbound"] <= 6000
    assert {f.speaker for f in network.of(FinalTranscript)} == {"Alice", "Bob"}
    (end,) = network.of(CallEnded)
    assert (end.status, end.ended_by) == ("completed", "Bob")


def test_a_seal_that_does_not_fit_is_refused() -> None:
    async def forge(network: Network) -> None:
        answer = await network.send("call", key=b"another", caller=ALICE, called=OURS)
        assert answer.status_code == 403
        assert network.events == []
        await network.client.aclose()

    with clockwork() as loop:
        play(loop, forge(Network(loop)))


def test_a_socket_that_breaks_off_loses_no_words() -> None:
    async def broken(network: Network) -> None:
        answer = (await network.send("call", caller=ALICE, called=OURS)).json()
        socket = network.media(answer[0]["at"])
        await network.talk(socket, 2.0)
        socket.put_nowait({"type": "websocket.disconnect", "code": 1006})
        await asyncio.sleep(60)
        await network.client.aclose()

    with clockwork() as loop:
        network = Network(loop)
        play(loop, broken(network))
    assert [f.speaker for f in network.of(FinalTranscript)] == ["Alice"]
    assert len(network.of(CallEnded)) == 1
