"""Numbers read out: phone and card numbers, years, house numbers, account numbers, in any mix of pieces."""

from __future__ import annotations

import itertools
import re
from typing import NamedTuple

from callscribe.text.calendar import year
from callscribe.text.cardinals import (
    Atom,
    Words,
    at,
    atom,
    below_hundred,
    cardinal,
    decimals,
    is_digit,
)
from callscribe.text.clock import street_follows
from callscribe.text.lexicon import (
    BIRTH_CUES,
    CARD_CUES,
    CODE_CUES,
    COUNTED,
    EXPIRY_CUES,
    HESITATIONS,
    MONEY_BRITISH,
    MONEY_WORDS,
    NUMBER_LABELS,
    NUMBER_WORDS,
    ORDINALS,
    PHONE_CUES,
    PRICE_CUES,
    PRICED_BY,
    READING_CUES,
    REPEATS,
    ROW_LABELS,
    SSN_CUES,
    UNIT_WORDS,
    UNITS,
    YEAR_CUES,
    ZEROS,
    ZIP_CUES,
)
from callscribe.text.quantities import chosen, counts_notes, typical_price
from callscribe.text.ranges import FARTHEST_GUESS
from callscribe.text.spans import Setting, Span, cue_distance
from callscribe.text.spelling import after_codeword

_ALL_CUES = (
    PHONE_CUES | CARD_CUES | SSN_CUES | ZIP_CUES | CODE_CUES | {"number", "digit", "digits", "star"}
)
_PRONOUN_BEFORE_ONE = frozenset(
    "this that which each every another other first second third last next no any only same the".split()
)
_EXCLAIMED_AFTER_OH = frozenset(
    "my no yes yeah well okay god dear i i'm right wow hi hey sorry so and but gosh boy man the".split()
)
TWO_DIGIT_COUNTRIES = frozenset(
    "20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81"
    " 82 84 86 90 91 92 93 94 95 98".split()
)
"""Country codes with two figures; 1 and 7 have one, all others three."""


_YEARS = frozenset({19, 20})
"""What the years that are spoken of begin with; 18 and less need a word that says so."""
_MONEY_SAID = frozenset({25, 50, 75, 95, 98})
_READ_OUT_CUES = (_ALL_CUES - PHONE_CUES) | {"ending", "ends", "password", "combination"}
_LABELS = _ALL_CUES | BIRTH_CUES | EXPIRY_CUES
_ONE_NUMBER_CUES = READING_CUES | BIRTH_CUES | EXPIRY_CUES
_BEFORE_PRICE = frozenset("is was it's that's be for only just at about with plus costs".split())


_LONGEST_RUN = 48
"""Pieces in one number; nobody reads out more, and longer ones would take long."""
_DASHES = frozenset({"dash", "hyphen"})


def labelled(words: Words, i: int) -> bool:
    """Whether the words before `i` say that a number is read out there: "my account number is", "born on"."""
    return cue_distance(words, i, _LABELS, 8) is not None


class Run(NamedTuple):
    """Number atoms that follow each other, at `[start, stop)` of the words."""

    atoms: tuple[Atom, ...]
    start: int
    stop: int

    @property
    def figures(self) -> str:
        return "".join(a.digits for a in self.atoms)


def _skip_between(words: Words, i: int) -> int:
    """Past hesitations and "dash" between two read-out digits; `i` itself when nothing is to be skipped."""
    j = i
    while at(words, j) in HESITATIONS or at(words, j) in _DASHES:
        j += 1
    if j > i and (is_digit(at(words, j)) or at(words, j) in REPEATS):
        return j
    return i


def _read_out(words: Words, i: int) -> bool:
    """Two more digits at least: "oh two three", but not "oh two people"."""
    return at(words, i) in REPEATS or (
        is_digit(at(words, i)) and (atom(words, i + 1) is not None or at(words, i + 1) in REPEATS)
    )


