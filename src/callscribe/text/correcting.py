"""Text that a person has put right, mapped onto the recogniser's words: what was not touched keeps its times."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from callscribe.events import Token


def aligned(text: str, before: Sequence[Token]) -> tuple[Token, ...]:
    """The tokens of a corrected text.

    Args:
        text: as it should be.
        before: the tokens of what was recognised. New words in place of old ones share the words behind these.
    """
    old = [token for token in before if token.text]
    new = text.split()
    tokens: list[Token] = []
    matcher = difflib.SequenceMatcher(
        None, [_plain(token.text) for token in old], [_plain(word) for word in new], autojunk=False
    )
    for _, old_start, old_stop, new_start, new_stop in matcher.get_opcodes():
        count, room = new_stop - new_start, old_stop - old_start
        for place in range(count):
            first = old_start + place * room // count
            last = max(first, old_start + (place + 1) * room // count)
            start, stop = _words(old, first, last)
            tokens.append(Token(text=new[new_start + place], start=start, stop=stop))
    return tuple(tokens)


def _words(old: Sequence[Token], first: int, last: int) -> tuple[int, int]:
    """The recogniser's words behind some tokens; an empty stretch where there are none."""
    if first < last:
        return old[first].start, old[last - 1].stop
    place = old[first - 1].stop if first else 0
    return place, place


def _plain(word: str) -> str:
    return "".join(c for c in word.casefold() if c.isalnum()) or word
