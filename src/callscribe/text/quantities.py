"""Money, percentages, measures and plain numbers in running text."""

from __future__ import annotations

import itertools

from callscribe.text.calendar import two_figures
from callscribe.text.cardinals import (
    Amount,
    Words,
    amount,
    at,
    atom,
    below_hundred,
    is_digit,
    ordinal,
    ordinal_text,
)
from callscribe.text.clock import bare_hour, o_clock, street_follows
from callscribe.text.lexicon import (
    ABBREVIATED_UNITS,
    CODE_CUES,
    COUNTED,
    MONEY,
    MONEY_BRITISH,
    MONEY_COUNTRIES,
    MONEY_WORDS,
    MONTHS,
    NUMBER_LABELS,
    NUMBER_WORDS,
    ROW_LABELS,
    SCALES,
    UNIT_WORDS,
    UNITS,
    ZEROS,
)
from callscribe.text.spans import Setting, Span, cue_distance

_RANGE = frozenset({"or", "to", "through"})
_PRONOUN_BEFORE_ONE = frozenset(
    "this that which each every another other first second third last next no any only same the some"
    " what".split()
)


def joined_amount(words: Words, i: int) -> Amount | None:
    """A number said in pieces before a unit: "four twelve" (412), "three two five" (325)."""
    if at(words, i) in ZEROS:
        return None
    figures, stop, pieces, grouped = "", i, 0, False
    while (piece := atom(words, stop)) is not None:
        if piece.value >= 1000 or (pieces and piece.value >= 100):
            return None
        if pieces and not piece.spelled and len(piece.digits) < 2:
            return None
        if grouped and piece.value and piece.spelled and figures[-1] != "0":
            return None  # "sixteen one six dollars": said again, digit by digit
        grouped = grouped or not piece.spelled
        figures += piece.digits
        stop, pieces = piece.stop, pieces + 1
        if len(figures) > 4:
            return None
    if pieces < 2 or not 3 <= len(figures) <= 4:
        return None
    return Amount(int(figures), "", "", False, stop, stop - i)


def typical_price(cents: int) -> bool:
    """Whether prices often end in this number of cents: 99, 49, 95, 98."""
    return 10 <= cents <= 99 and (cents % 10 == 9 or cents in {95, 98})


def _one_amount(words: Words, i: int) -> Amount | None:
    """A number said in pieces that is one amount: "four twelve dollars", but "fourteen ninety five dollars" and "nine
    ninety nine dollars" can be a price with cents as well."""
    number = joined_amount(words, i)
    if number is None or is_digit(at(words, i + 1)):
        return number
    first = below_hundred(words, i)
    if first is None or first[0] >= 10 or typical_price(number.whole % 100):
        return None
    return number


def _money_unit(words: Words, i: int, setting: Setting) -> tuple[str, int] | None:
    """Sign and stop of the currency at `i`: "dollars", "united states dollars", "canadian dollar"."""
    for said, sign in MONEY_COUNTRIES.items():
        j = i + len(said)
        if tuple(words[i:j]) == said and at(words, j) in {"dollar", "dollars"}:
            return sign, j + 1
    plain = (MONEY_BRITISH if setting.british else MONEY).get(at(words, i))
    return None if plain is None else (plain, i + 1)


def _sign(words: Words, i: int, setting: Setting) -> str:
    unit = _money_unit(words, i, setting)
    return "" if unit is None else unit[0]


def counts_notes(words: Words, i: int, stop: int) -> bool:
    """ "eight forty dollar bills" at "eight": one number counts the bills, the next says what they are worth."""
    if at(words, stop) not in {"dollar", "euro", "pound"} or at(words, i - 1) in _DETERMINERS:
        return False
    noun = at(words, stop + 1)
    first = atom(words, i)
    return (
        noun.endswith("s")
        and not noun.endswith(("ss", "'s"))
        and first is not None
        and first.stop < stop
        and first.value <= 20
        and at(words, i + 1) not in {"hundred", *SCALES}
    )


_DETERMINERS = frozenset("a an the this that my your our their his her each every".split())


