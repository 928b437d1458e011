"""The outbound flow: a call that we placed, connected with somebody else if wanted. Pure."""

from __future__ import annotations

from callscribe.calls.call import Call, Leg
from callscribe.calls.flows.dial import DialFlow
from callscribe.carriers.base import Answer, Connect, LegChanged
from callscribe.events import CallStatus


class OutboundFlow(DialFlow):
    """The leg's party is whom we called.

    Args:
        connect: whom they are connected with; empty: nobody.
        answered: they have taken the call already.
    """

    kind = "outbound"

    def __init__(self, call: Call, connect: str = "", *, answered: bool = False) -> None:
        super().__init__(call, (connect,) if connect else ())
        self._answered = answered
        if connect:
            call.from_name = call.work.setup.contacts.name(connect)

    def first_status(self) -> CallStatus:
        return "in-progress" if self._answered else "ringing"

    def caller(self) -> str:
        # Whom we connect was called too, and "Caller" would be wrong.
        return self.call.from_name or (self.to[0] if self.to else "")

    @property
    def other_number(self) -> str:
        return self.to[0] if self.to else self.call.from_

    def connect(self) -> Connect:
        # They have answered already; the other end sees the number that was called from.
        return Connect(
            to=self.to,
            caller_id=self.call.work.setup.own_number,
            timeout_s=self.call.plan.timeout,
            answer_on_bridge=False,
        )

    def answer(self, leg: Leg) -> Answer:
        if not self.to:
            return super().answer(leg)
        consent = self.said(self.call.work.setup.flows.defaults.consent)
        return (self.call.listen(leg), *consent, self.connect())

    def leg_changed(self, leg: Leg, changed: LegChanged) -> None:
        if leg.status == "in-progress":
            self.call.update_status("in-progress")
        super().leg_changed(leg, changed)
