"""The server's calls under the wire: routes, calls and store as in the product, recognition left out.

The one place that knows how the product is put together; scenarios and golden files don't.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
import requests
from starlette.applications import Starlette

from callscribe.calls.plans import FlowDefaults, Flows, NumberFlow
from callscribe.calls.registry import CallRegistry
from callscribe.calls.setup import Setup
from callscribe.calls.speakers import Contacts
from callscribe.carriers.twilio.api import TwilioApi
from callscribe.carriers.twilio.client import CarrierClient
from callscribe.carriers.twilio.routes import carrier_routes
from callscribe.carriers.twilio.urls import CarrierUrls
from callscribe.events import (
    EPHEMERAL,
    AnyEvent,
    FinalTranscript,
    StreamCounters,
    StreamEnded,
    StreamStarted,
    Track,
)
from callscribe.records import CallRecord
from callscribe.store.base import Archive
from callscribe.store.opening import open_store
from tests.wire.clockwork import Clockwork
from tests.wire.twilio import ACCOUNT, ALICE, BOB, EPOCH, EVE, ORIGIN, OURS, Rest, Twilio

CONTACTS = {ALICE: "Alice", BOB: "Bob", EVE: "Eve"}
DEFAULTS = FlowDefaults(greeting="Hello.", consent="This call is transcribed.", hold_seconds=700)


class Session:
    """A stream's audio: what is done to it is written down; one last word a track when it closes."""

    def __init__(
        self,
        twilio: Twilio,
        publish: Callable[[AnyEvent], Any],
        *,
        call: str,
        leg: str,
        stream: str,
        tracks: Sequence[Track],
        speakers: Callable[[Track], str],
        offset_ms: int,
        plan: NumberFlow,
    ) -> None:
        self._twilio, self._publish = twilio, publish
        self._call, self._leg, self._stream, self._offset_ms = call, leg, stream, offset_ms
        self._tracks, self._speakers = tuple(tracks), speakers
        self._frames = 0
        self._end_ms = 0
        self._heard: list[Track] = []
        self._held: set[Track] = set()
        self._note(f"opened {','.join(tracks)} at {offset_ms} for {plan.flow}")

    def _note(self, what: str) -> None:
        self._twilio.treated(self._stream[-2:], what)

    async def start(self) -> None:
        await self._publish(
            StreamStarted(
                call=self._call,
                leg=self._leg,
                stream=self._stream,
                tracks=self._tracks,
                offset_ms=self._offset_ms,
            )
        )

    def receive(self, track: Track, timestamp_ms: int, payload: bytes, chunk: int | None) -> None:
        self._frames += 1
        self._end_ms = max(self._end_ms, timestamp_ms + len(payload) // 8)
        if track not in self._heard:
            self._heard.append(track)

    async def pause(self) -> None:
        self._note("pause")

    async def resume(self) -> None:
        self._note("resume")

    def hold_back(self, track: Track) -> None:
        self._held.add(track)
        self._note(f"hold back {track}")

    def release(self, track: Track, from_ms: int) -> None:
        self._held.discard(track)
        self._note(f"release {track} from {from_ms}")

    async def close(self, reason: str) -> StreamCounters:
        self._note(f"close {reason}, {self._frames} frames to {self._end_ms}")
        for track in sorted(self._heard):
            if track not in self._held:
                await self._publish(
                    FinalTranscript(
                        call=self._call,
                        leg=self._leg,
                        track=track,
                        speaker=self._speakers(track),
                        utterance=f"{self._stream}-{track}",
                        revision=1,
                        text="last word",
                        raw_text="last word",
                        start_ms=self._offset_ms,
                        end_ms=self._offset_ms + self._end_ms,
                        words=(),
                    )
                )
        counters = StreamCounters(frames=self._frames)
        await self._publish(
            StreamEnded(
                call=self._call,
                leg=self._leg,
                stream=self._stream,
                reason=reason,
                counters=counters,
                end_ms=self._offset_ms + self._end_ms,
            )
        )
        return counters


class Served:
    """A server that Twilio calls; `restart` kills it and starts another on the same data folder."""

    def __init__(self, loop: Clockwork, folder: Path, plan: NumberFlow, *, api: bool) -> None:
        self.twilio = Twilio(loop, Starlette())
        self._plan = plan
        self._client = CarrierClient(ACCOUNT, "0" * 32) if api else None
        self._folder = folder
        self._store: Archive | None = None
        """Opened when a process has died: a server that never did finds nothing of unknown calls there."""
        self._kept: list[AnyEvent] = []
        """What the store would have by now."""
        self.start()

    def start(self) -> None:
        """Another process."""
        killed = self._killed = asyncio.Event()

        async def publish(event: AnyEvent) -> None:
            if not killed.is_set():
                self._publish(event)

        urls = CarrierUrls(ORIGIN)
        self.registry = CallRegistry(
            Setup(
                flows=Flows(self._plan, defaults=DEFAULTS),
                contacts=Contacts(CONTACTS),
                own_number=OURS,
            ),
            publish=publish,
            open_session=lambda **given: Session(self.twilio, publish, **given),
            api=TwilioApi(self._client, urls) if self._client else None,
            recall=self._recall,
            clock=self.twilio.loop.time,
            wall=lambda: EPOCH + dt.timedelta(seconds=self.twilio.loop.now),
        )
        self.twilio.app = Starlette(
            routes=carrier_routes(self.registry, None, urls, allow_unsigned=True)
        )

    def restart(self) -> None:
        """The process is killed: what it knew is gone, its sockets are for the scenario to drop."""
        self._killed.set()
        self.registry.kill()
        if self._store is None:
            self._store = open_store(self._folder)
        self._store.append(self._kept)
        self._kept = []
        self._store.append(self._store.interruptions())
        self.start()

    async def _recall(self, leg: str) -> CallRecord | None:
        if self._store is None:
            return None
        self._store.append(self._kept)
        self._kept = []
        return self._store.call(leg)

    def _publish(self, event: AnyEvent) -> None:
        self.twilio.published(event)
        if not isinstance(event, EPHEMERAL):
            at = (EPOCH + dt.timedelta(seconds=self.twilio.loop.now)).isoformat()
            self._kept.append(msgspec.structs.replace(event, at=event.at or at))

    async def close(self) -> None:
        await self.registry.close()

    def gone(self) -> None:
        """After the scenario."""
        if self._store is not None:
            self._store.close()


@contextlib.contextmanager
def network(twilio: Callable[[], Twilio], patch: pytest.MonkeyPatch) -> Iterator[None]:
    """REST requests reach this Twilio."""
    rest = Rest(twilio)

    def send(session: Any, request: Any, **options: Any) -> Any:
        return rest.send(session, request, **options)

    patch.setattr(requests.Session, "send", send)
    yield
