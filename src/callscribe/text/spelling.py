"""Spelling with codewords: "b as in boy", "m for mike", "n like nancy"."""

from __future__ import annotations

from callscribe.text.cardinals import Words, at
from callscribe.text.lexicon import CODEWORDS, REPEATS, SPELL_CUES
from callscribe.text.spans import Span, cue_distance

_LINKS = (("as", "in"), ("like", "in"), ("for",), ("like",), ("is", "for"))


def link_length(words: Words, i: int) -> int:
    """How many words join the letter at `i` to its codeword; 0 when no codeword follows it."""
    if len(at(words, i)) != 1 or not words[i].isalpha():
        return 0
    for link in _LINKS:
        if tuple(words[i + 1 : i + 1 + len(link)]) != link:
            continue
        word = at(words, i + 1 + len(link))
        if len(word) < 2:
            return 0
        if link == ("as", "in"):
            return 2
        starts = word.startswith(words[i]) or (words[i] == "x" and word == "xray")
        return len(link) if starts and word in CODEWORDS else 0
    return 0


def after_codeword(words: Words, i: int) -> bool:
    """Whether a letter with its codeword ends just before `i`."""
    return any(link_length(words, i - back) == back - 2 for back in (3, 4))


def codeword(words: Words, i: int) -> Span | None:
    """A letter with its codeword: "b as in boy" is "B as in Boy"; "double l as in lima" is "LL as in Lima"."""
    times, j = 1, i
    if at(words, i) in REPEATS:
        times, j = REPEATS[words[i]], i + 1
    length = link_length(words, j)
    if length == 0:
        return None
    link = words[j + 1 : j + 1 + length]
    if link[0] == "for" and words[j] in {"a", "i"} and not _among_letters(words, j, length):
        return None
    word = words[j + 1 + length]
    text = " ".join((words[j].upper() * times, *link, word.capitalize()))
    return Span(i, j + length + 2, text, "spelled")


def _among_letters(words: Words, i: int, length: int) -> bool:
    """Whether "a" or "i" at `i` is spelled: a codeword before or a letter after, or the talk is of spelling."""
    after = i + length + 2
    return (
        at(words, i - 1) in CODEWORDS
        or len(at(words, i - 1)) == 1
        or link_length(words, after) > 0
        or cue_distance(words, i, SPELL_CUES, 8) is not None
    )
