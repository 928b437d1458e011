"""Letters said one by one: acronyms, spelled names, codes of letters and figures, postcodes."""

from __future__ import annotations

import re

from callscribe.text.cardinals import Words, at, atom, is_digit
from callscribe.text.clock import street_follows
from callscribe.text.lexicon import (
    ACRONYMS,
    AND_ACRONYMS,
    CODE_CUES,
    NUMBER_LABELS,
    NUMBER_WORDS,
    PHONETIC,
    REPEATS,
    SCALES,
    SPELL_CUES,
    TEENS,
    TENS,
    UNITS,
    ZEROS,
)
from callscribe.text.spans import Span, cue_distance
from callscribe.text.spelling import after_codeword, link_length

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
    """Stop of the stretch of letters at `i`, with "double l"; a letter with a codeword is not part of it."""
    j = i
    while True:
        if is_letter(at(words, j)) and not link_length(words, j):
            j += 1
        elif _doubled(words, j, inside=j > i):
            j += 2
        else:
            break
    if j > i and _ended_letter(at(words, j)):
        j += 1
    return j


def _doubled(words: Words, i: int, *, inside: bool) -> bool:
    """Whether "double" or "triple" with a letter stands at `i`; "double a payment" is no spelling."""
    letter = at(words, i + 1)
    if at(words, i) not in REPEATS or not is_letter(letter) or link_length(words, i + 1):
        return False
    if letter == "i" or (letter == "a" and words[i] == "double"):
        spelled = cue_distance(words, i, SPELL_CUES, 8) is not None
        return inside or spelled or at(words, i + 2).startswith("batter")
    return True


def _characters(words: Words, i: int, j: int) -> list[str]:
    """The letters said in `[i, j)`: "double l" gives two; "double u" is a W."""
    found: list[str] = []
    times = 1
    for word in words[i:j]:
        if word in REPEATS:
            times = REPEATS[word]
            continue
        found += ["w"] if word == "u" and times == 2 else [word] * times
        times = 1
    return found


def _join(words: Words, i: int, j: int) -> str:
    text = "".join(_characters(words, i, j))
    return f"{text[:-2].upper()}'s" if text.endswith("'s") else text.upper()


def _key(words: Words, i: int, j: int) -> str:
    return "".join(_characters(words, i, j)).removesuffix("'s")


def letters(words: Words, i: int) -> Span | None:
    """A stretch of single letters: "a t m" is "ATM", "s m i t h" is "S-M-I-T-H"."""
    joined = _and_acronym(words, i)
    if joined is not None:
        return joined
    stop = _letters(words, i)
    word = at(words, i)
    count = len(_characters(words, i, stop))
    if count == 0:
        return None
    if count == 1:
        if word in {"a", "i"} or _ended_letter(word):
            return None
        return Span(i, stop, word.upper(), "acronym")
    spelled = (
        cue_distance(words, i, SPELL_CUES, 6) is not None
        or (count > 1 and link_length(words, stop) > 0)
        or after_codeword(words, i)
    )
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
        if not spelled and count == stop - i <= _LONGEST_SPLIT:
            split = _known_prefix(words, i, stop)
            if split is not None:
                return Span(i, split, _join(words, i, split), "acronym")
        text = "-".join(w[0].upper() for w in _characters(words, i, stop))
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
    quarter = _quarter(words, i)
    if quarter is not None:
        return quarter
    pieces: list[str] = []
    j, letter_count, figure_count = i, 0, 0
    while j < len(words):
        word = words[j]
        if word in {"dash", "hyphen"} and pieces and _is_piece(words, j + 1):
            pieces.append("-")
            j += 1
            continue
        if link_length(words, j):
            break
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
        if (
            letter_count
            and figure_count
            and piece.value >= 10
            and street_follows(words, piece.stop)
        ):
            break  # "flat two b | thirty one high street"
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


_AFTER_CODE = frozenset(
    "and or is was please thanks thank over for on in at to from that's it's yes ok okay".split()
) | {""}
"""After these a code that ends in its only figure is over; any other word may be what the figure counts."""


def phonetic(words: Words, i: int) -> Span | None:
    """A code in the pilots' alphabet: "sierra whiskey one alpha one alpha alpha" is "SW1A 1AA".

    Two of its words and a figure are needed: "delta four one five" is a flight, "golf hotel" is a hotel.
    """
    if words[i] not in PHONETIC and not is_digit(at(words, i)):
        return None
    text, j, coded, figures = "", i, 0, 0
    while True:
        word = at(words, j)
        if word in PHONETIC:
            text, j, coded = text + word[0].upper(), j + 1, coded + 1
            continue
        if is_letter(word) and word not in {"a", "i", "o"} and coded:
            text, j = text + word.upper(), j + 1
            continue
        piece = atom(words, j)
        if piece is None or not (piece.spelled or (coded and piece.value < 100)):
            break
        text, j, figures = text + piece.digits, piece.stop, figures + 1
    if coded < 2 or not figures or at(words, j) in {"hundred", *SCALES}:
        return None
    if figures == 1 and text[-1].isdigit() and at(words, j) not in _AFTER_CODE:
        return None  # "the golf hotel one night", "give mike charlie one dollar"
    postcode = _UK_POSTCODE.fullmatch(text)
    return Span(i, j, f"{postcode[1]} {postcode[2]}" if postcode else text, "code")


def _quarter(words: Words, i: int) -> Span | None:
    """ "q three twenty twenty five" is "Q3 2025": the figures that follow are a year."""
    if words[i] != "q" or at(words, i + 1) not in {"one", "two", "three", "four"}:
        return None
    if at(words, i + 2) != "twenty" or at(words, i + 3) not in {*TEENS, *TENS}:
        return None
    return Span(i, i + 2, f"Q{UNITS[words[i + 1]]}", "code")


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
    if following == "":  # "seat twelve a" has one figure
        return letter_count + figure_count >= 2 or at(words, i - 2) in NUMBER_LABELS
    if following in NUMBER_WORDS and letter_count >= 2:
        return True
    return is_letter(following) or is_digit(following) or (letter_count >= 2 and figure_count >= 2)
