"""The whole server, built from settings and taken down again in the right order."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import secrets
import socket
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import uvicorn

from callscribe.calls.book import CallBook
from callscribe.calls.flows import FlowDefaults, Flows, NumberFlow, read_flows
from callscribe.calls.interfaces import CarrierApi
from callscribe.calls.registry import CallRegistry
from callscribe.calls.speakers import Contacts
from callscribe.carriers.twilio.probe import probe_routes
from callscribe.carriers.twilio.routes import carrier_routes
from callscribe.carriers.twilio.signature import SignatureChecker
from callscribe.carriers.twilio.stream import MAX_MESSAGE_CHARS
from callscribe.carriers.twilio.urls import CarrierUrls
from callscribe.errors import ModelError, SettingsError, StoreError
from callscribe.events import Track
from callscribe.journal.hub import Hub
from callscribe.journal.journal import Journal
from callscribe.models.folder import ModelFolder, resolve
from callscribe.recognition.base import Recognizer
from callscribe.settings import Settings
from callscribe.speech.endpoint import EndpointOptions
from callscribe.speech.lanes import DecodePool
from callscribe.speech.session import SessionOptions, StreamSession
from callscribe.store.base import Store
from callscribe.store.opening import open_store
from callscribe.text.writer import Writer, WriterOptions
from callscribe.upkeep import keeping_up
from callscribe.web.access import MINIMUM_TOKEN, TOKEN_FILE
from callscribe.web.app import create_app
from callscribe.web.front import (
    WAITING,
    FrontConfig,
    FrontLimits,
    connections_allowed,
    raise_file_limit,
)
from callscribe.web.services import Readiness, Services, WebSettings


@dataclass(frozen=True)
class Server:
    """A running server, for the command that started it."""

    settings: Settings
    url: str
    """Where it listens, e.g. `http://127.0.0.1:8080`."""
    page_url: str
    """The link to the pages, with the token when one is needed."""
    public_url: str
    """Where the carrier reaches it; the same as `url` when nothing else was set."""
    store: Store
    hub: Hub
    registry: CallRegistry
    journal: Journal
    interrupted: list[str]
    """Records that a dead server had left open."""
    failed: asyncio.Event
    """Set when the server stopped by itself."""


class _Uvicorn(uvicorn.Server):
    """Uvicorn without its own signal handling: the command decides when to stop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        SettingsError: the address cannot be used, with what to do.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM
        )[0]
    except socket.gaierror as error:
        raise SettingsError(
            f"`host` {host!r} is not an address of this machine: {error.strerror}."
        ) from None
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise SettingsError(
            f"Cannot listen on {host} port {port}: {os.strerror(error.errno or 0)}. "
            "Another program may use it; choose another with --port."
        ) from None
    listener.setblocking(False)
    return listener


def url_of(listener: socket.socket) -> str:
    """The address as a browser on this machine would write it."""
    host, port = listener.getsockname()[:2]
    address = ipaddress.ip_address(host)
    if address.is_unspecified:
        host = "127.0.0.1" if address.version == 4 else "::1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def is_loopback(listener: socket.socket) -> bool:
    return ipaddress.ip_address(listener.getsockname()[0]).is_loopback


def page_token(settings: Settings) -> str:
    """The token from the settings, or one kept in the data folder (made on first use, readable by its owner only).

    Raises:
        SettingsError: the token in the settings can be guessed.
        StoreError: the folder cannot be written.
    """
    if settings.token:
        if len(settings.token.reveal()) < MINIMUM_TOKEN:
            raise SettingsError(
                f"`token` must have at least {MINIMUM_TOKEN} characters, or it can be guessed. "
                "Leave it out and one is made."
            )
        return settings.token.reveal()
    path = settings.data / TOKEN_FILE
    with contextlib.suppress(FileNotFoundError):
        if kept := path.read_text(encoding="ascii").strip():
            return kept
    token = secrets.token_urlsafe(24)
    try:
        settings.data.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=settings.data, prefix=".token-")
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(token + "\n")
        Path(name).replace(path)
    except OSError as error:
        raise StoreError(
            f"The data folder {settings.data} cannot be written: {error.strerror}."
        ) from None
    return token


def load_recognizer(settings: Settings) -> tuple[Recognizer, ModelFolder]:
    """The model that the settings name, loaded. Takes a tenth of a second for a small one, many for a large one.

    Raises:
        ModelError: it is not there, broken, or of another language.
    """
    model = resolve(settings.model, language=settings.language)
    return model.load_recognizer(), model


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


def check_phrases(flows: Flows, recognizer: Recognizer) -> None:
    """Find out before the first call whether the model can be restricted to the numbers' phrases.

    Raises:
        ModelError: it cannot; names the number and the model.
    """
    for number, flow in flows.numbers.items():
        if flow.phrases:
            try:
                recognizer.start_session(flow.phrases).close()
            except ModelError as error:
                raise ModelError(f'[numbers."{number}"], phrases: {error}') from None


def session_options(settings: Settings, plan: NumberFlow) -> SessionOptions:
    """How a call is recognised: what its number says, else the general settings."""
    silence, longest = plan.endpoint_silence_ms, plan.endpoint_max_ms
    return SessionOptions(
        endpoints=EndpointOptions(
            silence_ms=settings.endpoint_silence_ms if silence is None else silence,
            longest_ms=settings.endpoint_max_ms if longest is None else longest,
        ),
        phrases=plan.phrases,
    )