def read_run(words: Words, i: int) -> Run | None:
    """The longest run of number atoms from `i`; hesitations inside digits belong to it."""
    atoms: list[Atom] = []
    j = i
    while len(atoms) < _LONGEST_RUN:
        if atoms and atoms[-1].spelled and len(atoms) > 1:
            j = _skip_between(words, j)
        elif atoms and at(words, j) in _DASHES and atom(words, j + 1) is not None:
            j += 1
        word = at(words, j)
        if word in ZEROS and word != "zero":
            following = at(words, j + 1)
            if not atoms and not _read_out(words, j + 1):
                break
            if word == "oh" and following in _EXCLAIMED_AFTER_OH:
                break
        # "the one two doors down" keeps its words; a long number does not
        pronoun = word == "one" and not atoms and at(words, i - 1) in _PRONOUN_BEFORE_ONE
        road = at(words, j + 1) in ZEROS and at(words, j + 2) in UNITS  # "the one oh one"
        if pronoun and not road and not all(is_digit(at(words, j + k)) for k in range(1, 4)):
            break
        piece = atom(words, j)
        if piece is None:
            break
        atoms.append(piece)
        j = piece.stop
    if not atoms:
        return None
    return Run(tuple(atoms), i, atoms[-1].stop)


def _is_list(run: Run) -> bool:
    """Separate numbers side by side ("four hundred five hundred"), not one number in pieces."""
    atoms = run.atoms
    if any(a.value >= 1000 for a in atoms):
        return True
    hundreds = [a for a in atoms if a.value >= 100 and not a.spelled]
    if hundreds:
        toll_free = hundreds[0].value in {800, 888, 877, 866, 855, 844, 833, 900, 500}
        if toll_free and len(atoms) > 2 and all(a.spelled for a in atoms if a is not hundreds[0]):
            return False
        if len(run.figures) in {7, 10, 11} and (toll_free or len(atoms) > 2):
            return False
        return not (len(atoms) > 3 and len(hundreds) == 1)
    return False


def _nearest(words: Words, i: int) -> str:
    """What the nearest cue before `i` says the figures are; "" when there is none."""
    best, where = "", 99
    for name, cues in _KINDS.items():
        distance = cue_distance(words, i, cues)
        if distance is not None and distance < where:
            best, where = name, distance
    if best == "code" and words[i - where] == "code":
        return {"zip": "zip", "area": "phone", "sort": "sort"}.get(at(words, i - where - 1), best)
    return best


_KINDS = {
    "phone": PHONE_CUES,
    "card": CARD_CUES,
    "ssn": SSN_CUES,
    "zip": ZIP_CUES,
    "code": CODE_CUES,
}
"""Words before a number that say what it is."""


def _north_american(figures: str) -> bool:
    return len(figures) == 10 and figures[0] in "23456789" and figures[3] in "23456789"


def written_digits(figures: str, cue: str, setting: Setting) -> Span:
    """Figures grouped as people write them; positions are left at 0.

    Phone numbers 415-555-0123, cards in fours, social security 3-2-4, ZIP+4; anything else is left in one piece.
    """
    n = len(figures)
    if cue == "ssn" and n == 9:
        return Span(0, 0, f"{figures[:3]}-{figures[3:5]}-{figures[5:]}", "code")
    if cue == "sort" and n == 6:
        return Span(0, 0, _grouped(figures, (2, 2, 2), "-"), "code")
    if cue == "zip" and n == 9:
        return Span(0, 0, f"{figures[:5]}-{figures[5:]}", "code")
    if cue not in {"code", "zip", "ssn", "sort"}:
        if n == 16 or (n == 15 and figures[:2] in {"34", "37"}):
            sizes: tuple[int, ...] = (4, 4, 4, 4) if n == 16 else (4, 6, 5)
            return Span(0, 0, _grouped(figures, sizes, " "), "code")
        if setting.british and figures.startswith("0") and n == 11:
            sizes = (3, 4, 4) if figures.startswith("02") else (5, 6)
            return Span(0, 0, _grouped(figures, sizes, " "), "phone")
        if cue != "card":
            if _north_american(figures) or (cue == "phone" and n == 10):
                return Span(0, 0, _grouped(figures, (3, 3, 4), "-"), "phone")
            if n == 11 and figures[0] == "1" and (_north_american(figures[1:]) or cue == "phone"):
                return Span(0, 0, _grouped(figures, (1, 3, 3, 4), "-"), "phone")
            if n == 7 and cue == "phone":
                return Span(0, 0, _grouped(figures, (3, 4), "-"), "phone")
    return Span(0, 0, figures, "phone" if cue == "phone" and n >= 7 else "code")


