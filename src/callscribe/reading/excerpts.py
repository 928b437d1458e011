"""Which sound an utterance is read with. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple, TypeVar

from callscribe.events import FinalTranscript
from callscribe.recognition.windows import CONTEXT_MS, GAP_MS

MARGIN_MS: Final = 300
"""Sound before and after an utterance that is read with it."""


class Stretch(NamedTuple):
    """A stretch of the record's line, milliseconds."""

    start_ms: int
    end_ms: int


def stretch(final: FinalTranscript, earlier: Iterable[FinalTranscript]) -> Stretch:
    """Where the sound of an utterance lies: a little before and after its words.

    Args:
        earlier: what was said before on the call; the end of what the same track said is left to that.
    """
    start_ms = max(0, final.start_ms - MARGIN_MS)
    previous = max(
        (
            said.end_ms
            for said in earlier
            if (said.leg, said.track) == (final.leg, final.track) and said.start_ms < final.start_ms
        ),
        default=-1,
    )
    if start_ms < previous <= final.start_ms:
        start_ms = (previous + final.start_ms) // 2
    return Stretch(start_ms, final.end_ms + MARGIN_MS)


Said = TypeVar("Said")


def context(before: Iterable[tuple[int, int, Said]], start_ms: int) -> list[Said]:
    """What was said before `start_ms`, in order: as much of its end as may be heard again.

    Args:
        before: (when it began, its length in milliseconds, what was said), of both people.
    """
    found: list[Said] = []
    room_ms = CONTEXT_MS
    earlier = sorted((b for b in before if b[0] < start_ms), key=lambda b: b[0], reverse=True)
    for _, length_ms, said in earlier:
        room_ms -= length_ms + GAP_MS
        if room_ms < 0:
            break
        found.append(said)
    return found[::-1]
