"""The answer flow: we greet, listen, and hold the line. Pure."""

from __future__ import annotations

from callscribe.calls.flows.base import Flow


class AnswerFlow(Flow):
    """We are the other end."""

    kind = "answer"

    def who_ended(self, status: str) -> str:
        return self.held_out(status)
