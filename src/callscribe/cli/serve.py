"""`callscribe serve`: take calls until told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable
from functools import partial
from typing import Annotated

import structlog
import typer

from callscribe.addresses import masked
from callscribe.cli import logs
from callscribe.cli.options import data_option, with_settings
from callscribe.cli.program import program
from callscribe.cli.views import AnyView, choose_view, show_server
from callscribe.errors import CarrierError, ModelError
from callscribe.journal.thread import JobThread, busy
from callscribe.models import choice, readers
from callscribe.models.folder import ModelFolder
from callscribe.outlet import Unhurried, as_run_here, never_wait_for_stderr, say, tell
from callscribe.server import (
    Server,
    call_flows,
    calls_can_arrive,
    carrier_account,
    check,
    recording_advice,
    run,
    running_product,
)
from callscribe.settings import Settings
from callscribe.terminal.jsonlines import ViewClosed
from callscribe.terminal.layout import join_words
from callscribe.terminal.view import TerminalView
from callscribe.text.writer import Writer
from callscribe.tunnel import check_authtoken
from callscribe.web.pagetoken import FILE as TOKEN_FILE

log = structlog.get_logger(__name__)

HANGUP: signal.Signals | None = getattr(signal, "SIGHUP", None)
QUIT: signal.Signals | None = getattr(signal, "SIGQUIT", None)
READING_S = 3.0
"""How long at the end whoever reads the output may take for the rest of it."""
LEAVING_S = 10.0
"""How long the process may take to end after the server has."""


_WINDOWS_A_CALL_S = 4.0
"""Seconds between two utterances of a lively call with two people, both counted."""


_SOME_TUNNEL = "https://tunnel.invalid"


def register(app: typer.Typer) -> None:
    @app.command("serve")
    @with_settings()
    def serve_command(
        settings: Settings,
        dry_run: Annotated[
            bool,
            typer.Option(
                "--dry-run",
                help="Show what would change at Twilio, change nothing, and exit.",
            ),
        ] = False,
    ) -> None:
        """Take calls: webhook, media socket, recognition, pages."""
        never_wait_for_stderr()
        logs.configure(settings.log_level)
        check(settings)
        if dry_run:
            say("\n".join(plan(settings)))
            return
        os.umask(0o077)  # what people say is nobody else's business, whatever is written
        run(serve(settings))
        leave()


def unreachable(settings: Settings) -> str:
    """Why no calls can arrive, and what to do."""
    if settings.public_url:
        return (
            f"Twilio cannot reach {masked(settings.public_url)}, which is on this machine or its own network. "
            "Set `public_url` to a public address, or start with --tunnel ngrok: docs/connect-a-number.md."
        )
    return (
        "Twilio cannot reach this server. Set `public_url`, or start with --tunnel ngrok: "
        "docs/connect-a-number.md."
    )


def plan(settings: Settings) -> list[str]:
    """What `serve` would change at the carrier.

    Raises:
        CarrierError: no credentials, no number, or the API cannot be asked.
    """
    account = carrier_account(settings)
    if account is None:
        raise CarrierError(
            "Nothing can be changed yet: set TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN first."
        )
    with contextlib.closing(account):
        if not calls_can_arrive(settings):
            return [f"Nothing would be changed: {unreachable(settings)}"]
        if settings.public_url:
            return account.plan(settings.public_url)
        check_authtoken(settings.ngrok_authtoken.reveal())
        return [
            "The tunnel's address is known only once it is open.",
            *(
                line.replace(_SOME_TUNNEL, "https://<the tunnel's address>")
                for line in account.plan(_SOME_TUNNEL)
            ),
        ]


async def serve(settings: Settings) -> None:
    """Run until a signal comes; then finish what is being said, save and close."""
    stop = stop_signals()
    view = choose_view(settings)
    say = speaker(view)
    async with contextlib.AsyncExitStack() as stack:
        if isinstance(view, TerminalView):
            view.__enter__()
            stack.push_async_callback(put_away, view)
            logs.configure(settings.log_level)  # its lines go above the live region from here on
        product = await stack.enter_async_context(running_product(settings, say))
        server = product.server
        showing = asyncio.create_task(show_server(server, view), name="view")
        stack.push_async_callback(finish, showing, server)
        await stack.enter_async_context(product.taking_calls(tell_last))
        own = join_words([number.number for number in product.numbers])
        for line in introduction(server, product.model, own, openly=is_read(view)):
            say(line)
        loading = asyncio.create_task(tell_of_reader(server, say), name="second reader")
        stack.callback(loading.cancel)
        await first_of(stop.wait(), server.failed.wait(), showing)
        if showing.done() and not (stop.is_set() or server.failed.is_set()):
            # The terminal or the reader of the pipe is gone, or the view has a fault: no reason to end calls.
            log.warning(
                "nothing is shown here any longer; calls continue", error=showing.exception()
            )
            await first_of(stop.wait(), server.failed.wait())
        if stop.is_set():
            say("Stopping: finishing what is being said. Press Ctrl-C again to stop at once.")


async def finish(showing: asyncio.Task[None], server: Server) -> None:
    """Let the view show what the last seconds brought, unless whoever reads it has stopped reading."""
    await server.finish()
    await asyncio.wait({showing}, timeout=READING_S)
    if not showing.done():
        log.warning("what was shown last is not read; not waiting for it")
        showing.cancel()
    await asyncio.gather(showing, return_exceptions=True)


async def put_away(view: TerminalView) -> None:
    """Close the view, unless the terminal stands still."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(READING_S):
            await JobThread("terminal").run(view.close)