def check_may_start(settings: Settings) -> None:
    """Refuse to run open to everyone by accident.

    Raises:
        SettingsError: there is no auth token and nobody said that this is wanted.
    """
    if not settings.auth_token and not settings.allow_unsigned:
        raise SettingsError(
            "There is no auth token, so the carrier's signature cannot be checked and anyone could invent calls. "
            "Set TWILIO_AUTH_TOKEN (in the environment or in .env), "
            "or, to try things out on this machine, pass --allow-unsigned."
        )


@contextlib.asynccontextmanager
async def running_server(
    settings: Settings,
    recognizer: Recognizer,
    listener: socket.socket,
    *,
    public_url: str = "",
    own_number: str = "",
    carrier_api: CarrierApi | None = None,
) -> AsyncIterator[Server]:
    """The server from its first request to its last word.

    On leaving: new calls are refused, what is being said is finished and stored, viewers get it, everything closes.

    Args:
        recognizer: closed by the caller.
        listener: from `listen`; closed here.
        public_url: where the carrier reaches us; by default the address we listen on.
        own_number: the number that calls arrive at and are placed from, when known.
        carrier_api: for what needs REST: streams of participants added by REST, placed calls, restarted sockets.

    Raises:
        CallscribeError: the data folder is in use or cannot be written, a flow cannot work, the model cannot be
            restricted to a number's phrases.
    """
    url = url_of(listener)
    public_url = public_url or url
    flows = call_flows(settings, own_number)
    check_phrases(flows, recognizer)
    store = open_store(settings.data)
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(store.close)
        stack.callback(listener.close)
        token = page_token(settings)
        interrupted = store.mark_interrupted()
        hub = Hub(store.last_id())
        stack.callback(hub.close)
        journal = Journal(store, hub)
        stack.push_async_callback(journal.close)
        await stack.enter_async_context(keeping_up(store))
        pool = DecodePool(settings.threads or os.cpu_count() or 1)
        stack.push_async_callback(pool.close)
        writer = Writer.for_language(
            recognizer.language,
            WriterOptions(fillers=settings.fillers, profanity_filter=settings.profanity_filter),
        )

        def open_session(
            *,
            call: str,
            leg: str,
            stream: str,
            tracks: Sequence[Track],
            speakers: Callable[[Track], str],
            offset_ms: int,
            plan: NumberFlow,
        ) -> StreamSession:
            return StreamSession(
                call=call,
                leg=leg,
                stream=stream,
                tracks=tracks,
                speakers=speakers,
                offset_ms=offset_ms,
                recognizer=recognizer,
                pool=pool,
                publish=journal.publish,
                options=session_options(settings, plan),
                write=writer,
            )

        book = CallBook(
            publish=journal.publish,
            flows=flows,
            contacts=Contacts(settings.contacts),
            urls=CarrierUrls(public_url),
            api=carrier_api,
            own_number=own_number,
            recall=store.call,
        )
        registry = CallRegistry(book, open_session)
        failed = asyncio.Event()

        async def readiness() -> Readiness:
            reasons = []
            if journal.failure:
                reasons.append(f"The record cannot be written: {journal.failure}")
            if failed.is_set():
                reasons.append("The server is stopping.")
            return Readiness(not reasons, tuple(reasons), {"model": recognizer.name})

        tokens = [t.reveal() for t in (settings.auth_token, settings.auth_token_previous) if t]
        services = Services(
            settings=WebSettings(
                public_url=public_url if public_url != url else "",
                token=token,
                listens_here=is_loopback(listener),
                expose_pages=settings.expose_pages,
                allow_unsigned=settings.allow_unsigned,
                number=own_number,
                simulate_command=f"callscribe simulate {url}",
            ),
            registry=registry,
            store=store,
            archive=store,
            hub=hub,
            signatures=SignatureChecker(
                tokens, public_url, also=() if public_url == url else (url,)
            )
            if tokens
            else None,
            readiness=readiness,
        )
        open_files = raise_file_limit()
        config = FrontConfig(
            create_app(
                services,
                carrier=[
                    *carrier_routes(
                        registry, services.signatures, allow_unsigned=settings.allow_unsigned
                    ),
                    *probe_routes(services.signatures),
                ],
            ),
            limits=FrontLimits(connections=connections_allowed(open_files)),
            ws_max_size=MAX_MESSAGE_CHARS,
            ws_per_message_deflate=False,
            log_config=None,
            log_level="warning",
            access_log=False,
            lifespan="off",
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=5,
        )
        web = _Uvicorn(config)
        serving = asyncio.create_task(web.serve(sockets=[listener]), name="web server")
        serving.add_done_callback(lambda _: failed.set())
        try:
            while not web.started and not serving.done():  # noqa: ASYNC110 - uvicorn offers no event
                await asyncio.sleep(0.01)
            listener.listen(WAITING)
            open_here = is_loopback(listener) and public_url == url
            yield Server(
                settings=settings,
                url=url,
                page_url=url if open_here else f"{url}/?token={quote(token)}",
                public_url=public_url,
                store=store,
                hub=hub,
                registry=registry,
                journal=journal,
                interrupted=interrupted,
                failed=failed,
            )
        finally:
            await registry.close()
            services.stopping.set()
            web.should_exit = True
            await serving
