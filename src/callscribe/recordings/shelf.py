"""All recordings of a data folder: who records, who reads, what goes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from pathlib import Path

from callscribe.events import Track
from callscribe.recordings import files
from callscribe.recordings.files import TrackFile
from callscribe.recordings.finishing import finish
from callscribe.recordings.reading import Recording
from callscribe.recordings.writing import Recorder


class Shelf:
    """Recordings in a folder.

    Args:
        folder: made when something is recorded.
        keep_raw: keep the mu-law file of each track beside the FLAC.
    """

    def __init__(self, folder: Path, *, keep_raw: bool = False) -> None:
        self.folder = folder
        self._keep_raw = keep_raw

        self._left = files.unfinished(folder)

    def recorder(self) -> Recorder:
        """Records tracks here; close it."""
        return Recorder(self.folder, self._finish)

    def _finish(self, name: TrackFile) -> None:
        finish(self.folder, name, keep_raw=self._keep_raw)

    def finish_left(self) -> Iterator[TrackFile]:
        """Finish what was left unfinished when this shelf was made, a track at a time.

        Only for the process that records here: what another one is recording looks just like that.

        Raises:
            OSError: the disk does not take it.
        """
        while self._left:
            name = self._left.pop()
            self._finish(name)
            yield name

    def recording(self, call: str, names: Mapping[tuple[str, Track], str]) -> Recording:
        """What there is of a record; falsy when there is nothing.

        Args:
            names: who is heard on which leg's track.

        Raises:
            AudioError: a file cannot be read.
        """
        return Recording(self.folder, call, names)

    def forget(self, call: str) -> None:
        """Delete all that is kept of a record (`callscribe.erasure.Keeper`)."""
        files.forget(self.folder, call)

    def expired(self, before: dt.datetime) -> list[str]:
        """Records whose last sound was written before a moment."""
        found = []
        for folder in sorted(self.folder.glob("*/")):
            times = [file.stat().st_mtime for file in folder.iterdir()]
            if max(times, default=0.0) < before.timestamp():
                found.append(files.call_of(folder))
        return found