def money(words: Words, i: int, setting: Setting) -> Span | None:
    """ "four hundred twelve dollars and fifty cents" is "$412.50"; "fifty cents" is "50 cents"."""
    if at(words, i) == "a" and at(words, i + 1) in {"dollar", "buck", "pound", "euro"}:
        sign = "$" if words[i + 1] == "buck" else _sign(words, i + 1, setting)
        small = below_hundred(words, i + 2)
        if sign and small and small[0] >= 10 and at(words, small[1]) not in NUMBER_WORDS:
            return Span(i, small[1], f"{sign}1.{small[0]:02d}", "money")
        return None
    for number in (_one_amount(words, i), amount(words, i)):
        if number is None or counts_notes(words, i, number.stop):
            continue
        unit = _money_unit(words, number.stop, setting)
        if unit is not None:
            span = _with_sign(words, i, number, *unit)
            # "a hundred dollar fee": the article is the fee's
            article = words[i] == "a" and words[number.stop] in {"dollar", "euro", "pound"}
            return span._replace(text=f"a {span.text}") if article else span
        if setting.british and at(words, number.stop) == "p" and at(words, number.stop + 1) != "m":
            return Span(i, number.stop + 1, f"{number.text()}p", "money")
        if at(words, number.stop) in MONEY_WORDS and at(words, i) != "a":
            return Span(i, number.stop, number.text(), "money")
    return None


def _with_sign(words: Words, i: int, number: Amount, unit: str, stop: int) -> Span:
    minus = "-" if number.negative else ""
    text = number._replace(negative=False).text()
    figures = number.decimals
    if len(figures) == 1 and not number.scale:
        text += "0"
    if not figures and not number.scale:
        linked = at(words, stop) == "and"
        small = two_figures(words, stop + linked) or below_hundred(words, stop + linked)
        if small is not None:
            cents, after = small
            if at(words, after) in {"cent", "cents", "pence"}:
                return Span(i, after + 1, f"{minus}{unit}{text}.{cents:02d}", "money")
            # "seventy five dollars sixty three": only two figures, and nothing counted after them
            bare = (
                (cents >= 10 or words[stop] in ZEROS)
                and not linked
                and at(words, after) not in _COUNTED_AFTER_CENTS
            )
            if bare and _money_unit(words, after, Setting(True)) is None:
                return Span(i, after, f"{minus}{unit}{text}.{cents:02d}", "money")
    return Span(i, stop, f"{minus}{unit}{text}", "money")


_COUNTED_AFTER_CENTS = frozenset(
    {*NUMBER_WORDS, *UNIT_WORDS, "percent", "per", "people", "times", "days", "months", "years", "weeks",
     "minutes", "hours", "bucks", "of", "point"}
)  # fmt: skip


def percent(words: Words, i: int) -> Span | None:
    """ "twelve point five percent" is "12.5%"."""
    for number in (_one_amount(words, i), amount(words, i)):
        if number is None:
            continue
        stop = number.stop
        if at(words, stop) == "percent":
            return Span(i, stop + 1, f"{number.text()}%", "percent")
        if at(words, stop) == "per" and at(words, stop + 1) == "cent":
            return Span(i, stop + 2, f"{number.text()}%", "percent")
    return None


def abbreviated(words: Words, i: int) -> Span | None:
    """ "five hundred m g" is "500 mg": a unit said by its letters."""
    for number in (joined_amount(words, i), amount(words, i)):
        if number is None or at(words, i) == "a":
            continue
        for said, text in ABBREVIATED_UNITS.items():
            stop = number.stop + len(said)
            following = at(words, stop)
            if (
                tuple(words[number.stop : stop]) != said
                or following in NUMBER_WORDS
                or len(following) == 1
            ):
                continue
            if (
                cue_distance(words, i, CODE_CUES, 6) is None
                and at(words, i - 1) not in NUMBER_LABELS
            ):
                return Span(i, stop, f"{number.text()} {text}", "number")
    return None


def _is_unit(words: Words, i: int) -> bool:
    word = at(words, i)
    if word in UNIT_WORDS:
        return True
    if word in {"year", "years", "month", "months"}:
        return at(words, i + 1) == "old"
    return word == "c" and at(words, i + 1) == "c"


def _figure_at(words: Words, i: int, setting: Setting) -> bool:
    """True when what starts at `i` will be written in figures."""
    if money(words, i, setting) or percent(words, i):
        return True
    number = amount(words, i)
    if number is None or at(words, i) == "a":
        return False
    if not number.plain_small:
        return True
    following = at(words, number.stop)
    if (
        _is_unit(words, number.stop)
        or following in {"pm", "am"}
        or o_clock(words, number.stop) > number.stop
    ):
        return True
    return following in {"p", "a"} and at(words, number.stop + 1) == "m"


