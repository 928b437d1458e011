"""Tickets: what a media socket shows to be let in. Pure.

A ticket is a random word in the socket's path, good for one socket of one leg, and only for a short time. Only issued,
unused tickets are remembered, at most `capacity` of them, so guessing costs the guesser and not us.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from callscribe.carriers.base import Pass


class TicketBook:
    """Issues and redeems tickets.

    Args:
        draw: a new random word, long enough that nobody guesses it.
        lifetime_s: how long a ticket can be redeemed.
        capacity: how many unused ones are kept; the oldest go first.
    """

    def __init__(
        self, draw: Callable[[], str], *, lifetime_s: float = 60.0, capacity: int = 10_000
    ) -> None:
        self._draw = draw
        self._lifetime_s = lifetime_s
        self._capacity = capacity
        # All live equally long, so the order of issue is the order of expiry.
        self._issued: OrderedDict[str, tuple[float, Pass]] = OrderedDict()

    def issue(self, holder: Pass, now_s: float) -> str:
        """A new ticket; others for the same leg stay good until they expire or are used."""
        self._drop_expired(now_s)
        while len(self._issued) >= self._capacity:
            self._issued.popitem(last=False)
        ticket = self._draw()
        self._issued[ticket] = (now_s + self._lifetime_s, holder)
        return ticket

    def redeem(self, ticket: str, now_s: float) -> Pass | None:
        """What the ticket stands for; it is used up by this. None when it is unknown, used or expired."""
        self._drop_expired(now_s)
        found = self._issued.pop(ticket, None)
        return found[1] if found else None

    def revoke(self, call: str) -> None:
        """Forget all tickets of a record."""
        for ticket in [t for t, (_, holder) in self._issued.items() if holder.call == call]:
            del self._issued[ticket]

    def __len__(self) -> int:
        return len(self._issued)

    def _drop_expired(self, now_s: float) -> None:
        while self._issued:
            ticket, (expires_s, _) = next(iter(self._issued.items()))
            if expires_s > now_s:
                return
            del self._issued[ticket]
