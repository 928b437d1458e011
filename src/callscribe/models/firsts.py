"""What models' archives were when they were first downloaded: `checksums.json` in the models folder.

It outlives the models: who deletes one and gets it again is still told when it has become another.
"""

from __future__ import annotations

import datetime
from pathlib import Path

import msgspec

from callscribe import files
from callscribe.errors import ModelError

FILE = "checksums.json"


class First(msgspec.Struct, frozen=True, kw_only=True):
    """The first download of a model."""

    sha256: str
    """Of the archive, hexadecimal."""
    day: str
    """YYYY-MM-DD."""
    host: str
    """Where it came from."""


class Firsts:
    """The first downloads, by model.

    Args:
        models: the folder of all models.

    Raises:
        ModelError: the file is there but cannot be used: going on without it would trust anything again.
    """

    def __init__(self, models: Path) -> None:
        self.file = models / FILE
        self._known = self._read()

    def _read(self) -> dict[str, First]:
        try:
            return msgspec.json.decode(files.read(self.file), type=dict[str, First])
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise ModelError(f"{self.file} cannot be read: {error.strerror}.") from None
        except (msgspec.DecodeError, RecursionError) as error:
            raise ModelError(
                f"{self.file}, which holds the checksums of models that were downloaded before, is damaged: {error}. "
                "Restore it from a backup; or delete it, and the next downloads are trusted again."
            ) from None

    def of(self, name: str) -> First | None:
        """A model's first download; None when there was none."""
        return self._known.get(name)

    def keep(self, name: str, sha256: str, host: str) -> bool:
        """Keep the first download of a model, for good; whether it was the first.

        Raises:
            OSError: it cannot be written.
        """
        self._known = self._read()  # another download may have ended meanwhile
        if name in self._known:
            return False
        day = datetime.datetime.now(datetime.UTC).date().isoformat()
        self._known[name] = First(sha256=sha256, day=day, host=host)
        draft = self.file.with_suffix(".new")
        draft.write_bytes(msgspec.json.format(msgspec.json.encode(self._known)) + b"\n")
        draft.replace(self.file)
        return True
