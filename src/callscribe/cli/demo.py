"""`callscribe demo`: the whole product in one command, without a phone, an account or a network."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import shutil
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from callscribe.cli import logs
from callscribe.cli.options import data_option, with_settings
from callscribe.cli.program import program
from callscribe.cli.serve import (
    finish,
    first_of,
    introduction,
    is_read,
    leave,
    speaker,
    stop_signals,
)
from callscribe.cli.views import choose_view, show_server
from callscribe.errors import SimulationError, StoreError
from callscribe.events import CallEnded, Published, RecordSettled
from callscribe.journal.spill import state_folder
from callscribe.outlet import say, tell
from callscribe.records import CallRecord
from callscribe.server import Server, load_recognizer, run, running_server
from callscribe.settings import Secret, Settings
from callscribe.simulator import demos
from callscribe.simulator.report import CallReport, describe
from callscribe.simulator.run import Server as SimulatedTarget
from callscribe.simulator.run import simulate_call
from callscribe.simulator.script import CallScript, Party
from callscribe.store.opening import open_store
from callscribe.terminal.view import TerminalView
from callscribe.web.listening import listen

FINISH_S = 60
"""Seconds that the last words may take once the carrier has hung up."""

INTERRUPTED = 128 + signal.SIGINT

CALLER, OURS, AGENT = "+15005550010", "+15005550006", "+15005550020"


def register(app: typer.Typer) -> None:
    @app.command("demo")
    @with_settings(names=["data", "model", "second_reader", "raw"])
    def demo_command(
        settings: Settings,
        speed: Annotated[
            float, typer.Option(min=0.1, max=20, help="2 plays twice as fast as people speak.")
        ] = 1.0,
        delete: Annotated[
            bool, typer.Option("--delete", help="Delete what earlier demos saved, and exit.")
        ] = False,
    ) -> None:
        """See a phone call become text: the real server, called by a simulated Twilio."""
        logs.configure("warning")
        if settings.data == Settings().data:
            settings = replace(settings, data=own_folder())
        if delete:
            say(delete_folder(settings.data))
            return
        run(demo(demo_settings(settings), speed, stay=sys.stdout.isatty()))
        leave()


def own_folder() -> Path:
    """Where demos save their calls, so that they don't stand among your own."""
    return state_folder() / "demo"


def delete_folder(folder: Path) -> str:
    """Delete a data folder, if it is one; says what was done.

    Raises:
        StoreError: it is in use, or something else.
    """
    if not folder.exists():
        return f"There is nothing to delete in {folder}."
    if not (folder / "callscribe.db").is_file():
        raise StoreError(f"{folder} holds no callscribe record, so it was left alone.")
    with open_store(folder):
        shutil.rmtree(folder)
    return f"Deleted {folder}."


def demo_settings(settings: Settings) -> Settings:
    """A server of its own: any free port, a made-up auth token, a number that forwards to an agent."""
    return replace(
        Settings(
            data=settings.data,
            model=settings.model,
            second_reader=settings.second_reader,
            raw=settings.raw,
        ),
        port=0,
        auth_token=Secret(secrets.token_hex(16)),
        number=OURS,
        greeting="",
        consent="This call is recorded and transcribed.",
        recording="on",
        numbers={OURS: {"flow": "forward", "to": [AGENT]}},
        contacts={CALLER: "David", AGENT: "Kelly"},
    )


async def demo(settings: Settings, speed: float, *, stay: bool) -> None:
    """Serve, phone and show; then keep the page until told to stop.

    Args:
        stay: somebody looks at a terminal, and may want to look at the page.

    Raises:
        SimulationError: the call did not go as it must; says what the carrier would have complained about.
        SystemExit: interrupted during the call.
    """
    stop = stop_signals()
    recognizer, model = await asyncio.to_thread(load_recognizer, settings)
    view = choose_view(settings, json_when_piped=False)
    assert isinstance(view, TerminalView)
    hint = speaker(view)
    with contextlib.closing(recognizer), view:
        logs.configure("warning")  # its lines go above the live region from here on
        listener = listen(settings.host, settings.port)
        async with running_server(settings, recognizer, listener, own_number=OURS) as server:
            store = server.record.store
            showing = asyncio.create_task(show_server(server, view), name="view")
            for line in introduction(server, model, OURS, openly=is_read(view)):
                hint(line)
            hint("A simulated call is coming in; the page shows it, too.")
            ended = asyncio.create_task(call_settled(server), name="end of the call")
            phoning = asyncio.create_task(
                phone(server, settings.auth_token.reveal(), speed), name="carrier"
            )
            await first_of(stop.wait(), phoning, server.failed.wait())
            if not phoning.done():
                phoning.cancel()
                ended.cancel()
                await asyncio.gather(phoning, ended, return_exceptions=True)
                await finish(showing, server)
                raise SystemExit(INTERRUPTED)
            report = phoning.result()
            await asyncio.wait([ended], timeout=FINISH_S)
            ended.cancel()
            if not report.errors:
                check(await asyncio.to_thread(store.call, report.sid), report)
                for line in afterwards(settings, server.page_url if stay else ""):
                    hint(line)
                if stay:
                    await first_of(stop.wait(), server.failed.wait())
            await finish(showing, server)
    if report.errors:
        tell("\n".join(describe(report)))
        raise SimulationError("The simulated Twilio met errors; see above.")


async def call_settled(server: Server) -> None:
    """Until the record of the one call is closed and read again: callbacks and last words come after the carrier hung
    up, and the second reader's last reading after them."""
    last = CallEnded if server.reading is None else RecordSettled
    with server.record.hub.subscribe() as events:
        async for published in events:
            if isinstance(published, Published) and isinstance(published.event, last):
                return


async def phone(server: Server, auth_token: str, speed: float) -> CallReport:
    """The packaged call, played at the server in real time."""
    caller, agent = demos.demo("bank").audio().parties
    script = CallScript(
        caller=Party(CALLER, caller),
        to=OURS,
        others=(Party(AGENT, agent, rings_s=1.5),),
    )
    return await simulate_call(
        script, SimulatedTarget(server.address.url), auth_token=auth_token, speed=speed
    )


def check(record: CallRecord | None, report: CallReport) -> CallRecord:
    """The saved call, if it is whole.

    Raises:
        SimulationError: it is missing, unfinished, or one of the two people has no words.
    """
    if record is None or record.call.status != "completed":
        raise SimulationError(f"The call {report.sid} was not saved as completed.")
    silent = {"inbound", "outbound"} - {utterance.track for utterance in record.utterances}
    if silent:
        raise SimulationError(f"Nothing was heard on the {' and '.join(sorted(silent))} track.")
    return record


def afterwards(settings: Settings, page: str) -> list[str]:
    """What to do next.

    Args:
        page: the address of the pages if they stay.
    """
    option = data_option(settings.data)
    folder = "" if settings.data == own_folder() else option
    lines = [
        f"Delete   {program()} demo --delete{folder}",
        "Next     your own number: docs/connect-a-number.md",
    ]
    return [f"Page     {page}/ stays until you press Ctrl-C", *lines] if page else lines
