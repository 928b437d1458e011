"""All recordings of a data folder: who records, who reads, what goes."""

from __future__ import annotations

import datetime as dt
import shutil
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

import structlog

from callscribe.errors import AudioError
from callscribe.events import Track
from callscribe.recordings import files
from callscribe.recordings.files import TrackFile
from callscribe.recordings.finishing import finish
from callscribe.recordings.objects import Objects
from callscribe.recordings.reading import Recording
from callscribe.recordings.writing import Recorder

_FETCHED = 50
"""Calls that are kept here after they were fetched from object storage."""


class Shelf:
    """Recordings in a folder; with `objects`, they are moved there as soon as a track is finished.

    Args:
        folder: made when something is recorded.
        keep_raw: keep the mu-law file of each track beside the FLAC.
        objects: where finished recordings are kept instead.
    """

    def __init__(
        self, folder: Path, *, keep_raw: bool = False, objects: Objects | None = None
    ) -> None:
        self.folder = folder
        self._fetched = folder.with_name(f"{folder.name}-fetched")
        self._keep_raw = keep_raw
        self._objects = objects
        left = files.unfinished(folder)
        if objects is not None:  # a storage that did not answer has left some here
            left += [
                name
                for path in sorted(folder.glob("*/"))
                for name in files.track_files(folder, files.call_of(path))
                if name not in left
            ]
        self._left = deque(left)
        self._moving = threading.Lock()
        self._log = structlog.get_logger(__name__)

    def recorder(self) -> Recorder:
        """Records tracks here; close it."""
        return Recorder(self.folder, self._finish)

    @property
    def waiting(self) -> int:
        """Tracks that could not be finished or moved yet."""
        return len(self._left)

    def _finish(self, name: TrackFile) -> None:
        try:
            with self._moving:  # what is being deleted is not moved behind it
                self._finish_now(name)
        except OSError:
            self._left.append(name)
            raise

    def _finish_now(self, name: TrackFile) -> None:
        finish(self.folder, name, keep_raw=self._keep_raw)
        if self._objects is None:
            return
        made = [name.path(self.folder, suffix) for suffix in (files.PEAKS, files.RAW, files.FLAC)]
        there = [file for file in made if file.exists()]
        for file in there:  # the FLAC last: with it the others are there
            self._objects.put(file.parent.name, file)
        for file in there:
            file.unlink()
        if there and not any(there[0].parent.iterdir()):
            there[0].parent.rmdir()

    def finish_left(self) -> Iterator[TrackFile]:
        """Finish what was left unfinished when this shelf was made, or could not be finished since, a track at a time.

        Only for the process that records here: what another one is recording looks just like that.

        Raises:
            OSError: the disk or the storage does not take one; call again later.
        """
        while self._left:
            name = self._left.popleft()
            self._finish(name)
            yield name

    def recording(self, call: str, names: Mapping[tuple[str, Track], str]) -> Recording:
        """What there is of a record; falsy when there is nothing.

        Args:
            names: who is heard on which leg's track.

        Raises:
            AudioError: a file cannot be read, or the storage does not answer.
        """
        if self._objects is None:
            return Recording([self.folder], call, names)
        try:
            self._fetch(self._objects, call)
        except OSError as error:
            raise AudioError(f"The recording cannot be fetched: {error}") from None
        return Recording([self.folder, self._fetched], call, names)

    def has(self, call: str) -> bool:
        """Whether there is anything to hear of a record. Fetches no sound.

        Raises:
            AudioError: a file cannot be read, or the storage does not answer.
        """
        if Recording([self.folder], call, {}):
            return True
        if self._objects is None:
            return False
        try:
            names = self._objects.names(files.call_folder(self._fetched, call).name)
        except OSError as error:
            raise AudioError(f"Could not look for the recording: {error}") from None
        return any(name.endswith(files.FLAC) for name in names)

    def _fetch(self, objects: Objects, call: str) -> None:
        """Bring a record's files here, and let go of those that were fetched longest ago."""
        home = files.call_folder(self._fetched, call)
        for name in objects.names(home.name):
            if not name.endswith(files.RAW) and not (home / name).exists():
                objects.fetch(home.name, name, home / name)
        if not home.is_dir():
            return
        home.touch()
        others = sorted(self._fetched.glob("*/"), key=lambda path: path.stat().st_mtime)
        for old in others[:-_FETCHED]:
            shutil.rmtree(old, ignore_errors=True)

    def forget(self, call: str, what: Literal["call", "text"] = "call") -> None:
        """Delete all that is kept of a record (`callscribe.erasure.Keeper`); sound stays when only the text goes."""
        if what == "text":
            return
        with self._moving:
            files.forget(self.folder, call)
            if self._objects is not None:
                files.forget(self._fetched, call)
                self._objects.delete(files.call_folder(self.folder, call).name)

    def expired(self, before: dt.datetime) -> list[str]:
        """Records whose last sound was written before a moment.

        Raises:
            OSError: the storage does not answer as it should.
        """
        newest: dict[str, dt.datetime] = {}
        for folder in sorted(self.folder.glob("*/")):
            times = [file.stat().st_mtime for file in folder.iterdir()]
            newest[folder.name] = dt.datetime.fromtimestamp(max(times, default=0.0), dt.UTC)
        if self._objects is not None:
            for name, moment in self._objects.newest().items():
                newest[name] = max(moment, newest.get(name, moment))
        return [files.call_of(Path(name)) for name, moment in newest.items() if moment < before]
