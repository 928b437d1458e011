"""Who is in a conference: from status callbacks in any order to a list of changes. Pure.

Callbacks carry a number that counts up per conference. Presence is worked out anew from all of a participant's joins
and leaves in that order each time one arrives, so late ones fall into place, repeated ones change nothing, and a
missing join or leave is implied by its partner. Every participant callback also carries the mute and hold flags as they
were, so the newest one wins and a missing mute is made good by whatever comes next.
"""

from __future__ import annotations

import bisect
import datetime as dt
from typing import Literal

import msgspec

from callscribe.carriers.base import PersonInRoom

MAX_EVENTS = 1000
"""Joins and leaves remembered per participant."""

LAST = 1e9
"""Beyond any number that a conference's callbacks reach."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """Something to tell about a participant."""

    kind: Literal["joined", "left", "updated"]
    at: dt.datetime | None = None
    reason: str = ""
    muted: bool | None = None
    on_hold: bool | None = None


class _Stay(msgspec.Struct):
    joined_at: dt.datetime | None
    left_at: dt.datetime | None = None
    left: bool = False
    reason: str = ""


class ParticipantTracker:
    """One leg of a conference."""

    def __init__(self) -> None:
        self.present = False
        """As told so far."""
        self.muted = False
        self.on_hold = False
        self.seen = False
        """A callback about this leg has come: it is, or was, in the room."""
        # (sequence, is a join, time, reason), sorted
        self._moves: list[tuple[float, bool, dt.datetime | None, str]] = []
        self._told_stays = 0
        self._told_left = False
        self._flags_sequence = -1.0
        self._last_sequence = 0.0

    def enter(self) -> list[Change]:
        """Their own stream has begun: they are on the call before the room says so."""
        if self.present:
            return []
        if self._moves:
            last = self._moves[-1][0]
            if last.is_integer():
                return []  # the room says that they have left; a straggling stream does not bring them back
            self._insert((last + 0.25, True, None, ""))
        else:
            self._insert((0.0, True, None, ""))
        return self._tell()

    def leave(
        self, reason: str = "", at: dt.datetime | None = None, *, for_good: bool = False
    ) -> list[Change]:
        """They are gone, known by other means than the room's callback (which may still come).

        Args:
            for_good: their call or the conference is over, so a join that comes late was before this.
        """
        if not self.present:
            return []
        # Halves lie between the room's numbers: a late leave then falls on this one.
        self._insert(((LAST if for_good else self._last_sequence) + 0.5, False, at, reason))
        return self._tell()

    def apply(self, event: PersonInRoom) -> list[Change]:
        """A participant callback."""
        self.seen = True
        sequence = float(event.sequence) if event.sequence is not None else self._last_sequence + 1
        self._last_sequence = max(self._last_sequence, sequence)
        changes: list[Change] = []
        if event.change != "other":
            self._insert((sequence, event.change == "joined", event.at, event.reason))
            changes += self._tell()
        elif not self._moves:
            # Word of somebody whose join has not come (yet).
            self._insert((0.0, True, None, ""))
            changes += self._tell()
        return changes + self._update_flags(event, sequence)

    def _insert(self, move: tuple[float, bool, dt.datetime | None, str]) -> None:
        keys = [(m[0], m[1]) for m in self._moves]
        key = (move[0], move[1])
        place = bisect.bisect_left(keys, key)
        if place < len(keys) and keys[place] == key:
            return  # repeated
        if len(self._moves) < MAX_EVENTS:
            self._moves.insert(place, move)

    def _stays(self) -> list[_Stay]:
        stays: list[_Stay] = []
        for _, joins, at, reason in self._moves:
            inside = bool(stays) and not stays[-1].left
            if joins and not inside:
                stays.append(_Stay(at))
            elif not joins and inside:
                stays[-1] = _Stay(stays[-1].joined_at, at, left=True, reason=reason)
            elif not joins and not stays:
                stays.append(_Stay(at, at, left=True, reason=reason))
        return stays

    def _tell(self) -> list[Change]:
        changes: list[Change] = []
        stays = self._stays()
        if self._told_stays and not self._told_left and len(stays) >= self._told_stays:
            stay = stays[self._told_stays - 1]
            if stay.left:
                changes.append(Change(kind="left", at=stay.left_at, reason=stay.reason))
                self._told_left = True
        for stay in stays[self._told_stays :]:
            if self._told_stays and not self._told_left:
                break
            changes.append(Change(kind="joined", at=stay.joined_at))
            self._told_stays += 1
            self._told_left = stay.left
            if stay.left:
                changes.append(Change(kind="left", at=stay.left_at, reason=stay.reason))
        self.present = self._told_stays > 0 and not self._told_left
        return changes

    def _update_flags(self, event: PersonInRoom, sequence: float) -> list[Change]:
        if sequence <= self._flags_sequence:
            return []
        self._flags_sequence = sequence
        muted = self.muted if event.muted is None else event.muted
        on_hold = self.on_hold if event.on_hold is None else event.on_hold
        if (muted, on_hold) == (self.muted, self.on_hold):
            return []
        change = Change(
            kind="updated",
            at=event.at,
            muted=muted if muted != self.muted else None,
            on_hold=on_hold if on_hold != self.on_hold else None,
        )
        self.muted, self.on_hold = muted, on_hold
        return [change] if self.present else []
