"""Names that people gave to numbers: `contacts.toml` in the data folder. Calls that are over show them, too
(`callscribe.store.naming`).

The file is the truth, and may be edited by hand, comments and all; whoever asks or saves reads what has changed first.
Beside a running server others save through the server, so that there is one writer.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import tomlkit
from tomlkit.exceptions import TOMLKitError

from callscribe import files
from callscribe.errors import StoreError
from callscribe.names import CONTACTS, MOST_BYTES, saved
from callscribe.phone import normal


class ContactFile:
    """Saved contacts. Blocks; may be used from any thread.

    Args:
        data: the data folder.
        tell: is told each number with its name, those that are there already at once; empty: it has none any more.

    Raises:
        StoreError: the file cannot be read.
    """

    def __init__(self, data: Path, tell: Callable[[str, str], None] = lambda *_: None) -> None:
        self._path = data / CONTACTS
        self._tell = tell
        self._lock = threading.Lock()
        self._watchers: list[Callable[[], None]] = []
        self._names: dict[str, str] = {}
        with self._lock:
            self._read()

    def watch(self, changed: Callable[[], None]) -> None:
        """Have it called, in any thread, whenever names have changed."""
        self._watchers.append(changed)

    def all(self) -> dict[str, str]:
        """Numbers and names, by name.

        Raises:
            StoreError: the file cannot be read.
        """
        with self._lock:
            self._read()
            return dict(sorted(self._names.items(), key=lambda item: item[1].casefold()))

    def save(self, number: str, name: str) -> bool:
        """Give a number a name; an empty one takes it away. On return it is on disk.

        Returns:
            Whether the number had a name before.

        Raises:
            StoreError: the file cannot be read or written.
        """
        wanted = normal(number)
        with self._lock:
            document = self._read()
            written = [key for key in document if normal(key) == wanted]
            if name:
                document[written[0] if written else wanted] = name
            for key in written[1:] if name else written:
                del document[key]
            try:
                files.write(self._path, tomlkit.dumps(document).encode())
            except OSError as error:
                raise StoreError(f"{self._path} cannot be written: {error.strerror}.") from None
            self._take(document)
            return bool(written)

    def _read(self) -> tomlkit.TOMLDocument:
        """What stands in the file now."""
        try:
            document = tomlkit.parse(files.read(self._path, MOST_BYTES).decode())
        except FileNotFoundError:
            document = tomlkit.document()
        except (OSError, UnicodeDecodeError, RecursionError, TOMLKitError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise StoreError(
                f"{self._path} cannot be read: {why}. Correct it or delete it; it holds the names of saved contacts."
            ) from None
        self._take(document)
        return document

    def _take(self, document: tomlkit.TOMLDocument) -> None:
        """Tell what is different from before."""
        names = saved(document)
        before, self._names = self._names, names
        for number in before.keys() - names.keys():
            self._tell(number, "")
        for number, name in names.items():
            if before.get(number) != name:
                self._tell(number, name)
        if names != before:
            for changed in self._watchers:
                changed()
