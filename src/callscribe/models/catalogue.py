"""The public catalogue of Vosk models.

Online it is read from its publisher. The publisher's list has no licences, and offline there is no list, so the package
carries the facts of the main models as well: names, sizes, checksums and licences as published on
https://alphacephei.com/vosk/models.
"""

from __future__ import annotations

import difflib
import re
import time
from collections.abc import Iterable, Iterator
from importlib import resources
from typing import Literal
from urllib.parse import urljoin

import httpx
import msgspec

from callscribe import clients
from callscribe.errors import ModelError
from callscribe.models.fetching import reason, stream
from callscribe.recognition.languages import bcp47

CATALOGUE_URL = "https://alphacephei.com/vosk/models/model-list.json"

_TIMEOUT_S = 10.0
"""Without anything arriving."""
_LIMIT_S = 30.0
"""For all of the list."""
_LARGEST_LIST = 5_000_000

_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class CatalogueEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A model that can be downloaded."""

    name: str
    language: str
    """BCP 47, e.g. `en-US`."""
    language_name: str
    kind: Literal["small", "big", "big-lgraph"]
    """`small` fits a small machine, `big` wants gigabytes of memory, `big-lgraph` is between."""
    size: int
    """Bytes of the archive; of models without a checksum only roughly."""
    checksum: str = ""
    """`md5:...` or `sha256:...`, empty when unknown."""
    licence: str = ""
    """SPDX name; empty when the publisher does not say."""
    note: str = ""
    url: str = ""
    obsolete: bool = False


class _Listed(msgspec.Struct, kw_only=True):
    """An entry as the publisher lists it."""

    name: str
    lang: str
    lang_text: str = ""
    type: str = ""
    md5: str = ""
    size: int = 0
    obsolete: str | bool = "false"
    url: str = ""


class Catalogue:
    """Models by name.

    Attributes:
        live: True when it was read from the publisher just now, False when it is the packaged one.
    """

    def __init__(self, entries: Iterable[CatalogueEntry], *, live: bool) -> None:
        self._entries = {entry.name: entry for entry in entries}
        self.live = live

    def __iter__(self) -> Iterator[CatalogueEntry]:
        """Without obsolete ones; by language, US and other English first, then from small to big."""
        usable = [entry for entry in self._entries.values() if not entry.obsolete]
        return iter(
            sorted(
                usable,
                key=lambda e: (
                    e.language != "en-US",
                    not e.language.startswith("en"),
                    e.language_name,
                    e.size,
                    e.name,
                ),
            )
        )

    def find(self, name: str) -> CatalogueEntry:
        """The model called `name`.

        Raises:
            ModelError: there is none; names the nearest, or the models of a language.
        """
        if name in self._entries:
            return self._entries[name]
        speaking = [entry.name for entry in self if _speaks(entry, name)]
        if speaking:
            raise ModelError(
                f"`{name}` is a language, not a model. Its models: {', '.join(speaking)}."
            )
        raise ModelError(
            f"There is no model called `{name}`.{did_you_mean(name, self.names())} "
            "See them all with: callscribe models list"
        )

    def names(self) -> list[str]:
        """Of the models that are not obsolete."""
        return [entry.name for entry in self]


def _speaks(entry: CatalogueEntry, language: str) -> bool:
    wanted = language.lower()
    return wanted in (
        entry.language.lower(),
        entry.language.split("-")[0].lower(),
        entry.language_name.lower(),
    )


def packaged() -> Catalogue:
    """The catalogue in the package, for when there is no network."""
    file = resources.files("callscribe.models") / "catalogue.json"
    entries = msgspec.json.decode(file.read_bytes(), type=list[CatalogueEntry])
    return Catalogue((_with_url(entry) for entry in entries), live=False)


def fetch(url: str = CATALOGUE_URL, *, client: httpx.Client | None = None) -> Catalogue:
    """The catalogue as its publisher has it now, with the licences that the package knows.

    Args:
        url: another list of the same form, e.g. a mirror's. Relative addresses in it are meant from there.
        client: for tests and proxies.

    Raises:
        ModelError: it cannot be reached or read.
    """
    try:
        own = client or clients.client(url, timeout=_TIMEOUT_S)
    except clients.ProxyError as error:
        raise ModelError(str(error)) from None
    try:
        until = time.monotonic() + _LIMIT_S
        with stream(own, url) as response:
            if response.status_code != httpx.codes.OK:
                raise ModelError(
                    f"The model catalogue at {url} answered with status {response.status_code}."
                )
            body = bytearray()
            for chunk in response.iter_raw():
                body += chunk
                if time.monotonic() > until:
                    raise httpx.ReadTimeout("")
                if len(body) > _LARGEST_LIST:
                    raise ModelError(f"What {url} sends is too large to be a model catalogue.")
    except httpx.HTTPError as error:
        raise ModelError(
            f"The model catalogue at {url} cannot be reached ({reason(error)})."
        ) from error
    finally:
        if client is None:
            own.close()
    try:
        listed = msgspec.json.decode(bytes(body), type=list[_Listed])
    except (msgspec.DecodeError, RecursionError) as error:
        raise ModelError(f"What {url} sends is not a model catalogue: {error}") from error
    known = {entry.name: entry for entry in packaged()}
    return Catalogue(
        (_entry(item, known, url) for item in listed if _usable(item)),
        live=True,
    )


def _usable(item: _Listed) -> bool:
    return item.type in ("small", "big", "big-lgraph") and is_safe_name(item.name)


def _entry(item: _Listed, known: dict[str, CatalogueEntry], url: str) -> CatalogueEntry:
    about = known.get(item.name)
    return CatalogueEntry(
        name=item.name,
        language=bcp47(item.lang),
        language_name=item.lang_text or item.lang,
        kind=msgspec.convert(item.type, Literal["small", "big", "big-lgraph"]),
        size=item.size,
        checksum=_checksum(item, about),
        licence=about.licence if about else "",
        note=about.note if about else "",
        url=_address(item, url),
        obsolete=str(item.obsolete).lower() == "true",
    )


def _address(item: _Listed, url: str) -> str:
    """Where the archive is: never less protected than the list that names it."""
    try:
        found = urljoin(url, item.url or f"{item.name}.zip")
    except ValueError:
        return item.url
    encrypted = url.lower().startswith("https:")
    return f"https:{found[5:]}" if encrypted and found.lower().startswith("http:") else found


def _checksum(item: _Listed, about: CatalogueEntry | None) -> str:
    """The package's own where it has one: the list and the archive come from the same server, and from a mirror
    perhaps."""
    if about is not None and about.checksum:
        return about.checksum
    return f"md5:{item.md5.lower()}" if item.md5 else ""


def _with_url(entry: CatalogueEntry) -> CatalogueEntry:
    return msgspec.structs.replace(entry, url=urljoin(CATALOGUE_URL, f"{entry.name}.zip"))


def is_safe_name(name: str) -> bool:
    """Whether a name can be a folder's."""
    return _SAFE_NAME.fullmatch(name) is not None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """` Did you mean ...?`, or nothing when nothing is near."""
    near = difflib.get_close_matches(name, list(known), n=2, cutoff=0.5)
    return f" Did you mean {' or '.join(near)}?" if near else ""
