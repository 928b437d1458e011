"""The shell around the machine: what takes time, fails, or must not hold anything up."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest

from callscribe.calls import registry as shell
from callscribe.calls.plans import Flows, NumberFlow
from callscribe.calls.registry import CallRegistry
from callscribe.calls.setup import Setup
from callscribe.carriers.base import (
    CallCame,
    CallInfo,
    Feed,
    LegChanged,
    Listen,
    PersonInRoom,
    Refuse,
)
from callscribe.errors import CallscribeError, CarrierError, ModelError, NotLiveError, StoreError
from callscribe.events import (
    AnyEvent,
    CallEnded,
    CallStarted,
    FinalTranscript,
    ParticipantJoined,
    StreamCounters,
    StreamStarted,
)
from callscribe.records import CallRecord
from callscribe.store.base import Archive
from callscribe.store.opening import open_store
from tests.calls.sessions import QUICK, FakeSession, until
from tests.calls.world import ALICE, BOB, CALL, LEG, OURS


class Api:
    """The carrier, as asked: notes what."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []
        self.tickets: list[str] = []
        self.refuse = ""

    def _ask(self, *what: str) -> None:
        self.asked.append(what)
        if self.refuse:
            raise CarrierError(self.refuse)

    def start_stream(
        self, leg: str, *, ticket: str, track: Literal["inbound", "both"], name: str
    ) -> str:
        self.tickets.append(ticket)
        self._ask("start", leg, track, name)
        return "MZ"

    def stop_stream(self, leg: str, stream: str) -> None:
        self._ask("stop", leg, stream)

    def end_call(self, leg: str) -> None:
        self._ask("end", leg)

    def place_call(self, *, to: str, from_: str, connect: str) -> str:
        self._ask("call", to, from_, connect)
        return CALL

    def live_calls(self) -> list[CallInfo]:
        return [CallInfo(leg=CALL, from_=ALICE, to=OURS), CallInfo(leg=LEG, from_=ALICE, to=OURS)]

    def fetch_call(self, leg: str) -> CallInfo:
        self._ask("fetch", leg)
        return CallInfo(leg=leg, from_=ALICE, to=OURS, status="in-progress")


class Shell:
    """A registry with things around it that can be slow or broken."""

    def __init__(
        self, *, store: Archive | None = None, api: Api | None = None, **more: Any
    ) -> None:
        self.events: list[AnyEvent] = []
        self.sessions: list[FakeSession] = []
        self.now = 1000.0
        self.disk = asyncio.Event()
        self.disk.set()
        self.broken = False
        self._store = store
        self.registry = CallRegistry(
            Setup(flows=more.pop("flows", Flows()), own_number=OURS, options=QUICK),
            publish=self.publish,
            open_session=self._open,
            api=api,
            recall=more.pop("recall", self._recall if store is not None else None),
            clock=lambda: self.now,
        )

    async def publish(self, event: AnyEvent) -> None:
        await self.disk.wait()
        self._keep(event)

    async def _recall(self, leg: str) -> CallRecord | None:
        return self._store.call(leg) if self._store is not None else None

    def _keep(self, event: AnyEvent) -> None:
        self.events.append(event)
        if self._store is not None:
            self._store.append([event])

    def _open(self, **given: Any) -> FakeSession:
        if self.broken:
            raise ModelError("The model is broken.")
        self.sessions.append(FakeSession(self._keep, **given))
        return self.sessions[-1]

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    async def call(self, leg: str = CALL) -> str:
        """A call comes in; the ticket."""
        listen = (await self.registry.tell(CallCame(leg=leg, from_=ALICE, to=OURS)))[0]
        assert isinstance(listen, Listen)
        return listen.ticket

    def socket(self, ticket: str, leg: str = CALL, sid: str = "MZ1") -> Feed:
        admitted = self.registry.admit(ticket)
        assert admitted is not None
        return self.registry.stream_opened(
            admitted, leg=leg, stream=sid, tracks=("inbound", "outbound")
        )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Archive]:
    with open_store(tmp_path) as store:
        yield store


