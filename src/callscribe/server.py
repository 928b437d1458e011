"""The one joiner: every part built from the settings, put together, and taken down again in the right order.

    running_product      what `callscribe serve` runs: model, tunnel, numbers, server
      running_server     the server alone: record, speech, calls, pages
        open_record      store, hub, journal
        decoding         where speech is decoded: worker processes, or threads
        Sessions         a stream's audio to text
        second_readings  what reads it again
        call_registry    which calls are live
        web_services     what pages and API may use

Parts that a new capability brings are made and joined here, in the function whose part they belong to.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
import weakref
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import structlog

from callscribe.addresses import check_public_url, tidy
from callscribe.calls.plans import FlowDefaults, Flows, NumberFlow, read_flows
from callscribe.calls.registry import CallRegistry
from callscribe.calls.setup import Setup
from callscribe.calls.speakers import Contacts
from callscribe.carriers.twilio.account import Account, Tell
from callscribe.carriers.twilio.api import Client, TwilioApi
from callscribe.carriers.twilio.client import CarrierClient, PhoneNumber
from callscribe.carriers.twilio.paths import near_misses
from callscribe.carriers.twilio.probe import probe_routes
from callscribe.carriers.twilio.routes import carrier_routes
from callscribe.carriers.twilio.signature import SignatureChecker
from callscribe.carriers.twilio.stream import MAX_MESSAGE_CHARS
from callscribe.carriers.twilio.urls import CarrierUrls
from callscribe.contacts import ContactFile
from callscribe.errors import ModelError, SettingsError
from callscribe.events import StreamCounters, Track
from callscribe.journal import spill
from callscribe.journal.follow import JournalFollower
from callscribe.journal.hub import Hub
from callscribe.journal.journal import Journal
from callscribe.journal.stages import Stage
from callscribe.journal.worker import Worker
from callscribe.metrics import Meter, Source
from callscribe.models.choice import AUTO, second_reader
from callscribe.models.folder import ModelFolder, resolve
from callscribe.outlet import as_run_here
from callscribe.phone import is_number
from callscribe.reading.agenda import Agenda
from callscribe.reading.ears import Ears
from callscribe.reading.process import ReaderProcess
from callscribe.reading.service import Expected, ReadingService
from callscribe.reading.unread import Unread, seal_of
from callscribe.recognition import registry as engines
from callscribe.recognition.base import Recognizer
from callscribe.recognition.windows import WINDOW_MS
from callscribe.recordings.objects import SCHEME, Objects
from callscribe.recordings.shelf import Shelf
from callscribe.recordings.writing import Recorder
from callscribe.settings import Settings
from callscribe.speech import capacity
from callscribe.speech.endpoint import EndpointOptions
from callscribe.speech.lanes import DecodePool, usable_cores
from callscribe.speech.places import InProcess
from callscribe.speech.recovery import Place, RecogniserFailed
from callscribe.speech.session import SessionOptions, StreamSession
from callscribe.speech.strain import STEPS
from callscribe.speech.stream import DecodingOptions
from callscribe.speech.tap import Listener
from callscribe.speech.track import Progress
from callscribe.speech.waiting import KeptStream, Left, Waiting
from callscribe.speech.worker import Made
from callscribe.speech.workers import Workers
from callscribe.store.base import Archive, TokenBook
from callscribe.store.opening import open_store, open_tokens
from callscribe.text.writer import Writer, WriterOptions
from callscribe.tunnel import open_tunnel
from callscribe.upkeep import Retention, Upkeep
from callscribe.web.app import create_app
from callscribe.web.front import open_files, raise_file_limit
from callscribe.web.listening import is_loopback, listen, serving, url_of
from callscribe.web.pagetoken import kept_token, page_token
from callscribe.web.services import Readiness, Services, WebSettings

_log = structlog.get_logger(__name__)

STAGES: tuple[Stage, ...] = ()
"""What every event passes before anybody knows of it, in order; docs/adding-a-stage.md."""

NOTES = "carrier"
"""Folder in the data folder where it is noted what a number was set to before we changed it."""


_TRIAL = -1
"""Number of a stream that is only tried."""

ADDRESS_FILE = "address"
"""In the data folder: where its server listens. It stays behind, and counts only while the folder is in use."""


_SHORTEST_KEY = 16
"""Characters of a secret that sound is sealed with."""

_MOST_HINTS = 40
"""Names and words that the second reader is told of; more than fit into its prompt are of no use."""


@dataclass(frozen=True)
class Record:
    """Where events are kept, and how they become known."""

    store: Archive
    hub: Hub
    journal: Journal
    interrupted: list[str]
    """Calls that a dead server had left open."""
    contacts: Contacts
    saved_contacts: ContactFile
    shelf: Shelf
    recorder: Recorder
    upkeep: Upkeep
    """Deletes, and works on the record on the side."""
    tokens: TokenBook
    """Who may use the API, beside the pages' token."""


