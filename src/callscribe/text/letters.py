"""Letters said one by one: acronyms, spelled names, codes of letters and figures, postcodes."""

from __future__ import annotations

import re

from callscribe.text.cardinals import Words, at, atom, is_digit
from callscribe.text.lexicon import (
    ACRONYMS,
    AND_ACRONYMS,
    CODE_CUES,
    NUMBER_WORDS,
    REPEATS,
    SPELL_CUES,
    UNITS,
    ZEROS,
)
from callscribe.text.spans import Span, cue_distance

_UK_POSTCODE = re.compile(r"([A-Z]{1,2}\d[A-Z\d]?)(\d[A-Z]{2})")

_LONGEST_SPLIT = 12
"""Longer stretches of letters are spellings; splitting them would also take long."""
_POSTAL_CUES = frozenset({"postal", "postcode", "post", "zip"})


def is_letter(word: str) -> bool:
    """A single letter, also with a possessive or plural ending as the last of an acronym."""
    return len(word) == 1 and word.isalpha()


def _ended_letter(word: str) -> bool:
    return len(word) == 3 and word[0].isalpha() and word[1:] == "'s" and word not in {"i's"}


def _letters(words: Words, i: int) -> int:
    """Stop of the stretch of single letters at `i`."""
    j = i
    while is_letter(at(words, j)):
        j += 1
    if j > i and _ended_letter(at(words, j)):
        j += 1
    return j


def _join(words: Words, i: int, j: int) -> str:
    text = "".join(words[i:j])
    return f"{text[:-2].upper()}'s" if text.endswith("'s") else text.upper()


def _key(words: Words, i: int, j: int) -> str:
    return "".join(words[i:j]).removesuffix("'s")


def letters(words: Words, i: int) -> Span | None:
    """A stretch of single letters: "a t m" is "ATM", "s m i t h" is "S-M-I-T-H"."""
    joined = _and_acronym(words, i)
    if joined is not None:
        return joined
    stop = _letters(words, i)
    word = at(words, i)
    count = stop - i
    if count == 0:
        return None
    if count == 1:
        if word in {"a", "i"} or _ended_letter(word):
            return None
        return Span(i, stop, word.upper(), "acronym")
    spelled = cue_distance(words, i, SPELL_CUES, 6) is not None
    key = _key(words, i, stop)
    if key in ACRONYMS and not spelled:
        return Span(i, stop, _join(words, i, stop), "acronym")
    # An article or pronoun before an acronym ("a t v"), unless more was clearly spelled.
    own_word = word in {"a", "i"} and (_key(words, i + 1, stop) in ACRONYMS or count == 2)
    if own_word and not spelled:
        return None
    if words[stop - 1] in {"a", "i"} and _key(words, i, stop - 1) in ACRONYMS and not spelled:
        return Span(i, stop - 1, _join(words, i, stop - 1), "acronym")
    if count >= 4 or spelled:
        if not spelled and count <= _LONGEST_SPLIT:
            split = _known_prefix(words, i, stop)
            if split is not None:
                return Span(i, split, _join(words, i, split), "acronym")
        text = "-".join(w[0].upper() for w in words[i:stop])
        return Span(i, stop, text + ("'s" if _ended_letter(words[stop - 1]) else ""), "spelled")
    return Span(i, stop, _join(words, i, stop), "acronym")


def _known_prefix(words: Words, i: int, stop: int) -> int | None:
    """Where the first acronym ends when the letters are nothing but acronyms: "p m e s t"."""
    for j in range(stop, i + 1, -1):
        if _key(words, i, j) in ACRONYMS and (
            j == stop or _known_prefix(words, j, stop) is not None
        ):
            return j
    return None


def _and_acronym(words: Words, i: int) -> Span | None:
    """ "r and d" is "R&D", "a t and t" is "AT&T"."""
    for j in (i + 1, i + 2):
        if (
            at(words, j) == "and"
            and is_letter(at(words, j + 1))
            and not is_letter(at(words, j + 2))
        ):
            head = words[i:j]
            if all(is_letter(w) for w in head) and "".join((*head, words[j + 1])) in AND_ACRONYMS:
                return Span(i, j + 2, f"{''.join(head).upper()}&{words[j + 1].upper()}", "acronym")
    return None


def code(words: Words, i: int) -> Span | None:
    """Letters and figures mixed: "five w k r a three one" is "5WKRA31", "s w one a one a a" is "SW1A 1AA"."""
    pieces: list[str] = []
    j, letter_count, figure_count = i, 0, 0
    while j < len(words):
        word = words[j]
        if word in {"dash", "hyphen"} and pieces and _is_piece(words, j + 1):
            pieces.append("-")
            j += 1
            continue
        if word in REPEATS and is_letter(at(words, j + 1)):
            pieces.append(words[j + 1].upper() * REPEATS[word])
            letter_count += REPEATS[word]
            j += 2
            continue
        if word == "o" and (figure_count or is_digit(at(words, j + 1))):
            near = (bool(pieces) and pieces[-1].isdigit()) or is_digit(at(words, j + 1))
            pieces.append("0" if near else "O")
            figure_count, letter_count = figure_count + near, letter_count + (not near)
            j += 1
            continue
        if is_letter(word):
            if word in {"a", "i"} and not _letter_belongs(
                words, j, pieces, letter_count, figure_count
            ):
                break
            pieces.append(word.upper())
            letter_count += 1
            j += 1
            continue
        piece = atom(words, j)
        if piece is None or piece.value >= 10_000 or (word == "oh" and not pieces):
            break
        pieces.append(piece.digits)
        figure_count += 1
        j = piece.stop
    while pieces and pieces[-1] == "-":
        pieces.pop()
        j -= 1
    if not (letter_count and figure_count):
        return None
    if is_letter(words[i]) and words[i] in {"a", "i"} and letter_count == 1:
        return None
    if pieces[1:] == ["C", "C"]:
        return None  # cubic centimetres
    if at(words, j) in {"percent", "dollars", "thousand", "million", "hundred", "point"}:
        return None
    text = "".join(pieces)
    postcode = _UK_POSTCODE.fullmatch(text)
    postal = cue_distance(words, i, _POSTAL_CUES, 6) is not None
    if postcode and (postal or cue_distance(words, i, CODE_CUES, 6) is None):
        text = f"{postcode[1]} {postcode[2]}"
    return Span(i, j, text, "code")


def _is_piece(words: Words, i: int) -> bool:
    word = at(words, i)
    return is_letter(word) or word in UNITS or word in ZEROS or word in REPEATS


def _letter_belongs(
    words: Words, i: int, pieces: list[str], letter_count: int, figure_count: int
) -> bool:
    """Whether "a" or "i" at `i` is a letter of the code rather than a word."""
    if not pieces:
        return (
            is_letter(at(words, i + 1))
            and "".join(words[i + 1 : _letters(words, i + 1)]) not in ACRONYMS
        )
    following = at(words, i + 1)
    if following == "":
        return letter_count + figure_count >= 2
    if following in NUMBER_WORDS and letter_count >= 2:
        return True
    return is_letter(following) or is_digit(following) or (letter_count >= 2 and figure_count >= 2)
