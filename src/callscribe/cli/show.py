"""`callscribe show SID`: one saved call."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from callscribe.cli.options import data_option, with_settings
from callscribe.cli.program import program
from callscribe.errors import StoreError
from callscribe.events import CallEnded
from callscribe.outlet import data, drawing
from callscribe.records import CallRecord
from callscribe.settings import Settings
from callscribe.store.base import EventReader, Store, every_event
from callscribe.store.opening import open_store
from callscribe.terminal.canvas import canvas
from callscribe.terminal.transcript import print_transcript
from callscribe.transcript.fold import Transcript


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("show")
    @with_settings(names=["data"])
    def show_command(
        settings: Settings,
        sid: Annotated[
            str | None,
            typer.Argument(
                metavar="SID",
                help="Call SID, conference SID, or the beginning of one (6 characters or more).",
            ),
        ] = None,
        last: Annotated[bool, typer.Option("--last", help="The newest call.")] = False,
        as_json: Annotated[
            bool, typer.Option("--json", help="The whole record as one JSON object.")
        ] = False,
        raw: Annotated[
            bool, typer.Option("--raw", help="The recogniser's own words instead of written text.")
        ] = False,
        words: Annotated[
            bool, typer.Option("--words", help="Every word with its times and confidence.")
        ] = False,
    ) -> None:
        """Show a saved call. Works while the server runs, and after a crash."""
        if (sid is None) != last:
            raise typer.BadParameter("give either a SID or --last")
        with open_store(settings.data, read_only=True) as store:
            record = find_last(store) if sid is None else find(store, sid)
            transcript = None if as_json else transcript_of(store, record)
        if transcript is None:
            data(msgspec.json.format(msgspec.json.encode(record)))
        else:
            print_transcript(canvas(drawing()), transcript, raw=raw, words=words)


def transcript_of(store: EventReader, record: CallRecord) -> Transcript:
    """A record as people read it."""
    call = record.call
    transcript = Transcript(call.id, every_event(store, call.id))
    if call.ended_at is not None and not transcript.is_over:
        # Whoever wrote it is gone, and the next server has yet to write its end.
        end = CallEnded(
            call=call.id,
            at=call.ended_at,
            status=call.status,
            duration_ms=call.duration_ms or 0,
            reason=call.end_reason,
        )
        transcript.apply(end)
    return transcript


SHORTEST = 6
"""Characters of a SID that are needed to look for it."""


def find_last(store: Store) -> CallRecord:
    """The newest call.

    Raises:
        StoreError: there is none.
    """
    for call in store.calls(limit=1):
        if record := store.call(call.id):
            return record
    raise StoreError(f"No calls are saved in {store.place} yet.")


def find(store: Store, sid: str) -> CallRecord:
    """The call that a person means by `sid`.

    Raises:
        StoreError: none, or several; says which or how to list them.
    """
    sid = sid.strip()
    if len(sid) < SHORTEST:
        raise StoreError(f"`{sid}` is too short: give at least {SHORTEST} characters of the SID.")
    matching = store.matching(sid) or store.matching(as_sid(sid))
    sid = sid if store.matching(sid) else as_sid(sid)
    if len(matching) > 1:
        raise StoreError(f"`{sid}` may be {', '.join(matching)}. Give more characters.")
    record = store.call(sid) if matching else None
    if record is not None:
        return record
    known = [name for call in store.calls(limit=1000) for name in (call.sid, call.id)]
    if not known:
        raise StoreError(
            f"There is no call {sid}: no calls are saved in {store.place} yet. "
            "Is it the folder that `callscribe serve` writes to (--data)?"
        )
    near = difflib.get_close_matches(sid, known, n=1, cutoff=0.8)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise StoreError(
        f"There is no call {sid} in {store.place}.{hint} "
        f"List them: {program()} calls{data_option(Path(store.place))}"
    )


def as_sid(text: str) -> str:
    """A SID as Twilio writes it: two capital letters, then hexadecimal digits in small ones."""
    return text[:2].upper() + text[2:].lower()