@dataclass(frozen=True)
class Address:
    """Where the server is."""

    url: str
    """Where it listens, e.g. `http://127.0.0.1:8080`."""
    public_url: str
    """Where the carrier reaches it; the same as `url` when nothing else was set."""
    loopback: bool
    """Whether only this machine gets to `url`."""

    @classmethod
    def of(cls, listener: socket.socket, public_url: str) -> Address:
        url = url_of(listener)
        return cls(url, tidy(public_url) or url, is_loopback(listener))

    @property
    def is_public(self) -> bool:
        """Whether there is another way here than `url`."""
        return self.public_url != self.url


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


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run a command's main coroutine, on uvloop where there is one: a media message costs a third less on it."""
    try:
        import uvloop
    except ImportError:  # Windows
        asyncio.run(main)
    else:
        uvloop.run(main)


@dataclass(frozen=True)
class Product:
    """What `callscribe serve` runs."""

    server: Server
    model: ModelFolder
    numbers: list[PhoneNumber]
    """Those whose calls are to come here."""
    account: Account | None
    """None without credentials."""

    @contextlib.asynccontextmanager
    async def taking_calls(self, tell: Tell) -> AsyncIterator[None]:
        """The numbers point here until the end of the block.

        Raises:
            CarrierError: the API refused.
        """
        if self.account is None:
            yield
            return
        async with self.account.pointed(self.numbers, self.server.address.public_url, tell):
            yield


def load_recognizer(settings: Settings) -> tuple[Recognizer, ModelFolder]:
    """The model that the settings name, loaded. Takes a tenth of a second for a small one, many for a large one.

    Raises:
        ModelError: it is not there, broken, or of another language.
    """
    model = resolve(settings.model, language=settings.language)
    return model.load_recognizer(), model


def keep_address(data: Path, url: str) -> None:
    """Write down where the server of a data folder listens, for commands that are given the folder."""
    with contextlib.suppress(OSError):  # they can be told with --server
        (data / ADDRESS_FILE).write_text(url + "\n", encoding="utf-8")


def call_flows(settings: Settings, own_number: str = "") -> Flows:
    """What happens to calls, per number.

    Raises:
        SettingsError: a flow that cannot work, with its place.
    """
    general: dict[str, object] = {"flow": settings.flow}
    if settings.to:
        general["to"] = list(settings.to)
    if settings.room:
        general["room"] = settings.room
    defaults = FlowDefaults(
        consent=settings.consent,
        greeting=settings.greeting,
        greeting_voice=settings.greeting_voice,
        greeting_language=settings.greeting_language,
        tracks=settings.tracks,
        hold_seconds=settings.hold_seconds,
    )
    return read_flows(settings.numbers, default=general, own_number=own_number, defaults=defaults)


def check_phrases(flows: Flows, place: Place) -> None:
    """Find out before the first call whether the model can be restricted to the numbers' phrases.

    Args:
        place: where it is loaded.

    Raises:
        ModelError: it cannot; names the number and the model.
    """
    for number, flow in flows.numbers.items():
        if flow.phrases:
            place.open(_TRIAL, DecodingOptions(phrases=flow.phrases))
            try:
                place.begin(_TRIAL, "inbound", Progress())
            except RecogniserFailed as error:
                raise ModelError(f'[numbers."{number}"], phrases: {error}') from None
            finally:
                place.close(_TRIAL)