async def test_a_call_is_answered_and_heard_while_the_disk_stands_still() -> None:
    s = Shell()
    s.disk.clear()
    feed = s.socket(await s.call())
    feed.receive("inbound", 0, b"\xff" * 160, 1)
    assert s.sessions[0].received
    assert not s.of(CallStarted)
    s.disk.set()
    await until(lambda: len(s.of(ParticipantJoined)) == 2)
    assert [type(e) for e in s.events[:2]] == [CallStarted, StreamStarted]
    await s.registry.close()


async def test_a_store_that_does_not_answer_holds_up_no_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shell, "RECALL_S", 0.01)
    stuck = asyncio.Event()
    asked: list[str] = []

    async def recall(leg: str) -> CallRecord | None:
        asked.append(leg)
        await stuck.wait()
        return None

    s = Shell(recall=recall)
    assert await s.call()
    assert await s.call(LEG)
    assert asked == [CALL], "the second call does not even ask"
    stuck.set()
    await until(lambda: not s.registry._unanswered)
    await s.registry.close()


@pytest.mark.parametrize(
    "fault", [StoreError("locked."), PermissionError(13, "denied"), KeyError()]
)
async def test_a_store_that_fails_costs_no_call(fault: Exception) -> None:
    async def recall(leg: str) -> CallRecord | None:
        raise fault

    s = Shell(recall=recall)
    assert await s.call()
    await s.registry.close()


async def test_news_is_acknowledged_once_it_is_written_down() -> None:
    s = Shell(flows=Flows(NumberFlow(flow="conference", room="support")))
    await s.call()
    s.disk.clear()
    about: dict[str, Any] = {"conference": "CF1", "room": "support", "leg": CALL}
    news = asyncio.ensure_future(s.registry.tell(PersonInRoom(**about, change="joined")))
    await asyncio.sleep(0)
    assert not news.done()
    s.disk.set()
    await news
    assert s.of(ParticipantJoined)
    await s.registry.close()


async def test_a_recogniser_that_cannot_start_closes_the_socket_and_ends_the_call() -> None:
    s = Shell()
    ticket = await s.call()
    s.broken = True
    with pytest.raises(ModelError, match="broken"):
        s.socket(ticket)
    await s.registry.tell(LegChanged(leg=CALL, status="completed"))
    await until(lambda: bool(s.of(CallEnded)))


async def test_a_later_stream_that_nothing_can_take_says_so_where_its_audio_comes() -> None:
    s = Shell()
    first, second = await s.call(), await s.call()
    s.socket(first)
    s.broken = True
    feed = s.socket(second, sid="MZ2")
    feed.receive("inbound", 0, b"\xff" * 160, None)
    s.now += 1
    with pytest.raises(ModelError):
        feed.receive("inbound", 1000, b"\xff" * 160, None)
    await feed.closed("refused: no recogniser")
    await s.registry.close()


async def test_closing_waits_for_calls_that_are_ending_already() -> None:
    s = Shell()
    feed = s.socket(await s.call())
    feed.receive("inbound", 0, b"\xff" * 160, 1)
    slow = asyncio.Event()
    close = s.sessions[0].close

    async def close_slowly(reason: str) -> StreamCounters:
        await slow.wait()
        return await close(reason)

    s.sessions[0].close = close_slowly  # type: ignore[method-assign]
    ending = asyncio.ensure_future(feed.closed("stop"))
    await s.registry.tell(LegChanged(leg=CALL, status="completed"))
    assert not s.of(CallEnded), "Twilio's callback is answered before the last words"
    closing = asyncio.ensure_future(s.registry.close())
    await asyncio.sleep(0)
    assert not closing.done()
    slow.set()
    await asyncio.gather(closing, ending)
    assert len(s.of(FinalTranscript)) == len(s.of(CallEnded)) == 1
    assert await s.registry.tell(CallCame(leg=LEG)) == (Refuse(),)


async def test_dial() -> None:
    api = Api()
    s = Shell(api=api)
    assert await s.registry.dial(BOB) == CALL
    assert api.asked == [("call", BOB, OURS, "")]
    assert [e.to for e in s.of(CallStarted)] == [BOB]
    await s.registry.close()


