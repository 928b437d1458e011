"""`callscribe audio CALL`: the sound of a recorded call as a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from callscribe.cli.options import with_settings
from callscribe.cli.show import find
from callscribe.errors import AudioError
from callscribe.outlet import say
from callscribe.recordings import wav
from callscribe.server import open_shelf
from callscribe.settings import Settings
from callscribe.store.opening import open_store


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("audio")
    @with_settings(names=["data", "recordings"])
    def audio_command(
        settings: Settings,
        call: Annotated[
            str, typer.Argument(metavar="CALL", help="The call's SID, or its first characters.")
        ],
        out: Annotated[Path, typer.Option("--out", "-o", help="The file to write: .wav or .flac.")],
        person: Annotated[
            list[str] | None,
            typer.Option(
                "--person", help="Only this person. Repeat it for several, one channel each."
            ),
        ] = None,
        start: Annotated[
            float,
            typer.Option(
                "--from", metavar="SECONDS", min=0, help="Seconds from the start of the call."
            ),
        ] = 0.0,
        end: Annotated[
            float | None,
            typer.Option(
                "--to", metavar="SECONDS", min=0, help="Seconds from the start of the call."
            ),
        ] = None,
        mix: Annotated[bool, typer.Option("--mix", help="Everyone on one channel.")] = False,
    ) -> None:
        """Save a recorded call's audio to a file, one channel per person. Works while the server runs."""
        with open_store(settings.data, read_only=True) as store:
            record = find(store, call)
        names = {(track.leg, track.track): track.speaker for track in record.tracks}
        found = open_shelf(settings).recording(record.call.id, names)
        if not found:
            raise AudioError(f"The call {record.call.sid} was not recorded: `recording` was off.")
        voices = [found.voice(name) for name in person] if person else found.voices
        stop_ms = found.end_ms if end is None else min(found.end_ms, round(end * 1000))
        try:
            wav.write(out, found, voices, round(start * 1000), stop_ms, mixed=mix)
        except OSError as error:
            raise AudioError(f"{out} cannot be written: {error.strerror or error}.") from None
        people = ", ".join(voice.name for voice in voices)
        say(f"Wrote {out}: {people}.")
