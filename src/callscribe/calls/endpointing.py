"""When an utterance is over.

The recogniser's own rules know the words but not the line; voice activity knows the line but not the words. This
decides with both: a pause ends an utterance, a longer one is needed where the words say that more is coming, and
nobody talks for ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

NUMBER_WORDS: Final = frozenset(
    "zero oh nought double triple one two three four five six seven eight nine ten eleven twelve "
    "thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty "
    "seventy eighty ninety hundred thousand point dash".split()
)
"""After one of these the speaker may be reading a number out in groups."""

ANNOUNCING_WORDS: Final = frozenset("number is code pin zip date extension dial press".split())
"""A single "one" or "oh" after one of these begins a number; after others it is a pronoun or a sigh."""

DANGLING_WORDS: Final = frozenset(
    "a an the my your his her our their its and or but because so if when where who of to from is "
    "am was i i'm i'll i'd we we're they it's um uh er number".split()
)
"""An English sentence seldom ends on one of these. (It does on "with", "for", "that", "on".)"""


@dataclass(frozen=True, slots=True)
class EndpointOptions:
    """All in milliseconds. Can be set per number."""

    silence_ms: int = 450
    """A pause this long ends an utterance."""
    unfinished_silence_ms: int = 1000
    """...and this long where the last word leaves the sentence open ("my", "and")."""
    number_silence_ms: int = 1500
    """...and this long where the last word belongs to a number being read out."""
    complete_digits: int = 10
    """So many digits in a row are a whole phone number: no more patience than for a sentence."""
    longest_ms: int = 20_000
    """An utterance is divided at the latest after this."""
    impatient_after_ms: int = 10_000
    """From here on shorter and shorter pauses suffice, so that long talk is divided at a pause."""
    shortest_pause_ms: int = 200
    """What suffices just before `longest_ms`."""
    nothing_said_ms: int = 1200
    """Sound in which no word was recognised is given up after a pause this long."""
    stale_ms: int = 1600
    """A noisy line never falls silent: words that have not changed for this long are over."""


class Decision(Enum):
    GO_ON = auto()
    END = auto()
    """The utterance is over now."""
    SPLIT = auto()
    """Talk without a pause: divide at the best place in the past."""


def needed_silence_ms(words: Sequence[str], length_ms: int, options: EndpointOptions) -> int:
    """How long a pause must be to end an utterance of these words.

    Args:
        words: as recognised so far; empty when there are none.
        length_ms: of the utterance.
    """
    if not words:
        return options.nothing_said_ms
    digits = _trailing_numbers(words)
    if 0 < digits < options.complete_digits:
        needed = options.number_silence_ms
    elif not digits and words[-1].lower() in DANGLING_WORDS:
        needed = options.unfinished_silence_ms
    else:
        needed = options.silence_ms
    if length_ms > options.impatient_after_ms:
        span = max(1, options.longest_ms - options.impatient_after_ms)
        worn = min(1.0, (length_ms - options.impatient_after_ms) / span)
        shortest = min(options.shortest_pause_ms, options.silence_ms)
        needed = round(needed + (shortest - needed) * worn)
    return needed


def _trailing_numbers(words: Sequence[str]) -> int:
    """How many words at the end belong to a number."""
    count = 0
    for word in reversed(words):
        if word.lower() not in NUMBER_WORDS:
            break
        count += 1
    alone = count == 1 and words[-1].lower() in {"one", "oh", "point"}
    if alone and len(words) > 1 and words[-2].lower() not in ANNOUNCING_WORDS:
        return 0
    return count


def decide(
    words: Sequence[str],
    *,
    length_ms: int,
    silence_ms: int,
    unchanged_ms: int,
    options: EndpointOptions,
) -> Decision:
    """Judge the utterance as it stands.

    Args:
        words: the recogniser's newest partial.
        length_ms: since the utterance began.
        silence_ms: since the last speech on the line.
        unchanged_ms: since the partial last changed.
    """
    if silence_ms >= needed_silence_ms(words, length_ms, options):
        return Decision.END
    if words and unchanged_ms >= max(options.stale_ms, options.number_silence_ms):
        return Decision.END
    if not words and unchanged_ms >= options.longest_ms // 2:
        return Decision.END
    if length_ms >= options.longest_ms:
        return Decision.SPLIT if words else Decision.END
    return Decision.GO_ON
