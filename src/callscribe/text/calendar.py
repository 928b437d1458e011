"""Dates, years and times of day."""

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
    AFTER_CLOCK,
    BIRTH_CUES,
    CLOCK_CUES,
    CODE_CUES,
    COUNTED,
    DAY_CUES,
    DECADES,
    MONTHS,
    NUMBER_LABELS,
    NUMBER_WORDS,
    PRICE_CUES,
    TEENS,
    TENS,
    TIME_CUES,
    UNIT_WORDS,
    UNITS,
    WEEKDAYS,
    ZEROS,
    ZONES,
)
from callscribe.text.spans import Setting, Span, cue_distance

_MAY_VERB_AFTER = frozenset("i you we they he she it this that there who which one".split())
_QUARTER_HOURS = frozenset({15, 30, 45})
_STREETS = frozenset(
    {"street", "avenue", "road", "drive", "lane", "boulevard", "court", "place", "highway"}
)
_NOT_A_TIME_AFTER = frozenset(
    {"dollar", "dollars", "cents", "bucks", "euros", "pounds", "percent", "per", "each", "a", "point",
     "hundred", "thousand", "million", "billion", "k", "street", "avenue", "road", "drive", "lane",
     "north", "south", "east", "west", *UNIT_WORDS, *COUNTED}
)  # fmt: skip
_AFTER_PAIR = frozenset(
    "today tomorrow tonight sharp this now train bus flight appointment slot".split()
) | frozenset(WEEKDAYS)
"""Two pieces straight before one of these are a time: "eight forty tomorrow"."""
_HOUR_LINKS = frozenset({"or", "to", "and", "till", "until", "through"})


def _pair(words: Words, i: int) -> tuple[int, int] | None:
    """Two figures as in the second half of a year or the minutes: 10 to 99, or "oh five"."""
    if at(words, i) in ZEROS and at(words, i + 1) in UNITS:
        return UNITS[words[i + 1]], i + 2
    found = below_hundred(words, i)
    return found if found is not None and found[0] >= 10 else None


def year(words: Words, i: int) -> tuple[int, int] | None:
    """A year 1000 to 2099 that starts at `i`: "twenty twelve", "two thousand nine", "two zero two six"."""
    if at(words, i) in {"ten", *TEENS, "twenty"}:
        first = 20 if words[i] == "twenty" else TEENS[words[i]]
        pair = _pair(words, i + 1)
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
    if cue_distance(words, i, BIRTH_CUES, 8) is not None:
        return _numeric(words, i, setting)
    return None


def _month_first(words: Words, i: int) -> Span | None:
    month = words[i].capitalize()
    j = i + 1 + (at(words, i + 1) == "the")
    day = _day(words, j)
    whole = year(words, i + 1 + (at(words, i + 1) == "of"))
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


def _day_and_month(words: Words, i: int, day: int, j: int) -> Span | None:
    """ "the third of the fifth eighty two" is "3/5/82": day, month and year as the British say them."""
    month = ordinal(words, j)
    if month is None or month[0] > 12:
        return None
    whole, pair = year(words, month[1]), _pair(words, month[1])
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
    pair = _pair(words, j)
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


def _meridiem(words: Words, i: int) -> tuple[str, int]:
    """ " AM" or " PM" at `i` (with a zone) and the position after it; "" and `i` when there is none."""
    word = at(words, i)
    if word in {"a", "p"} and at(words, i + 1) == "m":
        text, j = f" {word.upper()}M", i + 2
    elif word in {"pm", "p.m."} or (
        word in {"am", "a.m."} and at(words, i + 1) not in {"i", "not"}
    ):
        text, j = f" {word[0].upper()}M", i + 1
    else:
        return "", i
    for length in (3, 2):
        zone = "".join(words[j : j + length])
        if (
            all(len(w) == 1 for w in words[j : j + length])
            and zone in ZONES
            and len(zone) == length
        ):
            return f"{text} {zone.upper()}", j + length
    if at(words, j) in ZONES:
        return f"{text} {words[j].upper()}", j + 1
    return text, j


def _hour(words: Words, i: int) -> int | None:
    value = UNITS.get(at(words, i)) or TEENS.get(at(words, i))
    return value if value is not None and value <= 12 else None


def _ends_clock(words: Words, i: int) -> bool:
    """Whether a time of day can end before `i`: nothing is counted with it."""
    word = at(words, i)
    if word in {"and", "or"} and at(words, i + 1) in NUMBER_WORDS:
        return False
    if word in {"a", "p"}:
        return at(words, i + 1) == "m"
    return word in AFTER_CLOCK


def bare_hour(words: Words, i: int) -> bool:
    """Whether the single word at `i` is an hour of the clock: "until five", "monday eight to five"."""
    if _hour(words, i) is None:
        return False
    if at(words, i + 1) in _HOUR_LINKS and _hour(words, i + 2) is not None:
        return _hour_range(words, i, i + 2)
    if at(words, i - 1) in _HOUR_LINKS and _hour(words, i - 2) is not None:
        return _hour_range(words, i - 2, i)
    before = at(words, i - 1)
    if (
        before not in CLOCK_CUES
        or at(words, i - 2) in NUMBER_WORDS
        or not _ends_clock(words, i + 1)
    ):
        return False
    return words[i] != "one" or before in {"at", "until", "till"}


def _hour_range(words: Words, i: int, j: int) -> bool:
    """Two hours at `i` and `j` with a word between them, where hours are spoken of."""
    if not _ends_clock(words, j + 1) or at(words, i - 1) in NUMBER_WORDS:
        return False
    if words[i + 1] in {"till", "until"} or at(words, i - 1) in {"at", "by"}:
        return True
    if tuple(words[j + 1 : j + 3]) == ("in", "the"):
        return at(words, j + 3) in {"morning", "afternoon", "evening"}
    if at(words, j + 1) == "on" and at(words, j + 2) in DAY_CUES:
        return True
    linked = words[i + 1] in {"to", "through"} or at(words, i - 1) == "between"
    return linked and cue_distance(words, i, DAY_CUES, 4) is not None


