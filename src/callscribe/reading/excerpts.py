"""Which sound an utterance is read with. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple, TypeVar

from callscribe.events import FinalTranscript, PartialTranscript
from callscribe.recognition.windows import CONTEXT_MS, most_recent

MARGIN_MS: Final = 300
"""Sound before and after an utterance that is read with it."""


class Stretch(NamedTuple):
    """A stretch of the record's line, milliseconds."""

    start_ms: int
    end_ms: int


def stretch(
    said: FinalTranscript | PartialTranscript, earlier: Iterable[FinalTranscript]
) -> Stretch:
    """Where the sound of an utterance lies: a little before and after its words.

    Args:
        said: the utterance, or what there is of it.
        earlier: what was said before on the call; the end of what the same track said is left to that.
    """
    start_ms = max(0, said.start_ms - MARGIN_MS)
    previous = max(
        (
            each.end_ms
            for each in earlier
            if (each.leg, each.track) == (said.leg, said.track) and each.start_ms < said.start_ms
        ),
        default=-1,
    )
    if start_ms < previous <= said.start_ms:
        start_ms = (previous + said.start_ms) // 2
    return Stretch(start_ms, said.end_ms + MARGIN_MS)


Said = TypeVar("Said")


def context(before: Iterable[tuple[int, int, Said]], start_ms: int) -> list[Said]:
    """What was said before `start_ms`, in order: as much of its end as may be heard again.

    Args:
        before: (when it began, its length in milliseconds, what was said), of both people.
    """
    newest_first = sorted((b for b in before if b[0] < start_ms), key=lambda b: b[0], reverse=True)
    count = most_recent([length_ms for _, length_ms, _ in reversed(newest_first)], CONTEXT_MS)
    return [said for _, _, said in reversed(newest_first[:count])]
