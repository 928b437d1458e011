"""`callscribe doctor`: everything between a phone call and its text, tried, with the cure beside each fault."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator, Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from callscribe.addresses import check_public_url, tidy
from callscribe.carriers.twilio.client import CarrierClient, PhoneNumber
from callscribe.carriers.twilio.signature import SignatureChecker
from callscribe.carriers.twilio.urls import VOICE
from callscribe.cli import findings, reach
from callscribe.cli.findings import Finding
from callscribe.cli.options import with_settings
from callscribe.cli.remote import Place, Remote, ServerError, token_of
from callscribe.errors import CallscribeError, CarrierError, TunnelError
from callscribe.metrics import Figures
from callscribe.outlet import clean, data, say
from callscribe.settings import Settings
from callscribe.terminal.canvas import canvas
from callscribe.terminal.layout import wrap
from callscribe.tunnel import open_tunnel

_STYLES = {"ok": "green", "warning": "yellow", "failed": "bold red", "skipped": "dim"}


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("doctor")
    @with_settings(
        names=[
            "host",
            "port",
            "data",
            "account_sid",
            "number",
            "public_url",
            "tunnel",
            "api_url",
            "model",
            "language",
            "allow_unsigned",
            "flow",
            "to",
            "room",
        ]
    )
    def doctor_command(
        settings: Settings,
        as_json: Annotated[bool, typer.Option("--json", help="The findings as JSON.")] = False,
    ) -> None:
        """Check everything a call needs, and say how to fix what doesn't work."""
        found = []
        console = canvas()
        for finding in examine(settings):
            found.append(finding)
            if not as_json:
                show(console, finding)
        bad = [finding for finding in found if finding.state == "failed"]
        if as_json:
            data(
                json.dumps({"ok": not bad, "findings": [vars(f) for f in found]}, indent=2).encode()
            )
        else:
            console.print(summary(found))
        sys.exit(1 if bad else 0)


def summary(found: Sequence[Finding]) -> str:
    """The last line."""
    bad = sum(finding.state == "failed" for finding in found)
    if bad == 1:
        return "One check failed."
    if bad:
        return f"{bad} checks failed. Start with the first: it may cause the others."
    unreachable = any(f.check == "Public address" and f.state == "skipped" for f in found)
    ready = "Ready for simulated calls; real ones need a public address." if unreachable else ""
    doubtful = sum(finding.state == "warning" for finding in found)
    if doubtful:
        ready = ready or "Ready for calls."
        return f"{ready} {doubtful} warning{'s' * (doubtful > 1)} above."
    return ready or "Everything works."


def show(console: Console, finding: Finding) -> None:
    """One finding for people: state, what was looked at, what was found, and the cure under it."""
    head = f"{finding.state:<8} {finding.check:<15} "
    if not console.is_terminal:
        say(f"{head}{finding.detail}")
        if finding.cure:
            say(f"{'':<25}-> {finding.cure}")
        return
    indent = len(head) if console.width > 60 else 4
    room = max(20, console.width - indent - 1)
    lines = [
        *(Text(line) for entry in finding.detail.splitlines() for line in _wrapped(entry, room))
    ]
    if finding.cure:
        lines += [
            Text(
                "-> " * (n == 0) + "   " * (n > 0) + line, "yellow" if finding.state != "ok" else ""
            )
            for n, line in enumerate(_wrapped(finding.cure, room - 3))
        ]
    title = Text.assemble(
        (f"{finding.state:<8} ", _STYLES[finding.state]), (f"{finding.check:<15} ", "bold")
    )
    if indent == len(head):
        console.print(title + lines[0])
        lines = lines[1:]
    else:
        console.print(title)
    for line in lines:
        console.print(Text(" " * indent) + line)


def _wrapped(text: str, room: int) -> list[str]:
    return [line.plain for line in wrap(canvas(width=room), Text(clean(text)), room)]


def examine(settings: Settings) -> Iterator[Finding]:
    """All checks, in the order in which a fault in one explains faults in the next."""
    yield from findings.rules(settings)
    yield from findings.data_folder(settings)
    yield findings.open_files()
    yield from findings.model(settings)
    running = reach.is_listening(settings.host, settings.port)
    where = f"{settings.host} port {settings.port}"
    yield Finding(
        "Server",
        "ok",
        f"something is listening on {where}" if running else f"not running on {where}",
    )
    if running:
        yield from _running(settings)
    client: CarrierClient | None = None
    own: list[PhoneNumber] = []
    if settings.account_sid and settings.auth_token:
        try:
            client = CarrierClient(
                settings.account_sid, settings.auth_token.reveal(), base_url=settings.api_url
            )
        except CarrierError as error:
            yield findings.failed("Credentials", error)
    else:
        missing = "TWILIO_AUTH_TOKEN" if settings.account_sid else "TWILIO_ACCOUNT_SID"
        yield Finding(
            "Credentials",
            "skipped",
            f"{missing} is not set, so the account and its number cannot be looked at",
        )
    with contextlib.ExitStack() as stack:
        if client is not None:
            stack.callback(client.close)
            account = list(findings.credentials(client))
            yield from account
            if account[0].state != "failed":
                wanted = tidy(settings.public_url) + VOICE if settings.public_url else ""
                own, looked = findings.own_numbers(client, settings, wanted, running)
                yield from looked
        yield from _outside(settings, own, running)


def _running(settings: Settings) -> Iterator[Finding]:
    """How the server that runs there does."""
    host = reach.own_host(settings.host)
    there = Place(
        f"http://{f'[{host}]' if ':' in host else host}:{settings.port}", token_of(settings)
    )
    try:
        with Remote(there) as remote:
            figures = remote.fetch(Figures, "/api/operations")
    except ServerError as error:
        yield Finding("Load", "skipped", str(error))
        return
    yield from findings.running(figures)


def _outside(settings: Settings, own: list[PhoneNumber], running: bool) -> Iterator[Finding]:
    """The public address, by whatever way it comes about."""
    token = settings.auth_token.reveal()
    with contextlib.ExitStack() as stack:
        url = tidy(settings.public_url)
        if url:
            try:
                check_public_url(url, secure=True)
            except CallscribeError as error:
                yield findings.failed("Public address", error)
                return
        if not url and running and own and own[0].voice_url.endswith(VOICE):
            url = own[0].voice_url.removesuffix(VOICE)  # the running server has set it: its tunnel
        if not url and settings.tunnel == "ngrok" and not running:
            try:
                tunnel = open_tunnel(settings.port, settings.ngrok_authtoken.reveal())
            except TunnelError as error:
                yield findings.failed("Tunnel", error)
                return
            stack.callback(tunnel.close)
            url = tunnel.public_url
            yield Finding("Tunnel", "ok", f"{url} opens")
        if not url:
            yield Finding(
                "Public address",
                "skipped",
                "there is none: no public_url, no tunnel, and no running server with a number",
                "Set public_url, or use --tunnel ngrok, for calls from real phones.",
            )
            return
        if not running:
            try:
                checker = SignatureChecker([token], url) if token else None
                stack.enter_context(reach.stand_in(settings.host, settings.port, checker))
            except (OSError, CallscribeError) as error:
                yield findings.failed("Public address", error)
                return
        found = reach.public_address(url)
        yield from found
        if found[-1].state == "failed" or not token:
            return
        yield reach.signed_request(url, token)
        yield reach.signed_socket(url, token)
