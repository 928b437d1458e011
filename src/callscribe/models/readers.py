"""Second readers that can be had: Whisper models in CTranslate2's form.

Each is a handful of files with known SHA-256 checksums, which may come from several sources: the publisher's repository
on Hugging Face at a pinned revision, or a Python package that carries the same files. Revisions, sizes and checksums
were taken from public records of those repositories that agree with each other; what arrives is held to them whatever
the source.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from importlib import resources

import msgspec

from callscribe.errors import ModelError
from callscribe.recognition.languages import same_language

PREFIX = "whisper-"
SMALLEST = "whisper-tiny.en"
"""What the demo and the tests use."""


LANGUAGES = frozenset(
    "af am ar as az ba be bg bn bo br bs ca cs cy da de el en es et eu fa fi fo fr gl gu ha haw he hi hr ht hu hy id"
    " is it ja jw ka kk km kn ko la lb ln lo lt lv mg mi mk ml mn mr ms mt my ne nl nn no oc pa pl ps pt ro ru sa sd"
    " si sk sl sn so sq sr su sv sw ta te tg th tk tl tr tt uk ur uz vi yi yo zh".split()
)
"""What models of many languages read (openai/whisper, tokenizer.py)."""


class ModelFile(msgspec.Struct, frozen=True):
    """One file of a model."""

    name: str
    size: int
    """Bytes."""
    sha256: str


class PackageSource(msgspec.Struct, frozen=True, kw_only=True):
    """A Python package that carries a model's files, or some of them.

    A file too large for one package is divided among several: `model.bin.part1`, `model.bin.part2` ...
    """

    name: str
    version: str
    folder: str
    """Where in the package the files lie."""
    licence: str
    """The package's own, SPDX."""


class ReaderEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A second reader that can be had."""

    name: str
    language: str
    """BCP 47; empty: many."""
    language_name: str
    licence: str
    """SPDX."""
    note: str
    cores: int = 1
    """Processor cores from which on it keeps up with a call."""
    worth: str = ""
    """What to expect of it, for the start-up line."""
    calibration: tuple[tuple[float, float], ...] = ()
    """Points of the map from its own confidence to the share of words that are right, where measured."""
    repository: str
    """On Hugging Face."""
    revision: str
    """Of that repository: a commit."""
    files: tuple[ModelFile, ...]
    packages: tuple[PackageSource, ...] = ()
    """Which together carry the same files; none are known where empty."""

    @property
    def size(self) -> int:
        """Of all files together, bytes."""
        return sum(file.size for file in self.files)


class Readers:
    """Second readers by name."""

    def __init__(self, entries: tuple[ReaderEntry, ...]) -> None:
        self._entries = {entry.name: entry for entry in entries}

    def __iter__(self) -> Iterator[ReaderEntry]:
        """English ones first, each kind from small to large."""
        return iter(
            sorted(self._entries.values(), key=lambda e: (e.language != "en", e.size, e.name))
        )

    def get(self, name: str) -> ReaderEntry | None:
        """The reader called `name`; `tiny.en` is understood as `whisper-tiny.en`."""
        return self._entries.get(name) or self._entries.get(PREFIX + name)

    def find(self, name: str) -> ReaderEntry:
        """The same.

        Raises:
            ModelError: there is none; names the nearest.
        """
        if entry := self.get(name):
            return entry
        near = difflib.get_close_matches(name, list(self._entries), n=2, cutoff=0.5)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        raise ModelError(
            f"There is no second reader called `{name}`.{hint} See them all with: callscribe models list"
        )

    def speaking(self, language: str) -> list[ReaderEntry]:
        """Those that read a language (BCP 47)."""
        many = language.split("-")[0].lower() in LANGUAGES
        return [e for e in self if (same_language(e.language, language) if e.language else many)]


def packaged() -> Readers:
    """All that this version knows."""
    file = resources.files("callscribe.models") / "readers.json"
    return Readers(msgspec.json.decode(file.read_bytes(), type=tuple[ReaderEntry, ...]))