def time(words: Words, i: int, setting: Setting) -> Span | None:
    """ "seven thirty p m" is "7:30 PM", "at two fifty" is "at 2:50", "quarter past one" is "1:15".

    In British English "half seven" is half past seven; elsewhere it stays as said.
    """
    spoken = _spoken_clock(words, i, setting)
    if spoken is not None:
        return spoken
    hour = _hour(words, i)
    if hour is None:
        return _day_clock(words, i)
    if at(words, i + 1) in {"o'clock", "oclock"}:
        half, stop = _meridiem(words, i + 2)
        return Span(i, stop, f"{hour} o'clock{half}", "time")
    minutes = _pair(words, i + 1)
    if minutes is not None and minutes[0] < 60:
        half, stop = _meridiem(words, minutes[1])
        if half or _clock_without_half(words, i, *minutes):
            return Span(i, stop, f"{hour}:{minutes[0]:02d}{half}", "time")
    half, stop = _meridiem(words, i + 1)
    if half and at(words, i - 1) not in TENS:
        return Span(i, stop, f"{hour}{half}", "time")
    return None


_BEFORE_SPAN = frozenset(
    "takes take taking took for in within from between about another last".split()
)


def _clock_without_half(words: Words, i: int, minutes: int, stop: int) -> bool:
    before, after = at(words, i - 1), at(words, stop)
    if after in NUMBER_WORDS or after in _NOT_A_TIME_AFTER or before in NUMBER_WORDS:
        return False
    if len(after) == 1 and after != "i":
        return False  # part of a code
    if any(at(words, stop + k) in _STREETS for k in range(3)):
        return False  # a house number
    labelled = before in NUMBER_LABELS or before in {"area", "code"} or before in CODE_CUES
    if labelled or cue_distance(words, i, CODE_CUES, 4) is not None:
        return False
    if before in TIME_CUES or after in _AFTER_PAIR:
        return True
    if after in {"on", "in"} and at(words, stop + 1) in {*WEEKDAYS, "the"}:
        return after == "on" or at(words, stop + 2) in {"morning", "afternoon", "evening"}
    return minutes in _QUARTER_HOURS and cue_distance(words, i, PRICE_CUES, 3) is None


def _day_clock(words: Words, i: int) -> Span | None:
    """24-hour times, only after "at", "by" and so on: "at seventeen thirty five" is "at 17:35", "at fourteen
    hundred" is "at 14:00".
    """
    hour = below_hundred(words, i)
    if (
        hour is None
        or not 13 <= hour[0] <= 23
        or at(words, i - 1) not in {"at", "by", "until", "till"}
    ):
        return None
    if at(words, hour[1]) == "hundred":
        stop = hour[1] + 1 + (at(words, hour[1] + 1) == "hours")
        return Span(i, stop, f"{hour[0]}:00", "time") if _ends_clock(words, stop) else None
    minutes = _pair(words, hour[1])
    if minutes is None or minutes[0] >= 60 or at(words, minutes[1]) in _NOT_A_TIME_AFTER:
        return None
    if at(words, minutes[1]) in NUMBER_WORDS:
        return None
    return Span(i, minutes[1], f"{hour[0]}:{minutes[0]:02d}", "time")


def _spoken_clock(words: Words, i: int, setting: Setting) -> Span | None:
    """ "half past twelve", "quarter to one", "ten past five", in British English "half seven"."""
    if at(words, i) == "half" and at(words, i + 1) == "past":
        amount, j = 30, i + 2
    elif at(words, i) == "half":
        if not setting.british or at(words, i - 1) in {"and", "a", "other", "first", "second"}:
            return None
        goes_on = at(words, i + 2) in {"to", "till", "until"} and _hour(words, i + 3) is not None
        if at(words, i + 1) == "one" or not (goes_on or _ends_clock(words, i + 2)):
            return None
        amount, j = 30, i + 1
    elif at(words, i) == "quarter" and at(words, i + 1) in {"past", "to", "till", "after", "of"}:
        amount, j = 15, i + 2
        if words[i + 1] == "of" and at(words, i - 1) not in {"at", "a"}:
            return None
    else:
        found = below_hundred(words, i)
        if found is None or found[0] >= 60:
            return None
        amount, j = found
        counted = at(words, j) == "minutes"
        j += counted
        if not counted and amount not in {5, 10, 20, 25}:
            return None
        link = at(words, j)
        if link not in {"past", "to", "till", "after"} or at(words, i - 1) in {
            *NUMBER_WORDS,
            *TENS,
        }:
            return None
        j += 1
        if link == "after" and not _ends_clock(words, j + 1):
            return None  # "twenty after five payments"
        if link in {"to", "till"}:
            # "from ten to eleven" and "it takes five minutes to six" are ranges
            told = at(words, i - 1) in {"at", "by"} or (
                _ends_clock(words, j + 1)
                and (
                    at(words, i - 1) not in _BEFORE_SPAN
                    if counted
                    else at(words, i - 1) in {"it's", "until", "till", "around", "exactly"}
                )
            )
            if not told:
                return None
    hour = _hour(words, j)
    if hour is None or at(words, j + 1) in NUMBER_WORDS:
        return None
    if words[j - 1] in {"to", "till", "of"}:
        hour, amount = (hour - 2) % 12 + 1, 60 - amount
    half, stop = _meridiem(words, j + 1)
    return Span(i, stop, f"{hour}:{amount:02d}{half}", "time")
