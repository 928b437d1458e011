"""The real registry under scripted calls: what is done on a page or by a command is done to it.

The script tells what happens on a call; here the call is brought up beside it, so that pausing it, naming its people
and all the rest are taken, or refused, by the same code as in the product.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable
from typing import Literal

from callscribe.calls.plans import Flows
from callscribe.calls.registry import CallRegistry
from callscribe.calls.setup import Setup
from callscribe.calls.speakers import Contacts
from callscribe.carriers.base import CallCame, CallInfo, Feed, LegChanged, Listen
from callscribe.errors import CarrierError
from callscribe.events import (
    AnyEvent,
    CallEnded,
    CallStarted,
    SpeakerRenamed,
    TranscriptionPaused,
    TranscriptionResumed,
)
from callscribe.records import CallRecord
from tests.calls.sessions import FakeSession

Read = Callable[[str], CallRecord | None]
"""The store's `call`."""
PLACED = "CA" + "d" * 32
OURS = "+15005550006"
DOINGS = (SpeakerRenamed, TranscriptionPaused, TranscriptionResumed)
"""What people do. All else is told by the script."""


class Names(Contacts):
    """A contact book that the scripts write."""

    def __init__(self) -> None:
        self.known: dict[str, str] = {}

    def name(self, number: str) -> str:
        return self.known.get(number, "")


class Api:
    """The carrier, as asked: notes what; the streams that it is asked for are opened by `LiveCalls`."""

    def __init__(self) -> None:
        self.placed: list[tuple[str, str]] = []
        self.refuse = ""
        self.tickets: list[tuple[str, str]] = []

    def _note(self, *what: str) -> None:
        if self.refuse:
            raise CarrierError(self.refuse)
        self.placed.append(what)  # type: ignore[arg-type]

    def end_call(self, leg: str) -> None:
        self._note("hangup", leg)

    def place_call(self, *, to: str, from_: str, connect: str) -> str:
        self._note(to, connect)
        return PLACED

    def live_calls(self) -> list[CallInfo]:
        return [CallInfo(leg="CA" + "e" * 32, from_="+15005550010", to=OURS, caller_name="Zoë")]

    def fetch_call(self, leg: str) -> CallInfo:
        self._note("attach", leg)
        return CallInfo(leg=leg, from_="+15005550010", to=OURS, status="in-progress")

    def start_stream(
        self, leg: str, *, ticket: str, track: Literal["inbound", "both"], name: str
    ) -> object:
        self.tickets.append((leg, ticket))
        return None

    def stop_stream(self, leg: str, stream: str) -> None:
        self._note("detach", leg)


class LiveCalls:
    """A registry, and the scripted calls that are up in it.

    Args:
        publish: the journal's; gets what people do.
        recall: the store's.
    """

    def __init__(self, publish: Callable[[AnyEvent], Awaitable[None]], recall: Read) -> None:
        self.api = Api()
        self.now_ms = 0
        """The present on every call's line."""
        self._names = Names()
        self._following = False
        self._read = recall
        self._publish_doing = publish
        self.registry = CallRegistry(
            Setup(flows=Flows(), contacts=self._names, own_number=OURS),
            publish=self._publish,
            open_session=lambda **given: FakeSession(lambda event: None, **given),
            api=self.api,
            recall=self._recall,
            clock=lambda: 1000.0 + self.now_ms / 1000,
            wall=lambda: dt.datetime(2026, 1, 15, tzinfo=dt.UTC),
        )
        self.streams: dict[str, Feed] = {}

    async def _recall(self, sid: str) -> CallRecord | None:
        return None if self._following else self._read(sid)

    async def _publish(self, event: AnyEvent) -> None:
        if isinstance(event, DOINGS):
            await self._publish_doing(event)

    async def follow(self, event: AnyEvent) -> None:
        """The script says that a call begins or ends."""
        if isinstance(event, CallStarted) and event.flow != "conference":
            self._names.known |= {event.from_: event.from_name, event.to: event.to_name}
            came = CallCame(leg=event.call, from_=event.from_, to=event.to)
            self._following = True  # that it is written down already is the script's doing
            answer = await self.registry.tell(came)
            self._following = False
            for each in answer:
                if isinstance(each, Listen):
                    self.listen(event.call, each.ticket)
        elif isinstance(event, CallEnded):
            await self.lose(event.call)

    def listen(self, leg: str, ticket: str) -> None:
        """The stream that was asked for opens."""
        admitted = self.registry.admit(ticket)
        if admitted is not None:
            self.streams[leg] = self.registry.stream_opened(
                admitted, leg=leg, stream=f"MZ{leg}", tracks=("inbound", "outbound")
            )

    def open_asked(self) -> None:
        """Streams that the carrier was asked for open."""
        tickets, self.api.tickets = self.api.tickets, []
        for leg, ticket in tickets:
            self.listen(leg, ticket)

    async def lose(self, call: str) -> None:
        """The call is over, whatever the script says."""
        feed = self.streams.pop(call, None)
        if feed is not None:
            await feed.closed("stop")
        await self.registry.tell(LegChanged(leg=call, status="completed"))


def no_calls(read: Read) -> CallRegistry:
    """A registry without any live call, whose carrier refuses everything."""

    async def drop(event: AnyEvent) -> None:
        pass

    async def recall(sid: str) -> CallRecord | None:
        return read(sid)

    api = Api()
    api.refuse = "Twilio refused."
    return CallRegistry(
        Setup(own_number=OURS),
        publish=drop,
        open_session=lambda **given: FakeSession(lambda event: None, **given),
        api=api,
        recall=recall,
    )
