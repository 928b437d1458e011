"""Numbers however they were said or written: "four one two", "412", "(415) 555-0123", "$412.50".

Both sides of a search go through here: what is indexed, and what is asked for. They meet in *figures*: `412`, or
`412d5` for 412.50 (zeros at the end of decimals say nothing). Long numbers can also be found by any four or more
figures in a row, so that neither grouping nor a country code matters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from callscribe.search.words import Found, words
from callscribe.text.cardinals import atom
from callscribe.text.digits import TWO_DIGIT_COUNTRIES, read_run
from callscribe.text.lexicon import BIG_SCALES, NUMBER_WORDS, REPEATS, SCALES
from callscribe.text.rules import written_spans
from callscribe.text.spans import Setting

LONG = 5
"""Numbers of so many figures are found by a part of them, too."""
PART = 4
"""The shortest part."""
_LONGEST = 24
"""Figures in one number; more are several numbers side by side."""

_WRITTEN = re.compile(r"(?<![^\W_])\+?\(?\d+(?:(?:\)[ .-]?| \(|[ .,:/–-])\d+)*(?![^\W_])")
_GROUPED = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+\.\d{1,2}")
_SCALE = re.compile(r" (million|billion|trillion|thousand)\b", re.IGNORECASE)


class Figures(NamedTuple):
    """A number at `[start, stop)` of a text."""

    start: int
    stop: int
    forms: frozenset[str]
    """What it is equal to: `412`, `412d5`."""
    runs: frozenset[str] = frozenset()
    """Its figures in a row, when it is long enough to be found by a part of them."""

    def answers(self, asked: Figures) -> bool:
        """Whether this number, in a text, is what `asked` looks for."""
        if self.forms & asked.forms:
            return True
        return any(part in run for run in self.runs for part in parts(asked))


def figures(text: str) -> list[Figures]:
    """The numbers of a text, written or said, from left to right."""
    found = [*_written(text), *_said(text)]
    return sorted(found)


def index_tokens(text: str) -> list[str]:
    """What the index holds for the numbers of a text; those found by a part begin with `s`."""
    tokens: dict[str, None] = {}
    for number in figures(text):
        tokens |= dict.fromkeys(sorted(number.forms))
        for run in sorted(number.runs):
            tokens |= dict.fromkeys("s" + run[i:] for i in range(len(run) - PART + 1))
    return list(tokens)


def parts(asked: Figures) -> list[str]:
    """Rows of figures that a long number must contain to be the one asked for."""
    found: dict[str, None] = {}
    for form in sorted(asked.forms):
        if len(form) >= PART and form.isdigit():
            found[form] = None
    for run in sorted(asked.runs):
        for shorter in _without_country(run):
            if len(shorter) >= LONG + 2:
                found[shorter] = None
    return list(found)


def national(figures_: str) -> list[str]:
    """A phone number's figures with its country code as they are dialled within the country, if it may have one."""
    return list(_without_country(figures_)) if not figures_.startswith("0") else []


def _without_country(run: str) -> Iterator[str]:
    """A phone number as it is dialled within its country."""
    if run.startswith("00"):
        run = run[2:]
        yield run
    elif run.startswith("0"):
        yield run[1:]
        return
    if len(run) >= 10:
        yield run[1 if run[0] in "17" else 2 if run[:2] in TWO_DIGIT_COUNTRIES else 3 :]


def _written(text: str) -> Iterator[Figures]:
    for match in _WRITTEN.finditer(text):
        written = match.group()
        scale = _SCALE.match(text, match.end())
        amount = _GROUPED.fullmatch(written)
        if amount or (scale and written.isdigit()):
            whole, _, decimals = written.replace(",", "").partition(".")
            if scale:
                power = len(str(SCALES[scale.group(1).lower()])) - 1
                if len(decimals) <= power:
                    whole, decimals = whole + decimals.ljust(power, "0"), ""
            stop = scale.end() if scale else match.end()
            yield Figures(match.start(), stop, frozenset(_amount(whole, decimals)))
            continue
        run = "".join(c for c in written if c.isdecimal() and c.isascii())
        if not run:
            continue
        if len(run) > _LONGEST or _listed(written):
            for piece in re.finditer(r"\d+", written):
                yield _of(match.start() + piece.start(), match.start() + piece.end(), piece.group())
        else:
            yield _of(match.start(), match.end(), run)


def _listed(written: str) -> bool:
    """Figures with commas that are no thousands are a list: "5,10,20"."""
    return "," in written


def _amount(whole: str, decimals: str) -> Iterator[str]:
    whole, decimals = whole.lstrip("0") or "0", decimals.rstrip("0")
    yield f"{whole}d{decimals}" if decimals else whole


def _of(start: int, stop: int, run: str) -> Figures:
    runs = frozenset({run}) if len(run) >= LONG else frozenset[str]()
    return Figures(start, stop, frozenset({run}), runs)


def _said(text: str) -> Iterator[Figures]:
    """Numbers in words; the readers of `callscribe.text` say which words are one number and how it is written."""
    found = list(_spoken(text))
    heard = [word.word for word in found]
    if not any(word in NUMBER_WORDS for word in heard):
        return
    seen: set[tuple[int, int, frozenset[str]]] = set()
    for start, stop, forms, runs in [*_spans(heard), *_runs(heard)]:
        number = Figures(found[start].start, found[stop - 1].stop, forms, runs)
        if number[:3] not in seen:
            seen.add(number[:3])
            yield number


def _spoken(text: str) -> Iterator[Found]:
    """Words with their apostrophes, as the recogniser has them; figures are kept apart by a word that is none."""
    for found in words(text):
        yield found._replace(word=found.word if found.word.isalpha() else "#")


_Piece = tuple[int, int, frozenset[str], frozenset[str]]


def _spans(heard: Sequence[str]) -> Iterator[_Piece]:
    for span in written_spans(heard, Setting(), addresses=False):
        if span.kind in {"word", "unknown", "web"}:
            continue
        forms: set[str] = set()
        runs: set[str] = set()
        for number in _written(span.text):
            forms |= number.forms
            runs |= number.runs
        # "twenty five dollars" may be written "$25": the number is in the words before the unit
        if forms and any(word in NUMBER_WORDS for word in heard[span.start : span.stop]):
            yield span.start, span.stop, frozenset(forms), frozenset(runs)


def _runs(heard: Sequence[str]) -> Iterator[_Piece]:
    i = 0
    while i < len(heard):
        if heard[i] not in NUMBER_WORDS and heard[i] not in REPEATS:
            i += 1
            continue
        run = read_run(heard, i)
        if run is None:
            single = atom(heard, i)
            if single is None or heard[i] in {"oh", "o"}:
                i += 1
                continue
            yield i, single.stop, frozenset({single.digits}), frozenset()
            i = single.stop
            continue
        number = _of(0, 0, run.figures)
        amount = any(word in BIG_SCALES or word == "hundred" for word in heard[i : run.stop])
        yield i, run.stop, number.forms, frozenset() if amount else number.runs
        i = run.stop
