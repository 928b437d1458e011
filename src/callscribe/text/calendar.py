"""Dates and years."""

from __future__ import annotations

from callscribe.text.cardinals import (
    Words,
    at,
    atom,
    below_hundred,
    cardinal,
    ordinal,
    ordinal_text,
)
from callscribe.text.lexicon import (
    BIRTH_CUES,
    COUNTED,
    DECADES,
    MONTHS,
    NUMBER_WORDS,
    REPEATS,
    TEENS,
    UNIT_WORDS,
    UNITS,
    WEEKDAYS,
    ZEROS,
)
from callscribe.text.spans import Setting, Span, cue_distance

_COUNTED_WITH_ZERO = NUMBER_WORDS | frozenset(REPEATS) | COUNTED | UNIT_WORDS
_MAY_VERB_AFTER = frozenset("i you we they he she it this that there who which one".split())


def two_figures(words: Words, i: int) -> tuple[int, int] | None:
    """Two figures as in the second half of a year or the minutes: 10 to 99, or "oh five"."""
    if at(words, i) in ZEROS and at(words, i + 1) in UNITS:
        return UNITS[words[i + 1]], i + 2
    found = below_hundred(words, i)
    return found if found is not None and found[0] >= 10 else None


def year(words: Words, i: int) -> tuple[int, int] | None:
    """A year 1000 to 2099 that starts at `i`: "twenty twelve", "two thousand nine", "two zero two six"."""
    if at(words, i) in {"ten", *TEENS, "twenty"}:
        first = 20 if words[i] == "twenty" else TEENS[words[i]]
        pair = two_figures(words, i + 1)
        if pair is not None and 10 <= first <= 20:
            return first * 100 + pair[0], pair[1]
    number = cardinal(words, i)
    if number is not None and 1000 <= number.value <= 2099 and number.stop > i + 1:
        return number.value, number.stop
    if at(words, i) in {"one", "two"} and all(
        at(words, i + k) in UNITS or at(words, i + k) in ZEROS for k in range(4)
    ):
        value = int("".join(str(UNITS.get(words[i + k], 0)) for k in range(4)))
        if 1900 <= value <= 2099 and at(words, i + 4) not in NUMBER_WORDS:
            return value, i + 4
    return None


def _day(words: Words, i: int) -> tuple[int, int, bool] | None:
    """Day of the month, stop, and whether it was said as an ordinal."""
    found = ordinal(words, i)
    if found is not None and 1 <= found[0] <= 31:
        return found[0], found[1], True
    plain = below_hundred(words, i)
    if plain is not None and 1 <= plain[0] <= 31:
        return plain[0], plain[1], False
    return None


def date(words: Words, i: int, setting: Setting) -> Span | None:
    """ "march twelfth twenty nineteen" is "March 12, 2019", "the twelfth of march" is "the 12th of March"."""
    word = at(words, i)
    if word in MONTHS:
        return _month_first(words, i)
    decade = _decade(words, i)
    if decade is not None:
        return decade
    day = ordinal(words, i)
    if day is not None and 1 <= day[0] <= 31:
        return _day_first(words, i, *day, setting)
    short = _short_year(words, i)
    if short is not None:
        return short
    told = _after_dob(words, i) or tuple(words[max(0, i - 2) : i]) == ("date", "is")
    if told or cue_distance(words, i, BIRTH_CUES, 8) is not None:
        return _numeric(words, i, setting)
    return None


def _short_year(words: Words, i: int) -> Span | None:
    """ "in oh eight" is "in '08", "the class of oh nine" the "class of '09"."""
    if at(words, i) not in ZEROS or at(words, i + 1) not in UNITS:
        return None
    before, after = at(words, i - 1), at(words, i + 2)
    of_class = before == "of" and at(words, i - 2) == "class"
    if not (before in {"in", "since"} or of_class) or after in _COUNTED_WITH_ZERO:
        return None
    return Span(i, i + 2, f"'0{UNITS[words[i + 1]]}", "date")


def _after_dob(words: Words, i: int) -> bool:
    """Whether "d o b" stands a few words before `i`."""
    return any(tuple(words[k : k + 3]) == ("d", "o", "b") for k in range(max(0, i - 5), i - 2))


def _month_first(words: Words, i: int) -> Span | None:
    month = words[i].capitalize()
    j = i + 1 + (at(words, i + 1) == "the")
    day = _day(words, j)
    whole = year(words, i + 1 + (at(words, i + 1) == "of"))
    if day is not None and day[0] < 10 and not day[2] and _read_out(words, day[1]):
        return None  # "november nine seven three"
    if day is not None:
        value, stop, said_as_ordinal = day
        if words[i] in {"may", "march"} and not said_as_ordinal and year(words, stop) is None:
            day = None  # "we may ten times": a verb
        elif (words[i] == "may" and at(words, i - 1) in _MAY_VERB_AFTER) or (
            j > i + 1 and not said_as_ordinal
        ):
            day = None
    if words[i] == "may" and at(words, i - 1) in _MAY_VERB_AFTER:
        return None
    spelled_out = at(words, i + 1) == "of" or ordinal(words, i + 1) is not None
    if (
        whole is not None
        and whole[0] < 1800
        and 10 <= whole[0] % 100 < 60
        and not (spelled_out or words[i + 1] in UNITS)
    ):
        # "june twelve thirty" is a day and a time, or a day and a year
        return Span(i, whole[1], " ".join((month, *words[i + 1 : whole[1]])), "date")
    if day is not None:
        value, stop, said_as_ordinal = day
        after = year(words, stop)
        if after is not None:
            return Span(i, after[1], f"{month} {value}, {after[0]}", "date")
        if whole is None or whole[1] <= stop or said_as_ordinal:
            return Span(i, stop, f"{month} {value}", "date")
    if whole is not None and (words[i] not in {"may", "march"} or whole[1] > i + 2):
        return Span(i, whole[1], f"{month} {whole[0]}", "date")
    return None