def _grouped(figures: str, sizes: tuple[int, ...], separator: str) -> str:
    parts, i = [], 0
    for size in sizes:
        parts.append(figures[i : i + size])
        i += size
    return separator.join(parts)


def digits(words: Words, i: int, setting: Setting) -> Span | None:
    """A number in two or more pieces that starts at `i`."""
    if at(words, i) == "plus" and at(words, i + 1) in NUMBER_WORDS:
        return _international(words, i)
    slashed = _slashed(words, i)
    if slashed is not None:
        return slashed
    hundreds = _hundreds_and_pair(words, i)
    if hundreds is not None:
        return hundreds
    run = read_run(words, i)
    if run is None:
        return None
    dotted = _dotted(words, run)
    if dotted is not None:
        return dotted
    years = _years(run)
    if years is not None:
        return years
    measured = _pressure(words, run)
    if measured is not None:
        return measured
    repeated = any(words[a.start] in REPEATS for a in run.atoms)
    if len(run.atoms) < 2 and not repeated:
        return None
    if at(words, run.stop) == "point" and len(run.figures) <= 4 and run.figures[0] != "0":
        tail, stop = decimals(words, run.stop + 1)
        if tail:  # "one oh one point five"
            return Span(i, stop, f"{run.figures}.{tail}", "number")
    cue = _nearest(words, i)
    figures = run.figures
    if any(words[k] in _DASHES for k in range(i, run.stop)):
        return Span(i, run.stop, _as_dashed(words, run), "phone" if cue == "phone" else "code")
    if counts_notes(words, i, run.stop) or chosen(words, i):
        return None
    if at(words, i - 1) == "version" and re.fullmatch("[1-9]0", figures) and len(run.atoms) == 2:
        return Span(i, run.stop, f"{figures[0]}.0", "number")  # "version one oh"
    pair = _guesses(words, run) or _pair(words, run)
    if pair is not None:
        return pair
    if cue == "" and set(words[i : run.stop]) == {"oh"}:
        return None
    if all(a.spelled for a in run.atoms) and len(figures) == 2 and not repeated:
        labelled = cue_distance(words, i, _ALL_CUES, 4) is not None or after_codeword(words, i)
        if "0" not in figures and not labelled:
            return None
    elif _is_list(run) and not _ends_in_thousands(words, run, cue):
        return None
    elif not _labelled_closely(words, i) and _mixed(words, run):
        return Span(i, run.stop, " ".join(words[i : run.stop]), "number")
    if _doubtful(words, run):
        return Span(i, run.stop, " ".join(words[i : run.stop]), "number")
    span = written_digits(figures, cue, setting)
    return span._replace(start=i, stop=run.stop)


def _ends_in_thousands(words: Words, run: Run, cue: str) -> bool:
    """ "five five five four thousand" as a phone number."""
    whole = len(run.figures) in {7, 10, 11} and len(run.atoms) > 3
    country = run.atoms[0].digits == "1"
    if run.atoms[country].digits == "800":  # "eight hundred five five five one thousand"
        return whole and all(a.spelled for a in run.atoms[country + 1 : -1])
    begins = not is_digit(at(words, run.start - 1))
    long = begins and len(run.figures) == 10 and len(run.atoms) >= 7
    return (cue == "phone" or long) and whole and all(a.spelled for a in run.atoms[:-1])


def _as_dashed(words: Words, run: Run) -> str:
    """The figures with the dashes that were said."""
    text, place = "", run.start
    for piece in run.atoms:
        dashed = any(words[k] in _DASHES for k in range(place, piece.start))
        text += f"-{piece.digits}" if dashed else piece.digits
        place = piece.stop
    return text


