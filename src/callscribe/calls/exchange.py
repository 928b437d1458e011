"""The machine: all live calls, without I/O and without a clock. Facts and the time go in, commands come out. Pure.

    exchange = Exchange(setup, draw_ticket)
    for command in exchange.receive(fact, now):
        ...

A record begins with `CallStarted` and ends with exactly one `CallEnded`, after the last words of all its streams:

* when the carrier says that the call is over and its sockets have closed;
* without such word, a short grace after the last `stop`;
* a socket that is lost without `stop` may be replaced within a longer grace (by us, or by a retried webhook), and its
  gap is shown.

Facts travel apart from each other, so every one may come late, repeated or not at all.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import assert_never

import msgspec

from callscribe.calls.call import Call, Leg, Work
from callscribe.calls.commands import AnyCommand, Forget, PauseSession, ResumeSession, Tell
from callscribe.calls.facts import (
    AnyFact,
    AttachWanted,
    CallPlaced,
    Detached,
    DigitPressed,
    Kept,
    LookedUp,
    Now,
    PauseWanted,
    RenameWanted,
    ResumeWanted,
    SessionClosed,
    SessionOpened,
    SessionRefused,
    Shutdown,
    SocketClosed,
    SocketOpened,
    SocketSettled,
    StreamRefused,
    SwapWanted,
)
from callscribe.calls.flows.answer import AnswerFlow
from callscribe.calls.flows.attach import AttachFlow
from callscribe.calls.flows.base import Flow
from callscribe.calls.flows.conference import ConferenceFlow
from callscribe.calls.flows.forward import ForwardFlow
from callscribe.calls.flows.outbound import OutboundFlow
from callscribe.calls.past import Past, of_record
from callscribe.calls.plans import FlowKind, NumberFlow
from callscribe.calls.setup import Setup
from callscribe.calls.speakers import heard_name, name_for
from callscribe.calls.streams import Stream
from callscribe.calls.tickets import TicketBook
from callscribe.carriers.base import (
    RANKS,
    Answer,
    CallCame,
    DialedLegChanged,
    DialOver,
    HangUp,
    LegChanged,
    Pass,
    PersonInRoom,
    Refuse,
    RoomFact,
    RoomOver,
    RoomSeen,
    StreamReported,
    WhisperAsked,
)
from callscribe.errors import CallscribeError, NoSpeakerError, NotLiveError, ProtocolError
from callscribe.events import (
    Direction,
    DtmfReceived,
    TranscriptionPaused,
    TranscriptionResumed,
)

REMEMBERED = 2000
"""Legs of calls that are over, so that their late callbacks and retried webhooks are known for what they are."""

INCOMING: dict[FlowKind, Callable[[Call], Flow]] = {
    "answer": AnswerFlow,
    "forward": ForwardFlow,
    "conference": ConferenceFlow,
}
"""What becomes of a call to a number of ours, by the number's `flow`."""


