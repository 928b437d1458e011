"""The conference flow: many legs, one record. Pure.

Each leg's own stream carries its own voice only. People whom somebody else added run no instructions of ours, so their
stream is asked for as soon as the room says that they are there.
"""

from __future__ import annotations

from collections.abc import Iterable

from callscribe.calls.call import Call, Leg, Person
from callscribe.calls.commands import LookUp
from callscribe.calls.flows.base import Flow
from callscribe.calls.past import Past
from callscribe.calls.presence import Change
from callscribe.calls.speakers import participant_name
from callscribe.calls.streams import Stream
from callscribe.carriers.base import (
    TERMINAL,
    Answer,
    CallInfo,
    DialOver,
    HangUp,
    JoinRoom,
    LegChanged,
    PersonInRoom,
    RoomOver,
)
from callscribe.events import CallUpdated, ParticipantUpdated
from callscribe.phone import is_withheld, normal


class ConferenceFlow(Flow):
    """People come and go; the record ends with the last of them."""

    kind = "conference"
    has_room = True

    def __init__(self, call: Call) -> None:
        super().__init__(call)
        self.over = False
        """The conference has ended."""

    @property
    def room(self) -> str:
        return self.call.plan.room

    @property
    def open(self) -> bool:
        """Whoever comes to the room now comes to this conference."""
        deserted = all(leg.gone or leg.state == "stopped" for leg in self.call.legs.values())
        return self.call.up and not self.over and not deserted

    def knows(self, conference: str) -> bool:
        """Whether a carrier's conference is this one."""
        names = {self.call.conference, *(leg.conference for leg in self.call.legs.values())}
        return bool(conference) and conference in names

    def seen(self, conference: str) -> None:
        """The carrier's name of the conference is known now."""
        if not self.call.conference and conference:
            self.call.conference = conference
            self.call.say(CallUpdated(call=self.call.id, conference_sid=conference))

    # Who is who

    def name_people(self, leg: Leg, caller_name: str, past: Past | None) -> None:
        """The flow's label, the contact book, the carrier's name, the number; numbered when somebody else has it.
        Whoever left and comes back on a new leg has theirs again, also one that people gave them."""
        call = self.call
        others = [p for p in call.people.values() if p.leg != leg.sid]
        gone = [p for p in others if self._same_number(p, leg) and call.legs[p.leg].has_left]
        taken = {p.name for p in others if p not in gone}
        back = next((p for p in reversed(gone) if p.name not in taken), None)
        if back is not None:
            call.put(leg.sid, "inbound", back.name, given=back.given)
            return
        # People whom somebody else added are not here by the number's flow.
        label = "" if leg.stranger else call.plan.label
        names = (label, call.work.setup.contacts.name(leg.number), caller_name)
        call.put(leg.sid, "inbound", participant_name(names, leg.number, taken))

    def _same_number(self, person: Person, leg: Leg) -> bool:
        number = normal(leg.number)
        same = normal(self.call.legs[person.leg].number) == number
        return same and not is_withheld(number)

    def answer(self, leg: Leg) -> Answer:
        said = self.call.work.setup.flows.announcements(self.call.plan)
        return (self.call.listen(leg), *said, self._join(leg))

    def _join(self, leg: Leg) -> JoinRoom:
        plan = self.call.plan
        name = self.call.name_of(leg.sid, "inbound")
        return JoinRoom(
            room=plan.room,
            # Somebody we do not know of may have that name in the room: then with the leg's own mark.
            label=f"{name} {leg.sid[-6:]}" if leg.tried_again else name,
            muted=plan.muted,
            beep=plan.beep,
            music=plan.music,
            start_on_enter=plan.start_on_enter,
            end_on_exit=plan.end_on_exit,
            max_participants=plan.max_participants,
        )

    # What happens

    def stream_began(self, leg: Leg, stream: Stream) -> None:
        self._tell(leg, leg.presence.enter(), joined_ms=stream.offset_ms)

    def leg_changed(self, leg: Leg, changed: LegChanged) -> None:
        if leg.status in TERMINAL:
            self.leg_ends(leg)

    def dial_over(self, over: DialOver) -> Answer:
        """A leg is out of the room. One that the room never took (its label was taken) is sent there again, once."""
        leg = self.call.legs.get(over.leg)
        refused = (
            leg is not None
            and not leg.presence.seen
            and not leg.tried_again
            and not self.over
            and over.leg_status == "in-progress"
            and over.status != "completed"
        )
        if leg is None or not refused:
            return (HangUp(),)
        leg.tried_again = True
        return (self._join(leg),)

    def stranger(self, fact: PersonInRoom) -> None:
        """Somebody was added by others: find out who it is first, when that can be asked."""
        leg = self.call.add_leg(fact.leg, "")
        leg.stranger = True
        leg.unread = [fact]
        if self.call.work.setup.can_ask:
            self.call.work.do(LookUp(call=self.call.id, leg=leg.sid))
        else:
            self.looked_up(leg, None)

    def looked_up(self, leg: Leg, info: CallInfo | None) -> None:
        """It is known who it is, or that nobody knows."""
        facts, leg.unread = leg.unread or [], None
        label = next((fact.label for fact in facts if fact.label), "")
        if info is not None:
            leg.number = info.to if info.placed else info.from_
            label = label or info.caller_name
        self.name_people(leg, label, None)
        for fact in facts:
            self.person(leg, fact)
        if facts and facts[-1].change != "left":
            self.call.ask_stream(leg)

    def person(self, leg: Leg, fact: PersonInRoom) -> None:
        if leg.unread is not None:
            leg.unread.append(fact)
            return
        leg.conference = fact.conference
        self._tell(leg, leg.presence.apply(fact))
        if fact.change == "left" and not leg.presence.present and leg.stream is None:
            leg.state = "gone"

    def room_over(self, over: RoomOver) -> None:
        if self.over:
            return
        call = self.call
        call.end_reason = over.reason
        if over.ended_by:
            call.ended_by = call.name_of(over.ended_by, "inbound") or over.ended_by_label
        staying = False
        for leg in call.legs.values():
            if leg.conference == over.conference or leg.gone or leg.state == "stopped":
                self._tell(leg, leg.presence.leave("conference ended", over.at, for_good=True))
            else:
                # Came as the last one left: the carrier opens the room anew for them, and the record goes on.
                staying = True
        if staying:
            return
        self.over = True
        # The legs' sockets send their `stop` about now.
        call.arm("settle", call.work.setup.options.stop_grace_s, lambda: call.end("completed"))

    # The end

    def never_heard(self, leg: Leg) -> None:
        """The others go on."""

    def leg_over(self, leg: Leg) -> None:
        """A leg's call or stream is over; the room's own word of it is missing or still to come."""
        call = self.call
        leg.state = "gone"
        for_good = leg.status in TERMINAL or leg.lost is None
        if leg.unread is None:
            self._tell(leg, leg.presence.leave(for_good=for_good))
        if leg.stream is not None:
            call.drop(leg)
        if all(each.gone for each in call.legs.values()):
            call.end("completed")

    def _tell(self, leg: Leg, changes: Iterable[Change], *, joined_ms: int | None = None) -> None:
        call = self.call
        for change in changes:
            at_ms = call.at_ms(change.at)
            if change.kind == "joined":
                if joined_ms is None:
                    # The leg's stream knows better than a time cut to the second, when it is there already.
                    first = leg.stream is not None and leg.stream.state == "settling"
                    heard_ms = call.line.offset_of(leg.stream.zero) if leg.stream and first else 0
                    joined_ms = max(at_ms, leg.called_ms, heard_ms)
                call.joined(
                    leg,
                    "inbound",
                    joined_ms,
                    muted=leg.presence.muted,
                    on_hold=leg.presence.on_hold,
                )
                joined_ms = None
            elif change.kind == "left":
                call.left(leg, "inbound", at_ms, change.reason)
            else:
                call.say(
                    ParticipantUpdated(
                        call=call.id,
                        leg=leg.sid,
                        at_ms=at_ms,
                        muted=change.muted,
                        on_hold=change.on_hold,
                    )
                )
