"""The shared beginning of what several people say to each other."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

from callscribe.simulator import mulaw
from callscribe.simulator.clock import WorldClock
from callscribe.simulator.script import CallScript, Party

if TYPE_CHECKING:
    from callscribe.simulator.call import Call

GATHER_TIMEOUT_MS = 15_000
"""A conference conversation begins without those who have not joined by then."""


class Conversation:
    """Lets all recordings of a script begin together, as soon as the people are connected.

    Args:
        members: how many legs must be ready first.
    """

    def __init__(self, clock: WorldClock, script: CallScript, members: int = 1) -> None:
        self.script = script
        self.start_ms: int | None = None
        self.begun = asyncio.Event()
        self._clock = clock
        self._members = members
        self._ready: set[str] = set()
        self._late: asyncio.Task[None] | None = None
        self.calls: list[Call] = []
        self._unused = list(script.others)

    @property
    def end_ms(self) -> float:
        """World time of the last sample; never, when nobody has anything to say."""
        spoken = [len(call.party.audio) // mulaw.BYTES_PER_MS for call in self.calls]
        length = max([self.script.length_ms, *spoken])
        return self.start_ms + length if self.start_ms is not None and length else math.inf

    def callee(self, number: str) -> Party | None:
        """Who answers at a dialled number: the one with that number, else the next who was not called yet."""
        named = [party for party in self._unused if party.number == number]
        chosen = named[0] if named else self._unused[0] if self._unused else None
        if chosen is not None:
            self._unused.remove(chosen)
        return chosen

    def held_callee(self) -> Party | None:
        """Who is heard when the server holds the line instead of dialling; nobody once it has dialled."""
        if self.script.conference or self._unused != list(self.script.others):
            return None
        return self._unused[0] if self._unused else None

    def attach(self, call: Call) -> None:
        """The leg's party takes part; speaks from the right place when the conversation is under way."""
        if call in self.calls:
            return
        self.calls.append(call)
        if self.start_ms is not None:
            call.talk(self.start_ms)

    def detach(self, call: Call) -> None:
        if call in self.calls:
            self.calls.remove(call)

    async def ready(self, call: Call) -> None:
        """The leg is connected.

        Streams that are still opening are waited for, so that no first word is lost to a handshake.
        """
        await call.streams_settled()
        self.attach(call)
        self._ready.add(call.facts.from_ + call.facts.to)
        if len(self._ready) >= self._members:
            self._begin()
        elif len(self._ready) == 1:
            self._late = asyncio.create_task(self._begin_late())

    def close(self) -> None:
        """Nobody is expected any more."""
        if self._late is not None:
            self._late.cancel()

    async def _begin_late(self) -> None:
        await self._clock.wait(GATHER_TIMEOUT_MS)
        self._begin()

    def _begin(self) -> None:
        if self.start_ms is not None:
            return
        self.start_ms = math.ceil(self._clock.now_ms()) + self.script.lead_ms
        for call in self.calls:
            call.talk(self.start_ms)
        self.begun.set()
