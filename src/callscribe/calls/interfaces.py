"""What the registry needs from others, as Protocols: it is given a session, a carrier and a way to publish."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Literal, Protocol

from callscribe.calls.flows import NumberFlow
from callscribe.carriers.twilio.resources import CallInfo
from callscribe.events import AnyEvent, StreamCounters, Track
from callscribe.records import CallRecord

Publish = Callable[[AnyEvent], Awaitable[None]]
"""The journal's `publish`: returns when a durable event is stored; never raises into a call."""

Recall = Callable[[str], CallRecord | None]
"""The store's `call`: the record of a call SID. Blocks; raises `StoreError`."""


class Session(Protocol):
    """One stream's audio on its way to text (`speech.session.StreamSession`). Times are on the record's line except
    `receive`'s, which are the stream's own."""

    async def start(self) -> None: ...

    def receive(
        self, track: Track, timestamp_ms: int, payload: bytes, chunk: int | None
    ) -> None: ...

    async def pause(self) -> None: ...

    async def resume(self) -> None: ...

    def hold_back(self, track: Track) -> None: ...

    def release(self, track: Track, from_ms: int) -> None: ...

    async def close(self, reason: str) -> StreamCounters: ...


class OpenSession(Protocol):
    """Makes a session; the composition root adds the recogniser, the pool and the rest. `plan` is the record's flow,
    that of the number first called, with its recognition settings."""

    def __call__(
        self,
        *,
        call: str,
        leg: str,
        stream: str,
        tracks: Sequence[Track],
        speakers: Callable[[Track], str],
        offset_ms: int,
        plan: NumberFlow,
    ) -> Session: ...


class CarrierApi(Protocol):
    """The few REST requests that calls need (`carriers.twilio.client.CarrierClient`). They block, so they are made in a
    thread. All raise `CarrierError` with an explanation when refused."""

    def start_stream(
        self,
        call_sid: str,
        *,
        url: str,
        track: Literal["inbound_track", "both_tracks"],
        name: str,
        status_callback: str,
    ) -> str:
        """Start a media stream on a call in progress; returns the stream SID."""
        ...

    def stop_stream(self, call_sid: str, stream: str) -> None:
        """Stop one, by SID or name."""
        ...

    def create_call(self, *, to: str, from_: str, url: str, status_callback: str) -> str:
        """Place a call whose TwiML is asked for at `url` once it is answered; returns the call SID. Status callbacks
        are wanted for initiated, ringing, answered and completed."""
        ...

    def fetch_call(self, call_sid: str) -> CallInfo:
        """What a call is."""
        ...
