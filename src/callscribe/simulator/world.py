"""The simulated carrier: one account with its numbers, calls, streams and conferences.

Both the command line and tests use it, and the REST fake (`callscribe.simulator.rest`) is a view of the same state.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Self

from callscribe.simulator import dialing
from callscribe.simulator.call import Call
from callscribe.simulator.clock import WorldClock
from callscribe.simulator.conference import Conference
from callscribe.simulator.conversation import Conversation
from callscribe.simulator.frames import Faults
from callscribe.simulator.ids import Ids
from callscribe.simulator.params import CallFacts
from callscribe.simulator.people import Gathering, hang_up_after
from callscribe.simulator.report import CallReport
from callscribe.simulator.script import (
    CallbackFaults,
    CallbackPlan,
    CallScript,
    Party,
    VoiceUrl,
)
from callscribe.simulator.stream import StreamContext
from callscribe.simulator.timeline import Idle, Source
from callscribe.simulator.twiml import Conference as ConferenceSpec
from callscribe.simulator.twiml import Document
from callscribe.simulator.webhooks import Form, Target, Webhooks

ACCOUNT_SID = "AC" + "5" * 32
"""The simulated account, unless another is given."""


@dataclass
class PhoneNumber:
    """One of the account's numbers, as the REST API knows it."""

    sid: str
    phone_number: str
    friendly_name: str
    created_at: str
    updated_at: str
    voice_url: str = ""
    voice_method: str = "POST"
    voice_fallback_url: str = ""
    voice_fallback_method: str = "POST"
    status_callback: str = ""
    status_callback_method: str = "POST"
    voice_application_sid: str = ""
    trunk_sid: str = ""
    voice_caller_id_lookup: bool = False
    voice_receive_mode: str = "voice"
    other: dict[str, str] = field(default_factory=dict)
    """Settings that play no part here (SMS, emergency) but are kept and given back."""


