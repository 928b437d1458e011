"""When an utterance is over.

The recogniser's own rules know the words but not the line; voice activity knows the line but not the words. This
decides with both: a pause ends an utterance, a longer one is needed where the words say that more is coming, and
nobody talks for ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from callscribe.speech.endings import Ending, ending


@dataclass(frozen=True, slots=True)
class EndpointOptions:
    """All in milliseconds. Can be set per number."""

    silence_ms: int = 450
    """A pause this long ends an utterance."""
    unfinished_silence_ms: int = 800
    """...and this long where the last word leaves the sentence open ("my", "and") or is an amount ("at six")."""
    number_silence_ms: int = 1500
    """...and this long in the middle of a number that is read out in groups."""
    longest_ms: int = 20_000
    """An utterance is divided at the latest after this."""
    impatient_after_ms: int = 10_000
    """From here on shorter and shorter pauses suffice, so that long talk is divided at a pause."""
    number_impatient_after_ms: int = 16_000
    """The same while a number is read out: a card number, with its pauses, takes its time."""
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
    kind = ending(words)
    needed = {
        Ending.SENTENCE: options.silence_ms,
        Ending.OPEN: options.unfinished_silence_ms,
        Ending.AMOUNT: options.unfinished_silence_ms,
        Ending.DIGITS: options.number_silence_ms,
    }[kind]
    patient_ms = (
        options.number_impatient_after_ms if kind is Ending.DIGITS else options.impatient_after_ms
    )
    if length_ms > patient_ms:
        span = max(1, options.longest_ms - patient_ms)
        worn = min(1.0, (length_ms - patient_ms) / span)
        shortest = min(options.shortest_pause_ms, options.silence_ms)
        needed = round(needed + (shortest - needed) * worn)
    return needed


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