def session_options(settings: Settings, plan: NumberFlow, language: str = "") -> SessionOptions:
    """How a call is recognised: what its number says, else the general settings."""
    silence, longest = plan.endpoint_silence_ms, plan.endpoint_max_ms
    return SessionOptions(
        DecodingOptions(
            endpoints=EndpointOptions(
                silence_ms=settings.endpoint_silence_ms if silence is None else silence,
                longest_ms=settings.endpoint_max_ms if longest is None else longest,
            ),
            phrases=plan.phrases,
        ),
        language=language,
    )


def records(settings: Settings, plan: NumberFlow) -> bool:
    """Whether the sound of a call is kept: as its number says, else as the general settings do."""
    return (plan.recording or settings.recording) == "on"


def recording_advice(settings: Settings, flows: Flows) -> str:
    """What to say to callers, when calls are recorded and nothing tells them; else empty."""
    for flow in (flows.default, *flows.numbers.values()):
        said = " ".join(announcement.text for announcement in flows.announcements(flow)).lower()
        if records(settings, flow) and "record" not in said:
            return (
                "Calls are recorded and nothing says so to callers. In many places it must; for example: "
                'consent = "This call is recorded and transcribed."'
            )
    return ""


def open_shelf(settings: Settings) -> Shelf:
    """The recordings of a data folder.

    Raises:
        SettingsError: the object storage cannot be used.
    """
    where = settings.recordings
    folder = settings.data / "recordings"
    if where.startswith(SCHEME):
        return Shelf(folder, keep_raw=settings.keep_original, objects=Objects(where))
    return Shelf(Path(where).expanduser() if where else folder, keep_raw=settings.keep_original)


def check(settings: Settings) -> None:
    """Find what is wrong with settings, and with files of ours that they lead to, before anything is opened or changed.
    Every way to start a server comes through here.

    Raises:
        SettingsError: says what is wrong, where, and what to do.
    """
    if not settings.auth_token and not settings.allow_unsigned:
        raise SettingsError(
            "There is no auth token, so Twilio's signature cannot be checked and anyone could invent calls. "
            "Set TWILIO_AUTH_TOKEN (in the environment or in .env), "
            "or, to try things out on this machine, pass --allow-unsigned."
        )
    if settings.public_url and settings.tunnel != "none":
        raise SettingsError("Give either `public_url` or `tunnel`, not both.")
    if settings.public_url:
        check_public_url(settings.public_url, secure=True)
    if settings.number and not is_number(settings.number):
        raise SettingsError(
            f"`number` {settings.number!r} is not a phone number. "
            "Write it with + and the country code, like +15005550006."
        )
    key = settings.unread_key.reveal()
    if key and len(key) < _SHORTEST_KEY:
        raise SettingsError(
            f"`unread_key` has {len(key)} characters; {_SHORTEST_KEY} or more are needed, or it can be guessed. "
            "Leave it out, and a key is made and kept in the data folder."
        )
    call_flows(settings)
    if settings.capacity != "auto" and not (
        settings.capacity.isascii() and settings.capacity.isdigit() and int(settings.capacity) > 0
    ):
        raise SettingsError(
            f"`capacity` {settings.capacity!r} is neither `auto` nor a number of tracks, 1 or more."
        )
    if settings.recordings.startswith(SCHEME):
        Objects(settings.recordings)
    Contacts(settings.contacts)
    check_token(settings)


def check_token(settings: Settings) -> None:
    """See that the token of pages and API can be used, without making one.

    Raises:
        SettingsError: it cannot.
    """
    if settings.token:
        page_token(settings.token.reveal(), settings.data)
    else:
        kept_token(settings.data)