def _pair(words: Words, run: Run) -> Span | None:
    """Two pieces with a reading of their own: an expiry date ("04/27"), a price ("99.99 a month")."""
    if len(run.atoms) > 3 or any(a.value >= 1000 for a in run.atoms):
        return None
    if any(a.value >= 100 for a in run.atoms[1:]):
        return None
    figures = run.figures
    month = figures[:-2]
    if cue_distance(words, run.start, EXPIRY_CUES, 6) is not None and len(figures) in {3, 4}:
        if 1 <= int(month) <= 12 and int(figures[-2:]) >= 10:
            return Span(run.start, run.stop, f"{month}/{figures[-2:]}", "date")
        return None
    if len(run.atoms) == 2 and _height(words, run):
        return Span(run.start, run.stop, f"{run.atoms[0].digits}'{run.atoms[1].digits}\"", "number")
    if len(run.atoms) == 2 and _priced(words, run):
        return Span(run.start, run.stop, f"{run.atoms[0].digits}.{run.atoms[1].digits}", "money")
    return None


def _hundreds_and_pair(words: Words, i: int) -> Span | None:
    """ "a hundred and nine ninety nine": 109.99 where a price is told, else words: it may be 109 and 99 as well."""
    article = at(words, i) == "a" and at(words, i + 1) == "hundred"
    first = cardinal(["one", *words[i + 1 : i + 8]], 0) if article else cardinal(words, i)
    if first is None or not 100 <= first.value < 1000 or _labelled_closely(words, i):
        return None
    middle = first.stop + (i if article else 0)
    second = below_hundred(words, middle)
    if second is None or second[0] < 10 or words[middle - 1] == "thousand":
        return None
    cents, stop = second
    after = at(words, stop)
    if after in _MORE or after in ORDINALS or street_follows(words, stop):
        return None
    run = Run((first, Atom(str(cents), middle, stop, cents)), i, stop)
    text = f"{first.value}.{cents}" if _priced(words, run) else " ".join(words[i:stop])
    return Span(i, stop, text, "number")


_MORE = NUMBER_WORDS | frozenset(REPEATS) | {"point", "over", "percent"}


def _height(words: Words, run: Run) -> bool:
    """ "i'm five eleven", "six two tall": feet and inches."""
    first, second = run.atoms[0].value, run.atoms[1].value
    if not (4 <= first <= 7 and second <= 11):
        return False
    after = at(words, run.stop)
    said = at(words, run.start - 1) in {"i'm", "he's", "she's"} and after in {"", "and"}
    return after == "tall" or said


def _priced(words: Words, run: Run) -> bool:
    """Whether two pieces are a price: "five ninety nine please" after "that'll be", "twelve fifty a month"."""
    first, second = run.atoms[0].value, run.atoms[1].value
    if not first or not typical_price(second):
        return False  # "twelve fifty a month" is as often 1,250
    before, after = at(words, run.start - 1), at(words, run.stop)
    if before in YEAR_CUES and 10 <= first <= 20:
        return False
    if after in {"a", "an", "per"} and at(words, run.stop + 1) in PRICED_BY:
        return True
    if after in {"each", "apiece", "plus"}:
        return True
    cue = cue_distance(words, run.start, PRICE_CUES, 5)
    if cue is None or cue_distance(words, run.start, _ALL_CUES, cue) is not None:
        return False
    return after not in COUNTED and not (first in _YEARS and before in {"for", "by"})


def _years(run: Run) -> Span | None:
    """The first of several years in a row: "twenty ten twenty eleven"."""
    atoms = run.atoms
    pairs = list(zip(atoms[::2], atoms[1::2], strict=False))
    if len(atoms) < 4 or len(atoms) % 2 or any(len(a.digits) != 2 or a.spelled for a in atoms):
        return None
    if not all(first.value in {18, 19, 20} for first, _ in pairs):
        return None
    first, second = pairs[0]
    return Span(first.start, second.stop, first.digits + second.digits, "date")


