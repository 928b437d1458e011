"""`callscribe serve`: take calls until told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable
from typing import Annotated

import structlog
import typer

from callscribe.carriers.twilio import number as numbers
from callscribe.carriers.twilio.client import ApiError, CarrierClient, PhoneNumber
from callscribe.carriers.twilio.urls import CarrierUrls
from callscribe.cli import logs
from callscribe.cli.options import with_settings
from callscribe.cli.views import AnyView, choose_view, data_option, show_hub
from callscribe.errors import CarrierError, SettingsError
from callscribe.models.folder import ModelFolder
from callscribe.server import (
    Server,
    call_flows,
    check_may_start,
    listen,
    load_recognizer,
    running_server,
)
from callscribe.settings import Settings
from callscribe.terminal.layout import join_words
from callscribe.terminal.view import TerminalView
from callscribe.text.writer import Writer
from callscribe.tunnel import Tunnel, open_tunnel

log = structlog.get_logger(__name__)

NOTES = "carrier"
"""Folder in the data folder where it is noted what a number was set to before we changed it."""


def register(app: typer.Typer) -> None:
    @app.command("serve")
    @with_settings()
    def serve_command(
        settings: Settings,
        dry_run: Annotated[
            bool,
            typer.Option(
                "--dry-run",
                help="Say what would be changed at the carrier, change nothing, and stop.",
            ),
        ] = False,
    ) -> None:
        """Take calls: webhook, media socket, recognition, pages."""
        logs.configure(settings.log_level)
        check_may_start(settings)
        check_public(settings)
        call_flows(settings)
        if dry_run:
            print(plan(settings))
            return
        asyncio.run(serve(settings))


def carrier_client(settings: Settings) -> CarrierClient | None:
    """The carrier's REST API, when there are credentials for it."""
    if not (settings.account_sid and settings.auth_token):
        return None
    return CarrierClient(
        settings.account_sid, settings.auth_token.reveal(), base_url=settings.api_url
    )


def wants_number(settings: Settings) -> bool:
    """Whether calls are to be brought here from the carrier: it must have a way to reach us."""
    return bool(settings.public_url) or settings.tunnel != "none"


def plan(settings: Settings) -> str:
    """What `serve` would change at the carrier.

    Raises:
        CarrierError: no credentials, no number, or the API cannot be asked.
    """
    client = carrier_client(settings)
    if client is None:
        raise CarrierError(
            "There is nothing to change: set TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN first."
        )
    with contextlib.closing(client):
        base = settings.public_url or "https://<tunnel>.ngrok.app"
        urls = CarrierUrls(base)
        wanted = numbers.Routing.to(urls.voice, urls.status)
        lines = []
        for chosen in numbers.choose_all(client, settings.number, list(settings.numbers)):
            changes = numbers.Routing.of(chosen).changes(wanted)
            lines.append(
                f"{chosen.number} ({chosen.sid}) would be changed, and put back at the end:"
            )
            lines += [f"  {change}" for change in changes] or ["  nothing; it already points here"]
            if reason := numbers.ignored_because(chosen):
                lines.append(f"Note: {reason}")
        return "\n".join(lines)


async def serve(settings: Settings) -> None:
    """Run until a signal comes; then finish what is being said, save and close."""
    stop = stop_signals()
    view = choose_view(settings)
    say = speaker(view)
    async with contextlib.AsyncExitStack() as stack:
        if isinstance(view, TerminalView):
            stack.enter_context(view)
            logs.configure(settings.log_level)  # its lines go above the live region from here on
        client = carrier_client(settings)
        own: list[PhoneNumber] = []
        if client is not None:
            stack.callback(client.close)
            if wants_number(settings):
                own = await find_numbers(settings, client, say)
        recognizer, model = await asyncio.to_thread(load_recognizer, settings)
        stack.callback(recognizer.close)
        listener = listen(settings.host, settings.port)
        stack.callback(listener.close)
        public_url = settings.public_url
        if settings.tunnel == "ngrok":
            say("Opening a tunnel ...")
            tunnel = await asyncio.to_thread(tunnel_to, listener.getsockname()[1], settings)
            stack.push_async_callback(asyncio.to_thread, tunnel.close)
            public_url = tunnel.public_url
        server = await stack.enter_async_context(
            running_server(
                settings,
                recognizer,
                listener,
                public_url=public_url,
                own_number=own[0].number if own else settings.number,
                carrier_api=client,
            )
        )
        showing = asyncio.create_task(show_hub(server.hub, server.store, view), name="view")
        stack.push_async_callback(finish, showing, server)
        if client is not None:
            for number in own:
                connected = await connect(server, client, number)
                stack.push_async_callback(put_back, connected)
        for line in introduction(
            settings,
            server,
            model,
            join_words([number.number for number in own]),
            recognizer.language,
        ):
            say(line)
        await first_of(stop.wait(), server.failed.wait(), showing)
        if showing.done() and not (stop.is_set() or server.failed.is_set()):
            # The terminal or the reader of the pipe is gone, or the view has a fault: no reason to end calls.
            log.warning("nothing is shown here any more; calls go on", error=showing.exception())
            await first_of(stop.wait(), server.failed.wait())
        if stop.is_set():
            say("Stopping: finishing what is being said. Press Ctrl-C again to stop at once.")


