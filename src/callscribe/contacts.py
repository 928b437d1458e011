"""Names that people gave to numbers while the server ran: `contacts.toml` in the data folder."""

from __future__ import annotations

import threading
import tomllib
from collections.abc import Callable
from pathlib import Path

import tomli_w

from callscribe.errors import StoreError
from callscribe.phone import normal

FILE = "contacts.toml"


class ContactFile:
    """Saved contacts. Blocks; may be used from any thread.

    Args:
        data: the data folder.
        tell: is told each number with its name, those that are there already at once; empty: it has none any more.
    """

    def __init__(self, data: Path, tell: Callable[[str, str], None]) -> None:
        self._path = data / FILE
        self._tell = tell
        self._lock = threading.Lock()
        self._names = _read(self._path)
        for number, name in self._names.items():
            tell(number, name)

    def all(self) -> dict[str, str]:
        """Numbers and names, by name."""
        return dict(sorted(self._names.items(), key=lambda item: item[1].casefold()))

    def save(self, number: str, name: str) -> None:
        """Give a number a name; an empty one takes it away. On return it is on disk.

        Raises:
            StoreError: the file cannot be written.
        """
        with self._lock:
            names = {**self._names, normal(number): name}
            if not name:
                del names[normal(number)]
            part = self._path.with_suffix(".part")
            try:
                part.write_bytes(tomli_w.dumps(names).encode())
                part.replace(self._path)
            except OSError as error:
                raise StoreError(f"{self._path} cannot be written: {error.strerror}.") from None
            self._names = names
            self._tell(number, name)


def _read(path: Path) -> dict[str, str]:
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise StoreError(
            f"{path} cannot be read: {error}. Mend it, or delete it; it holds the names that were saved on the page."
        ) from None
    return {number: name for number, name in found.items() if isinstance(name, str)}
