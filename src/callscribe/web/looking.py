"""Finding in the call that is shown: where the words stand, as written or as they were said."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from callscribe.search.snippets import Span, apart
from callscribe.search.within import Wanted
from callscribe.transcript.parts import Utterance
from callscribe.web.drawing import Words

MARKS = ".,;:?!…"
"""What may stand at the end of a written word and was not said."""
MOST = 2000
"""Places told of at most."""


class Place(msgspec.Struct, frozen=True, array_like=True):
    """Where it was found: from and to which character of an utterance's words on the page."""

    utterance: str
    start: int
    stop: int


class Looked(msgspec.Struct, frozen=True):
    """What was found in a call."""

    places: tuple[Place, ...]
    more: bool = False
    """There are more than these."""


def look(said: Sequence[Utterance], typed: str, words: Words) -> Looked:
    """Where it stands on the page, in order.

    Args:
        said: what the page shows, unfinished utterances too.
        typed: what is looked for.
        words: which words the page shows.
    """
    wanted = Wanted(typed)
    found: list[Place] = []
    for each in said:
        found += [Place(each.id, *span) for span in _places(each, wanted, words)]
        if len(found) > MOST:
            break
    return Looked(tuple(found[:MOST]), more=len(found) > MOST)


def _places(said: Utterance, wanted: Wanted, words: Words) -> list[Span]:
    if words == "raw":
        return wanted.places(said.raw_text)
    spans = wanted.places(said.text)
    spoken = [] if said.corrected else wanted.places(said.raw_text)
    if not spoken:
        return spans
    behind = _written_places(said)
    for span in spoken:
        first = said.raw_text.count(" ", 0, span.start)
        last = first + said.raw_text.count(" ", span.start, span.stop)
        hit = [place for place, (start, stop) in behind if start <= last and first < stop]
        if hit:
            spans.append(Span(hit[0].start, hit[-1].stop))
    return apart(spans)


def _written_places(said: Utterance) -> list[tuple[Span, tuple[int, int]]]:
    """Of each written word: where it stands, and which of the spoken words are behind it."""
    found: list[tuple[Span, tuple[int, int]]] = []
    place = 0
    for token in said.tokens:
        start = said.text.find(token.text, place) if token.text else -1
        if start < 0:
            continue
        place = start + len(token.text)
        bare = token.text.rstrip(MARKS)
        if bare:
            found.append((Span(start, start + len(bare)), (token.start, token.stop)))
    return found