def _mixed(words: Words, run: Run) -> bool:
    """Whether three numbers or more, of them two with two figures, are one number as little as several: "five ten
    fifteen twenty". The lengths of telephone numbers and a street behind them speak for one."""
    groups = [a for a in run.atoms if len(a.digits) == 2 and not a.spelled]
    street = street_follows(words, run.stop)
    read_out = sum(len(a.digits) for a in run.atoms if a.spelled)
    whole = len(run.figures) in {7, 9, 10, 11, 16} and read_out >= 3
    return len(run.atoms) >= 3 and len(groups) >= 2 and not (street or whole)


def _guesses(words: Words, run: Run) -> Span | None:
    """Two guesses at one quantity, kept apart: "five, ten minutes", "30, 40 people"."""
    if len(run.atoms) != 2:
        return None
    first, second = run.atoms
    if not 0 < first.value < second.value <= 100 or words[run.start] in REPEATS:
        return None
    if at(words, run.stop) not in COUNTED and at(words, run.stop) not in UNIT_WORDS:
        return None
    if first.value < 10:
        far = first.value >= 5 and second.value in {10, 15, 20}  # but "one ten volts" are 110
        near = far or second.value == first.value + 1
        if not near or second.stop - second.start > 1:
            return None
        text = f"{words[first.start]}, {words[second.start]}"
    else:
        # Years begin with these.
        fives = first.value % 5 == second.value % 5 == 0
        near = fives and second.value <= FARTHEST_GUESS * first.value
        steps = first.value not in {18, 19, 20} and (second.value == first.value + 1 or near)
        if not steps or _labelled_closely(words, run.start):
            return None
        text = f"{first.digits}, {second.digits}"
    return Span(run.start, run.stop, text, "number")


def _doubtful(words: Words, run: Run) -> bool:
    """Whether nobody can tell what two or three pieces are, of which one is above nine: "fourteen ninety five" can be a
    year, a price and 1,495, "two fifty" a price, a time and 250, "four seven twenty four" a date or one number.
    """
    atoms = run.atoms
    if _hundred_odd(words, run):
        return True
    if not 2 <= len(atoms) <= 3 or any(a.value >= 100 or words[a.start] in REPEATS for a in atoms):
        return False
    if all(a.spelled for a in atoms) or len(run.figures) > 6:
        return False
    before, after = at(words, run.start - 1), at(words, run.stop)
    if before in ROW_LABELS:
        return True
    if read_out_there(words, run.start) or street_follows(words, run.stop):
        return False
    if after == "over" and at(words, run.stop + 1) in NUMBER_WORDS:
        return False
    first, rest = atoms[0], atoms[1:]
    second = int(rest[0].digits) if len(rest) == 1 else -1
    if len(rest) == 2 and rest[0].digits == "0" and rest[1].spelled:
        second = rest[1].value  # "nineteen oh five"
    if second < 0 or (len(rest) == 1 and rest[0].spelled):
        return True
    if after in MONEY_BRITISH or after in MONEY_WORDS:
        return True
    counts = after in COUNTED or after in UNIT_WORDS or after == "percent"
    if 10 <= first.value <= 20 and before in YEAR_CUES:
        return (
            counts  # "in fifteen ninety five" is a year, "in fifteen ninety five minutes" is none
        )
    if first.value in _YEARS:
        priced = typical_price(second) or (second in _MONEY_SAID and first.value == 19)
        return before in _BEFORE_PRICE and priced
    if counts:
        # "seven eleven people", "fifteen eighteen miles"
        return second < 20 if first.spelled else first.value >= 20 or second <= 2 * first.value
    return True


def _hundred_odd(words: Words, run: Run) -> bool:
    """ "one oh nine ninety nine": 109.99 or 10999?"""
    atoms = run.atoms
    return (
        len(atoms) == 4
        and all(atom.spelled and len(atom.digits) == 1 for atom in atoms[:3])
        and atoms[1].digits == "0"
        and typical_price(atoms[3].value)
        and not read_out_there(words, run.start)
    )


