"""What the second reader does next: the newest words of live calls first, in fair turns. Pure, no clock.

* One utterance waits in a call: it is read apart, with what was said before it in the reader's ear.
* Several wait: they are packed into a window, which costs a quarter of reading each.
* More wait in a call than `BEHIND_WINDOWS` hold: the oldest are left until the call is over.
* When nothing live waits, a call that is over is read in full windows, as far as it was not. What is doubtful then and
  was never read apart is read in windows of its own, which cut the talk elsewhere; what is still without words, apart.
  Then the call is settled.
* While no call goes on, several windows are read in one go, which is cheaper.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from callscribe.recognition.windows import pack

BEHIND_WINDOWS: Final = 2
"""Windows that may wait in a live call; what is older is left until it is over."""

WINDOWS_AT_ONCE: Final = 4
"""Windows that are read in one go while nobody speaks; whoever does then waits for so many at most."""

Kind = Literal["live", "packed", "whole", "again", "last"]
"""Apart or in a window; and after the call in a window, in one with other doubtful ones, or apart."""

Doubt = Literal["none", "unsure", "unheard"]
"""What a window brought of an utterance is sure enough, or not; or it brought nothing, and nothing did before."""


def is_apart(kind: Kind) -> bool:
    """Whether an utterance is read by itself so, with what was said before it."""
    return kind in ("live", "last")


def is_after(kind: Kind) -> bool:
    """Whether it is read so once its call is over."""
    return kind in ("whole", "again", "last")


class Task(NamedTuple):
    """Utterances of one call to be read in one go."""

    kind: Kind
    call: str
    utterances: tuple[str, ...]


@dataclass(slots=True)
class _Said:
    length_ms: int
    apart: bool = False
    """It was to be read apart..."""
    together: bool = False
    """...and in a window; whether anything came of it or not, it is not tried again."""
    again: bool = False
    """The same in one of doubtful ones."""
    doubt: Doubt = "none"


@dataclass(slots=True)
class _Call:
    said: dict[str, _Said] = field(default_factory=dict)
    """Utterances by id, in the order of talk."""
    waiting: deque[str] = field(default_factory=deque)
    ended: bool = False
    finished: bool = False
    """It was looked for something to read after the call, and there was nothing."""


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
        state.said[utterance] = _Said(length_ms)
        state.waiting.append(utterance)
        state.finished = False

    def read(self, call: str, utterance: str) -> bool:
        """An utterance that waits has been read apart already; false when it was given out before, or is not known."""
        state = self._calls.get(call)
        if state is None or utterance not in state.waiting or utterance not in state.said:
            return False
        state.waiting.remove(utterance)
        state.said[utterance].apart = True
        return True

    def remember(
        self, call: str, utterance: str, length_ms: int, *, apart: bool, together: bool
    ) -> None:
        """An utterance of a call that is over, with how it was read before."""
        self._state(call).said[utterance] = _Said(length_ms, apart, together)

    def doubt(self, call: str, utterance: str, doubt: Doubt) -> None:
        """How far what it was read as in a window can be trusted."""
        if call in self._calls and utterance in self._calls[call].said:
            self._calls[call].said[utterance].doubt = doubt
            self._calls[call].finished &= doubt == "none"

    def drop(self, call: str, utterance: str) -> None:
        """It had no words: it is not read again."""
        if call in self._calls:
            self._calls[call].said.pop(utterance, None)

    def end(self, call: str) -> None:
        """The call is over."""
        self._state(call).ended = True

    def resume(self, call: str) -> None:
        """It goes on after all."""
        state = self._state(call)
        state.ended = state.finished = False

    def forget(self, call: str) -> None:
        """Nothing more is to be read of it."""
        self._calls.pop(call, None)
        if call in self._turns:
            self._turns.remove(call)

    @property
    def waiting_ms(self) -> int:
        """Sound of live utterances that waits."""
        return sum(
            state.said[utterance].length_ms
            for state in self._calls.values()
            for utterance in state.waiting
            if utterance in state.said
        )

    @property
    def calls(self) -> list[str]:
        """The calls that are not settled."""
        return list(self._calls)

    def next(self) -> Task | None:
        """The next thing to read; None when there is nothing to do now. It counts as read once it was given out."""
        return self._take(self._live) or self._take(self._after)

    def settled(self) -> list[str]:
        """The calls that are over and read to the end."""
        return [
            call
            for call, state in self._calls.items()
            if state.ended and not state.waiting and state.finished
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
        waiting = [utterance for utterance in state.waiting if utterance in state.said]
        windows = self._packed(state, waiting)
        if state.ended and len(waiting) > 1:
            waiting, windows = [], []  # with all the rest, in full windows
        if len(windows) > BEHIND_WINDOWS:
            waiting = waiting[windows[-BEHIND_WINDOWS].start :]
            windows = self._packed(state, waiting)
        state.waiting = deque(waiting)
        if not windows:
            return None
        chosen = [state.waiting.popleft() for _ in windows[0]]
        return _given(call, state, chosen, "live" if len(chosen) == 1 else "packed")

    def _after(self, call: str, state: _Call) -> Task | None:
        if not state.ended or state.waiting:
            return None
        left = [utterance for utterance, said in state.said.items() if not said.together]
        if chosen := self._in_windows(state, left):
            return _given(call, state, chosen, "whole")
        for utterance in left:
            # Alone in a window, it is read as well apart.
            state.said[utterance].together = state.said[utterance].again = True
            if not state.said[utterance].apart:
                return _given(call, state, [utterance], "last")
        doubtful = [
            utterance
            for utterance, said in state.said.items()
            if said.doubt != "none" and not said.apart
        ]
        left = [utterance for utterance in doubtful if not state.said[utterance].again]
        if chosen := self._in_windows(state, left):
            return _given(call, state, chosen, "again")
        for utterance in doubtful:
            if utterance in left or state.said[utterance].doubt == "unheard":
                return _given(call, state, [utterance], "last")
        state.finished = True
        return None

    def _in_windows(self, state: _Call, utterances: list[str]) -> list[str]:
        """Those of them that come next in windows, none alone in one."""
        several = [window for window in self._packed(state, utterances) if len(window) > 1]
        at_once = 1 if any(not call.ended for call in self._calls.values()) else WINDOWS_AT_ONCE
        return [utterances[i] for window in several[:at_once] for i in window]

    def _packed(self, state: _Call, utterances: list[str]) -> list[range]:
        return pack([state.said[utterance].length_ms for utterance in utterances], self._window_ms)


def _given(call: str, state: _Call, utterances: list[str], kind: Kind) -> Task:
    for utterance in utterances:
        said = state.said[utterance]
        said.apart |= is_apart(kind)
        said.together |= not is_apart(kind)
        said.again |= kind == "again"
    return Task(kind, call, tuple(utterances))
