"""What the routes may use, handed to `create_app` by the composition root.

The routes never build anything themselves and know the other parts only by the Protocols below,
so a page can be tested with a store and a hub that were filled by a script.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from callscribe.contacts import ContactFile
from callscribe.events import AnyEvent, Track
from callscribe.journal.hub import Hub
from callscribe.metrics import Meter
from callscribe.recordings.shelf import Shelf
from callscribe.store.base import Archive, ReadableStore, TokenBook


@dataclass(frozen=True, slots=True)
class WebSettings:
    """The settings that the web shell needs.

    Attributes:
        public_url: where the carrier reaches us, e.g. `https://abc.ngrok.app`; empty when unknown.
            Once it is set, everybody needs the token (`web.access`).
        token: opens the pages and the API.
        listens_here: whether only a loopback address is listened on.
        expose_pages: whether the pages and the API answer on the public URL's host too, with the
            token.
        allow_unsigned: accept webhooks and sockets without the carrier's signature.
        number: the number to call, shown while there are no calls; empty when unknown.
        simulate_command: the line that makes a call without a carrier, shown likewise.
    """

    public_url: str = ""
    token: str = ""
    listens_here: bool = True
    expose_pages: bool = False
    allow_unsigned: bool = False
    number: str = ""
    simulate_command: str = "callscribe simulate"


class CallControl(Protocol):
    """What people may do to a live call. `call` is the record's id.

    Raises:
        CallscribeError: not possible now; the message is shown to the person.
    """

    async def pause(self, call: str) -> object: ...

    async def resume(self, call: str) -> object: ...

    async def rename(self, call: str, leg: str, track: Track, speaker: str) -> object: ...

    async def swap(self, call: str) -> object: ...

    async def dial(self, to: str, connect: str = "") -> str:
        """Place a call, connected with `connect` when answered; returns the record's id."""
        ...

    async def attach(self, call_sid: str) -> str:
        """Transcribe a call that is up already; returns the record's id."""
        ...

    async def attachable(self) -> Sequence[Any]:
        """Calls that are up and not transcribed, each with `leg`, `from_`, `to` and `caller_name`."""
        ...

    async def detach(self, call_sid: str) -> object:
        """Stop transcribing a call; the call continues."""
        ...

    async def hang_up(self, call: str) -> object:
        """End a call for everybody on it."""
        ...


class Erasure(Protocol):
    """Deletes calls for good."""

    async def delete(self, calls: Sequence[str]) -> list[str]:
        """Delete those that are over; returns them.

        Raises:
            StoreError: the record cannot be written.
        """
        ...


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether calls can be taken now; `reasons` says why not, one short sentence each."""

    ready: bool
    reasons: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
    """Facts worth showing beside, e.g. the model's name."""


@dataclass(frozen=True, slots=True)
class Services:
    """Everything a route may use.

    Attributes:
        registry: the call registry, for the pages' controls; None where there are none.
        store: the record. Its methods block, so routes run them in a thread.
        signatures: the carrier's signature check; None when unsigned requests are allowed.
        readiness: asked at every `/readyz`; may touch the disk, so it is awaited.
        shelf: the recordings; None where there are none.
        contacts: saved on the page; None where none are.
        publish: the journal's; for what people say about saved calls. None where nothing can be said.
        bring_in: the journal's; for a whole call that was exported elsewhere. None where none can come.
        erasure: deletes calls; None where nobody does.
        archive: what goes beyond reading calls: search. The same store; None where there is no such thing.
        meter: the server's figures; None where nobody counts.
        rereads: whether a second reader is going to read more of a call; None where there is none.
        tokens: who may use the API beside the page token; None where there are no named tokens.
        stopping: set when the server is told to stop; endless answers end then, for the server
            waits for them.
    """

    settings: WebSettings
    registry: CallControl | None
    store: ReadableStore
    hub: Hub
    signatures: Any = None
    readiness: Callable[[], Awaitable[Readiness]] | None = None
    archive: Archive | None = None
    shelf: Shelf | None = None
    tokens: TokenBook | None = None
    meter: Meter | None = None
    erasure: Erasure | None = None
    rereads: Callable[[str], bool] | None = None
    contacts: ContactFile | None = None
    publish: Callable[[AnyEvent], Awaitable[None]] | None = None
    bring_in: Callable[[Sequence[AnyEvent]], Awaitable[None]] | None = None
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
