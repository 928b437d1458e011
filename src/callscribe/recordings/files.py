"""What is where: a folder a record, a file a track.

    FOLDER/CALL/LEG.STREAM.TRACK.START.ulaw    while the track runs: mu-law, 8000 bytes a second, without a header
    FOLDER/CALL/LEG.STREAM.TRACK.START.flac    afterwards: the same samples as 16-bit FLAC
    FOLDER/CALL/LEG.STREAM.TRACK.START.peaks   the loudest sample of each stretch of `PEAK_MS`, a byte each

START is where the file begins on the record's line, in milliseconds. Names say everything, so a folder can be read
without any other source, and after any crash.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, unquote

from callscribe.events import Track

RAW, FLAC, PEAKS = ".ulaw", ".flac", ".peaks"
PEAK_MS = 50
"""Milliseconds a peak."""
_NAME = re.compile(r"([^.]+)\.([^.]+)\.(inbound|outbound)\.(\d{1,12})")


class TrackFile(NamedTuple):
    """One track of one stream."""

    call: str
    leg: str
    stream: str
    track: Track
    start_ms: int
    """Where it begins on the record's line."""

    def path(self, folder: Path, suffix: str) -> Path:
        """Its file of this kind."""
        name = f"{_safe(self.leg)}.{_safe(self.stream)}.{self.track}.{self.start_ms}{suffix}"
        return folder / _safe(self.call) / name


def call_folder(folder: Path, call: str) -> Path:
    """Where a record's files are."""
    return folder / _safe(call)


def track_files(folder: Path, call: str) -> list[TrackFile]:
    """The tracks of a record that are there, raw or finished, in the order in which they begin."""
    found: set[TrackFile] = set()
    try:
        names = [file.name for file in call_folder(folder, call).iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    for name in names:
        stem, dot, suffix = name.rpartition(".")
        match = _NAME.fullmatch(stem)
        if match and dot + suffix in (RAW, FLAC):
            leg, stream, track, start = match.groups()
            found.add(
                TrackFile(
                    call,
                    unquote(leg),
                    unquote(stream),
                    "inbound" if track == "inbound" else "outbound",
                    int(start),
                )
            )
    return sorted(found, key=lambda file: (file.start_ms, file.leg, file.track, file.stream))


def unfinished(folder: Path) -> list[TrackFile]:
    """Tracks of which there is only the raw file: they are being recorded, or a process left them that died."""
    calls = dict.fromkeys(call_of(file.parent) for file in sorted(folder.glob(f"*/*{RAW}")))
    return [
        name
        for call in calls
        for name in track_files(folder, call)
        if not name.path(folder, FLAC).exists()
    ]


def forget(folder: Path, call: str) -> None:
    """Delete all files of a record.

    Raises:
        OSError: they cannot be deleted.
    """
    path = call_folder(folder, call)
    for file in sorted(path.glob("*")) if path.is_dir() else ():
        _overwrite(file)
    if path.is_dir():
        shutil.rmtree(path)


def _overwrite(file: Path) -> None:
    """Cut a file off before it is unlinked: whoever still has it open reads nothing more of it."""
    with file.open("r+b") as opened:
        opened.truncate(0)


def _safe(name: str) -> str:
    """A SID as a name of a file: what comes over the network must not reach outside the folder."""
    return quote(name, safe="").replace(".", "%2E") or "%00"


def call_of(folder: Path) -> str:
    """The record whose folder this is."""
    return unquote(folder.name)