def leave() -> None:
    """End the process even if one of its threads never comes back: a frozen disk, an output that nobody reads."""
    after = threading.Timer(LEAVING_S, os._exit, (0,))
    after.daemon = True
    after.start()
    if isinstance(sys.stderr, Unhurried):
        sys.stderr.settle(READING_S)
    if busy():
        os._exit(0)  # one that holds the output would be waited for by the interpreter


def tell_last(text: str) -> None:
    """For what happens when the view may be gone."""
    tell(text)


async def first_of(*what: object) -> None:
    """Wait until one of them is done; the others are cancelled, except tasks, which belong to others."""
    tasks = [w if isinstance(w, asyncio.Task) else asyncio.ensure_future(w) for w in what]  # type: ignore[call-overload]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for given, task in zip(what, tasks, strict=True):
            if given is not task:
                task.cancel()


def stop_signals() -> asyncio.Event:
    """Set by the first SIGINT, SIGTERM, SIGQUIT (Ctrl-\\) or, when the terminal's window is closed, SIGHUP.

    A second one of the first three ends the process at once. SIGHUP comes twice when both the terminal and its shell
    send it, and not at all under `nohup`. A failing power supply and a limit of processor time stop it, too.
    Signals that mean nothing here, and would end the process and its calls unless they are handled, are logged.
    """
    stop = asyncio.Event()

    def on_signal(number: int) -> None:
        if stop.is_set():
            if number == HANGUP:
                return
            sys.stderr.write("\x1b[?25h" if sys.stderr.isatty() else "")
            sys.stderr.flush()
            os._exit(128 + number)
        stop.set()

    def on_nothing(number: int) -> None:
        log.warning(
            "this signal means nothing here; calls go on", signal=signal.Signals(number).name
        )

    loop = asyncio.get_running_loop()
    numbers = [signal.SIGINT, signal.SIGTERM, *_signals("SIGPWR", "SIGXCPU")]
    for number in _signals("SIGUSR1", "SIGUSR2", "SIGALRM", "SIGVTALRM", "SIGPROF", "SIGIO"):
        loop.add_signal_handler(number, on_nothing, number)
    if QUIT is not None:
        numbers.append(QUIT)
    if HANGUP is not None and signal.getsignal(HANGUP) is not signal.SIG_IGN:
        numbers.append(HANGUP)
    for number in numbers:
        loop.add_signal_handler(number, on_signal, number)
    return stop


def _signals(*names: str) -> list[signal.Signals]:
    """Those that this system has."""
    return [getattr(signal, name) for name in names if hasattr(signal, name)]


def speaker(view: AnyView) -> Callable[[str], None]:
    """Where the program's own words go: above the live region, or to standard error beside JSON."""

    writer = JobThread("terminal")
    # The last flush may come when the terminal is gone or stands still: nobody waits for it.
    waiting: set[asyncio.Task[None]] = set()

    def say(text: str) -> None:
        if isinstance(view, TerminalView):
            view.say(as_run_here(text))
            flush = asyncio.ensure_future(writer.run(partial(flush_quietly, view)))
            waiting.add(flush)
            flush.add_done_callback(waiting.discard)
        else:
            tell(text)

    return say


def is_read(view: AnyView) -> bool:
    """Whether a person reads what `speaker` says, as far as one can tell. Else it may go to a log."""
    return (sys.stdout if isinstance(view, TerminalView) else sys.stderr).isatty()


def flush_quietly(view: TerminalView) -> None:
    """Write what has gathered; that the terminal is gone is for the view's own task to notice."""
    with contextlib.suppress(ViewClosed):
        view.flush()