def read_out_there(words: Words, i: int) -> bool:
    """Whether the words close before `i` say that what follows is one number."""
    if at(words, i - 1) in NUMBER_LABELS or after_codeword(words, i):
        return True
    if cue_distance(words, i, _ONE_NUMBER_CUES, 4) is not None:
        return True
    if cue_distance(words, i, _READ_OUT_CUES, 5) is not None:
        return True
    return cue_distance(words, i, PHONE_CUES, 2) is not None


def _slashed(words: Words, i: int) -> Span | None:
    """ "oh four slash twenty seven" is "04/27": a stroke that is said is written."""
    parts: list[str] = []
    stop, part = i, _slash_part(words, i)
    while part is not None:
        parts.append(part[0])
        stop = part[1]
        part = _slash_part(words, stop + 1) if at(words, stop) == "slash" else None
    return Span(i, stop, "/".join(parts), "date") if len(parts) > 1 else None


def _slash_part(words: Words, i: int) -> tuple[str, int] | None:
    whole = year(words, i)
    if whole is not None:
        return str(whole[0]), whole[1]
    if at(words, i) in ZEROS and at(words, i + 1) in UNITS:
        return f"0{UNITS[words[i + 1]]}", i + 2
    piece = atom(words, i)
    return None if piece is None else (piece.digits, piece.stop)


def _labelled_closely(words: Words, i: int) -> bool:
    return labelled(words, i) or at(words, i - 1) in NUMBER_LABELS


def _pressure(words: Words, run: Run) -> Span | None:
    """ "blood pressure one twenty over eighty" is 120/80."""
    said = words[max(0, run.start - 8) : run.start]
    spelled = ("b", "p") in itertools.pairwise(said)
    if at(words, run.stop) != "over" or not (spelled or _PRESSURE_CUES & set(said)):
        return None
    lower = read_run(words, run.stop + 1)
    if lower is None or not (2 <= len(run.figures) <= 3 and 2 <= len(lower.figures) <= 3):
        return None
    return Span(run.start, lower.stop, f"{run.figures}/{lower.figures}", "number")


_PRESSURE_CUES = frozenset({"pressure", "bp"})


def _international(words: Words, i: int) -> Span | None:
    run = read_run(words, i + 1)
    if run is None or not 8 <= len(run.figures) <= 15:
        return None
    if any(a.value >= 100 and not a.spelled for a in run.atoms) or len(run.atoms) < 4:
        return None  # "plus twenty million"
    figures = run.figures
    country = 1 if figures[0] in "17" else 2 if figures[:2] in TWO_DIGIT_COUNTRIES else 3
    rest = figures[country:]
    if len(rest) == 10:
        sizes: tuple[int, ...] = (3, 3, 4)
        if figures.startswith("44"):
            sizes = (2, 4, 4) if rest.startswith("2") else (4, 6)
        rest = _grouped(rest, sizes, "-" if figures[0] == "1" else " ")
    return Span(i, run.stop, f"+{figures[:country]} {rest}", "phone")


def _dotted(words: Words, run: Run) -> Span | None:
    """ "one two three dot one two three dot oh dot four oh": an address of a machine, or a version in three parts."""
    parts = [run.figures]
    j = run.stop
    sign = at(words, j)
    while (
        sign in {"dot", "point"}
        and at(words, j) == sign
        and (at(words, j + 1) in NUMBER_WORDS or at(words, j + 1) in REPEATS)
    ):
        piece = read_run(words, j + 1)
        if piece is None:
            piece_atom = atom(words, j + 1)
            if piece_atom is None:
                break
            piece = Run((piece_atom,), j + 1, piece_atom.stop)
        parts.append(piece.figures)
        j = piece.stop
    if sign == "point" and any(len(part) > 1 for part in parts[1:-1]):
        return None  # "one point two one point three"
    enough = len(parts) == 4 or (sign == "point" and len(parts) == 3)
    if not enough or not all(re.fullmatch(r"\d{1,3}", part) for part in parts):
        return None
    return Span(run.start, j, ".".join(parts), "code")
