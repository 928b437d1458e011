"""Who spoke for how long, and when two at once. Pure.

Counted by when utterances begin and end, as they are heard on each person's own track.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable

from callscribe.events import FinalTranscript
from callscribe.records import Overlap, PersonTalk, TalkRecord


def talk(utterances: Iterable[FinalTranscript]) -> TalkRecord:
    """The figures of a call.

    Args:
        utterances: by when they begin; `speaker` is the name as it is now.
    """
    said = [each for each in utterances if each.text]
    names = {(each.leg, each.track): each.speaker for each in said}
    spoken: Counter[tuple[str, str]] = Counter()
    for each in said:
        spoken[each.leg, each.track] += max(0, each.end_ms - each.start_ms)
    both = overlaps((each.start_ms, each.end_ms, (each.leg, each.track)) for each in said)
    return TalkRecord(
        people=tuple(
            PersonTalk(leg=leg, track=track, speaker=name, spoken_ms=spoken[leg, track])
            for (leg, track), name in names.items()
        ),
        overlaps=tuple(Overlap(start_ms=start, end_ms=end) for start, end in both),
        overlap_ms=sum(end - start for start, end in both),
    )


def overlaps(said: Iterable[tuple[int, int, Hashable]]) -> list[tuple[int, int]]:
    """The stretches in which more than one person spoke, in order; milliseconds.

    Args:
        said: begin, end, and who.
    """
    edges: list[tuple[int, int, Hashable]] = []
    for start, end, who in said:
        edges.append((start, 1, who))
        edges.append((max(start, end), -1, who))
    edges.sort(key=lambda edge: edge[:2])
    found: list[tuple[int, int]] = []
    since = 0
    speaking: Counter[Hashable] = Counter()
    for ms, step, who in edges:
        before = len(speaking)
        speaking[who] += step
        if not speaking[who]:
            del speaking[who]
        if before < 2 <= len(speaking):
            since = ms
        elif len(speaking) < 2 <= before and ms > since:
            if found and found[-1][1] == since:
                since = found.pop()[0]
            found.append((since, ms))
    return found