def carrier_account(settings: Settings) -> Account | None:
    """The account at the carrier, when there are credentials for it."""
    if not (settings.account_sid and settings.auth_token):
        return None
    client = CarrierClient(
        settings.account_sid, settings.auth_token.reveal(), base_url=settings.api_url
    )
    return Account(
        client,
        settings.data / NOTES,
        wanted=settings.number,
        configured=list(settings.numbers),
    )


@contextlib.asynccontextmanager
async def running_product(settings: Settings, tell: Tell) -> AsyncIterator[Product]:
    """The server with its model, its way in from outside and the numbers that are its own. It takes calls from its own
    address at once, from the numbers within `Product.taking_calls`.

    Args:
        tell: is told, one line each, what takes time or was put right.

    Raises:
        CallscribeError: a part cannot be had; says which and what to do.
    """
    async with contextlib.AsyncExitStack() as stack:
        account, own = carrier_account(settings), list[PhoneNumber]()
        if account is not None:
            stack.callback(account.close)
            if settings.public_url or settings.tunnel != "none":  # calls have a way here
                own = await account.choose(settings.public_url, tell)
        model = resolve(settings.model, language=settings.language)
        recognizer: Recognizer | Elsewhere
        if in_processes(settings) and model.kind != "reader":  # whose threads are not copied
            load = partial(engines.load_recognizer, model.path, model.facts)
            recognizer = Elsewhere(model.title, model.language, load)
        else:
            recognizer = await asyncio.to_thread(model.load_recognizer)
            stack.callback(recognizer.close)
        listener = listen(settings.host, settings.port)
        stack.callback(listener.close)
        server = await stack.enter_async_context(
            running_server(
                settings,
                recognizer,
                listener,
                measure=True,
                public_url=await _public_url(settings, listener, stack, tell),
                own_number=own[0].number if own else settings.number,
                carrier_api=None if account is None else account.client,
            )
        )
        yield Product(server, model, own, account)


async def _public_url(
    settings: Settings, listener: socket.socket, stack: contextlib.AsyncExitStack, tell: Tell
) -> str:
    """The address from the settings, or that of a tunnel, which closes with the stack; empty when there is neither."""
    if settings.tunnel == "none":
        return settings.public_url
    tell("Opening a tunnel ...")
    port = listener.getsockname()[1]
    tunnel = await asyncio.to_thread(open_tunnel, port, settings.ngrok_authtoken.reveal())
    stack.push_async_callback(asyncio.to_thread, tunnel.close)
    return tunnel.public_url


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
        waiting = Waiting(settings.data)
        left = await asyncio.to_thread(waiting.left)
        readings = await stack.enter_async_context(
            second_readings(
                settings,
                flows,
                recognizer.language,
                record,
                pool,
                left,
                alone=not isinstance(recognizer, Elsewhere) and engines.reads_alone(recognizer),
            )
        )
        sessions = Sessions(settings, pool, record, waiting, readings, language=recognizer.language)
        record.upkeep.let_go = sessions.drop
        await sessions.take_up(left)
        memory = Worker("what calls were before")
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
            second_reader=readings.general is not None,
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


@contextlib.asynccontextmanager
async def open_record(settings: Settings) -> AsyncIterator[Record]:
    """The record in the data folder, with what a dead server could not write put in, and its calls ended.

    On leaving, everything that was published is written, and every recording is complete.

    Raises:
        StoreError: the folder is in use, or cannot be read or written.
    """
    kept = Retention(settings.keep_calls_days, settings.keep_text_days, settings.keep_audio_days)
    data = settings.data
    with open_store(data) as store, open_tokens(data) as tokens:
        key = spill.key_of(data)
        spill.take_in(store, spill.folders_for(data), key)
        contacts = Contacts(settings.contacts)
        saved = ContactFile(data, contacts.give)
        shelf = open_shelf(settings)
        with (
            contextlib.closing(shelf.recorder()) as recorder,
            contextlib.closing(Hub(store.last_id())) as hub,
        ):
            beside = spill.Spill(spill.folders_for(data), key)
            journal = Journal(store, hub, stages=STAGES, spill=beside)
            journal.start()
            try:
                interrupted = store.interruptions()
                await journal.take_in(interrupted)
                upkeep = Upkeep(
                    store,
                    journal.publish,
                    keepers=[Unread(data), Waiting(data)],
                    shelf=shelf,
                    retention=kept,
                )
                async with upkeep.running():
                    yield Record(
                        store,
                        hub,
                        journal,
                        [end.call for end in interrupted],
                        contacts,
                        saved,
                        shelf,
                        recorder,
                        upkeep,
                        tokens,
                    )
            finally:
                await journal.close()
                await asyncio.to_thread(recorder.close)


