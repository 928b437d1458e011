"""The forward flow: other phones ring, and when nobody takes the call we do, or hang up. Pure."""

from __future__ import annotations

from callscribe.calls.call import Call, Leg
from callscribe.calls.flows.dial import DialFlow
from callscribe.carriers.base import Answer, HangUp
from callscribe.events import CallStatus


class ForwardFlow(DialFlow):
    """The caller is connected with somebody else."""

    kind = "forward"

    def __init__(self, call: Call) -> None:
        super().__init__(call, call.plan.to)

    def first_status(self) -> CallStatus:
        return "ringing" if self.call.plan.answer_on_bridge else "in-progress"

    def callee(self) -> str:
        # With several numbers it is not known yet who it will be.
        return self.call.work.setup.contacts.name(self.to[0]) if len(self.to) == 1 else ""

    def answer(self, leg: Leg) -> Answer:
        said = self.call.work.setup.flows.announcements(self.call.plan)
        return (self.call.listen(leg), *said, self.connect())

    def answer_none(self) -> Answer:
        if self.call.plan.no_answer == "hangup":
            return (HangUp(),)
        # The call is answered by us now; the stream has survived the dialling.
        self.call.update_status("in-progress")
        return (*self.said(self.call.plan.no_answer_text), self.hold())