async def find_numbers(
    settings: Settings, client: CarrierClient, say: Callable[[str], None]
) -> list[PhoneNumber]:
    """The numbers to point here, after repairing what a killed server left.

    With a public address of its own the server is of use without the API, since a number may point here already:
    an API that does not answer is then told, and no number is touched.

    Raises:
        CarrierError: no such number, or the API refused; or it does not answer and calls come through a new tunnel.
    """
    try:
        for line in await asyncio.to_thread(numbers.repair, client, settings.data / NOTES):
            say(line)
        return await asyncio.to_thread(
            numbers.choose_all, client, settings.number, list(settings.numbers)
        )
    except ApiError as error:
        if error.status or not settings.public_url:
            raise
        log.warning(str(error))
        log.warning(
            "no number was changed: calls arrive only where the number's voice URL is this one already",
            voice_url=CarrierUrls(settings.public_url).voice,
        )
        return []


async def connect(
    server: Server, client: CarrierClient, own: PhoneNumber
) -> numbers.ConnectedNumber:
    """Point the number at the running server."""
    urls = CarrierUrls(server.public_url)
    folder = server.settings.data / NOTES
    connected = await asyncio.to_thread(
        numbers.connect, client, folder, own, urls.voice, urls.status
    )
    if reason := numbers.ignored_because(own):
        log.warning(reason)
    return connected


async def put_back(connected: numbers.ConnectedNumber) -> None:
    """Give the number back what it had; a failure is told, not raised, so that the rest still closes."""
    try:
        if said := await asyncio.to_thread(connected.restore):
            print(said, file=sys.stderr)
    except CarrierError as error:
        print(f"callscribe: {error}", file=sys.stderr)


async def finish(showing: asyncio.Task[None], server: Server) -> None:
    """Let the view show what the last seconds brought."""
    await server.registry.close()
    server.hub.close()
    await asyncio.gather(showing, return_exceptions=True)


async def first_of(*what: object) -> None:
    """Wait until one of them is done; the others are cancelled, except tasks, which belong to others."""
    tasks = [w if isinstance(w, asyncio.Task) else asyncio.ensure_future(w) for w in what]  # type: ignore[call-overload]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for given, task in zip(what, tasks, strict=True):
            if given is not task:
                task.cancel()


def tunnel_to(port: int, settings: Settings) -> Tunnel:
    return open_tunnel(port, settings.ngrok_authtoken.reveal())


def stop_signals() -> asyncio.Event:
    """Set by the first SIGINT or SIGTERM. The second one ends the process at once."""
    stop = asyncio.Event()

    def on_signal(number: int) -> None:
        if stop.is_set():
            sys.stderr.write("\x1b[?25h" if sys.stderr.isatty() else "")
            sys.stderr.flush()
            os._exit(128 + number)
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal, number)
    return stop


def speaker(view: AnyView) -> Callable[[str], None]:
    """Where the program's own words go: above the live region, or to standard error beside JSON."""

    def say(text: str) -> None:
        if isinstance(view, TerminalView):
            view.say(text)
            view.flush()
        else:
            print(text, file=sys.stderr, flush=True)

    return say


def introduction(
    settings: Settings, server: Server, model: ModelFolder, number: str, language: str
) -> list[str]:
    """What the start-up says: model, address, page, and what to do next."""
    lines = [
        f"Model    {model.title}, {language or 'language unknown'}, {model.sample_rate // 1000} kHz"
    ]
    if model.worth:
        lines.append(f"         {model.worth}")
    if not Writer.for_language(language).supported:
        lines.append(
            f"         No rules for written text in {language or 'this language'}: words are shown raw."
        )
    lines.append(f"Page     {server.page_url}")
    if server.public_url != server.url:
        lines.append(f"Carrier  {server.public_url}/twilio/voice")
    if server.interrupted:
        count = len(server.interrupted)
        lines.append(
            f"Record   {count} call{'s were' if count > 1 else ' was'} interrupted when the server last died; "
            f"callscribe calls{data_option(settings)}"
        )
    if settings.allow_unsigned:
        lines.append(
            "WARNING  Signatures are not checked (--allow-unsigned): anyone who reaches this address can invent calls."
        )
    if number:
        lines.append(f"Waiting for calls on {number}")
    else:
        lines.append(f"Waiting for calls. Try it without a phone: callscribe simulate {server.url}")
    return lines


def check_public(settings: Settings) -> None:
    """Refuse a public address that the carrier could not use.

    Raises:
        SettingsError: see above.
    """
    if settings.public_url and settings.tunnel != "none":
        raise SettingsError("Give either `public_url` or `tunnel`, not both.")
    if settings.public_url:
        CarrierUrls(settings.public_url)
