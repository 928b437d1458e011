"""`callscribe export` and `callscribe import`: calls as files, and back."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from callscribe.cli.beside import record_of
from callscribe.cli.filters import with_filter
from callscribe.cli.options import with_settings
from callscribe.cli.remote import Remote, ServerError
from callscribe.cli.show import find
from callscribe.errors import CallscribeError
from callscribe.exports import document
from callscribe.exports.formats import FORMATS, File, Format, export
from callscribe.exports.source import Source
from callscribe.outlet import raw, safe_json, say, tell
from callscribe.recordings import wav
from callscribe.recordings.shelf import Shelf
from callscribe.records import CallFilter
from callscribe.server import open_shelf
from callscribe.settings import Settings
from callscribe.store.base import Archive, calls_found, every_event
from callscribe.store.opening import open_store

_ENDS = tuple({"/", os.sep})
"""What a folder's name may end with."""


def register(app: typer.Typer) -> None:
    """Add the commands."""

    @app.command("export")
    @with_settings(names=["data", "recordings"])
    @with_filter
    def export_command(
        settings: Settings,
        wanted: CallFilter,
        call: Annotated[
            list[str] | None,
            typer.Argument(metavar="CALL", help="SIDs, or their first characters."),
        ] = None,
        format: Annotated[
            str, typer.Option("--format", "-f", help=f"One of: {', '.join(FORMATS)}.")
        ] = "txt",
        out: Annotated[
            str | None,
            typer.Option(
                "--out",
                "-o",
                metavar="PATH",
                help="A file for one call, or a folder: for several calls, or if the name ends in /.",
            ),
        ] = None,
        query: Annotated[
            str, typer.Option("--search", metavar="QUERY", help="All calls in which this was said.")
        ] = "",
    ) -> None:
        """Export calls to files: text, Markdown, SRT, WebVTT, JSON, CSV, HTML. Works while the server runs.

        One call goes to standard output, or to --out. Several, named or chosen with --search and the filters, go into
        the folder --out, one file each.
        """
        kind = _format(format)
        with open_store(settings.data, read_only=True) as store:
            if call:
                ids = [find(store, sid).call.id for sid in call]
            elif query or wanted != CallFilter():
                ids = calls_found(store, query, wanted)
            else:
                raise CallscribeError("Say which calls: by SID, with --search, or with a filter.")
            files = (export(source, kind) for source in _sources(store, open_shelf(settings), ids))
            if call and len(ids) == 1 and not (out or "").endswith(_ENDS):
                _write_one(next(files), Path(out) if out else None)
                return
            if not out:
                raise CallscribeError("Several calls go into a folder: name it with --out.")
            count = _write_all(files, Path(out))
        tell(f"Wrote {count} call{'' if count == 1 else 's'} to {out}.")

    @app.command("import")
    @with_settings(names=["data"])
    def import_command(
        settings: Settings,
        files: Annotated[
            list[Path],
            typer.Argument(metavar="FILE", help="JSON files from `callscribe export`."),
        ],
    ) -> None:
        """Import exported calls (JSON) into the record, also while the server runs.

        All files are read first, and nothing is imported if one of them is damaged. A call that is already there
        stays as it is.
        """
        for file in files:
            _document(file)
        with record_of(settings) as record:
            for file in files:
                found = _document(file)
                if _take_in(record, found):
                    say(f"{file}: {found.call.sid}")
                else:
                    tell(f"{file}: the call {found.call.sid} is already here.")


def _document(file: Path) -> document.Document:
    try:
        return document.from_json(_read(file))
    except document.DocumentError as error:
        raise document.DocumentError(f"{file}: {error}") from None


def _take_in(record: Archive | Remote, found: document.Document) -> bool:
    """Write a call down, whole; False when it is there already."""
    if isinstance(record, Remote):
        # The rest is made of the events again.
        bare = msgspec.structs.replace(found, people=(), utterances=())
        try:
            record.post("/api/v1/imports", msgspec.to_builtins(bare))
        except ServerError as error:
            if error.problem == "here-already":
                return False
            raise
        return True
    if record.call(found.call.id) is not None:
        return False
    record.append(document.events_of(found))
    return True


def _format(given: str) -> Format:
    for kind in FORMATS:
        if given == kind:
            return kind
    raise typer.BadParameter(f"one of {', '.join(FORMATS)}", param_hint="--format")


def _sources(store: Archive, shelf: Shelf, ids: list[str]) -> Iterator[Source]:
    for call in ids:
        record = store.call(call)
        if record is None:  # deleted meanwhile
            continue
        names = {(track.leg, track.track): track.speaker for track in record.tracks}
        recording = shelf.recording(call, names)
        sound = functools.partial(wav.mixed_flac, recording) if recording else None
        yield Source(call, every_event(store, call), sound)


def _write_one(file: File, out: Path | None) -> None:
    if out is None:
        for piece in file.pieces:
            raw(safe_json(piece) if file.media_type == "application/json" else piece)
        return
    _write(out / file.name if out.is_dir() else out, file.pieces)


def _write_all(files: Iterator[File], folder: Path) -> int:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CallscribeError(f"The folder {folder} cannot be created: {error.strerror}.") from None
    count = 0
    for file in files:
        _write(folder / file.name, file.pieces)
        count += 1
    return count


def _write(path: Path, pieces: Iterator[bytes]) -> None:
    """The whole file or none."""
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as out:
            out.writelines(pieces)
        part.replace(path)
    except OSError as error:
        raise CallscribeError(f"{path} cannot be written: {error.strerror}.") from None
    finally:
        part.unlink(missing_ok=True)


_LARGEST_DOCUMENT = 1 << 28
"""Bytes."""


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            content = opened.read(_LARGEST_DOCUMENT + 1)
    except OSError as error:
        raise CallscribeError(f"{file} cannot be read: {error.strerror}.") from None
    if len(content) > _LARGEST_DOCUMENT:
        raise CallscribeError(
            f"{file} is larger than {_LARGEST_DOCUMENT >> 20} MiB; no call that was exported is. Is it the right file?"
        )
    return content
