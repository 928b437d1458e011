"""The two files a user gives: a list of words, and sentences as people say them."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

from callscribe.models.adapt.errors import WordListError
from callscribe.models.adapt.pronunciations import SPOKEN_PHONES, Pronunciation

_APOSTROPHES = str.maketrans("\u2019\u02bc\u2018", "'''")
_COLUMNS = re.compile(r"[,;\t]")
_WORD = re.compile(r"[a-z]+(?:'[a-z]+)*'?")
_MARKS = re.compile(
    r"[.,!?;:\"()\u201c\u201d\u2026\u2013\u2014-]+(?=\s|$)|(?<!\S)[\"(\u201c\u2013\u2014-]+"
)


def read_lines(path: Path) -> list[tuple[int, str]]:
    """(number, text) of the lines that are neither empty nor a comment.

    Raises:
        WordListError: the file cannot be read, or is not UTF-8 text.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise WordListError(f"{path} cannot be read: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise WordListError(
            f"{path} is not UTF-8 text (byte {error.start}). Save it as UTF-8 and try again."
        ) from error
    numbered = ((number, line.strip()) for number, line in enumerate(text.splitlines(), 1))
    return [(number, line) for number, line in numbered if line and not line.startswith("#")]


def _plain(text: str) -> str:
    """Lower case, accents folded, straight apostrophes."""
    folded = unicodedata.normalize("NFKD", text.translate(_APOSTROPHES))
    return "".join(c for c in folded if not unicodedata.combining(c)).lower()


def _check_word(word: str, path: Path, number: int) -> None:
    if _WORD.fullmatch(word):
        return
    strange = next((c for c in word if not ("a" <= c <= "z" or c == "'")), "'")
    hint = "letters and apostrophes only"
    if strange.isdigit():
        hint = "write numbers as they are said, as in 'four one two'"
    elif strange in "-/&@.":
        hint = "write what is said, in words of letters"
    raise WordListError(f"{path}, line {number}: '{word}' has the symbol '{strange}': {hint}.")


def _fields(line: str) -> list[str]:
    """A word and its phones; also from a row of a table, with commas, semicolons or tabs, in quotes or not."""
    columns = [column.strip().strip('"') for column in _COLUMNS.split(line)]
    return " ".join(columns).split() or [line]


def read_words(path: Path) -> dict[str, list[Pronunciation]]:
    """Word -> pronunciations given for it, perhaps none.

    Raises:
        WordListError: names the file, the line, what is wrong, and what to do.
    """
    words: dict[str, list[Pronunciation]] = {}
    for number, line in read_lines(path):
        first, *rest = _fields(line)
        word = _plain(first)
        _check_word(word, path, number)
        phones = tuple(phone.rstrip("012") for phone in rest)
        given = words.setdefault(word, [])
        if not phones:
            continue
        for phone, written in zip(phones, rest, strict=True):
            if phone not in SPOKEN_PHONES:
                raise WordListError(_about_phone(path, number, word, written))
        if phones not in given:
            given.append(phones)
    if not words:
        raise WordListError(f"{path} has no words. Write one a line.")
    return words


def _about_phone(path: Path, number: int, word: str, written: str) -> str:
    known = " ".join(sorted(SPOKEN_PHONES))
    if written.lower() == written and written.isalpha():
        return (
            f"{path}, line {number}: write one word a line, and nothing but its pronunciation after"
            f" it. '{written}' is not a phone; the phones are {known}. Names of several words go in"
            " on lines of their own, and together into the sentences (--text)."
        )
    return f"{path}, line {number}: '{word}': '{written}' is not a phone. The phones are {known}."


def read_sentences(path: Path) -> list[str]:
    """Sentences in lower case without punctuation.

    Raises:
        WordListError: as `read_words`.
    """
    sentences = []
    for number, line in read_lines(path):
        words = _MARKS.sub(" ", _plain(line)).replace("-", " ").split()
        for word in words:
            _check_word(word, path, number)
        if words:
            sentences.append(" ".join(words))
    if not sentences:
        raise WordListError(f"{path} has no sentences. Write one a line, as people say them.")
    return sentences
