"""What the second reader does next: the newest words of live calls first, in fair turns. Pure, no clock.

* One utterance waits in a call: it is read by itself, with what was said before it.
* Several wait: they are packed into a window, which costs a quarter of reading each.
* More wait in a call than `BEHIND_WINDOWS` hold: the oldest are left for the last reading.
* When nothing live waits, what was packed or left of a call that is over is read by itself, with what was said before
  it. Then the call is settled.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from callscribe.recognition.windows import pack

BEHIND_WINDOWS: Final = 2
"""Windows that may wait in a live call; what is older is left for the last reading."""

Kind = Literal["live", "packed", "last"]


class Task(NamedTuple):
    """Utterances of one call to be read in one go."""

    kind: Kind
    call: str
    utterances: tuple[str, ...]


@dataclass(slots=True)
class _Call:
    lengths: dict[str, int] = field(default_factory=dict)
    """Utterances that were not yet read by themselves, by id, in the order of talk; milliseconds."""
    waiting: deque[str] = field(default_factory=deque)
    ended: bool = False
    last: deque[str] | None = None
    """What the last reading has still to do; None before it."""


class Agenda:
    """All calls with something to read."""

    def __init__(self, window_ms: int) -> None:
        self._window_ms = window_ms
        self._calls: dict[str, _Call] = {}
        self._turns: deque[str] = deque()
        """Calls in the order in which they have their turn."""

    def add(self, call: str, utterance: str, length_ms: int) -> None:
        """An utterance is over and has sound."""
        state = self._state(call)
        state.lengths[utterance] = length_ms
        state.waiting.append(utterance)
        state.last = None  # the call goes on, or its last words came late

    def remember(self, call: str, utterance: str, length_ms: int) -> None:
        """An utterance of a call that is over, for the last reading alone."""
        self._state(call).lengths[utterance] = length_ms

    def done(self, call: str, utterance: str) -> None:
        """It was read by itself, or had no words: it is not read again."""
        if call in self._calls:
            self._calls[call].lengths.pop(utterance, None)

    def end(self, call: str) -> None:
        """The call is over."""
        self._state(call).ended = True

    def resume(self, call: str) -> None:
        """It goes on after all."""
        state = self._state(call)
        state.ended, state.last = False, None

    def forget(self, call: str) -> None:
        """Nothing more is to be read of it."""
        self._calls.pop(call, None)
        if call in self._turns:
            self._turns.remove(call)

    @property
    def waiting_ms(self) -> int:
        """Sound of live utterances that waits."""
        return sum(
            state.lengths.get(utterance, 0)
            for state in self._calls.values()
            for utterance in state.waiting
        )

    @property
    def calls(self) -> list[str]:
        """The calls that are not settled."""
        return list(self._calls)

    def next(self) -> Task | None:
        """The next thing to read; None when there is nothing to do now."""
        return self._take(self._live) or self._take(self._last)

    def settled(self) -> list[str]:
        """The calls that are over and read to the end."""
        return [
            call
            for call, state in self._calls.items()
            if state.ended and not state.waiting and state.last is not None and not state.last
        ]

    def _state(self, call: str) -> _Call:
        if call not in self._calls:
            self._calls[call] = _Call()
            self._turns.append(call)
        return self._calls[call]

    def _take(self, choose: Callable[[str, _Call], Task | None]) -> Task | None:
        for _ in range(len(self._turns)):
            call = self._turns[0]
            self._turns.rotate(-1)
            if task := choose(call, self._calls[call]):
                return task
        return None

    def _live(self, call: str, state: _Call) -> Task | None:
        waiting = [utterance for utterance in state.waiting if utterance in state.lengths]
        windows = pack([state.lengths[utterance] for utterance in waiting], self._window_ms)
        if len(windows) > BEHIND_WINDOWS and not state.ended:
            first = windows[-BEHIND_WINDOWS].start
            waiting, windows = (
                waiting[first:],
                pack([state.lengths[utterance] for utterance in waiting[first:]], self._window_ms),
            )
        state.waiting = deque(waiting)
        if not windows:
            return None
        chosen = tuple(waiting[i] for i in windows[0])
        for _ in chosen:
            state.waiting.popleft()
        return Task("live" if len(chosen) == 1 else "packed", call, chosen)

    def _last(self, call: str, state: _Call) -> Task | None:
        if not state.ended or state.waiting:
            return None
        if state.last is None:
            state.last = deque(state.lengths)
        return Task("last", call, (state.last.popleft(),)) if state.last else None
