"""From a reader's writing to words as they are spoken: "Dr. O'Neil" is doctor o'neil."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_ENGLISH: Final = {
    "mr": "mister", "mrs": "missus", "ms": "miss", "dr": "doctor", "st": "saint", "vs": "versus",
    "ok": "okay", "o.k": "okay", "mm-hmm": "mm hmm", "uh-huh": "uh huh", "a.m": "a m", "p.m": "p m",
    "&": "and", "%": "percent", "+": "plus", "@": "at", "jr": "junior", "etc": "et cetera",
}  # fmt: skip
_SAID_AS_WORDS: Final = frozenset("ok nasa nato pin sim wifi covid".split())
"""Written in capitals, but not spelled when spoken."""
_SPOKEN_SIGNS: Final = frozenset("&%+@'_")
_APOSTROPHES: Final = str.maketrans("’ʼ", "''")


def spoken_words(written: str, language: str = "en") -> list[str]:
    """The words of one written word, lower case; none when it is only marks.

    Args:
        written: what stands between two spaces.
        language: BCP 47; abbreviations are only known in English.
    """
    text = unicodedata.normalize("NFKC", written).translate(_APOSTROPHES)
    text = _bare(text)
    capitals = re.fullmatch(r"[A-Z]{2,8}", text)
    text = text.lower()
    if not text.strip("'"):
        return []
    if language.split("-")[0] in ("", "en"):
        if capitals and text not in _SAID_AS_WORDS:
            return list(text)
        if text in _ENGLISH:
            return _ENGLISH[text].split()
        if re.fullmatch(r"(?:[a-z]\.)+[a-z]?", text):  # U.S.A
            return text.replace(".", " ").split()
        if re.fullmatch(r"[a-z](?:-[a-z])+", text):  # J-O-H-N
            return text.split("-")
    found = []
    for piece in re.split(r"[-–—./,:;…\s]+", text):
        word = _bare(piece)
        if word.strip("'"):
            found.append(word.strip("'") if word.startswith("'") and word.endswith("'") else word)
    return found


def _bare(text: str) -> str:
    """Without the marks around it; accents and vowel signs that follow a letter stay."""
    first = next((i for i, c in enumerate(text) if _is_said(c)), len(text))
    last = next((i for i in range(len(text), first, -1) if _is_said(text[i - 1])), first)
    return text[first:last]


def _is_said(character: str) -> bool:
    return unicodedata.category(character)[0] in "LMN" or character in _SPOKEN_SIGNS
