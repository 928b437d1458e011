"""Stand-ins for the parts that the registry works with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Literal, TypeVar
from xml.etree.ElementTree import Element, fromstring

from callscribe.calls.book import CallBook, RegistryOptions
from callscribe.calls.flows import Flows, NumberFlow
from callscribe.calls.registry import CallRegistry
from callscribe.calls.speakers import Contacts
from callscribe.calls.streams import OpenStream
from callscribe.carriers.twilio.resources import CallInfo
from callscribe.carriers.twilio.stream import Media, Started
from callscribe.carriers.twilio.urls import CarrierUrls
from callscribe.carriers.twilio.webhook import CallStatusChanged, IncomingCall
from callscribe.errors import CarrierError, ModelError
from callscribe.events import (
    AnyEvent,
    CallEnded,
    FinalTranscript,
    StreamCounters,
    StreamEnded,
    StreamStarted,
    Track,
)
from callscribe.records import CallRecord

CALL = "CA" + "a1" * 16
LEG = "CA" + "b2" * 16
THIRD = "CA" + "c3" * 16
ALICE = "+15005550010"
OURS = "+15005550006"

E = TypeVar("E", bound=AnyEvent)

QUICK = RegistryOptions(
    stop_grace_s=0.05,
    settle_s=0.05,
    lost_grace_s=1.0,
    no_stream_s=5.0,
    hold_grace_s=0.1,
    restart_s=0.01,
    no_word_s=0.03,
)


class FakeSession:
    """Keeps what it was given; its last words come at `close`."""

    def __init__(
        self,
        publish: Callable[[AnyEvent], None],
        call: str,
        leg: str,
        stream: str,
        tracks: Sequence[Track],
        speakers: Callable[[Track], str],
        offset_ms: int,
        plan: NumberFlow,
    ) -> None:
        self.publish = publish
        self.plan = plan
        self.call, self.leg, self.stream, self.offset_ms = call, leg, stream, offset_ms
        self.tracks = tuple(tracks)
        self.speakers = speakers
        self.received: list[tuple[Track, int, bytes]] = []
        self.held: set[Track] = set()
        self.released: dict[Track, int] = {}
        self.paused = False
        self.closed = ""

    async def start(self) -> None:
        self.publish(
            StreamStarted(
                call=self.call,
                leg=self.leg,
                stream=self.stream,
                tracks=self.tracks,
                offset_ms=self.offset_ms,
            )
        )

    def receive(self, track: Track, timestamp_ms: int, payload: bytes, chunk: int | None) -> None:
        assert not self.closed
        self.received.append((track, timestamp_ms, payload))

    async def pause(self) -> None:
        self.paused = True

    async def resume(self) -> None:
        self.paused = False

    def hold_back(self, track: Track) -> None:
        self.held.add(track)

    def release(self, track: Track, from_ms: int) -> None:
        self.held.discard(track)
        self.released[track] = from_ms

    async def close(self, reason: str) -> StreamCounters:
        assert not self.closed, "closed twice"
        self.closed = reason
        await asyncio.sleep(0)
        for track in dict.fromkeys(track for track, _, _ in self.received):
            if track not in self.held:
                self.publish(
                    FinalTranscript(
                        call=self.call,
                        leg=self.leg,
                        track=track,
                        speaker=self.speakers(track),
                        utterance=f"{self.stream}-{track}",
                        revision=1,
                        text="last words",
                        raw_text="last words",
                        start_ms=self.offset_ms,
                        end_ms=self.offset_ms + 20,
                        words=(),
                    )
                )
        counters = StreamCounters(frames=len(self.received))
        self.publish(
            StreamEnded(
                call=self.call, leg=self.leg, stream=self.stream, reason=reason, counters=counters
            )
        )
        return counters


class FakeApi:
    """The carrier's REST side: notes what was asked."""

    def __init__(self) -> None:
        self.started: list[dict[str, str]] = []
        self.stopped: list[tuple[str, str]] = []
        self.created: list[dict[str, str]] = []
        self.calls: dict[str, CallInfo] = {}
        self.refuse: str = ""

    def start_stream(
        self,
        call_sid: str,
        *,
        url: str,
        track: Literal["inbound_track", "both_tracks"],
        name: str,
        status_callback: str,
    ) -> str:
        if self.refuse:
            raise CarrierError(self.refuse)
        self.started.append({"call": call_sid, "url": url, "track": track, "name": name})
        return "MZ" + "00" * 16

    def stop_stream(self, call_sid: str, stream: str) -> None:
        self.stopped.append((call_sid, stream))

    def create_call(self, *, to: str, from_: str, url: str, status_callback: str) -> str:
        self.created.append({"to": to, "from": from_, "url": url, "status": status_callback})
        return CALL

    def fetch_call(self, call_sid: str) -> CallInfo:
        if call_sid not in self.calls:
            raise CarrierError(f"There is no call {call_sid}.")
        return self.calls[call_sid]


