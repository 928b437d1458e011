"""What became of a forwarded call: from callbacks in any order to one answer. Pure.

The carrier reports every dialled leg by status callbacks (late, repeated, out of order, some missing) and the whole
dial by its `action` request. `DialTracker` takes them as they come; what it says depends on which came, not on their
order.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence

import msgspec

from callscribe.carriers.base import RANKS, TERMINAL, DialedLegChanged, DialOver
from callscribe.events import Dial
from callscribe.phone import normal


class PickUp(msgspec.Struct, frozen=True):
    """Who took the call, and when."""

    leg: str
    to: str
    at: dt.datetime | None
    """By the carrier's clock, cut to the second; None when no callback told."""
    exact: bool
    """The carrier said so; otherwise reckoned back from the end and the duration, up to a second off."""


class _Child:
    def __init__(self, sid: str) -> None:
        self.sid = sid
        self.to = ""
        self.status = "queued"
        self.answered_at: dt.datetime | None = None
        self.answered = False
        self.ringing_at: dt.datetime | None = None
        self.ended_at: dt.datetime | None = None
        self.duration_s: int | None = None


class DialTracker:
    """One `<Dial>`.

    Args:
        to: who is dialled, in order.
    """

    def __init__(self, to: Sequence[str]) -> None:
        self._to = tuple(to)
        self._children: dict[str, _Child] = {}
        self._finished: DialOver | None = None
        self._finished_at: dt.datetime | None = None
        self._before = Dial(status="")

    def take_up(self, dial: Dial) -> None:
        """Go on from what an earlier process knew."""
        self._before = dial
        if dial.leg:
            child = self._child(dial.leg)
            child.to = dial.to
            child.status = dial.status if dial.status in RANKS else "queued"
            child.answered = dial.answered_ms is not None
            child.duration_s = dial.duration_s

    def leg(self, status: DialedLegChanged) -> None:
        """A dialled leg's status callback."""
        child = self._child(status.leg)
        child.to = child.to or status.to
        if status.status == "in-progress":
            child.answered = True
            child.answered_at = child.answered_at or status.at
        elif status.status == "ringing":
            child.ringing_at = child.ringing_at or status.at
        elif status.status in TERMINAL:
            child.ended_at = child.ended_at or status.at
            if child.duration_s is None:
                child.duration_s = status.duration_s
        if RANKS.get(status.status, -1) > RANKS[child.status]:
            child.status = status.status

    def finish(self, finished: DialOver, now: dt.datetime | None = None) -> None:
        """The dial's `action` request, which has no time of its own; the first one counts."""
        if self._finished is None:
            self._finished = finished
            self._finished_at = now

    @property
    def finished(self) -> bool:
        """The `action` request has come."""
        return self._finished is not None

    @property
    def answer(self) -> PickUp | None:
        """Who answered, as far as known."""
        for child in self._children.values():
            if child.answered:
                return PickUp(child.sid, child.to, child.answered_at, exact=True)
        for child in self._children.values():
            if child.status == "completed":
                return PickUp(
                    child.sid, child.to, _before(child.ended_at, child.duration_s), exact=False
                )
        end = self._finished
        if end is not None and end.status == "completed":
            known = self._children.get(end.dialed)
            to = known.to if known else (self._to[0] if len(self._to) == 1 else "")
            at = _before(self._finished_at, end.duration_s)
            return PickUp(end.dialed, to, at, exact=False)
        return None

    @property
    def over(self) -> bool:
        """Nobody is being dialled or talked to any more."""
        if self._finished is not None:
            return True
        answer = self.answer
        if answer is not None:
            child = self._children.get(answer.leg)
            return child is not None and child.status in TERMINAL
        children = self._children.values()
        return len(children) >= len(self._to) and all(c.status in TERMINAL for c in children)

    @property
    def ringing_at(self) -> dt.datetime | None:
        """When the first phone began to ring."""
        return min((c.ringing_at for c in self._children.values() if c.ringing_at), default=None)

    @property
    def status(self) -> str:
        """One word for the whole dial, the carrier's."""
        if self._finished is not None and self._finished.status:
            return self._finished.status
        answer = self.answer
        if answer is not None:
            child = self._children.get(answer.leg)
            return child.status if child and child.status in TERMINAL else "in-progress"
        children = self._in_order()
        if self.over:
            return children[0].status
        live = [c.status for c in children if c.status not in TERMINAL and c.status != "queued"]
        return max(live, key=RANKS.__getitem__, default="initiated")

    def dial(self, at_ms: Callable[[dt.datetime], int]) -> Dial:
        """For the record; `at_ms` places a time of the carrier's clock on the record's line."""
        answer = self.answer
        children = self._in_order()
        child = self._children.get(answer.leg) if answer else (children[0] if children else None)
        end = self._finished
        ended_at = (child.ended_at if child else None) or self._finished_at
        duration_s = end.duration_s if end else None
        if duration_s is None and child is not None and answer is not None:
            duration_s = child.duration_s
        to = answer.to if answer else ""
        same = self._before.leg == (answer.leg if answer else "")
        before_ms = self._before.answered_ms if same else None
        return Dial(
            status=self.status,
            to=to or (child.to if child else "") or (self._to[0] if self._to else ""),
            leg=answer.leg if answer else (child.sid if child else ""),
            answered_ms=at_ms(answer.at) if answer and answer.at else before_ms,
            ended_ms=at_ms(ended_at) if ended_at and self.over else None,
            duration_s=duration_s,
        )

    def _child(self, sid: str) -> _Child:
        return self._children.setdefault(sid, _Child(sid))

    def _in_order(self) -> list[_Child]:
        """Children by the order in which they are listed in the flow, so that arrival does not matter."""
        places = {normal(to): place for place, to in enumerate(self._to)}
        return sorted(
            self._children.values(), key=lambda c: (places.get(normal(c.to), len(places)), c.sid)
        )


def _before(moment: dt.datetime | None, seconds: int | None) -> dt.datetime | None:
    # One second more: the duration is rounded, and the callee's first word must not be lost.
    return moment - dt.timedelta(seconds=(seconds or 0) + 1) if moment else None
