"""A board: what a page shows, kept drawn once for all viewers, and brought up to date as events come.

A board follows the journal, folds events into a transcript (or into lines of the list of calls), and notes which piece
of the page changed when. A viewer says which version it has and gets the pieces that changed since. So no viewer has a
queue: a slow one skips what newer pieces have replaced, and one that was away gets exactly what it missed. The bytes of
a message are made once and shared by all who stand at the same version.

A message is a JSON list of steps for `static/pieces.js`:

    ["put", id, html]         this piece, in the place where it is
    ["row", id, html, after]  a paragraph or note, after the one of that id ("": the first)
    ["talk", html]            the whole conversation
    ["item", id, html]        a line of the list; its `data-rank` says where it stands
    ["items", [id, ...]]      the list has these lines and no others
    ["drop", id]              a piece is gone
    ["name", who, text]       a person is called this now, wherever the name stands
    ["say", sentence]         said just now: for screen readers, and to count
"""

from __future__ import annotations

import asyncio
import secrets
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec

from callscribe.ranges import whole_number
from callscribe.web.drawing import Words

REMEMBERED = 4000
"""Pieces whose last change is remembered; a viewer who has an older version gets everything."""


class Drawn:
    """A piece: drawn when first wanted, then kept."""

    __slots__ = ("_draw", "_html")

    def __init__(self, draw: Callable[[Words], str]) -> None:
        self._draw = draw
        self._html: dict[Words, str] = {}

    def html(self, words: Words) -> str:
        html = self._html.get(words)
        if html is None:
            html = self._html[words] = self._draw(words)
        return html


class Board(ABC):
    """Pieces, when each changed, and who waits for the next change."""

    def __init__(self) -> None:
        self.version = 1
        """Counts up with every change."""
        self.epoch = secrets.token_hex(4)
        """Tells this board's versions from those of a board before it."""
        self.closed = False
        """Nothing comes any more."""
        self._changes: OrderedDict[str, int] = OrderedDict()
        self._oldest = 1
        self._wakes: set[asyncio.Event] = set()
        self._messages: dict[tuple[int, Words], bytes] = {}

    @property
    def seen(self) -> str:
        """What a viewer of the newest version has."""
        return f"{self.epoch}.{self.version}"

    @contextmanager
    def watched(self, wake: asyncio.Event) -> Iterator[None]:
        """Sets `wake` at every change."""
        self._wakes.add(wake)
        try:
            yield
        finally:
            self._wakes.discard(wake)

    def close(self) -> None:
        """Says that nothing comes any more."""
        self.closed = True
        for wake in self._wakes:
            wake.set()

    def since(self, seen: str) -> int | None:
        """The version that a viewer has; None when it needs everything."""
        epoch, _, version = seen.partition(".")
        known = whole_number(version)
        if epoch != self.epoch or known is None:
            return None
        return known if self._oldest <= known <= self.version else None

    def message(self, since: int, words: Words) -> bytes:
        """The steps from a version to the newest; empty when it is the newest."""
        if since == self.version:
            return b""
        message = self._messages.get((since, words))
        if message is None:
            steps = self._steps(since, words)
            message = self._messages[since, words] = msgspec.json.encode(steps) if steps else b""
        return message

    @abstractmethod
    def _steps(self, since: int, words: Words) -> list[Sequence[Any]]:
        """The steps from a version to the newest."""

    def _begin(self) -> int:
        """Changes noted from here on are of the next version."""
        self.version += 1
        return self.version

    def _touch(self, id: str) -> None:
        self._changes[id] = self.version
        self._changes.move_to_end(id)

    def _done(self) -> None:
        """Changes have been noted, or there were none."""
        newest = next(reversed(self._changes.values()), 0)
        if newest != self.version:
            self.version -= 1
            return
        while len(self._changes) > REMEMBERED:
            _, self._oldest = self._changes.popitem(last=False)
        self._messages.clear()
        for wake in self._wakes:
            wake.set()

    def _changed(self, since: int) -> list[str]:
        """Ids of the pieces that changed after a version, oldest change first."""
        found = []
        for id, version in reversed(self._changes.items()):
            if version <= since:
                break
            found.append(id)
        return found[::-1]