def _read_out(words: Words, i: int) -> bool:
    """Whether two single digits follow at `i`, which are no year: more than a day is read out."""
    digit = {*UNITS, *ZEROS}
    return at(words, i) in digit and at(words, i + 1) in digit and year(words, i) is None


def _day_and_month(words: Words, i: int, day: int, j: int) -> Span | None:
    """ "the third of the fifth eighty two" is "3/5/82": day, month and year as the British say them."""
    month = ordinal(words, j)
    if month is None or month[0] > 12:
        return None
    whole, pair = year(words, month[1]), two_figures(words, month[1])
    if whole is not None:
        return Span(i, whole[1], f"{day}/{month[0]}/{whole[0]}", "date")
    if pair is not None:
        return Span(i, pair[1], f"{day}/{month[0]}/{pair[0]:02d}", "date")
    return None


def _day_first(words: Words, i: int, value: int, stop: int, setting: Setting) -> Span | None:
    text = ordinal_text(value)
    if at(words, stop) == "of" and at(words, stop + 1) in MONTHS:
        text += f" of {words[stop + 1].capitalize()}"
        stop += 2
    elif tuple(words[stop : stop + 2]) == ("of", "the") and setting.british:
        return _day_and_month(words, i, value, stop + 2)
    elif at(words, stop) in MONTHS and not (
        words[stop] in {"may", "march"} and at(words, stop + 1) in {"be", "have", "not", "i"}
    ):
        text += f" {words[stop].capitalize()}"
        stop += 1
    else:
        return Span(i, stop, text, "date") if _bare_day(words, i, stop) else None
    after = year(words, stop)
    if after is not None:
        return Span(i, after[1], f"{text} {after[0]}", "date")
    return Span(i, stop, text, "date")


def _bare_day(words: Words, i: int, stop: int) -> bool:
    """Whether an ordinal without a month is a day: "monday the fifth", "on the third", "the first and second of"."""
    if at(words, stop) in {"and", "or", "to", "through"} and _dated_ordinal(words, stop + 1):
        return True
    if at(words, i - 1) != "the":
        return False
    return at(words, i - 2) in WEEKDAYS or (
        at(words, i - 2) in _BEFORE_DAY and at(words, stop) in _AFTER_DAY
    )


_BEFORE_DAY = frozenset(
    {"on", "by", "until", "till", "since", "before", "after", "from", "through"}
)
_AFTER_DAY = frozenset(
    "at to through or if please of until and but so then i we he she they you it is was because when for from by"
    " between around before after this next thanks though yes no uh um".split()
) | {""}


def _dated_ordinal(words: Words, i: int) -> bool:
    """True when an ordinal with its month is said at `i`, perhaps after "the"."""
    i += at(words, i) == "the"
    found = ordinal(words, i)
    return found is not None and at(words, found[1]) == "of" and at(words, found[1] + 1) in MONTHS


def _decade(words: Words, i: int) -> Span | None:
    """ "nineteen eighties" is "1980s"."""
    if at(words, i) in {*TEENS, "twenty"} and at(words, i + 1) in DECADES:
        century = 20 if words[i] == "twenty" else TEENS[words[i]]
        return Span(i, i + 2, f"{century * 100 + DECADES[words[i + 1]]}s", "date")
    return None


def _numeric(words: Words, i: int, setting: Setting) -> Span | None:
    """A date of birth in figures: "three twelve nineteen eighty" is "3/12/1980", in the order said."""
    if at(words, i - 1) in NUMBER_WORDS:
        return None
    parts: list[str] = []
    j = i
    for _ in range(2):
        if at(words, j) in ZEROS and at(words, j + 1) in UNITS:
            parts.append(f"0{UNITS[words[j + 1]]}")
            j += 2
            continue
        found = below_hundred(words, j)
        if found is None:
            return _eight_figures(words, i, setting)
        parts.append(str(found[0]))
        j = found[1]
    whole = year(words, j)
    pair = two_figures(words, j)
    if whole is not None:
        parts.append(str(whole[0]))
        j = whole[1]
    elif pair is not None:
        parts.append(f"{pair[0]:02d}")
        j = pair[1]
    else:
        return _eight_figures(words, i, setting)
    first, second = int(parts[0]), int(parts[1])
    month, day = (second, first) if setting.british else (first, second)
    if not (1 <= month <= 12 and 1 <= day <= 31) or at(words, j) in NUMBER_WORDS:
        return _eight_figures(words, i, setting)
    return Span(i, j, "/".join(parts), "date")


def _eight_figures(words: Words, i: int, setting: Setting) -> Span | None:
    figures, j = "", i
    while (piece := atom(words, j)) is not None and len(figures) < 9:
        figures += piece.digits
        j = piece.stop
    if len(figures) != 8:
        return None
    first, second, whole = int(figures[:2]), int(figures[2:4]), int(figures[4:])
    month, day = (second, first) if setting.british else (first, second)
    if 1 <= month <= 12 and 1 <= day <= 31 and 1900 <= whole <= 2099:
        return Span(i, j, f"{figures[:2]}/{figures[2:4]}/{figures[4:]}", "date")
    return None
