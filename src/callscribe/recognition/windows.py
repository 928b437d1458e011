"""Several utterances in one window of sound: how they are laid out, and whose a word in it is. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from callscribe.audio.mulaw import SAMPLE_RATE, Pcm

WINDOW_MS: Final = 28_000
"""Sound in a window: the models hear 30 s, of which the end is left free for what follows the last word."""
CONTEXT_MS: Final = 24_000
"""The most of what was said before that is heard again."""
SHORT_MS: Final = 18_000
"""Sound in a window of several utterances, which is heard as 20 s: that costs the encoder a third of 30 s, and fewer
words are lost than in full windows."""
GAP_MS: Final = 1000
"""Silence between two utterances of a window."""
_LETTERS_A_SECOND: Final = 24
"""More than anybody says; fifteen are usual."""
_SEARCH_MS: Final = 8000
"""What is too long for a window is divided at the quietest moment of so much before the window's end."""
_QUIET_MS: Final = 200


class Place(NamedTuple):
    """Where an utterance lies in a window, milliseconds."""

    start_ms: int
    end_ms: int


class Window(NamedTuple):
    """Utterances one after the other, `GAP_MS` of silence between them."""

    pcm: Pcm
    places: tuple[Place, ...]


def lay_out(pieces: Sequence[Pcm]) -> Window:
    """One window of these utterances, in this order. Samples at 8000 Hz."""
    gap = np.zeros(GAP_MS * SAMPLE_RATE // 1000, np.int16)
    parts: list[Pcm] = []
    places: list[Place] = []
    at = 0
    for pcm in pieces:
        if parts:
            parts.append(gap)
            at += len(gap)
        places.append(Place(_ms(at), _ms(at + len(pcm))))
        parts.append(pcm)
        at += len(pcm)
    return Window(np.concatenate(parts) if parts else gap[:0], tuple(places))


def most_recent(lengths: Sequence[int], room_ms: int) -> int:
    """How many of the last utterances of these lengths (ms) fit into `room_ms`, a gap after each of them."""
    count = 0
    for length in reversed(lengths):
        room_ms -= length + GAP_MS
        if room_ms < 0:
            break
        count += 1
    return count


def pack(lengths: Sequence[int], window_ms: int) -> list[range]:
    """Utterances of these lengths (ms) in as few windows as keep their order.

    One that is longer than a window has a window of its own.
    """
    windows: list[range] = []
    start, used = 0, 0
    for i, length in enumerate(lengths):
        grown = used + length + (GAP_MS if i > start else 0)
        if i > start and grown > window_ms:
            windows.append(range(start, i))
            start, grown = i, length
        used = grown
    if lengths:
        windows.append(range(start, len(lengths)))
    return windows


class Stretch(NamedTuple):
    """Some words of a window that were written between two time stamps, milliseconds."""

    start_ms: int
    end_ms: int
    words: int
    """How many."""


def owners(
    places: Sequence[Place], starts_ms: Sequence[int], stretches: Sequence[Stretch] = ()
) -> list[int | None]:
    """The utterance that each word of a window belongs to; None for words that were written for the silence after the
    last. Words keep their order.

    Args:
        places: the utterances'.
        starts_ms: where each word begins. Where it ends is no help: the last word before a gap seems to fill it.
        stretches: all words again, by time stamps; these know better which utterances they come from.
    """
    if sum(stretch.words for stretch in stretches) != len(starts_ms):
        stretches = [Stretch(0, places[-1].end_ms, len(starts_ms))]
    found: list[int | None] = []
    newest = 0
    for stretch in stretches:
        if stretch.start_ms >= places[-1].end_ms:
            found += [None] * stretch.words
            continue
        among = _covered(places, stretch) or range(len(places))
        for start_ms in starts_ms[len(found) : len(found) + stretch.words]:
            newest = max(newest, min(among, key=lambda i: _away(places[i], start_ms)))
            found.append(newest)
    return found


def hurried(letters: int, length_ms: int) -> bool:
    """Whether nobody can have said so many letters in an utterance of this length, a little silence included."""
    return letters * 1000 > _LETTERS_A_SECOND * length_ms


def _covered(places: Sequence[Place], stretch: Stretch) -> list[int]:
    """The utterances of which half lies in a stretch, or in which half of it lies."""
    return [
        i
        for i, place in enumerate(places)
        if 2 * (min(stretch.end_ms, place.end_ms) - max(stretch.start_ms, place.start_ms))
        > min(place.end_ms - place.start_ms, max(1, stretch.end_ms - stretch.start_ms))
    ]


def _away(place: Place, at_ms: float) -> float:
    return max(place.start_ms - at_ms, at_ms - place.end_ms, 0.0)


def divide(pcm: Pcm, longest_ms: int) -> list[Pcm]:
    """A long utterance in pieces that are no longer than `longest_ms`, cut where it is quietest."""
    pieces: list[Pcm] = []
    longest = longest_ms * SAMPLE_RATE // 1000
    step = _QUIET_MS * SAMPLE_RATE // 1000
    while len(pcm) > longest:
        begin = max(longest // 2, longest - _SEARCH_MS * SAMPLE_RATE // 1000)
        steps = np.lib.stride_tricks.sliding_window_view(
            np.abs(pcm[begin:longest].astype(np.float32)), step
        )[:: step // 4]
        cut = begin + int(np.argmin(steps.mean(axis=1))) * (step // 4) + step // 2
        pieces.append(pcm[:cut])
        pcm = pcm[cut:]
    return [*pieces, pcm]


def _ms(samples: int) -> int:
    return samples * 1000 // SAMPLE_RATE