async def test_attach_and_detach() -> None:
    api = Api()
    s = Shell(api=api)
    assert await s.registry.attach(LEG) == LEG
    assert api.asked == [("fetch", LEG), ("start", LEG, "both", "callscribe-1")]
    s.socket(api.tickets[0], LEG)
    await s.registry.detach(LEG)
    assert api.asked[-1] == ("stop", LEG, "MZ1")
    await s.registry.close()


async def test_only_calls_that_are_not_transcribed_can_be_attached_to() -> None:
    s = Shell(api=Api())
    await s.call()
    assert [info.leg for info in await s.registry.attachable()] == [LEG]
    await s.registry.close()


async def test_attach_that_the_carrier_refuses_says_why_and_ends_the_record() -> None:
    api = Api()
    s = Shell(api=api)
    api.fetch_call = lambda leg: CallInfo(leg=leg)  # type: ignore[method-assign]
    api.refuse = "error 21220"
    with pytest.raises(CarrierError, match="21220"):
        await s.registry.attach(LEG)
    await until(lambda: bool(s.of(CallEnded)))
    assert s.of(CallEnded)[0].status == "failed"


async def test_hanging_up_ends_the_call_that_came() -> None:
    api = Api()
    s = Shell(api=api)
    await s.call()
    await s.registry.hang_up(CALL)
    assert api.asked[-1] == ("end", CALL)
    api.refuse = "error 21220"
    with pytest.raises(CarrierError, match="21220"):
        await s.registry.hang_up(CALL)
    with pytest.raises(NotLiveError):
        await s.registry.hang_up("CAother")
    await s.registry.close()


@pytest.mark.parametrize("wish", ["dial", "attach", "detach", "hang_up"])
async def test_without_an_account_it_is_said_what_is_missing(wish: str) -> None:
    with pytest.raises(CallscribeError, match="TWILIO_ACCOUNT_SID"):
        await getattr(Shell().registry, wish)(CALL)


async def over(s: Shell) -> None:
    """A call from beginning to end."""
    feed = s.socket(await s.call())
    feed.receive("inbound", 0, b"\xff" * 160, 1)
    await feed.closed("stop")
    await s.registry.tell(LegChanged(leg=CALL, status="completed"))
    await until(lambda: bool(s.of(CallEnded)))


async def test_the_speakers_of_a_call_that_is_over_can_be_renamed(store: Archive) -> None:
    s = Shell(store=store)
    await over(s)
    await s.registry.rename(CALL, CALL, "inbound", " Zoe ")
    await s.registry.swap(CALL)
    record = store.call(CALL)
    assert record is not None
    assert {t.track: t.speaker for t in record.tracks} == {"inbound": "Callee", "outbound": "Zoe"}
    with pytest.raises(CallscribeError, match="Someone else"):
        await s.registry.rename(CALL, CALL, "inbound", "Zoe")
    with pytest.raises(CallscribeError, match="no speaker"):
        await s.registry.rename(CALL, LEG, "inbound", "Yan")


async def test_a_call_that_another_process_had_can_be_renamed(store: Archive) -> None:
    await over(Shell(store=store))
    await Shell(store=store).registry.rename(CALL, CALL, "outbound", "Zoe")
    record = store.call(CALL)
    assert record is not None
    assert "Zoe" in {t.speaker for t in record.tracks}


async def test_a_call_that_nobody_knows_cannot_be_renamed(store: Archive) -> None:
    for s in (Shell(), Shell(store=store)):
        with pytest.raises(NotLiveError, match="no call CAnobody"):
            await s.registry.rename("CAnobody", CALL, "inbound", "Zoe")


async def test_a_call_can_be_paused_while_the_disk_stands_still(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shell, "SHOWN_S", 0.01)
    s = Shell()
    s.disk.clear()
    s.socket(await s.call())
    await s.registry.pause(CALL)
    assert s.sessions[0].paused
    await s.registry.resume(CALL)
    s.disk.set()
    await until(lambda: not s.sessions[0].paused)
    await s.registry.close()