@dataclass(frozen=True)
class SecondReading:
    """The second reader at work."""

    model: ModelFolder
    ears: Ears
    service: ReadingService
    language: str
    """Of the first reader, BCP 47; empty: unknown, and the second finds out."""


@dataclass(frozen=True)
class SecondReadings:
    """All second readers at work."""

    general: SecondReading | None = None
    """None: the calls of numbers that say nothing else are not read again."""
    named: Mapping[str, SecondReading] = field(default_factory=dict)
    """By what numbers say."""

    def of(self, plan: NumberFlow) -> SecondReading | None:
        """Who reads the calls of a number; None: nobody."""
        if plan.second_reader is None:
            return self.general
        return self.named.get(plan.second_reader)

    @property
    def all(self) -> tuple[SecondReading, ...]:
        found = [self.general, *self.named.values()]
        return tuple({id(reading): reading for reading in found if reading is not None}.values())

    def rereads(self, call: str) -> bool:
        """Whether more of this call is going to be read again."""
        return any(reading.service.rereads(call) for reading in self.all)


@contextlib.asynccontextmanager
async def second_readings(
    settings: Settings,
    flows: Flows,
    language: str,
    record: Record,
    pool: DecodePool,
    left: Sequence[KeptStream] = (),
    *,
    alone: bool = False,
) -> AsyncIterator[SecondReadings]:
    """What reads utterances again, each model once, for whatever numbers.

    Args:
        pool: while it is behind, nothing is read again.
        left: streams that will be decoded though their calls are over.
        alone: the recogniser is a reader itself: another is at work only where one is named.

    Raises:
        ModelError: a reader that is named is not there, or of another kind or language; says for which number.
    """
    general = None
    if not (alone and settings.second_reader == AUTO):
        general = second_reader(settings.second_reader, language=language)
    wanted = readers_of_numbers(flows, language)
    others = {
        model.path: model for model in wanted.values() if not general or model.path != general.path
    }
    seal = None
    if settings.keep_unread and (general or others):
        Unread(settings.data).adopt([model.name for model in others.values()])
        seal = await asyncio.to_thread(seal_of, settings.data, settings.unread_key.reveal())
    async with contextlib.AsyncExitStack() as stack:
        at_work: dict[Path, SecondReading] = {}
        for model in [*([general] if general else []), *others.values()]:
            unread = Unread(
                settings.data,
                memory=not settings.keep_unread,
                seal=seal,
                reader="" if model is general else model.name,
            )
            at_work[model.path] = await stack.enter_async_context(
                second_reading(
                    settings,
                    model,
                    language,
                    record,
                    unread,
                    pool,
                    left if model is general else (),
                )
            )
        yield SecondReadings(
            general=at_work[general.path] if general else None,
            named={name: at_work[model.path] for name, model in wanted.items()},
        )


def readers_of_numbers(flows: Flows, language: str) -> dict[str, ModelFolder]:
    """The second readers that numbers have of their own, by what the numbers say.

    Raises:
        ModelError: one is not there, or of another kind or language; names the number.
    """
    found: dict[str, ModelFolder] = {}
    for number, flow in flows.numbers.items():
        if flow.second_reader is not None:
            try:
                model = second_reader(flow.second_reader, language=language)
            except ModelError as error:
                raise ModelError(f'[numbers."{number}"], second_reader: {error}') from None
            if model is not None:
                found[flow.second_reader] = model
    return found


