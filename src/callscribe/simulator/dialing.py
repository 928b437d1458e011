"""`<Dial><Number>`: other legs are called, one is connected, and both sides hear each other."""

from __future__ import annotations

import asyncio
import math
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from callscribe.simulator import twiml
from callscribe.simulator.interpreter import DialNumbers, DialOutcome
from callscribe.simulator.params import CallFacts
from callscribe.simulator.script import CallbackPlan, Party
from callscribe.simulator.timeline import ringback

if TYPE_CHECKING:
    from callscribe.simulator.call import Call

SETUP_MS = 500
"""From dialling to ringing."""

_E164 = re.compile(r"\+[1-9]\d{6,14}")


async def dial_numbers(call: Call, step: DialNumbers) -> DialOutcome:
    """Calls the numbers at once; the first to answer is connected, the others are cancelled."""
    dial = step.dial
    if dial.caller_id and not _is_caller_id(dial.caller_id):
        call.report.notify(13214, f'callerId "{dial.caller_id}" is not a telephone number.')
        return DialOutcome("failed")
    for number in step.numbers:
        if not is_number(number.number):
            call.report.notify(
                13223, f'<Dial> cannot call "{number.number}": not a number like +15005550011.'
            )
            return DialOutcome("failed")
    if not dial.answer_on_bridge:
        call.answer()
    legs = [Leg(call, dial, number) for number in step.numbers]
    tasks = [asyncio.create_task(leg.run()) for leg in legs]
    try:
        return await _connect(call, dial, legs)
    finally:
        # Also when the caller hangs up: whoever still rings is cancelled, whoever talks is cut off.
        for leg in legs:
            leg.release(call.report.ended_by or "carrier")
        call.bridged_to = None
        if call.live:
            call.hear_nothing()
        call.world.adopt(tasks, call.sid)


class Leg:
    """One dialled number."""

    def __init__(self, parent: Call, dial: twiml.Dial, number: twiml.Number) -> None:
        facts = CallFacts(
            account_sid=parent.facts.account_sid,
            call_sid=parent.world.ids.sid("CA"),
            from_=dial.caller_id or parent.facts.from_,
            to=number.number,
            direction="outbound-dial",
            parent_call_sid=parent.sid,
        )
        conversation = parent.conversation
        party = conversation.callee(number.number) if conversation is not None else None
        self.party = replace(party or parent.world.party_at(number.number), number=number.number)
        self.number = number
        self.timeout_s = dial.timeout_s
        self.connectable = asyncio.Event()
        """Answered, and done with its own TwiML."""
        self.settled = asyncio.Event()
        """Connectable, or over."""
        self.call = parent.world.make_call(
            facts,
            self.party,
            conversation=conversation,
            callbacks=_callbacks(number),
            faults=parent.faults,
        )
        parent.world.report_leg(parent, self.call)

    async def run(self) -> None:
        try:
            await self.call.run(self._main)
        finally:
            self.settled.set()

    async def _main(self) -> None:
        await ring(self.call, self.party, self.timeout_s)
        if self.call.answered_ms is None:
            return
        url = self.number.url
        if url and not await self.call.whisper(url, self.number.method):
            return
        self.connectable.set()
        self.settled.set()
        await asyncio.Event().wait()

    def release(self, by: str) -> None:
        self.call.hang_up(by)


async def ring(call: Call, party: Party, timeout_s: float) -> None:
    """Places a leg: it rings and is answered, or not. The leg's status tells."""
    clock = call.world.clock
    call.set_status("initiated", "initiated")
    await clock.wait(SETUP_MS)
    if party.result == "failed":
        call.fail("failed")
        return
    if party.result == "busy":
        call.fail("busy")
        return
    call.set_status("ringing", "ringing")
    if party.result == "no-answer" or party.rings_s > timeout_s:
        await clock.wait(timeout_s * 1000)
        call.fail("no-answer")
        return
    await clock.wait(party.rings_s * 1000)
    call.answer()
    call.event("answered", "in-progress")


async def _connect(call: Call, dial: twiml.Dial, legs: list[Leg]) -> DialOutcome:
    if not dial.answer_on_bridge:
        begin = math.ceil(call.world.clock.now_ms())
        call.outbound.play(ringback(), begin + SETUP_MS)
    waiting = {asyncio.create_task(leg.settled.wait()): leg for leg in legs}
    winner: Leg | None = None
    try:
        while waiting and winner is None:
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                leg = waiting.pop(task)
                if winner is None and leg.connectable.is_set():
                    winner = leg
    finally:
        for task in waiting:
            task.cancel()
    if winner is None:
        last = legs[-1].call
        return DialOutcome(last.status, last.sid, 0)
    for leg in legs:
        if leg is not winner:
            leg.release("carrier")
    return await _bridge(call, dial, winner)


async def _bridge(call: Call, dial: twiml.Dial, leg: Leg) -> DialOutcome:
    other = leg.call
    call.answer()
    call.bridged_to = other
    call.hear(other.inbound)
    other.hear(call.inbound)
    bridged_ms = call.world.clock.now_ms()
    if call.conversation is not None:
        await other.streams_settled()
        call.conversation.attach(other)
        await call.conversation.ready(call)
    limit = asyncio.create_task(call.world.clock.until(bridged_ms + dial.time_limit_s * 1000))
    ended = asyncio.create_task(other.over.wait())
    try:
        await asyncio.wait({limit, ended}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        limit.cancel()
        ended.cancel()
    duration = round((call.world.clock.now_ms() - (other.answered_ms or bridged_ms)) / 1000)
    return DialOutcome(
        "completed",
        other.sid,
        duration,
        bridged=True,
        left_by_callee=other.report.ended_by == "callee",
    )


def _callbacks(number: twiml.Number) -> CallbackPlan:
    return CallbackPlan(
        number.status_callback,
        number.status_callback_method,
        number.status_callback_events,
        "dialled leg",
    )


def is_number(text: str) -> bool:
    """E.164, as `<Number>` and the REST API want it."""
    return _E164.fullmatch(text) is not None


def _is_caller_id(text: str) -> bool:
    return is_number(text) or text.startswith(("client:", "sip:"))
