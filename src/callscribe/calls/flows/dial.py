"""What flows share in which the carrier dials a second person: since when the callee speaks, what became of the dial.
Pure.

The outbound track of the leg carries our announcements and the ringing before it carries the callee. Its audio is held
back until it is known when somebody answered; what came before is dropped, what came since is decoded.
"""

from __future__ import annotations

import msgspec

from callscribe.calls.call import Call
from callscribe.calls.dialling import DialTracker
from callscribe.calls.flows.base import Flow, as_end
from callscribe.calls.past import Past
from callscribe.calls.streams import Stream
from callscribe.carriers.base import (
    TERMINAL,
    Answer,
    Connect,
    DialedLegChanged,
    DialOver,
    HangUp,
)
from callscribe.events import CallStatus, CallUpdated, Dial, Track


class DialFlow(Flow):
    """A plain call that may be connected with somebody else.

    Args:
        to: who is dialled; empty: nobody, it is a plain call.
    """

    def __init__(self, call: Call, to: tuple[str, ...] = ()) -> None:
        super().__init__(call)
        self.to = to
        self.dial = DialTracker(to) if to else None
        self.answered_ms: int | None = None
        self._release_ms: int | None = None
        """The earliest that `answered_ms` can mean: from here on the held track is decoded."""
        self._known = False
        """Whether, and when, somebody answered is known."""
        self._talking = False
        """They were connected before we came."""

    def take_up(self, past: Past | None) -> None:
        """Go on with a dial of which an earlier process knew; without such knowledge they are talking already."""
        if self.dial is None:
            return
        before = past.dial if past is not None else None
        if before is not None:
            self.dial.take_up(before)
        if before is None or before.answered_ms is not None:
            self.answered_ms = before.answered_ms if before is not None else 0
            self._release_ms = 0
            self._known = self._talking = True
        elif before.status in TERMINAL:
            self._known = True

    @property
    def told_dial(self) -> Dial | None:
        return self._dial(self.dial) if self.dial is not None else None

    def connect(self) -> Connect:
        """The instruction to dial."""
        plan = self.call.plan
        return Connect(
            to=self.to,
            caller_id=plan.caller_id,
            timeout_s=plan.timeout,
            answer_on_bridge=plan.answer_on_bridge,
            whisper=bool(plan.whisper),
        )

    def answer_none(self) -> Answer:
        """What to do when nobody has taken the call."""
        return (HangUp(),)

    # Streams

    def holds_back(self) -> bool:
        return self.dial is not None and not self._talking

    def stream_held(self, stream: Stream) -> None:
        if not stream.held:
            return
        if not self._known and not self.call.armed("no word"):
            seconds = self.call.plan.timeout + self.call.work.setup.options.no_word_s
            self.call.arm("no word", seconds, self._no_word)
        if self._release_ms is not None:
            self.call.release(self._release_ms)

    def heard_at_once(self, track: Track) -> bool:
        return track == "inbound" or not self.holds_back()

    def awaits_word(self) -> bool:
        return not self._known

    def waited_in_vain(self, stream: Stream) -> None:
        if stream.end_ms > self.call.plan.timeout * 1000:
            self._no_word()

    # What the carrier says

    def dialed_leg(self, changed: DialedLegChanged) -> None:
        if self.dial is None:
            return
        before = self._dial(self.dial)
        self.dial.leg(changed)
        self._tell(self.dial, before)
        if self._known:
            self.call.word_came()

    def dial_over(self, over: DialOver) -> Answer:
        call, dial = self.call, self.dial
        if dial is None:
            return (HangUp(),)
        before = self._dial(dial)
        dial.finish(over, call.line.moment(call.work.now.ms))
        call.disarm("no word")
        self._tell(dial, before)
        caller_gone = over.leg_status in TERMINAL
        answered = dial.answer is not None
        if caller_gone or answered:
            track: Track = "inbound" if caller_gone else "outbound"
            call.ended_by = call.ended_by or call.name_of(call.leg.sid, track)
        if answered:
            call.left(call.leg, "outbound", call.now_ms)
        self._known = True
        call.word_came()
        return (HangUp(),) if answered or caller_gone else self.answer_none()

    def who_ended(self, status: str) -> str:
        if self.dial is None:
            return self.held_out(status)
        # When the callee hangs up, the carrier asks first what to do next.
        return "" if self.dial.finished else self.call.name_of(self.call.leg.sid, "inbound")

    def end_status(self) -> CallStatus:
        """As its dial did, unless we took it then."""
        if self.dial is None or self.call.status == "in-progress":
            return "completed"
        return as_end(self.dial.status)

    def _dial(self, dial: DialTracker) -> Dial:
        """What became of the dial so far, on the record's line."""
        known = dial.dial(self.call.at_ms)
        return msgspec.structs.replace(known, name=self.call.work.setup.contacts.name(known.to))

    def _tell(self, dial: DialTracker, before: Dial) -> None:
        """Publish what changed, and release the callee's words when it is now known since when they are."""
        call = self.call
        answer = dial.answer
        if answer is not None and self.answered_ms is None:
            self.answered_ms = call.at_ms(answer.at)
            self._release_ms = call.earliest_ms(answer.at)
            call.disarm("no word")
            self._known = True
            self._name_callee(answer.to)
            self._talk(answer.to)
        elif dial.over:
            self._known = True
        now = self._dial(dial)
        if now != before:
            call.say(CallUpdated(call=call.id, dial=now))

    def _name_callee(self, number: str) -> None:
        call = self.call
        name = call.work.setup.contacts.name(number)
        callee = call.people.get((call.leg.sid, "outbound"))
        if not name or callee is None or callee.given:
            return
        if name != call.name_of(call.leg.sid, "inbound"):
            call.rename(call.leg.sid, "outbound", name)

    def _talk(self, number: str = "") -> None:
        """Somebody has answered."""
        call = self.call
        call.update_status("in-progress")
        if (call.leg.sid, "outbound") in call.people and self.answered_ms is not None:
            call.joined(call.leg, "outbound", self.answered_ms, number=number)
        if self._release_ms is not None:
            call.release(self._release_ms)

    def _no_word(self) -> None:
        """The ringing must be over, the dial is not, and no word came that somebody answered: somebody did."""
        dial = self.dial
        if dial is None or self.answered_ms is not None or dial.over:
            return
        self.answered_ms = self.call.at_ms(dial.ringing_at) if dial.ringing_at else 0
        self._release_ms = self.answered_ms
        self._talk()
