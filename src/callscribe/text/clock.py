"""Times of day."""

from __future__ import annotations

from callscribe.text.calendar import two_figures
from callscribe.text.cardinals import Words, at, below_hundred, is_o_of_clock
from callscribe.text.lexicon import (
    AFTER_CLOCK,
    CLOCK_CUES,
    CODE_CUES,
    COUNTED,
    DAY_CUES,
    NUMBER_LABELS,
    NUMBER_WORDS,
    PRICE_CUES,
    READING_CUES,
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
    "today tomorrow tonight sharp this now train bus flight appointment slot works".split()
) | frozenset(WEEKDAYS)
"""Two pieces straight before one of these are a time: "eight forty tomorrow"."""
_BEFORE_CLOCK = frozenset(
    "the a an this that our my your their his her for on of at by until till before after around from between since to"
    " or and but so then that's it's it is was were be it'll say says said about like maybe probably perhaps uh um yes"
    " yeah no ok okay well sure right now actually just only exactly roughly approximately almost nearly make made move"
    " moved meet meeting see you me us i we they he she start starts started starting begin begins began beginning end"
    " ends ended ending open opens close closes arrive arrives arrived arriving leave leaves leaving left depart"
    " departs departing board boards boarding land lands landing scheduled set booked due time times today tomorrow"
    " tonight morning afternoon evening noon do did does try have has had got get need want take prefer"
    " there here call called o'clock not past".split()
) | frozenset({"", *WEEKDAYS})
"""Straight after one of these a quarter, half or three quarters is a time; after another word ("row ten fifteen",
"model five thirty") nobody can tell."""
_LIVING = frozenset("live lives lived living located reside resides address based".split())
_EXACT_CUES = (
    frozenset("at by until till today tomorrow tonight morning afternoon evening".split())
    | frozenset(WEEKDAYS)
    | frozenset(w for w in TIME_CUES if w.startswith(("arriv", "leav", "depart", "open", "close")))
)
"""Straight after one of these any two pieces are a time: "at two fifty"."""
_ON_THE_WAY = frozenset(
    "arrive arrives arrived arriving arrival leave leaves leaving depart departs departing there here home back train"
    " trains bus taxi flight airport station restaurant table tonight tomorrow today".split()
) | frozenset(WEEKDAYS)
"""Near one of these "by twenty thirty" is a time of day; elsewhere it is nearly always a year."""
_HOUR_LINKS = frozenset({"or", "to", "and", "till", "until", "through"})


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


def o_clock(words: Words, i: int) -> int:
    """Where "o'clock" at `i` ends, also in two words; `i` when it is not there."""
    if at(words, i) in {"o'clock", "oclock"}:
        return i + 1
    return i + 2 if is_o_of_clock(words, i) else i


def street_follows(words: Words, i: int) -> bool:
    """Whether a street is named from `i` on, so that the number before is a house's."""
    return any(at(words, i + k) in _STREETS for k in range(3))


def bare_hour(words: Words, i: int) -> bool:
    """Whether the single word at `i` is an hour of the clock: "until five", "monday eight to five"."""
    if _hour(words, i) is None:
        return False
    if _to_a_clock(words, i):
        return True
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


def _to_a_clock(words: Words, i: int) -> bool:
    """Whether the hour at `i` is one end of a range whose other end is a time with minutes: "nine to five thirty"."""
    link, before = at(words, i + 1), at(words, i - 1)
    if link == "or":
        meant = before in _EXACT_CUES
    elif link == "and":
        meant = before == "between"
    else:
        meant = link in {"to", "till", "until", "through"} and before not in NUMBER_WORDS
    if not meant:
        return False
    minutes = two_figures(words, i + 3) if _hour(words, i + 2) is not None else None
    if minutes is None or minutes[0] >= 60:
        return False
    return bool(_meridiem(words, minutes[1])[0]) or _clock_without_half(words, i + 2, *minutes)


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
    after = o_clock(words, i + 1)
    if after > i + 1:
        half, stop = _meridiem(words, after)
        return Span(i, stop, f"{hour} o'clock{half}", "time")
    minutes = two_figures(words, i + 1)
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
    if after == "over" and at(words, stop + 1) in NUMBER_WORDS:
        return False  # "one thirty over eighty five"
    if tuple(words[i:stop]) == ("seven", "eleven"):
        return after in _AFTER_PAIR  # or the shop
    if len(after) == 1 and after != "i":
        return False  # part of a code
    if street_follows(words, stop) or at(words, i - 2) in _LIVING:
        return False  # a house number
    labelled = before in NUMBER_LABELS or before in CODE_CUES
    if labelled and after not in _AFTER_PAIR:
        return False
    read_off = cue_distance(words, i, READING_CUES, 4) is not None
    if before in _EXACT_CUES or (after in _AFTER_PAIR and not read_off):
        return True
    if read_off or cue_distance(words, i, CODE_CUES, 4) is not None:
        return False
    if after in {"on", "in"} and at(words, stop + 1) in {*WEEKDAYS, "the"}:
        return after == "on" or at(words, stop + 2) in {"morning", "afternoon", "evening"}
    told = minutes in _QUARTER_HOURS and before in _BEFORE_CLOCK
    return told and cue_distance(words, i, PRICE_CUES, 5) is None


def _day_clock(words: Words, i: int) -> Span | None:
    """24-hour times, only after "at", "by" and so on, or before "hours": "at seventeen thirty five" is "at 17:35", "at
    fourteen hundred" is "at 14:00", "oh seven hundred hours" is "07:00".
    """
    cued = at(words, i - 1) in {"at", "by", "until", "till"}
    if at(words, i) in ZEROS and at(words, i + 1) in UNITS and at(words, i - 1) not in NUMBER_WORDS:
        hour, stop = UNITS[words[i + 1]], i + 2
    else:
        found = below_hundred(words, i)
        if found is None or not 13 <= found[0] <= 23:
            return None
        if not cued:
            unsaid = tuple(words[found[1] : found[1] + 2]) == ("hundred", "hours")
            if unsaid and at(words, found[1] + 2) != "of":  # 15:00, or 1,500 hours
                return Span(i, found[1] + 2, " ".join(words[i : found[1] + 2]), "number")
            return None
        hour, stop = found
    if at(words, stop) == "hundred":
        minutes, stop = 0, stop + 1
    else:
        pair = two_figures(words, stop)
        if pair is None or pair[0] >= 60:
            return None
        minutes, stop = pair
        if hour == 20 and at(words, i - 1) != "at" and _is_year(words, i, stop):
            return None
    counted = at(words, stop) == "hours"
    stop += counted
    if not _ends_clock(words, stop):
        return None  # "at fifteen fifteen broadway"
    if not (cued or counted):
        # "oh eight hundred": 8:00, or 800
        whole = words[stop - 1] == "hundred"
        return Span(i, stop, " ".join(words[i:stop]), "number") if whole else None
    return Span(i, stop, f"{hour:02d}:{minutes:02d}", "time")


def _is_year(words: Words, i: int, stop: int) -> bool:
    """Whether "by twenty thirty" is a year: unless somebody is on the way, or something is said of the day."""
    timed = at(words, stop) in _AFTER_PAIR or at(words, stop) == "hours"
    return not timed and cue_distance(words, i, _ON_THE_WAY, 8) is None


def _spoken_clock(words: Words, i: int, setting: Setting) -> Span | None:
    """ "half past twelve", "quarter to one", "ten past five", in British English "half seven"."""
    if at(words, i) == "a" and at(words, i + 1) == "quarter":
        named = _spoken_clock(words, i + 1, setting)
        return None if named is None else named._replace(start=i)
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
