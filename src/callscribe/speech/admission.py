"""Who may be transcribed while people speak, when there are more streams than this machine can follow.

A stream that finds no place waits in line for one. One that is over while much of it is undecoded gives its place away
at once and is decoded on the side, a few at a time, whenever nobody who is live wants the processor. Event loop only.
"""

from __future__ import annotations

from collections import deque
from typing import Protocol


class Guest(Protocol):
    """A stream, to admission."""

    @property
    def size(self) -> int:
        """How many tracks it has."""
        ...

    def begin(self) -> None:
        """There is room: be decoded."""
        ...


class Admission:
    """Places for live tracks, and hands for what was not decoded in time."""

    def __init__(self, capacity: int = 0, *, hands: int = 1) -> None:
        """
        Args:
            capacity: tracks that are decoded live at the same time; 0: any number.
            hands: streams that are over and decoded at the same time.
        """
        self.capacity = capacity
        self._hands = hands
        self._seated: dict[Guest, None] = {}
        self._line: deque[Guest] = deque()
        self._over: deque[Guest] = deque()
        self._worked_on: dict[Guest, None] = {}

    @property
    def taken(self) -> int:
        """Places that are taken, in tracks."""
        return sum(guest.size for guest in self._seated)

    @property
    def is_full(self) -> bool:
        """Whether a stream of one track would have to wait."""
        return 0 < self.capacity <= self.taken

    @property
    def waiting(self) -> int:
        """Live tracks that wait for a place."""
        return sum(guest.size for guest in self._line)

    @property
    def unfinished(self) -> int:
        """Tracks of streams that are over and not decoded to their end."""
        return sum(guest.size for guest in (*self._over, *self._worked_on))

    def enter(self, guest: Guest) -> None:
        """A stream begins: it gets a place now, or waits for one. Nobody overtakes."""
        self._line.append(guest)
        self._move_up()

    def retire(self, guest: Guest) -> None:
        """A stream is over, but much of it is not decoded yet: it makes room, and is decoded on the side."""
        self._forget(guest)
        self._over.append(guest)
        self._move_up()

    def leave(self, guest: Guest) -> None:
        """A stream needs nothing any more. Idempotent."""
        self._forget(guest)
        self._move_up()

    def _forget(self, guest: Guest) -> None:
        self._seated.pop(guest, None)
        self._worked_on.pop(guest, None)
        for queue in (self._line, self._over):
            if guest in queue:
                queue.remove(guest)

    def _move_up(self) -> None:
        while self._line and self._has_room(self._line[0]):
            guest = self._line.popleft()
            self._seated[guest] = None
            guest.begin()
        while self._over and len(self._worked_on) < self._hands:
            guest = self._over.popleft()
            self._worked_on[guest] = None
            guest.begin()

    def _has_room(self, guest: Guest) -> bool:
        # A stream of two tracks is served even where there is room for one only.
        return not self.capacity or not self._seated or self.taken + guest.size <= self.capacity
