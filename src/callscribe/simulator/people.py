"""What the people of a script do: phone, join, leave, come back, hang up."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from callscribe.errors import SimulationError
from callscribe.simulator.call import Call
from callscribe.simulator.conversation import Conversation
from callscribe.simulator.params import CallFacts
from callscribe.simulator.report import CallReport
from callscribe.simulator.script import CallbackPlan, CallScript, Move, Party, VoiceUrl

if TYPE_CHECKING:
    from callscribe.simulator.world import PhoneNumber, World

AFTER_CALLEE_MS = 30_000
"""How long a caller stays on the line after the callee has hung up."""


class Gathering:
    """The people of one script, and their calls to our number.

    Raises:
        SimulationError: the account has no such number.
    """

    def __init__(self, world: World, script: CallScript) -> None:
        number = world.number(script.to)
        if number is None:
            raise SimulationError(f"The simulated account has no number {script.to}.")
        self._world = world
        self._script = script
        self._number: PhoneNumber = number
        self._callers = (script.caller, *(script.others if script.conference else ()))
        self._conversation = Conversation(world.clock, script, len(self._callers))
        self._first = self._call_of(script.caller)

    async def run(self) -> CallReport:
        """Everybody's calls from start to end; the report is the first caller's, with the others in its `legs`."""
        ending = asyncio.create_task(hang_up_after(self._conversation, self._first))
        joining = [
            asyncio.create_task(self._join(party, index))
            for index, party in enumerate(self._callers[1:], start=1)
        ]
        try:
            await self._phone(self._first)
            await asyncio.gather(*joining)
        finally:
            await _end([ending, *joining])
            self._conversation.close()
        return self._first.report

    async def _join(self, party: Party, index: int) -> None:
        with contextlib.suppress(TimeoutError):
            delay = self._script.stagger_s * index / self._world.clock.speed
            await asyncio.wait_for(self._world.stopping.wait(), delay)
        await self._phone(self._call_of(party))

    async def _phone(self, call: Call) -> None:
        """The call, and when its party leaves and phones again, that one too."""
        if self._world.stopping.is_set():
            call.report.status = "canceled"
            return
        moving = asyncio.create_task(self._make_moves(call))
        number = self._number
        try:
            await call.run(
                VoiceUrl(
                    number.voice_url,
                    number.voice_method,
                    number.voice_fallback_url,
                    number.voice_fallback_method,
                )
            )
            if call.report.ended_by == "participant":
                await moving
        finally:
            await _end([moving])

    def _call_of(self, party: Party) -> Call:
        world, script = self._world, self._script
        facts = CallFacts(
            world.account_sid,
            world.ids.sid("CA"),
            party.number,
            script.to,
            "inbound",
            call_token=f'{{"parentCallInfoToken":"{world.ids.idempotency_token()}"}}',
        )
        call = world.make_call(
            facts,
            party,
            conversation=self._conversation,
            callbacks=CallbackPlan(
                self._number.status_callback, self._number.status_callback_method
            ),
            faults=script.faults,
        )
        call.status = "ringing"
        call.webhook_times = script.webhook_times
        if party is not script.caller:
            self._first.report.legs.append(call.report)
        return call

    async def _make_moves(self, call: Call) -> None:
        moves = sorted(call.party.moves, key=lambda move: move.at_s)
        if not moves:
            return
        await self._conversation.begun.wait()
        for place, move in enumerate(moves):
            start = self._conversation.start_ms or 0
            await self._world.clock.until(start + move.at_s * 1000)
            if move.what == "return":
                again = self._call_of(replace(call.party, moves=tuple(moves[place + 1 :])))
                ending = asyncio.create_task(hang_up_after(self._conversation, again))
                try:
                    await self._phone(again)
                finally:
                    await _end([ending])
                return
            self._make_move(call, move)

    def _make_move(self, call: Call, move: Move) -> None:
        if move.what == "leave":
            call.hang_up("participant")
            return
        for room in self._world.conferences.values():
            participant = room.find(call.sid)
            if participant is None:
                continue
            if move.what in {"mute", "unmute"}:
                room.set_muted(participant, move.what == "mute")
            else:
                room.set_hold(participant, move.what == "hold")


async def hang_up_after(conversation: Conversation, call: Call) -> None:
    """When all is said, the one who is to hang up does; in a conference everybody."""
    script, clock = conversation.script, call.world.clock
    await conversation.begun.wait()
    if math.isinf(conversation.end_ms):
        return
    await clock.until(conversation.end_ms + script.tail_ms)
    other = call.bridged_to
    if script.conference:
        for leg in {call, *conversation.calls}:
            leg.hang_up("caller")
    elif script.hangup_by == "callee" and other is not None:
        other.hang_up("callee")
        # The server may have more to say to the caller, who hears it out and then hangs up.
        await clock.wait(AFTER_CALLEE_MS)
        call.hang_up("caller")
    else:
        call.hang_up(script.hangup_by)


async def _end(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancels what still runs; a defect in what has run is raised."""
    results = []
    for task in tasks:
        task.cancel()
        results.append(task)
    for result in await asyncio.gather(*results, return_exceptions=True):
        if isinstance(result, Exception):
            raise result
