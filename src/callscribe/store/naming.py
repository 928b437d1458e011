"""Names that people saved for numbers, on calls that are over: put in as calls are read, so that a name that was saved
today is found on calls of last year, at no cost of its own, and goes again with the contact.

What a person called somebody on one call stands there. While a call goes on it has the names it began with: its events
come from elsewhere, too.
"""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import structlog
from sqlalchemy import Connection, select

from callscribe import files
from callscribe.events import (
    AnyEvent,
    CallStarted,
    CallUpdated,
    Dial,
    FinalTranscript,
    ParticipantJoined,
    RevisedTranscript,
    Track,
)
from callscribe.names import CONTACTS, MOST_BYTES, saved, unique
from callscribe.phone import normal
from callscribe.search.words import plain
from callscribe.store.schema import calls, participants, renames

Names = Mapping[str, str]
"""Numbers, as they are compared (`phone.normal`), and names."""
Voice = tuple[str, str, Track]
"""Call, leg and track."""
_UNNAMED = frozenset({"caller", "callee", "participant"})

E = TypeVar("E", bound=msgspec.Struct)


class SavedNames:
    """The names in a data folder's file as they are now, for whoever reads a lot and writes nothing.

    Blocks for a look at the file, which is read when it has changed; any thread may ask. A file that cannot be read
    leaves the names that were known before.
    """

    def __init__(self, data: Path) -> None:
        self._path = data / CONTACTS
        self._known: tuple[object, Names] = (None, {})

    def __call__(self) -> Names:
        """Numbers, as they are compared (`phone.normal`), and names."""
        try:
            about = self._path.stat()
        except OSError:
            return {}
        state = (about.st_mtime_ns, about.st_size, about.st_ino)
        before, names = self._known
        if state != before:
            try:
                names = saved(tomllib.loads(files.read(self._path, MOST_BYTES).decode()))
            except (OSError, ValueError, RecursionError) as error:
                structlog.get_logger(__name__).warning(
                    "saved contacts cannot be read", file=str(self._path), error=str(error)
                )
            self._known = state, names
        return names


class Naming:
    """The names of some calls.

    Args:
        ids: the calls. Those that go on are left as they are.
        names: what people saved; empty for most, and then nothing is read.
    """

    def __init__(self, connection: Connection, ids: Sequence[str], names: Names) -> None:
        self._names = names if ids else {}
        self._over: set[str] = set()
        self._voices: dict[Voice, str] = {}
        if self._names:
            self._read(connection, ids)

    def _read(self, connection: Connection, ids: Sequence[str]) -> None:
        over = select(calls.c.id, calls.c.flow).where(
            calls.c.id.in_(ids), calls.c.ended_at.is_not(None)
        )
        flows = {row.id: row.flow for row in connection.execute(over)}
        self._over = set(flows)
        given = select(renames).where(renames.c.call.in_(self._over))
        renamed = {(row.call, row.leg, row.track) for row in connection.execute(given)}
        stays = (
            select(participants)
            .where(participants.c.call.in_(self._over))
            .order_by(participants.c.joined_ms, participants.c.id)
        )
        people: dict[str, list[Any]] = defaultdict(list)
        for row in connection.execute(stays):
            people[row.call].append(row)
        for call, rows in people.items():
            for row in rows:
                voice = (call, row.leg, row.track)
                number = normal(row.number)
                name = self._names.get(number, "")
                if not name or voice in renamed:
                    continue
                if flows[call] == "conference" and not _is_unnamed(row.speaker, number):
                    continue  # called so by the number's settings, which go before contacts
                others = [
                    self._voices.get((call, other.leg, other.track), other.speaker)
                    for other in rows
                    if normal(other.number) != number
                ]
                self._voices[voice] = unique(name, others)

    def __bool__(self) -> bool:
        return bool(self._over)

    def party(self, call: str, number: str, name: str) -> str:
        """The name of whom a call came from or went to."""
        return (self._names.get(normal(number)) if call in self._over else "") or name

    def voice(self, call: str, leg: str, track: Track, name: str) -> str:
        """The name of whoever is heard on a track."""
        return self._voices.get((call, leg, track), name)

    def dial(self, call: str, dial: Dial | None) -> Dial | None:
        """Whom somebody was connected with."""
        if dial is None or call not in self._over:
            return dial
        return msgspec.structs.replace(dial, name=self.party(call, dial.to, dial.name))

    def spoken(self, said: E) -> E:
        """Anything with a call, a leg, a track and a speaker."""
        name = self.voice(said.call, said.leg, said.track, said.speaker)  # type: ignore[attr-defined]
        if name == said.speaker:  # type: ignore[attr-defined]
            return said
        return msgspec.structs.replace(said, speaker=name)

    def event(self, event: AnyEvent) -> AnyEvent:
        """An event of the journal as it would be if the numbers had had their names then."""
        match event:
            case CallStarted() if event.call in self._over:
                return msgspec.structs.replace(
                    event,
                    from_name=self.party(event.call, event.from_, event.from_name),
                    to_name=self.party(event.call, event.to, event.to_name),
                )
            case CallUpdated() if event.dial is not None:
                return msgspec.structs.replace(event, dial=self.dial(event.call, event.dial))
            case ParticipantJoined() | FinalTranscript() | RevisedTranscript():
                return self.spoken(event)
        return event


def _is_unnamed(speaker: str, number: str) -> bool:
    """Whether nothing was known of somebody: "Participant 2", or the number."""
    name = speaker.rstrip("0123456789 ").casefold()
    return not speaker or name in _UNNAMED or normal(speaker).startswith(number)


def numbers_named(names: Names, wanted: str) -> list[str]:
    """The numbers of contacts that are called so, or have it as a part of their name, word by word."""
    asked = plain(wanted)
    return [number for number, name in names.items() if asked and _has(plain(name), asked)]


def numbers_beginning(names: Names, word: str) -> list[str]:
    """The numbers of contacts of whose names a word begins so."""
    return [
        number
        for number, name in names.items()
        if any(part.startswith(word) for part in plain(name))
    ]


def _has(words: Sequence[str], asked: Sequence[str]) -> bool:
    """Whether words stand in others in a row."""
    return any(
        words[place : place + len(asked)] == asked for place in range(len(words) - len(asked) + 1)
    )