def reader_lines(server: Server, *, alone: bool = False) -> list[str]:
    """Which second reader is at work, how good it is, and how many calls it can follow; or how to get one.

    Args:
        alone: the model is a reader itself, and needs no other.
    """
    if server.settings.second_reader == choice.OFF or alone:
        return []
    if server.reading is None:
        return [f"Reader   none; get one with: {program()} models get {readers.SMALLEST}"]
    model = server.reading.model
    lines = [f"Reader   {model.title} reads every utterance again once it is over"]
    return [*lines, f"         {model.worth}"] if model.worth else lines


async def tell_of_reader(server: Server, say: Callable[[str], None]) -> None:
    """Say what the second reader can do on this machine once it is loaded, or why it cannot be."""
    if server.reading is None:
        return
    try:
        ready = await asyncio.shield(server.reading.service.ready)
    except ModelError as error:
        say(f"Reader   {error} The first reader carries on alone; loading is tried again.")
    else:
        say(
            f"Reader   loaded; it can follow {_calls_at_once(ready.window_s)} at once on this machine"
        )


def capacity_line(tracks: int, measured: bool) -> str:
    """How much this machine can follow, and what happens past that."""
    calls = max(1, tracks // 2)
    how = "measured on this machine" if measured else "as set"
    return (
        f"{tracks} track{'s' * (tracks != 1)} at once ({calls} two-way call{'s' * (calls != 1)}), {how}; "
        "further calls are kept and transcribed when there is room"
    )


def _calls_at_once(window_s: float) -> str:
    count = max(1, int(_WINDOWS_A_CALL_S / max(window_s, 0.01)))
    return "one call" if count == 1 else f"about {count} calls"


def page_lines(server: Server, *, openly: bool) -> list[str]:
    """Where the pages are.

    Args:
        openly: a person reads it. Else it goes to a log, which keeps things and is read by others: no token in it.
    """
    if openly or server.page_url == server.address.url:
        return [f"Page     {server.page_url}"]
    where = (
        "the one you set" if server.settings.token else f"in {server.settings.data / TOKEN_FILE}"
    )
    return [
        f"Page     {server.address.url}/?token=TOKEN",
        f"         The token is {where}; it is not printed here because this may be a log.",
    ]


def introduction(
    server: Server, model: ModelFolder, number: str, *, openly: bool = False
) -> list[str]:
    """What the start-up says: model, address, page, and what to do next.

    Args:
        openly: a person reads it, so that secrets may be in it.
    """
    settings, address, language = server.settings, server.address, model.language
    interrupted = server.record.interrupted
    lines = [
        f"Model    {model.title}, {language or 'language unknown'}, {model.sample_rate // 1000} kHz"
    ]
    if model.worth:
        lines.append(f"         {model.worth}")
    if not Writer.for_language(language).supported:
        lines.append(
            f"         No rules for written text in {language or 'this language'}: words are shown raw."
        )
    lines += reader_lines(server, alone=model.kind == "reader")
    if server.capacity:
        lines.append(f"Limit    {capacity_line(server.capacity, settings.capacity == 'auto')}")
    lines += page_lines(server, openly=openly)
    public_url = address.public_url if openly else masked(address.public_url)
    if address.is_public:
        lines.append(f"Twilio   {public_url}/twilio/voice")
    if interrupted:
        count = len(interrupted)
        lines.append(
            f"Record   {count} call{'s were' if count > 1 else ' was'} interrupted when the server last died; "
            f"{program()} calls{data_option(settings.data)}"
        )
    if advice := recording_advice(settings, call_flows(settings)):
        lines.append(f"WARNING  {advice}")
    if settings.allow_unsigned and settings.auth_token:
        lines.append(
            "Note     Signatures are checked, because an auth token is set; --allow-unsigned has no effect."
        )
    elif settings.allow_unsigned:
        lines.append(
            "WARNING  Signatures are not checked (--allow-unsigned): anyone who reaches this address can invent calls."
        )
    simulated = f"{program()} simulate {address.url}" + (
        f" --public-url {public_url}" if address.is_public else ""
    )
    if number:
        lines.append(f"Waiting for calls on {number}")
    elif settings.account_sid and not calls_can_arrive(settings):
        lines.append(
            f"WARNING  No number was changed, and no calls can arrive: {unreachable(settings)}"
        )
        lines.append(f"Without a phone: {simulated}")
    else:
        lines.append(f"Waiting for calls. Try it without a phone: {simulated}")
    return lines