class Exchange:
    """The live calls.

    Args:
        draw_ticket: a new random word, long enough that nobody guesses it.
    """

    def __init__(self, setup: Setup, draw_ticket: Callable[[], str]) -> None:
        self.setup = setup
        self._work = Work(setup, TicketBook(draw_ticket))
        self._calls: dict[str, Call] = {}
        self._by_leg: dict[str, Call] = {}
        self._over: OrderedDict[str, Past] = OrderedDict()

    # Seeing

    def __iter__(self) -> Iterator[Call]:
        return iter(list(self._calls.values()))

    def find(self, call: str, *, ending: bool = False) -> Call:
        """A live record by its id, any leg or the conference.

        Args:
            ending: one will do whose last words are just being decoded.

        Raises:
            NotLiveError: there is none.
        """
        found = self._calls.get(call) or self._by_leg.get(call)
        if found is None and call:
            found = next((c for c in self if c.conference == call), None)
        if found is None or not (found.up or ending):
            raise NotLiveError(f"There is no live call {call}.")
        return found

    def of_leg(self, leg: str) -> Call | None:
        """The live record that a leg belongs to."""
        return self._by_leg.get(leg)

    def knows(self, leg: str) -> bool:
        """Whether a leg's call is live, or is remembered as over."""
        return leg in self._by_leg or leg in self._over

    def newest_stream(self, leg: str) -> Stream:
        """Of a leg whose socket has just opened."""
        stream = self._by_leg[leg].legs[leg].stream
        assert stream is not None
        return stream

    def redeem(self, ticket: str, now: Now) -> Pass | None:
        """What a ticket stands for, which is used up by this; None when it is not good, or no longer."""
        return self._work.tickets.redeem(ticket, now.s)

    @property
    def next_s(self) -> float | None:
        """When `pass_time` wants to be called again, in monotonic seconds."""
        return min((c.next_s for c in self if c.next_s is not None), default=None)

    # The machine

    def pass_time(self, now: Now) -> list[AnyCommand]:
        """Do what is due."""
        self._work.begin(now)
        for call in self:
            call.pass_time()
        return self._done()

    def receive(self, fact: AnyFact, now: Now) -> list[AnyCommand]:
        """Something has happened: what is to be done.

        Raises:
            CallscribeError: a wish that cannot be fulfilled, or a socket that may not come in (`ProtocolError`);
                nothing has changed.
        """
        self._work.begin(now)
        match fact:
            case CallCame():
                self._answer(fact.leg, self._call_came(fact))
            case LegChanged():
                self._leg_changed(fact)
            case DialedLegChanged():
                call = self._by_leg.get(fact.parent)
                if call is not None:
                    call.flow.dialed_leg(fact)
            case DialOver():
                call = self._by_leg.get(fact.leg)
                self._answer(fact.leg, call.flow.dial_over(fact) if call else (HangUp(),))
            case WhisperAsked():
                call = self._by_leg.get(fact.parent)
                self._answer(fact.parent, call.flow.whisper() if call else ())
            case RoomSeen() | PersonInRoom() | RoomOver():
                self._room(fact)
            case StreamReported():
                self._stream_reported(fact)
            case SocketOpened():
                self._socket_opened(fact)
            case SocketSettled() | SocketClosed() | DigitPressed():
                self._stream(fact)
            case SessionOpened() | SessionRefused() | SessionClosed():
                self._stream(fact)
            case StreamRefused():
                call = self._by_leg.get(fact.leg)
                if (
                    call is not None
                    and call.flow.kind == "attach"
                    and not call.legs[fact.leg].opened
                ):
                    call.end("failed", reason=fact.reason)
            case LookedUp():
                call = self._by_leg.get(fact.leg)
                if call is not None and call.up and isinstance(call.flow, ConferenceFlow):
                    call.flow.looked_up(call.legs[fact.leg], fact.info)
            case CallPlaced():
                self._placed(fact)
            case AttachWanted():
                self._attach(fact)
            case PauseWanted():
                self._pause(fact)
            case ResumeWanted():
                self._resume(fact)
            case RenameWanted():
                self._rename(fact)
            case SwapWanted():
                self._swap(fact)
            case Detached():
                found = self._calls.get(fact.call)
                if found is not None:
                    found.end_reason = "detached"
            case Shutdown():
                self._work.closing = True
                for call in self:
                    call.end("interrupted", by="server", reason="shutdown")
            case Kept():
                self._keep(fact)
            case _:
                assert_never(fact)
        return self._done()

    def _done(self) -> list[AnyCommand]:
        commands = self._work.done()
        for command in commands:
            if isinstance(command, Forget):
                self._forget(self._calls[command.call])
        return commands

    def _answer(self, call: str, answer: Answer) -> None:
        self._work.do(Tell(call=call, answer=answer))

    # Beginning

    def _call_came(self, came: CallCame) -> Answer:
        call = self._by_leg.get(came.leg)
        if call is not None:
            if call.flow.kind == "outbound":
                call.update_status("in-progress")
            return call.flow.answer(call.legs[came.leg])
        if self._work.closing:
            return (Refuse(),)
        past = self._over.get(came.leg)
        if past is not None and not past.may_be_up:
            # Asked late, or an old request was sent again: a call that is over keeps the record it has.
            return (HangUp(),)
        call = self._open(came, past)
        return call.flow.answer(call.legs[came.leg])

    def _open(self, came: CallCame, past: Past | None) -> Call:
        if came.placed:
            call = self._record(came, NumberFlow(), "outbound", past)
            call.flow = OutboundFlow(call, came.connect, answered=came.answered)
            return self._begin(call, came, past)
        plan = self.setup.flows.of(came.to)
        for other, flow in self._rooms():
            if plan.flow == "conference" and flow.room == plan.room and flow.open:
                leg = self._add_leg(other, came.leg, came.from_)
                flow.name_people(leg, came.caller_name, past)
                other.expect_stream(leg)
                return other
        call = self._record(came, plan, "inbound", past)
        call.flow = INCOMING[plan.flow](call)
        return self._begin(call, came, past)

    def _record(
        self, came: CallCame, plan: NumberFlow, direction: Direction, past: Past | None
    ) -> Call:
        contacts = self.setup.contacts
        call = Call(
            self._work,
            id=came.leg,
            plan=plan,
            direction=direction,
            from_=came.from_,
            to=came.to,
            from_name=contacts.name(came.from_) or heard_name(came.caller_name),
            to_name=contacts.name(came.to),
            line=past.line if past is not None else None,
            used=past.streams if past is not None else frozenset(),
        )
        call.taken_up = past is not None and past.may_be_up
        return call

    def _begin(self, call: Call, came: CallCame, past: Past | None) -> Call:
        """Announce a new record with its first leg. The line of a call that was transcribed before goes on."""
        self._calls[call.id] = call
        leg = self._add_leg(call, call.id, call.to if call.direction == "outbound" else call.from_)
        call.flow.name_people(leg, came.caller_name, past)
        call.status = call.flow.first_status()
        call.expect_stream(leg)
        call.begin()
        return call

    def _add_leg(self, call: Call, leg: str, number: str) -> Leg:
        self._by_leg[leg] = call
        self._over.pop(leg, None)
        return call.add_leg(leg, number)

    def _placed(self, placed: CallPlaced) -> None:
        # The carrier's own question may have come first.
        if not self.knows(placed.leg):
            came = CallCame(
                leg=placed.leg,
                from_=self.setup.own_number,
                to=placed.to,
                placed=True,
                connect=placed.connect,
            )
            self._open(came, None)

    def _attach(self, wanted: AttachWanted) -> None:
        call = self._by_leg.get(wanted.leg)
        if call is not None:
            leg = call.legs[wanted.leg]
            if leg.stream is not None:
                raise CallscribeError(f"{wanted.leg} is already being transcribed.")
            call.ask_stream(leg)
            return
        info = wanted.info
        if info is None:
            raise NotLiveError(f"There is no live call {wanted.leg}.")
        if info.status not in ("", "in-progress"):
            # Refused here, so that a call that is over keeps the record it has.
            raise CallscribeError(
                f"{wanted.leg} is not in progress: Twilio says {info.status}. "
                "You can attach to a call only after it is answered and before it ends."
            )
        past = self._over.get(wanted.leg)
        direction: Direction = "outbound" if info.placed else "inbound"
        plan = NumberFlow() if info.placed else self.setup.flows.of(info.to)
        if plan.flow != "forward":
            # How the number's calls are heard and kept counts; the call itself is in other hands.
            plan = msgspec.structs.replace(plan, flow="answer")
        came = CallCame(leg=wanted.leg, from_=info.from_, to=info.to, caller_name=info.caller_name)
        call = self._record(came, plan, direction, past)
        call.flow = AttachFlow(call, past)
        self._begin(call, came, past)
        call.ask_stream(call.leg)

    def _keep(self, kept: Kept) -> None:
        legs = {kept.record.call.id, *(track.leg for track in kept.record.tracks)}
        for leg in legs - self._by_leg.keys() - self._over.keys():
            past = of_record(kept.record, leg)
            if past is not None:
                self._remember(leg, past)

    def _forget(self, call: Call) -> None:
        self._calls.pop(call.id, None)
        for leg in call.legs:
            self._by_leg.pop(leg, None)
            self._remember(leg, call.past(leg))

    def _remember(self, leg: str, past: Past) -> None:
        self._over[leg] = past
        while len(self._over) > REMEMBERED:
            self._over.popitem(last=False)

    # Legs and rooms

    def _leg_changed(self, changed: LegChanged) -> None:
        call = self._by_leg.get(changed.leg)
        if call is None or not call.up:
            return
        leg = call.legs[changed.leg]
        if RANKS.get(changed.status, -1) > RANKS.get(leg.status, -1):
            leg.status = changed.status
            call.flow.leg_changed(leg, changed)

    def _room(self, fact: RoomSeen | PersonInRoom | RoomOver) -> None:
        leg = fact.leg if isinstance(fact, PersonInRoom) else ""
        call = self._conference(fact, leg)
        if call is None or not call.up or not isinstance(call.flow, ConferenceFlow):
            return
        call.flow.seen(fact.conference)
        if isinstance(fact, RoomOver):
            call.flow.room_over(fact)
        elif isinstance(fact, PersonInRoom):
            if leg in call.legs:
                call.flow.person(call.legs[leg], fact)
            else:
                self._by_leg[leg] = call
                call.flow.stranger(fact)

    def _conference(self, fact: RoomFact, leg: str) -> Call | None:
        """The live conference that a fact is about."""
        call = self._by_leg.get(leg)
        if call is not None:
            return call
        if leg in self._over:
            return None
        for each, flow in self._rooms():
            if flow.knows(fact.conference):
                return each
        for each, flow in self._rooms():
            # Another conference of this name has been here and gone: its late facts are not this one's.
            if flow.room == fact.room and flow.open and not each.conference:
                return each
        return None

    def _rooms(self) -> list[tuple[Call, ConferenceFlow]]:
        return [(call, call.flow) for call in self if isinstance(call.flow, ConferenceFlow)]

    # Streams

    def _stream_reported(self, report: StreamReported) -> None:
        call = self._by_leg.get(report.leg)
        if call is None or not call.up:
            return
        leg = call.legs[report.leg]
        if report.event == "failed" and leg.stream is None and leg.state != "gone":
            call.ask_again(leg)
        first = leg is call.leg and leg.opened <= 1
        if report.event == "started" and report.at is not None and first:
            call.line.started_at(report.at)

    def _socket_opened(self, opened: SocketOpened) -> None:
        call = self._calls.get(opened.admitted.call)
        if call is None or not call.up:
            raise ProtocolError("the call is over", close_code=1008)
        if opened.leg != opened.admitted.leg:
            raise ProtocolError("the ticket is for another call", close_code=1008)
        call.open_stream(call.legs[opened.leg], opened.stream, opened.tracks)

    def _stream(
        self,
        fact: SocketSettled
        | SocketClosed
        | DigitPressed
        | SessionOpened
        | SessionRefused
        | SessionClosed,
    ) -> None:
        call = self._calls.get(fact.call)
        stream = call.streams.get(fact.stream) if call else None
        if call is None or stream is None:
            return
        match fact:
            case SocketSettled():
                if stream.state == "settling":
                    call.start(stream)
            case SocketClosed():
                call.socket_closed(stream, fact.reason)
            case DigitPressed():
                if not call.paused:
                    call.say(
                        DtmfReceived(
                            call=call.id,
                            leg=stream.leg,
                            track=fact.track,
                            digit=fact.digit,
                            at_ms=stream.end_ms,
                        )
                    )
            case SessionOpened():
                call.opened(stream)
            case SessionRefused():
                call.refuse(stream)
            case SessionClosed():
                call.stream_over(stream)

    # What people want

    def _pause(self, wanted: PauseWanted) -> None:
        call = self.find(wanted.call)
        if call.paused:
            return
        call.paused = True
        for stream in call.streams.values():
            if stream.taking:
                self._work.do(PauseSession(call=call.id, stream=stream.key))
        call.say(TranscriptionPaused(call=call.id, at_ms=call.now_ms, by=wanted.by))

    def _resume(self, wanted: ResumeWanted) -> None:
        call = self.find(wanted.call)
        if not call.paused:
            return
        call.paused = False
        for stream in call.streams.values():
            if stream.taking:
                self._work.do(ResumeSession(call=call.id, stream=stream.key))
        call.say(TranscriptionResumed(call=call.id, at_ms=call.now_ms, by=wanted.by))

    def _rename(self, wanted: RenameWanted) -> None:
        call = self.find(wanted.call, ending=True)
        person = call.people.get((wanted.leg, wanted.track))
        if person is None:
            raise NoSpeakerError(
                f"The call has no speaker on leg {wanted.leg}, track {wanted.track}."
            )
        number = call.number_of(person)
        others = [(p.name, call.number_of(p)) for p in call.people.values() if p is not person]
        name = name_for(wanted.name, number, others)
        person.given = True
        call.rename(person.leg, person.track, name)

    def _swap(self, wanted: SwapWanted) -> None:
        call = self.find(wanted.call, ending=True)
        if len(call.people) != 2:
            raise CallscribeError(
                "Names can be swapped only on a call with exactly two people. Rename them instead."
            )
        one, two = call.people.values()
        first, second = one.name, two.name
        for person, name in ((one, second), (two, first)):
            person.given = True
            call.rename(person.leg, person.track, name)
