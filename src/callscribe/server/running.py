"""The server alone: its parts joined, and taken down again in the right order."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import quote

from callscribe import files
from callscribe.addresses import tidy
from callscribe.calls.plans import Flows
from callscribe.calls.registry import CallRegistry
from callscribe.calls.setup import Setup
from callscribe.carriers.twilio.api import Client, TwilioApi
from callscribe.carriers.twilio.paths import near_misses
from callscribe.carriers.twilio.probe import probe_routes
from callscribe.carriers.twilio.routes import carrier_routes
from callscribe.carriers.twilio.signature import SignatureChecker
from callscribe.carriers.twilio.stream import MAX_MESSAGE_CHARS
from callscribe.carriers.twilio.urls import CarrierUrls
from callscribe.errors import StoreError
from callscribe.events import AnyEvent
from callscribe.journal.follow import JournalFollower
from callscribe.journal.journal import Journal
from callscribe.journal.thread import JobThread
from callscribe.metrics import Meter, Source
from callscribe.outlet import as_run_here
from callscribe.recognition import registry as engines
from callscribe.recognition.base import Recognizer
from callscribe.server.checks import check, known_facts
from callscribe.server.decoding import Elsewhere, decoding
from callscribe.server.policy import call_flows
from callscribe.server.record import Record, open_record
from callscribe.server.second_readings import (
    SecondReading,
    SecondReadings,
    seal_of_waiting,
    second_readings,
)
from callscribe.server.sessions import Sessions
from callscribe.settings import Settings
from callscribe.speech.pool import DecodePool
from callscribe.speech.strain import STEPS
from callscribe.speech.waiting import Waiting
from callscribe.web.app import create_app
from callscribe.web.front import open_files, raise_file_limit
from callscribe.web.listening import is_loopback, serving, url_of
from callscribe.web.pagetoken import page_token
from callscribe.web.services import Readiness, Services, WebSettings

ADDRESS_FILE = "address"
"""In the data folder: where its server listens. It stays behind, and counts only while the folder is in use."""


@dataclass(frozen=True)
class Address:
    """Where the server is."""

    url: str
    """Where it listens, e.g. `http://127.0.0.1:8080`."""
    public_url: str
    """Where the carrier reaches it; the same as `url` when nothing was set."""
    loopback: bool
    """Whether only this machine gets to `url`."""
    is_public: bool
    """Whether somebody said that there is another way here than `url`, whatever it is."""

    @classmethod
    def of(cls, listener: socket.socket, public_url: str) -> Address:
        url = url_of(listener)
        return cls(url, tidy(public_url) or url, is_loopback(listener), bool(public_url))


@dataclass(frozen=True)
class Server:
    """A running server, for the command that started it."""

    settings: Settings
    address: Address
    page_url: str
    """The link to the pages, with the token when one is needed."""
    record: Record
    registry: CallRegistry
    failed: asyncio.Event
    """Set when the server stopped by itself."""
    reading: SecondReading | None = None
    """None without a general second reader."""
    capacity: int = 0
    """Tracks that are transcribed while people speak; 0: no bound is known."""

    async def finish(self) -> None:
        """Take no new calls, finish what is being said, and end the live view."""
        await self.registry.close()
        self.record.hub.close()


@contextlib.asynccontextmanager
async def running_server(
    settings: Settings,
    recognizer: Recognizer | Elsewhere,
    listener: socket.socket,
    *,
    measure: bool = False,
    public_url: str = "",
    own_number: str = "",
    carrier_api: Client | None = None,
) -> AsyncIterator[Server]:
    """The server from its first request to its last word.

    On leaving: new calls are refused, what is being said is finished and stored, viewers get it, everything closes.

    Args:
        recognizer: decodes in this process, and is closed by the caller; or is loaded in worker processes.
        listener: from `listen`; closed here.
        measure: find out how many tracks this machine can follow, if that is not set and not known yet. Without, there
            is no bound unless one is set.
        public_url: where the carrier reaches us; by default the address we listen on.
        own_number: the number that calls arrive at and are placed from, when known.
        carrier_api: for what needs REST: streams of participants added by REST, placed calls, restarted sockets.

    Raises:
        CallscribeError: the data folder is in use or cannot be written, a flow cannot work, the model cannot be
            restricted to a number's phrases.
    """
    check(settings)
    address = Address.of(listener, public_url)
    flows = call_flows(settings, own_number)
    failed = asyncio.Event()
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(listener.close)
        record = await stack.enter_async_context(open_record(settings))
        pool = await stack.enter_async_context(
            decoding(settings, recognizer, flows, measure=measure)
        )
        seal = await asyncio.to_thread(seal_of_waiting, settings)
        waiting = Waiting(settings.data, seal)
        left = await asyncio.to_thread(waiting.left)
        readings = await stack.enter_async_context(
            second_readings(
                settings,
                flows,
                recognizer.language,
                record,
                pool,
                left,
                seal,
                alone=not isinstance(recognizer, Elsewhere) and engines.reads_alone(recognizer),
            )
        )
        sessions = Sessions(settings, pool, record, waiting, readings, language=recognizer.language)
        record.upkeep.let_go = sessions.drop
        await sessions.take_up(left)
        memory = JobThread("what calls were before")
        stack.callback(memory.close)
        registry = call_registry(
            settings,
            flows,
            address,
            record,
            memory,
            sessions,
            own_number=own_number,
            carrier_api=carrier_api,
        )
        meter = Meter(
            figures_of_parts(record, pool),
            live=sessions.counters,
            rereads=readings.rereads,
            gives_way=lambda: dict(zip(STEPS, pool.strain.steps, strict=True)),
        )
        follower = stack.enter_context(JournalFollower(record.store, record.hub, after=None))
        await stack.enter_async_context(meter.following(follower))
        services = web_services(
            settings,
            address,
            record,
            registry,
            meter,
            Health(record.journal, failed, recognizer.name),
            own_number=own_number,
            readings=readings,
        )
        webhooks = carrier_routes(
            registry,
            services.signatures,
            CarrierUrls(address.public_url),
            allow_unsigned=settings.allow_unsigned,
        )
        app = create_app(
            services,
            carrier=[*webhooks, *probe_routes(services.signatures)],
            outermost=[near_misses(address.public_url)],
        )
        await stack.enter_async_context(
            serving(app, listener, stopped=failed, longest_message=MAX_MESSAGE_CHARS)
        )
        keep_address(settings.data, address.url)
        stack.callback(services.stopping.set)
        stack.push_async_callback(sessions.leave)
        stack.push_async_callback(registry.close)
        yield Server(
            settings=settings,
            address=address,
            page_url=page_url(address, services.settings.token),
            record=record,
            registry=registry,
            failed=failed,
            reading=readings.general,
            capacity=pool.admission.capacity,
        )


def keep_address(data: Path, url: str) -> None:
    """Write down where the server of a data folder listens, for commands that are given the folder."""
    with contextlib.suppress(OSError):  # they can be told with --server
        files.write(data / ADDRESS_FILE, url.encode() + b"\n")


def call_registry(
    settings: Settings,
    flows: Flows,
    address: Address,
    record: Record,
    memory: JobThread,
    sessions: Sessions,
    *,
    own_number: str,
    carrier_api: Client | None,
) -> CallRegistry:
    """Which calls are live, and what happens to them."""
    urls = CarrierUrls(address.public_url)
    return CallRegistry(
        Setup(flows=flows, contacts=record.contacts, own_number=own_number),
        publish=record.journal.publish,
        open_session=sessions,
        api=None if carrier_api is None else TwilioApi(carrier_api, urls),
        recall=lambda leg: memory.run(partial(record.store.call, leg)),
    )


@dataclass(frozen=True)
class Health:
    """Whether calls can be taken now (`Services.readiness`)."""

    journal: Journal
    failed: asyncio.Event
    model: str

    async def __call__(self) -> Readiness:
        reasons = []
        if self.journal.failure:
            reasons.append(f"The record cannot be written: {self.journal.failure}")
        if self.failed.is_set():
            reasons.append("The server is stopping.")
        details: dict[str, object] = {"model": self.model}
        if self.journal.withheld:
            details["withheld"] = self.journal.withheld
        return Readiness(not reasons, tuple(reasons), details)


def web_services(
    settings: Settings,
    address: Address,
    record: Record,
    registry: CallRegistry,
    meter: Meter,
    health: Health,
    *,
    own_number: str,
    readings: SecondReadings,
) -> Services:
    """What pages and API may use.

    Raises:
        SettingsError, StoreError: see `callscribe.web.pagetoken.page_token`.
    """

    async def bring_in(events: Sequence[AnyEvent]) -> None:
        meter.leave_out(events)
        try:
            await record.journal.bring_in(events)
        except StoreError:
            meter.leave_in(events[0].call)
            raise

    return Services(
        settings=WebSettings(
            public_url=address.public_url if address.is_public else "",
            token=page_token(settings.token.reveal(), settings.data, known_facts(settings)),
            listens_here=address.loopback,
            expose_pages=settings.expose_pages,
            allow_unsigned=settings.allow_unsigned,
            number=own_number,
            simulate_command=as_run_here(f"callscribe simulate {address.url}"),
        ),
        registry=registry,
        store=record.store,
        archive=record.store,
        publish=record.journal.publish,
        bring_in=bring_in,
        shelf=record.shelf,
        contacts=record.saved_contacts,
        erasure=record.upkeep,
        rereads=readings.rereads if readings.all else None,
        tokens=record.tokens,
        hub=record.hub,
        meter=meter,
        signatures=signature_checker(settings, address),
        readiness=health,
    )


def figures_of_parts(record: Record, pool: DecodePool) -> tuple[Source, ...]:
    """Figures that the parts know and nobody is told as an event."""
    places = pool.admission
    return (
        # One of the hub's viewers is the meter.
        Source("viewers", "Open live views", lambda: record.hub.viewers - 1),
        Source("recordings_waiting", "Recorded tracks not stored yet", lambda: record.shelf.waiting),
        Source("open_files", "Open files", open_files),
        Source("open_files_allowed", "Open files allowed", raise_file_limit),
        Source("capacity_tracks", "Tracks that can be followed live", lambda: places.capacity),
        Source("live_tracks", "Tracks followed live", lambda: places.taken),
        Source("waiting_tracks", "Tracks of live calls that wait for room", lambda: places.waiting),
        Source("left_tracks", "Tracks of ended calls, not transcribed yet", lambda: places.unfinished),
        Source("waiting_audio_seconds", "Audio that waits for room", lambda: pool.waiting_ms / 1000),
        Source("waiting_disk_bytes", "Audio on disk, not transcribed yet", lambda: pool.strain.on_disk),
        Source("decode_queue", "Streams that could be decoded now", lambda: pool.queue),
        Source("real_time_factor", "Seconds of a processor core for a second of audio", lambda: pool.real_time_factor),
    )  # fmt: skip


def signature_checker(settings: Settings, address: Address) -> SignatureChecker | None:
    """Checks the carrier's signatures; None without an auth token."""
    tokens = [t.reveal() for t in (settings.auth_token, settings.auth_token_previous) if t]
    if not tokens:
        return None
    also = (address.url,) if address.is_public else ()
    return SignatureChecker(tokens, address.public_url, also=also)


def page_url(address: Address, token: str) -> str:
    """The link to the pages, with the token when one is needed."""
    open_here = address.loopback and not address.is_public
    return address.url if open_here else f"{address.url}/?token={quote(token)}"