@contextlib.asynccontextmanager
async def second_reading(
    settings: Settings,
    model: ModelFolder,
    language: str,
    record: Record,
    unread: Unread,
    pool: DecodePool,
    left: Sequence[KeptStream],
) -> AsyncIterator[SecondReading]:
    """One model that reads utterances again. What is unread when it closes is read when it starts again."""
    ears = Ears()
    with JournalFollower(record.store, record.hub, after=None) as follower:
        service = ReadingService(
            ReaderProcess(model.path),
            follower,
            publish=record.journal.publish,
            ears=ears,
            unread=unread,
            write=text_writer(settings, language),
            agenda=Agenda(WINDOW_MS),
            hurried=lambda: pool.strain.hurried,
            put_off=lambda: pool.strain.put_off,
        )
        for kept in left:
            service.expect_rest(kept.head.call, kept.head.stream)
        running = asyncio.create_task(service.run(), name="second reading")
        try:
            yield SecondReading(model, ears, service, language)
        finally:
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running


def expected(settings: Settings, plan: NumberFlow, language: str) -> Expected:
    """What a call is read again with: its number's words and the contacts' names, and the first reader's language."""
    names = dict.fromkeys([*plan.words, *settings.contacts.values()])
    return Expected(hints=tuple(names)[:_MOST_HINTS], language=language)


def text_writer(settings: Settings, language: str) -> Writer:
    """Makes words readable, as the settings wish."""
    return Writer.for_language(language, writer_options(settings))


def writer_options(settings: Settings) -> WriterOptions:
    return WriterOptions(fillers=settings.fillers, profanity_filter=settings.profanity_filter)


@dataclass(frozen=True)
class Elsewhere:
    """A recogniser that is loaded in worker processes and not in this one."""

    name: str
    language: str
    """BCP 47; empty: unknown."""
    load: Callable[[], Recognizer]
    """Picklable."""


def in_processes(settings: Settings) -> bool:
    """Whether speech is decoded in processes of its own."""
    return settings.workers == "processes" and sys.platform != "win32"


@contextlib.asynccontextmanager
async def decoding(
    settings: Settings, recognizer: Recognizer | Elsewhere, flows: Flows, *, measure: bool = False
) -> AsyncIterator[DecodePool]:
    """Where speech is decoded; on leaving, everything that was heard is decoded.

    Raises:
        ModelError: a worker process cannot load the model, or it cannot be restricted to a number's phrases.
    """
    count = settings.threads or usable_cores()
    async with contextlib.AsyncExitStack() as stack:
        places: Sequence[Place]
        if isinstance(recognizer, Elsewhere):
            write = partial(Writer.for_language, recognizer.language, writer_options(settings))
            workers = Workers(Made(recognizer.load, write), count)
            stack.callback(workers.close)
            await asyncio.to_thread(workers.start)
            places, threads = workers.places, 1
        else:
            places = [InProcess(recognizer, text_writer(settings, recognizer.language))]
            threads = count
        await asyncio.to_thread(check_phrases, flows, places[0])
        tracks = 0
        if measure or settings.capacity != "auto":
            tracks = await asyncio.to_thread(
                capacity_of, settings, recognizer.name, places, threads
            )
        pool = DecodePool(places, threads=threads, capacity=tracks)
        stack.push_async_callback(pool.close)
        yield pool


def capacity_of(settings: Settings, model: str, places: Sequence[Place], threads: int) -> int:
    """How many tracks are followed live: as set, as an earlier start measured, or measured now; 0: not known."""
    if settings.capacity != "auto":
        return int(settings.capacity)
    workers, kind = len(places) * threads, "processes" if in_processes(settings) else "threads"
    found = capacity.kept(settings.data, model, workers, kind)
    if found is None:
        found = capacity.measure(places, capacity.packaged_call(), threads=threads)
        if found:
            measured = capacity.Measured(tracks=found, model=model, workers=workers, kind=kind)
            capacity.keep(settings.data, measured)
    return found


