"""Names, notes and other texts that people choose: what may stand in them. Pure.

Everything that a script needs may: joiners too, without which Persian and Malayalam names and composed emoji are not
themselves. Nothing may that only steers what displays it: control characters, line separators, marks that turn text
round, halves of characters.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Mapping

from callscribe.phone import normal

LONGEST = 60
"""Characters of a name that people give."""
CONTACTS = "contacts.toml"
"""The file in the data folder with the names that people saved for numbers."""
MOST_BYTES = 1 << 24
"""That it may have."""

_JOINERS = frozenset("\u200c\u200d")
_EMOJI_TAGS = range(0xE0020, 0xE0080)
"""Flags of parts of countries are written with them."""
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Characters that are letters by their class and show nothing."""
_STEERING = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp", "Cn", "Co"})


def misplaced(text: str) -> str:
    """The first character that may not stand in such a text, as `U+202E`; empty when there is none. White space may."""
    for character in text:
        if not (character.isspace() and ord(character) < 0x80) and _steers(character):
            return f"U+{ord(character):04X}"
    return ""


def visible(text: str, keep: str = "") -> str:
    """`text` with a space for each character that may not stand in such a text; equally long.

    Args:
        keep: characters that may, such as line ends.
    """
    return "".join(" " if _steers(one) and one not in keep else one for one in text)


def not_a_name(text: str) -> str:
    """Why a text cannot be a name, in a sentence; empty when it can."""
    kept = fit(text)
    if found := misplaced(text):
        return f"A name cannot have {found} in it: it is not a visible character."
    if not kept or len(kept) > LONGEST:
        return f"A name must have 1 to {LONGEST} characters."
    return ""


def fit(text: str) -> str:
    """`text` on one line, without what may not stand in it; empty when nothing of it can be seen."""
    kept = " ".join(visible(text).split())
    return kept if any(map(_shows, kept)) else ""


def saved(document: Mapping[str, object]) -> dict[str, str]:
    """What is in the file of contacts: numbers, as they are compared (`phone.normal`), and names."""
    return {
        normal(number): name
        for number, written in document.items()
        if isinstance(written, str) and (name := fit(written))
    }


def unique(name: str, taken: Collection[str]) -> str:
    """The name, or the first of "name 2", "name 3", ... that nobody has."""
    known = {one.casefold() for one in taken}
    if name.casefold() not in known:
        return name
    count = 2
    while f"{name} {count}".casefold() in known:
        count += 1
    return f"{name} {count}"


def _steers(character: str) -> bool:
    if character in _JOINERS or ord(character) in _EMOJI_TAGS:
        return False
    return unicodedata.category(character) in _STEERING


def _shows(character: str) -> bool:
    return not (character.isspace() or character in _BLANK or character in _JOINERS) and (
        unicodedata.category(character)[0] not in "CM"
    )
