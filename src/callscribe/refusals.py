"""What is refused is said once, then counted: a flood of bad requests must not become a flood of log lines."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass


@dataclass(slots=True)
class _Kind:
    since: float
    hidden: int = 0
    say: Callable[[int], None] | None = None
    timer: asyncio.TimerHandle | None = None


class Refusals:
    """Lets one message of a kind through in each window, and then one with the count of those that were held back.

    Args:
        window_s: seconds.
        clock: monotonic seconds.
    """

    REMEMBERED = 256
    """Kinds; more than there are, unless a sender could choose them."""

    def __init__(
        self, *, window_s: float = 60.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._window_s = window_s
        self._clock = clock
        self._kinds: dict[Hashable, _Kind] = {}

    def note(self, kind: Hashable, say: Callable[[int], None]) -> None:
        """Count one; maybe say it.

        Args:
            kind: what is counted together. Must not be something that a sender can choose at will.
            say: logs it; takes how many of its kind were not said since the last one. Of those held back, the latest
                one's is called when the window ends.
        """
        now = self._clock()
        found = self._kinds.get(kind)
        if found is not None and now - found.since < self._window_s:
            found.hidden += 1
            found.say = say
            if found.timer is None:
                found.timer = self._later(found.since + self._window_s - now, kind)
            return
        hidden = 0
        if found is not None:
            hidden = found.hidden
            if found.timer is not None:
                found.timer.cancel()
        self._kinds.pop(kind, None)
        while len(self._kinds) >= self.REMEMBERED:
            self._end(next(iter(self._kinds)))
        self._kinds[kind] = _Kind(now)
        say(hidden)

    def _later(self, delay_s: float, kind: Hashable) -> asyncio.TimerHandle | None:
        try:
            return asyncio.get_running_loop().call_later(delay_s, self._end, kind)
        except RuntimeError:
            return None  # no loop: the next one of its kind brings the count

    def _end(self, kind: Hashable) -> None:
        found = self._kinds.pop(kind, None)
        if found is None:
            return
        if found.timer is not None:
            found.timer.cancel()
        if found.say is not None:
            found.say(found.hidden)
