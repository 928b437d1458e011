"""Recordings in object storage (S3 and what speaks like it): the same names as in the folder, below a prefix.

Credentials, region and endpoint come from where the ecosystem keeps them: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`,
`AWS_REGION`, `AWS_ENDPOINT_URL`; `AWS_ALLOW_HTTP=true` for an endpoint without TLS.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from callscribe.errors import SettingsError

SCHEME = "s3://"


class Objects:
    """A bucket, or a prefix in it. Blocks.

    Args:
        url: `s3://bucket/prefix`.

    Raises:
        SettingsError: the library is not installed, or the address makes no sense.
    """

    def __init__(self, url: str) -> None:
        try:
            import obstore
            from obstore.store import from_url
        except ImportError:
            raise SettingsError(
                f"`recordings` is {url}, and the library for object storage is not installed. "
                "Run: pip install 'callscribe[s3]'"
            ) from None
        self._api: Any = obstore
        self.url = url
        try:
            self._store: Any = from_url(url)
        except Exception as error:  # the library's own errors have no common base of ours
            why = str(error).strip().partition("\n")[0]
            raise SettingsError(f"`recordings` is {url}, which cannot be used: {why}") from None

    def names(self, call: str) -> list[str]:
        """The files of a record's folder.

        Raises:
            OSError: the storage does not answer as it should.
        """
        with self._explained():
            found = [entry["path"] for page in self._api.list(self._store, call) for entry in page]
            return [path.rpartition("/")[2] for path in found if path.startswith(f"{call}/")]

    def put(self, call: str, file: Path) -> None:
        """Store a file in a record's folder.

        Raises:
            OSError: it cannot be stored.
        """
        with self._explained():
            self._api.put(self._store, f"{call}/{file.name}", file)

    def fetch(self, call: str, name: str, to: Path) -> None:
        """Bring a file here, whole or not at all.

        Raises:
            OSError: it cannot be had.
        """
        part = to.with_name(f".{to.name}.part")
        with self._explained():
            to.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                with part.open("wb") as out:
                    for piece in self._api.get(self._store, f"{call}/{name}").stream():
                        out.write(bytes(piece))
                part.replace(to)
            finally:
                part.unlink(missing_ok=True)

    def delete(self, call: str) -> None:
        """Delete a record's folder.

        Raises:
            OSError: it cannot be deleted.
        """
        names = self.names(call)
        with self._explained():
            if names:
                self._api.delete(self._store, [f"{call}/{name}" for name in names])

    def newest(self) -> dict[str, dt.datetime]:
        """Every record's folder, and when a file was last stored in it.

        Raises:
            OSError: the storage does not answer as it should.
        """
        found: dict[str, dt.datetime] = {}
        with self._explained():
            for page in self._api.list(self._store):
                for entry in page:
                    call = entry["path"].partition("/")[0]
                    moment: dt.datetime = entry["last_modified"]
                    found[call] = max(moment, found.get(call, moment))
        return found

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError:
            raise
        except Exception as error:
            raise OSError(f"{self.url}: {error}") from None