def _says_year(words: Words, i: int, number: Amount) -> bool:
    """ "two thousand nine" is a year unless something is counted with it."""
    if number.decimals or number.scale or number.negative:
        return False
    following = at(words, number.stop)
    if number.whole == 2000 or number.whole in range(1100, 2000, 100):
        return at(words, i - 1) in {"in", "since", "year", "of", "from", "by", *MONTHS} and not (
            following in UNIT_WORDS or following.endswith("s")
        )
    if not 2001 <= number.whole <= 2099 or tuple(words[i : i + 2]) != ("two", "thousand"):
        return False
    plural = following.endswith("s") and following not in {
        "is",
        "was",
        "this",
        "as",
        "has",
        "us",
        "it's",
    }
    return not plural and following not in UNIT_WORDS and following not in {"people", "points"}


def _ranges(words: Words, i: int) -> bool:
    """True when the word at `i` joins the two ends of a range: "to", "or", "and" after "between"."""
    word = at(words, i)
    return word in _RANGE or (word == "and" and "between" in words[max(0, i - 5) : i])


def _range_sign(words: Words, number: Amount, setting: Setting) -> str:
    """The currency of the other end of a range, "" when there is none: "seventy five to a hundred dollars"."""
    if not _ranges(words, number.stop):
        return ""
    other = money(words, number.stop + 1, setting)
    return other.text[0] if other is not None and not other.text[0].isdigit() else ""


def figure(words: Words, i: int, setting: Setting) -> Span | None:
    """A number in running text. One to nine said alone stay words, unless measured or a label."""
    word = at(words, i)
    if word == "a":
        # "a hundred people" stays; "a hundred twenty" is 120
        number = amount(words, i)
        if number is None or number.words <= 2 or number.text() in {"1 million", "1 billion"}:
            return None
        return Span(i, number.stop, number.text(), "number")
    if word not in NUMBER_WORDS and word not in {"minus", "negative", "point"}:
        return None
    number = amount(words, i)
    if number is None:
        return None
    if word == "point" and not at(words, i - 1) and at(words, number.stop) in {"is", "was"}:
        return None  # "point two is that it costs too much"
    if word == "point" and at(words, i - 1) not in {
        "",
        "a",
        "about",
        "is",
        "was",
        "by",
        "of",
        "at",
    }:
        return None
    if _is_unit(words, number.stop):
        return Span(i, number.stop, number.text(), "number")
    if number.plain_small:
        return _small(words, i, number, setting)
    if word == "one" and number.words == 2 and at(words, i - 1) == "no":
        return None
    separators = not (
        _says_year(words, i, number)
        or at(words, i - 1) in NUMBER_LABELS
        or _is_given(words, i)
        or (
            number.whole % 100 == 0 and number.whole < 10_000 and street_follows(words, number.stop)
        )
    )
    sign = "" if number.negative else _range_sign(words, number, setting)
    return Span(
        i, number.stop, sign + number.text(separators=separators), "money" if sign else "number"
    )


_GIVEN = CODE_CUES | {"number"}


def _is_given(words: Words, i: int) -> bool:
    """Whether a number that names something is given at `i`: after "my code is", "the number is"."""
    return at(words, i - 1) == "is" and at(words, i - 2) in _GIVEN


_NO_PLURALS = frozenset("is was this has as us its".split())


def _may_be_counted(word: str) -> bool:
    """Whether a number may count `word`: it is counted on the telephone, or looks like a plural."""
    return word in COUNTED or (word.endswith("s") and word not in _NO_PLURALS)


def _small(words: Words, i: int, number: Amount, setting: Setting) -> Span | None:
    before, after = at(words, i - 1), at(words, number.stop)
    written = Span(i, number.stop, str(number.whole), "number")
    if before in {"foot", "feet"} and at(words, i - 2) in NUMBER_WORDS:
        return written  # "five foot seven"
    if bare_hour(words, i) or _share(words, number.stop):
        return written
    if before in NUMBER_LABELS and after not in {"of", "more"}:
        return None if before in ROW_LABELS and _may_be_counted(after) else written
    if (_is_given(words, i) and not after) or chosen(words, i):
        return written
    if words[i] == "one" and before in _PRONOUN_BEFORE_ONE:
        return None
    if after in NUMBER_WORDS and below_hundred(words, number.stop) in [
        (n, number.stop + 1) for n in (10, 15, 20)
    ]:
        return written if at(words, number.stop + 1) in COUNTED else None
    if _ranges(words, number.stop) and at(words, number.stop + 1) != "a":
        j = number.stop + 1
        sign = _range_sign(words, number, setting)
        if sign:
            return written._replace(text=sign + written.text, kind="money")
        if _figure_at(words, j, setting):
            return written
    if before in _RANGE:
        k = i - 2
        vague = at(words, k - 1) == "a" and at(words, k) in {"hundred", *SCALES}
        if at(words, k) in NUMBER_WORDS and at(words, k) not in {*UNITS, *ZEROS}:
            return None if vague else written  # "a thousand or two"
    if tuple(words[number.stop : number.stop + 2]) == ("in", "the") and at(
        words, number.stop + 2
    ) in {"morning", "afternoon", "evening"}:
        return written
    return None


