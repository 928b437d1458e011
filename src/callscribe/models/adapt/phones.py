"""Phones of the built-in model, and how their numbers run through its files.

Kaldi counts phones from 1. Phone 1 is silence; each other phone has four numbers, one for each
position in the word, which lets the recogniser place word boundaries exactly. The acoustic model
knows no positions: it scores *entering* a phone by (phone before, phone) and *staying* in it by the
phone alone.

Transition ids: the transition model holds one tuple for each (positional phone, phone before), in
that order. Tuple t, counted from 0, is entered by transition id 2t + 2 and repeated by 2t + 1.
"""

from __future__ import annotations

from collections.abc import Sequence

SILENCE = "SIL"
PHONES: tuple[str, ...] = (
    SILENCE,
    *"AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG".split(),
    *"OW OY P R S SH T TH UH UW V W Y Z ZH".split(),
)
"""The 39 phones of the CMU Pronouncing Dictionary without stress, after silence."""

COUNT = len(PHONES)
INDEX = {phone: index for index, phone in enumerate(PHONES)}
POSITIONS = ("begin", "internal", "end", "singleton")
"""Word positions in the order of their numbers, as `word_boundary.int` names them."""

SILENCE_NUMBER = 1
"""Silence as Kaldi counts; it has no positions."""
POSITIONAL_COUNT = 1 + len(POSITIONS) * (COUNT - 1)
PDF_COUNT = COUNT * COUNT + COUNT


def entry_pdf(before: int, phone: int) -> int:
    """Network output that scores entering `phone` after the phone `before` (both indices)."""
    return before * COUNT + phone


def stay_pdf(phone: int) -> int:
    """Network output that scores staying in `phone`."""
    return COUNT * COUNT + phone


def positional(phone: int, position: int) -> int:
    """Kaldi's number of `phone` (an index above 0) at `position` (an index of POSITIONS)."""
    return 2 + (phone - 1) * len(POSITIONS) + position


def plain(number: int) -> int:
    """Index of the phone that Kaldi's positional `number` stands for."""
    return 0 if number == SILENCE_NUMBER else (number - 2) // len(POSITIONS) + 1


def in_word(phones: Sequence[int]) -> list[int]:
    """Positional numbers of a word's phones (indices)."""
    if len(phones) == 1:
        return [positional(phones[0], 3)]
    begin, *internal, end = phones
    return [positional(begin, 0), *(positional(p, 1) for p in internal), positional(end, 2)]


def entering(number: int, before: int) -> int:
    """Transition id of entering positional phone `number` after the phone `before` (an index)."""
    return 2 * ((number - 1) * COUNT + before) + 2


def staying(number: int) -> int:
    """Transition id of staying in positional phone `number`. Any tuple of the phone would do."""
    return 2 * (number - 1) * COUNT + 1
