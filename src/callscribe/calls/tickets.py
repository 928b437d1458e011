"""Tickets: what a media socket shows to be let in.

A ticket is a random word in the socket's path, good for one socket of one leg, and only for a short time. Only issued,
unused tickets are remembered, at most `capacity` of them, so guessing costs the guesser and not us.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable

import msgspec


class Ticket(msgspec.Struct, frozen=True):
    """What a ticket stands for."""

    call: str
    """The record."""
    leg: str
    """Call SID that the socket's `start` must name."""


class TicketBook:
    """Issues and redeems tickets.

    Args:
        lifetime_s: how long a ticket can be redeemed.
        capacity: how many unused ones are kept; the oldest go first.
        clock: monotonic seconds.
    """

    def __init__(
        self, *, clock: Callable[[], float], lifetime_s: float = 60.0, capacity: int = 10_000
    ) -> None:
        self._clock = clock
        self._lifetime_s = lifetime_s
        self._capacity = capacity
        # All live equally long, so the order of issue is the order of expiry.
        self._issued: OrderedDict[str, tuple[float, Ticket]] = OrderedDict()

    def issue(self, call: str, leg: str) -> str:
        """A new ticket; others for the same leg stay good until they expire or are used."""
        now = self._clock()
        self._drop_expired(now)
        while len(self._issued) >= self._capacity:
            self._issued.popitem(last=False)
        token = secrets.token_urlsafe(24)
        self._issued[token] = (now + self._lifetime_s, Ticket(call, leg))
        return token

    def redeem(self, token: str) -> Ticket | None:
        """The ticket, which is used up by this; None when it is unknown, used or expired."""
        self._drop_expired(self._clock())
        found = self._issued.pop(token, None)
        return found[1] if found else None

    def revoke(self, call: str) -> None:
        """Forget all tickets of a record."""
        for token in [token for token, (_, t) in self._issued.items() if t.call == call]:
            del self._issued[token]

    def __len__(self) -> int:
        return len(self._issued)

    def _drop_expired(self, now: float) -> None:
        while self._issued:
            token, (expires, _) = next(iter(self._issued.items()))
            if expires > now:
                return
            del self._issued[token]
