"""The attach flow: a call that is up already and is transcribed from now on. Pure."""

from __future__ import annotations

from callscribe.calls.call import Call
from callscribe.calls.flows.dial import DialFlow
from callscribe.calls.past import Past
from callscribe.carriers.base import Answer, HangUp
from callscribe.events import Dial


class AttachFlow(DialFlow):
    """What was said before is not known; a forwarded call's dial is followed as far as its callbacks come.

    Args:
        past: what an earlier process, or an earlier attachment, knew.
    """

    kind = "attach"

    def __init__(self, call: Call, past: Past | None) -> None:
        self._before: Dial | None = past.dial if past is not None else None
        to = call.plan.to
        if not to and self._before is not None and self._before.to:
            to = (self._before.to,)
        super().__init__(call, to)
        self.take_up(past)

    def callee(self) -> str:
        if not self.to:
            return super().callee()
        number = self._before.to if self._before is not None else ""
        number = number or (self.to[0] if len(self.to) == 1 else "")
        return self.call.work.setup.contacts.name(number)

    @property
    def other_number(self) -> str:
        if self._before is not None and self._before.to:
            return self._before.to
        return super().other_number

    def who_ended(self, status: str) -> str:
        return super().who_ended(status) if self.dial is not None else ""

    def answer_none(self) -> Answer:
        if self.call.plan.no_answer == "hangup":
            return (HangUp(),)
        return (*self.said(self.call.plan.no_answer_text), self.hold())