def chosen(words: Words, i: int) -> bool:
    """Whether the digit at `i` is one to choose from: "press one two or three"."""
    if at(words, i) not in UNITS:
        return False
    start, stop = i, i + 1
    while at(words, start - 1) in UNITS or at(words, start - 1) == "or":
        start -= 1
    while at(words, stop) in UNITS or at(words, stop) == "or":
        stop += 1
    choice = [UNITS[word] for word in words[start:stop] if word != "or"]
    upwards = all(one < other for one, other in itertools.pairwise(choice))
    labelled = at(words, start - 1) in NUMBER_LABELS
    several = len(choice) > 1 and at(words, stop - 2) == "or"
    return labelled and several and upwards and not _may_be_counted(at(words, stop))


def _share(words: Words, i: int) -> bool:
    """ "nine out of ten", "one in ten": both are figures."""
    j = i + 2 if tuple(words[i : i + 2]) == ("out", "of") else i + 1
    if j == i + 1 and at(words, i) != "in":
        return False
    whole = amount(words, j)
    if whole is None or whole.plain_small or at(words, j) == "a":
        return False
    return j == i + 2 or (
        whole.whole in {10, 20, 50, 100, 1000}
        and at(words, whole.stop) not in {*COUNTED, *UNIT_WORDS}
    )


_CERTAINLY_ORDINAL = frozenset(
    "street avenue floor century birthday anniversary place district amendment grade day of element annual".split()
)
_SAYS_WHICH = frozenset(
    "the my your his her our their its on monday tuesday wednesday thursday friday".split()
)
_ENDS_ORDINAL = frozenset(
    "and or at to through is was for if please when in by i we that it".split()
) | {""}


def _lasting_or_22nd(words: Words, i: int, value: int, stop: int) -> Span:
    """ "the twenty second" is the 22nd, "a twenty second delay" lasts 20 seconds; of others nobody can tell."""
    before, after = at(words, i - 1), at(words, stop)
    said_which = before in _SAYS_WHICH and after in _ENDS_ORDINAL
    alone = not before and not after
    each = before in {"a", "an", "every", "another", "one"}
    if each and after == "of":  # "every thirty second of it"
        return Span(i, stop, " ".join(words[i:stop]), "number")
    if after in _CERTAINLY_ORDINAL or said_which or alone:
        return Span(i, stop, ordinal_text(value), "ordinal")
    if each:
        return Span(i, stop, f"{value - 2} second", "number")
    return Span(i, stop, " ".join(words[i:stop]), "number")


def _hundred_and(words: Words, i: int) -> Span | None:
    """ "a hundred and second street" is "102nd street", "the hundred and first time" the "101st time"."""
    article = words[i] == "a"
    named = at(words, i - 1) in {"the", "my", "our", "your", "his", "her", "their", "its"}
    start = i + article
    if at(words, start) != "hundred" or at(words, start + 1) != "and" or not (article or named):
        return None
    low = ordinal(words, start + 2)
    if low is None or not 0 < low[0] < 100:
        return None
    value, stop = low
    if article and at(words, stop) not in _CERTAINLY_ORDINAL - {"place", "of"}:
        return None
    return Span(i, stop, ordinal_text(100 + value), "ordinal")


def ordinals(words: Words, i: int) -> Span | None:
    """ "twenty first" is "21st"; first to ninth stay words outside dates."""
    found = ordinal(words, i)
    hundred = _hundred_and(words, i)
    if hundred is not None:
        return hundred
    if found is not None and found[0] < 10 and at(words, i + 1) in {"street", "avenue"}:
        return Span(i, i + 2, f"{words[i].capitalize()} {words[i + 1].capitalize()}", "ordinal")
    if found is None or found[0] < 10:
        return None
    value, stop = found
    if words[i] in {"hundredth", "thousandth"}:
        return None
    if stop == i + 1 and (
        at(words, i - 1) in UNITS or (at(words, i - 1) == "a" and at(words, stop) in {"", "of"})
    ):
        return None  # "one tenth"
    if words[stop - 1] == "second" and stop > i + 1:
        return _lasting_or_22nd(words, i, value, stop)
    return Span(i, stop, ordinal_text(value), "ordinal")
