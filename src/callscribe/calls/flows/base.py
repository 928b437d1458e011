"""What every flow is asked, and what a plain call answers. Pure.

A flow belongs to one record and may do to it whatever `Call` offers. `docs/adding-a-flow.md` shows how to write one.
"""

from __future__ import annotations

from typing import ClassVar

from callscribe.calls.call import Call, Leg
from callscribe.calls.past import Past
from callscribe.calls.speakers import party_names
from callscribe.calls.streams import Stream
from callscribe.carriers.base import (
    Answer,
    DialedLegChanged,
    DialOver,
    HangUp,
    Hold,
    LegChanged,
    PersonInRoom,
    RoomOver,
    Say,
)
from callscribe.events import CallStatus, Dial, Track
from callscribe.events import Flow as Kind

_ENDS: dict[str, CallStatus] = {
    "busy": "busy",
    "no-answer": "no-answer",
    "failed": "failed",
    "canceled": "canceled",
}


def as_end(word: str) -> CallStatus:
    """A leg's last word as the status of a call that is over."""
    return _ENDS.get(word, "completed")


class Flow:
    """A plain call: its leg's two tracks are two people, and it ends with its leg."""

    kind: ClassVar[Kind] = "answer"
    has_room: ClassVar[bool] = False
    """Many legs, each heard on its own stream."""

    def __init__(self, call: Call) -> None:
        self.call = call

    # Beginning

    @property
    def room(self) -> str:
        """The conference room, if any."""
        return ""

    def first_status(self) -> CallStatus:
        """Of the record when it begins."""
        return "in-progress"

    def name_people(self, leg: Leg, caller_name: str, past: Past | None) -> None:
        """Name whoever may be heard on a new leg. Taken up again, people keep the names they had."""
        call = self.call
        names = party_names(
            direction=call.direction, from_name=self.caller(), to_name=self.callee()
        )
        if call.work.setup.flows.tracks(call.plan) == "inbound":
            del names["outbound"]
        kept = past.names if past is not None else {}
        for track, name in names.items():
            call.put(leg.sid, track, kept.get(track, name), given=track in kept)

    def caller(self) -> str:
        """Who placed the call, as far as they have a name."""
        return self.call.from_name

    def callee(self) -> str:
        """Who was called, as far as they have a name."""
        return self.call.to_name

    @property
    def other_number(self) -> str:
        """Of whoever is heard on the outbound track."""
        call = self.call
        if call.direction == "outbound":
            return call.from_
        return call.plan.to[0] if len(call.plan.to) == 1 else ("" if call.plan.to else call.to)

    @property
    def told_dial(self) -> Dial | None:
        """What became of whom the carrier dialled for this call, if anybody."""
        return None

    def answer(self, leg: Leg) -> Answer:
        """What to do with a leg that has come, or asks again."""
        said = self.call.work.setup.flows.announcements(self.call.plan)
        return (self.call.listen(leg), *said, self.hold())

    def said(self, *texts: str) -> list[Say]:
        """Texts in the number's voice."""
        return self.call.work.setup.flows.announcements(self.call.plan, texts=texts)

    def hold(self) -> Hold:
        """Keep the line open, as long as the number's flow says."""
        return Hold(self.call.work.setup.flows.hold_seconds(self.call.plan))

    # Streams

    def holds_back(self) -> bool:
        """Whether a stream that begins now carries something on its outbound track that is nobody's words (yet)."""
        return False

    def stream_held(self, stream: Stream) -> None:
        """A stream has begun, perhaps with its outbound track held back."""

    def stream_began(self, leg: Leg, stream: Stream) -> None:
        """A leg is heard: say who is on the call."""
        for track in stream.tracks:
            if self.heard_at_once(track):
                self.call.joined(leg, track, stream.offset_ms)

    def heard_at_once(self, track: Track) -> bool:
        """Whether somebody is on a track as soon as its stream begins."""
        return True

    def awaits_word(self) -> bool:
        """Whether word may still come of since when the callee speaks on a held track."""
        return False

    def waited_in_vain(self, stream: Stream) -> None:
        """A stream is over, and no word came."""

    # What the carrier says

    def leg_changed(self, leg: Leg, changed: LegChanged) -> None:
        """A leg of ours is up, or over."""
        if leg.status not in ("completed", *_ENDS):
            return
        self.call.final_status = as_end(leg.status)
        self.call.ended_by = self.call.ended_by or self.who_ended(leg.status)
        self.leg_ends(leg)

    def leg_ends(self, leg: Leg) -> None:
        """The carrier says that a leg is over. Its socket's `stop` may be on its way."""
        if leg.stream is None:
            self.leg_over(leg)
        else:
            self.call.expect_end(leg, "settle", self.call.work.setup.options.settle_s)

    def dialed_leg(self, changed: DialedLegChanged) -> None:
        """A leg that the carrier dials for us is in another state."""

    def dial_over(self, over: DialOver) -> Answer:
        """Nobody is being dialled any more; what now?"""
        return (HangUp(),)

    def whisper(self) -> Answer:
        """What a callee hears before being connected."""
        return tuple(self.said(self.call.plan.whisper)) if self.call.plan.whisper else ()

    def person(self, leg: Leg, fact: PersonInRoom) -> None:
        """Somebody came to the room, left it, was muted or held."""

    def room_over(self, over: RoomOver) -> None:
        """The conference has ended."""

    # The end

    def never_heard(self, leg: Leg) -> None:
        """A leg's socket never opened."""
        call = self.call
        # What became of a call that another process had is as unknown as before.
        call.final_status = call.final_status or ("interrupted" if call.taken_up else "failed")
        call.end_reason = f"{call.work.setup.carrier} opened no media socket"

    def leg_over(self, leg: Leg) -> None:
        """A leg is gone, and with the last one the record."""
        leg.state = "gone"
        self.call.end(self.call.final_status or self.end_status())

    def end_status(self) -> CallStatus:
        """How the call ended, when the carrier did not say."""
        return "completed"

    def who_ended(self, status: str) -> str:
        """Who hung up, as far as the flow leaves only one; empty when it doesn't."""
        return ""

    def held_out(self, status: str) -> str:
        """Nobody but the person on the line can have ended it before it was held to its end."""
        call = self.call
        short = call.work.now.s - call.began_s < self.hold().seconds
        return call.name_of(call.leg.sid, "inbound") if status == "completed" and short else ""
