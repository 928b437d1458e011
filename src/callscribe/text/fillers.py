"""Hesitations and false starts: which words views may dim or hide."""

from __future__ import annotations

from collections.abc import Sequence

from callscribe.text.lexicon import FALSE_START_WORDS, HESITATIONS, NUMBER_WORDS, UNKNOWN

_ANSWERS = frozenset(
    {("uh", "huh"), ("mm", "hmm"), ("mm", "mm"), ("uh", "uh"), ("uh", "oh"), ("um", "hmm")}
)
_REPEATED_ON_PURPOSE = frozenset(
    {
        "no",
        "yes",
        "yeah",
        "thank",
        "thanks",
        "bye",
        "okay",
        "very",
        "really",
        "ha",
        "blah",
        "hello",
        "please",
    }
)


def is_hesitation(words: Sequence[str], i: int) -> bool:
    """True for "uh", "um" and their like, except in answers such as "uh huh" and when said alone.

    Looks one word back and none ahead except for answers, so partials use `hesitation_by_itself`.
    """
    if words[i] not in HESITATIONS or len(words) == 1:
        return False
    pairs = (tuple(words[i : i + 2]), tuple(words[max(0, i - 1) : i + 1]))
    return not any(pair in _ANSWERS for pair in pairs)


def hesitation_by_itself(word: str) -> bool:
    """The judgement for one word without its neighbours, which never changes as words follow."""
    return word in {"um", "er", "erm", "uhm"}


def filler_words(words: Sequence[str]) -> frozenset[int]:
    """Indices of hesitations and of the first saying of what was started twice ("i want i want")."""
    found = {i for i in range(len(words)) if is_hesitation(words, i)}
    said = [i for i in range(len(words)) if i not in found]
    heard = [words[i] for i in said]
    k = 0
    while k < len(heard):
        for length in (3, 2, 1):
            first, second = heard[k : k + length], heard[k + length : k + 2 * length]
            if first == second and len(second) == length and _is_false_start(first):
                stop = said[k + length]
                found.update(range(said[k], stop))
                k += length
                break
        else:
            k += 1
    return frozenset(found)


def _is_false_start(words: Sequence[str]) -> bool:
    if any(w in NUMBER_WORDS or w in UNKNOWN or w in _REPEATED_ON_PURPOSE for w in words):
        return False
    if any(len(w) <= 1 and w not in {"i", "a"} for w in words):
        return False
    if len(words) == 1:
        return words[0] in FALSE_START_WORDS
    return any(w in FALSE_START_WORDS for w in words) and len(set(words)) > 1