class World:
    """A registry with fakes around it, and the clock in hand."""

    def __init__(
        self,
        *,
        flows: Flows | None = None,
        contacts: dict[str, str] | None = None,
        api: bool = False,
        options: RegistryOptions = QUICK,
        kept: CallRecord | None = None,
    ) -> None:
        """
        Args:
            kept: the one call that the store has.
        """
        self.now = 1000.0
        self.events: list[AnyEvent] = []
        self.sessions: list[FakeSession] = []
        self.api = FakeApi()
        self.book = CallBook(
            publish=self._publish,
            flows=flows or Flows(),
            contacts=Contacts(contacts),
            urls=CarrierUrls("https://calls.example.test"),
            api=self.api if api else None,
            own_number=OURS,
            recall=lambda sid: kept if kept is not None and kept.call.id == sid else None,
            options=options,
            clock=lambda: self.now,
        )
        self.registry = CallRegistry(self.book, self._open)
        self.broken = False
        """No session can be opened."""
        self._streams = 0

    async def _publish(self, event: AnyEvent) -> None:
        await asyncio.sleep(0)
        self.events.append(event)

    def _open(
        self,
        *,
        call: str,
        leg: str,
        stream: str,
        tracks: Sequence[Track],
        speakers: Callable[[Track], str],
        offset_ms: int,
        plan: NumberFlow,
    ) -> FakeSession:
        if self.broken:
            raise ModelError("The model is broken.")
        session = FakeSession(
            self.events.append, call, leg, stream, tracks, speakers, offset_ms, plan
        )
        self.sessions.append(session)
        return session

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    async def call(self, sid: str = CALL, *, from_: str = ALICE, to: str = OURS) -> Element:
        """A voice request; the TwiML."""
        answer = await self.registry.incoming(
            IncomingCall(call_sid=sid, from_=from_, to=to, direction="inbound", status="ringing")
        )
        return fromstring(answer)

    async def socket(
        self,
        twiml: Element | str,
        sid: str = CALL,
        tracks: tuple[Track, ...] = ("inbound", "outbound"),
    ) -> OpenStream:
        """The carrier obeys `<Start><Stream>`."""
        ticket = self.registry.redeem(ticket_in(twiml))
        assert ticket is not None
        self._streams += 1
        started = Started(f"MZ{self._streams:032x}", sid, "AC", tracks, {})
        return await self.registry.stream_opened(ticket, started)

    async def speak(
        self, stream: OpenStream, from_ms: int, to_ms: int, *tracks: Track, late_s: float = 0.0
    ) -> None:
        """Frames of 20 ms, in time; the clock goes along."""
        began = self.now - from_ms / 1000
        for timestamp_ms in range(from_ms, to_ms, 20):
            self.now = began + timestamp_ms / 1000 + late_s
            for track in tracks or ("inbound",):
                media = Media(track, timestamp_ms, b"\xff" * 160, None)
                if stream.ready:
                    stream.receive(media)
                else:
                    await stream.settle(media)

    async def ended(self) -> CallEnded:
        """Wait for the end of the (only) record."""
        await until(lambda: bool(self.of(CallEnded)))
        await asyncio.sleep(0.01)
        (end,) = self.of(CallEnded)
        assert isinstance(self.events[-1], CallEnded), "something came after the end"
        return end


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that happens beside."""
    for _ in range(2000):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise TimeoutError


def completed(sid: str = CALL, status: str = "completed") -> CallStatusChanged:
    """The carrier's word that a call is over."""
    return CallStatusChanged(call_sid=sid, status=status, sequence=0)


def ticket_in(twiml: Element | str) -> str:
    if isinstance(twiml, str):
        return twiml.rpartition("/")[2]
    stream = twiml.find("Start/Stream")
    assert stream is not None
    return stream.attrib["url"].rpartition("/")[2]