class Sessions:
    """Makes the session of each stream (`callscribe.calls.interfaces.OpenSession`)."""

    def __init__(
        self,
        settings: Settings,
        pool: DecodePool,
        record: Record,
        waiting: Waiting,
        readings: SecondReadings,
        *,
        language: str = "",
    ) -> None:
        self._settings = settings
        self._language = language
        self._pool = pool
        self._record = record
        self._open: weakref.WeakValueDictionary[str, StreamSession] = weakref.WeakValueDictionary()
        self._readings = readings
        self._waiting = waiting

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
    ) -> StreamSession:
        reading = self._readings.of(plan)
        if reading is not None:
            reading.service.expect(call, expected(self._settings, plan, reading.language))
        session = StreamSession(
            call=call,
            leg=leg,
            stream=stream,
            tracks=tracks,
            speakers=speakers,
            offset_ms=offset_ms,
            pool=self._pool,
            publish=reading.service.pass_on if reading else self._record.journal.publish,
            options=session_options(self._settings, plan, self._language),
            listeners=[self._record.recorder] if records(self._settings, plan) else [],
            readers=self._readers(reading),
            waiting=self._waiting if self._settings.keep_unread else None,
        )
        self._open[stream] = session
        return session

    async def take_up(self, left: Sequence[KeptStream]) -> None:
        """Go on with what a process before this one left undecoded, when there is room."""
        for kept in left:
            head = kept.head
            try:
                rest = await asyncio.to_thread(Left.of, kept)
            except OSError as error:
                _log.error("audio that waits cannot be read", call=head.call, reason=str(error))
                continue
            session = StreamSession(
                call=head.call,
                leg=head.leg,
                stream=head.stream,
                tracks=head.tracks,
                speakers=lambda track, names=head.speakers: names[track],  # type: ignore[misc]
                offset_ms=head.offset_ms,
                pool=self._pool,
                publish=self._record.journal.publish,
                options=SessionOptions(head.options),
                readers=self._readers(self._readings.general),
                waiting=self._waiting,
                left=rest,
            )
            self._open[head.stream] = session

    async def leave(self) -> None:
        """Leave what is not decoded of calls that are over to the next process."""
        for session in [*self._open.values()]:
            await session.leave()

    async def drop(self, call: str) -> None:
        """The call is going to be deleted: nothing more of it is decoded, if it is over."""
        for session in [each for each in self._open.values() if each.call == call and each.rests]:
            await session.drop()

    def counters(self) -> dict[str, StreamCounters]:
        """What has arrived on each stream, by stream SID; one that is over may still be there."""
        return {stream: session.counters for stream, session in self._open.items()}

    def _readers(self, reading: SecondReading | None) -> list[Listener]:
        """Who gets the sound of a stream as it is decoded."""
        return [] if reading is None else [reading.ears]


def call_registry(
    settings: Settings,
    flows: Flows,
    address: Address,
    record: Record,
    memory: Worker,
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
    return Services(
        settings=WebSettings(
            public_url=address.public_url if address.is_public else "",
            token=page_token(settings.token.reveal(), settings.data),
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
        take_in=record.journal.take_in,
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
        Source("viewers", "Open live views.", lambda: record.hub.viewers - 1),
        Source("recordings_waiting", "Recorded tracks not stored yet.", lambda: record.shelf.waiting),
        Source("open_files", "Open files and connections of the server.", open_files),
        Source("open_files_allowed", "How many there may be.", raise_file_limit),
        Source("capacity_tracks", "Tracks transcribed live at most; 0: no bound.", lambda: places.capacity),
        Source("live_tracks", "Tracks that are transcribed live.", lambda: places.taken),
        Source("waiting_tracks", "Tracks of live calls that wait for room.", lambda: places.waiting),
        Source("left_tracks", "Tracks of ended calls that are not transcribed yet.", lambda: places.left),
        Source("waiting_audio_seconds", "Audio that waits for room.", lambda: pool.waiting_ms / 1000),
        Source("waiting_disk_bytes", "Audio that waits on disk.", lambda: pool.strain.on_disk),
        Source("decode_queue", "Streams that could be decoded now.", lambda: pool.queue),
        Source("real_time_factor", "Seconds of a worker for a second of audio, lately.", lambda: pool.real_time_factor),
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