class World:
    """A carrier and the people who use it. Use as an async context manager.

    Args:
        target: where the server is.
        auth_token: signs every request; empty sends them unsigned.
        speed: simulated seconds per real second; 1 is real time.
        seed: makes jitter and faults reproducible; SIDs are new every time.
        prompt: what `<Say>` and `<Play>` sound like on the outbound track; silence unless given.
    """

    def __init__(
        self,
        target: Target,
        *,
        auth_token: str = "",
        account_sid: str = ACCOUNT_SID,
        speed: float = 1.0,
        seed: int | None = None,
        bad_signature: bool = False,
        slash_signature: bool = False,
        continuous: bool = False,
        callback_faults: CallbackFaults | None = None,
        prompt: Source | None = None,
    ) -> None:
        self.target = target
        self.account_sid = account_sid
        self.auth_token = auth_token
        self.clock = WorldClock(speed)
        self.ids = Ids(seed)
        self.webhooks = Webhooks(
            target, self.ids, auth_token=auth_token, bad_signature=bad_signature
        )
        self.stream_context = StreamContext(
            self.clock,
            self.ids,
            self.callback,
            target,
            auth_token,
            bad_signature,
            slash_signature,
            continuous,
        )
        self.created_at = self.clock.rfc2822()
        self.numbers: dict[str, PhoneNumber] = {}
        self.calls: dict[str, Call] = {}
        self.conferences: dict[str, Conference] = {}
        self.parties: dict[str, Party] = {}
        """Who answers at which number when nothing else says so."""
        self.stopping = asyncio.Event()
        """Nobody phones any more."""
        self._callback_faults = callback_faults or CallbackFaults()
        self._callback_rng = self.ids.child()
        self._prompt = prompt or Idle()
        self._tasks: dict[asyncio.Task[None], str] = {}
        """Work in the background, and the SID of the call it is for."""
        self._failure: BaseException | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            for task in self._tasks:
                task.cancel()
        await self.settled()
        await self.webhooks.close()
        if error is None and self._failure is not None:
            raise self._failure

    async def settled(self, report: CallReport | None = None) -> None:
        """Returns when what was begun in the background is done: callbacks, dialled legs, calls placed by REST.

        Args:
            report: wait for what belongs to this call only.
        """
        while True:
            sids = None if report is None else _sids(report)
            tasks = [task for task, sid in self._tasks.items() if sids is None or sid in sids]
            if not tasks:
                return
            await asyncio.wait(tasks)

    # People and numbers.

    def add_number(self, phone_number: str, **settings: str) -> PhoneNumber:
        """Gives the account a number.

        Args:
            settings: `voice_url`, `status_callback`, ... as in `PhoneNumber`.
        """
        now = self.clock.rfc2822()
        number = PhoneNumber(self.ids.sid("PN"), phone_number, phone_number, now, now)
        number = replace(number, **settings)  # type: ignore[arg-type]
        self.numbers[number.sid] = number
        return number

    def number(self, phone_number: str) -> PhoneNumber | None:
        for number in self.numbers.values():
            if number.phone_number == phone_number:
                return number
        return None

    def party_at(self, number: str) -> Party:
        """Who answers there: someone silent, unless `parties` says otherwise."""
        return self.parties.get(number, Party(number))

    def prompt(self) -> Source:
        return self._prompt

    # Calls.

    async def phone(self, script: CallScript) -> CallReport:
        """The script's caller phones our number; returns when the call is over and everybody was told.

        Raises:
            SimulationError: the account has no such number.
        """
        report = await Gathering(self, script).run()
        await self.settled(report)
        return report

    def hang_up_all(self) -> None:
        """Every caller hangs up now, and nobody phones any more."""
        self.stopping.set()
        for call in list(self.calls.values()):
            call.hang_up("caller")

    def make_call(
        self,
        facts: CallFacts,
        party: Party,
        *,
        conversation: Conversation | None = None,
        callbacks: CallbackPlan | None = None,
        faults: Faults | None = None,
    ) -> Call:
        return Call(
            self, facts, party, conversation=conversation, callbacks=callbacks, faults=faults
        )

    def place(
        self,
        to: str,
        from_: str,
        program: VoiceUrl | Document,
        *,
        callbacks: CallbackPlan | None = None,
        timeout_s: float = 60.0,
        script: CallScript | None = None,
    ) -> Call:
        """A call placed by us through REST; it runs in the background.

        Args:
            script: who talks to whom; without one the party at `to` talks alone once connected.
        """
        party = self.party_at(to)
        conversation = Conversation(self.clock, script or CallScript(party))
        return self._outbound(
            to, from_, lambda call: call.follow(program), party, conversation, callbacks, timeout_s
        )

    def invite(
        self,
        room: Conference,
        spec: ConferenceSpec,
        to: str,
        from_: str,
        *,
        callbacks: CallbackPlan | None = None,
        timeout_s: float = 60.0,
    ) -> Call:
        """A call placed through REST whose party joins a room; it runs no TwiML, hence streams nothing by itself."""
        party = self.party_at(to)
        talking = [p.call.conversation for p in room.participants.values() if p.call.conversation]
        conversation = talking[0] if talking else Conversation(self.clock, CallScript(party))

        async def stay(call: Call) -> None:
            await room.stay(call, spec)

        return self._outbound(to, from_, stay, party, conversation, callbacks, timeout_s)

    def _outbound(
        self,
        to: str,
        from_: str,
        then: Callable[[Call], Coroutine[object, object, None]],
        party: Party,
        conversation: Conversation,
        callbacks: CallbackPlan | None,
        timeout_s: float,
    ) -> Call:
        script = conversation.script
        facts = CallFacts(self.account_sid, self.ids.sid("CA"), from_, to, "outbound-api")
        call = self.make_call(
            facts, party, conversation=conversation, callbacks=callbacks, faults=script.faults
        )

        async def main() -> None:
            await dialing.ring(call, party, timeout_s)
            if call.answered_ms is not None:
                await then(call)

        async def whole() -> None:
            ending = asyncio.create_task(hang_up_after(conversation, call))
            try:
                await call.run(main)
            finally:
                ending.cancel()

        self.spawn(whole(), call.sid)
        return call

    def report_leg(self, parent: Call, child: Call) -> None:
        parent.report.legs.append(child.report)

    def room(self, name: str, spec: ConferenceSpec) -> Conference:
        """The live room of that name, made when there is none."""
        for conference in self.conferences.values():
            if conference.name == name and conference.status != "completed":
                return conference
        conference = Conference(self, name, spec)
        self.conferences[conference.sid] = conference
        return conference

    # Background.

    def spawn(self, work: Coroutine[object, object, None], sid: str) -> asyncio.Task[None]:
        """Runs beside the calls, for the call `sid`; a defect in it is raised when the world closes."""
        task = asyncio.create_task(work)
        self.adopt([task], sid)
        return task

    def adopt(self, tasks: Iterable[asyncio.Task[None]], sid: str) -> None:
        for task in tasks:
            self._tasks[task] = sid
            task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        del self._tasks[task]
        if not task.cancelled() and task.exception() is not None:
            self._failure = self._failure or task.exception()

    def callback(self, report: CallReport, what: str, method: str, url: str, form: Form) -> None:
        """Sends a status callback in the background, with the world's callback faults."""
        faults, rng = self._callback_faults, self._callback_rng
        if faults.drop and rng.random() < faults.drop:
            return
        times = 2 if faults.repeat and rng.random() < faults.repeat else 1
        for _ in range(times):
            self.spawn(self._callback(report, what, method, url, form, rng), report.sid)

    async def _callback(
        self,
        report: CallReport,
        what: str,
        method: str,
        url: str,
        form: Form,
        rng: random.Random,
    ) -> None:
        delay = self._callback_faults.delay_s
        if delay:
            await self.clock.wait(rng.uniform(0, delay) * 1000)
        await self.webhooks.request(report, what, method, url, form)


def _sids(report: CallReport) -> set[str]:
    return {report.sid}.union(*(_sids(leg) for leg in report.legs))
