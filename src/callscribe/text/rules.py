"""Puts the rules in order and walks an utterance from left to right."""

from __future__ import annotations

from collections.abc import Sequence

from callscribe.text import (
    calendar,
    clock,
    digits,
    idioms,
    letters,
    quantities,
    ranges,
    spelling,
    web,
)
from callscribe.text.cardinals import at
from callscribe.text.lexicon import (
    DECADES,
    HESITATIONS,
    HOLIDAYS,
    MONEY_BRITISH,
    MONEY_WORDS,
    MONTHS,
    NUMBER_WORDS,
    ORDINALS,
    PHONETIC,
    REPEATS,
    TITLES,
    UNKNOWN,
    UNKNOWN_TEXT,
)
from callscribe.text.spans import Setting, Span

_STARTERS = frozenset(
    {*NUMBER_WORDS, *ORDINALS, *REPEATS, *MONTHS, *DECADES, *UNKNOWN, *TITLES, "a", "plus", "minus",
     "negative", "point", "half", "quarter", "ph", "wi", *PHONETIC, *(said[0] for said in HOLIDAYS)}
)  # fmt: skip

_GROUP_WORDS = frozenset(
    {*NUMBER_WORDS, *ORDINALS, *REPEATS, *MONTHS, *DECADES, *MONEY_BRITISH, *MONEY_WORDS, *HESITATIONS, "and", "point",
     "percent", "per", "cent", "am", "pm", "o'clock", "plus", "minus", "negative", "half", "quarter", "past",
     "dash", "hyphen", "slash", "ph", "wi", "fi"}
)  # fmt: skip


def is_group_word(word: str) -> bool:
    """Whether a word can be part of a number, a date or a spelled group; partials keep such groups open."""
    return word in _GROUP_WORDS or len(word) == 1


def written_spans(
    words: Sequence[str],
    setting: Setting,
    *,
    start: int = 0,
    stop: int | None = None,
    addresses: bool = True,
) -> list[Span]:
    """Covers `words[start:stop]` with spans in order; words that no rule takes are spans of kind "word".

    The rules look at the words around the range too, but no span reaches over its end. `addresses` false leaves
    e-mail and web addresses as words: they reach back, which partials must not.
    """
    spans: list[Span] = []
    mails = _mails(words) if addresses else {}
    i, end = start, len(words) if stop is None else stop
    while i < end:
        if i not in mails and (words[i] in NUMBER_WORDS or words[i] == "a"):
            labelled = digits.labelled(words, i)
            row = ranges.shared_scale(words, i, labelled=labelled) or ranges.side_by_side(
                words, i, labelled=labelled
            )
            if row and row[-1].stop <= end:
                spans += row
                i = row[-1].stop
                continue
        span = mails.get(i) or _match(words, i, setting, addresses)
        if span is None or span.stop > end or span.stop <= i:
            span = Span(i, i + 1, words[i], "word")
        spans.append(span)
        i = span.stop
    return spans


def _mails(words: Sequence[str]) -> dict[int, Span]:
    found: dict[int, Span] = {}
    if "dot" not in words:
        return found
    end = 0
    for i, word in enumerate(words):
        if word != "at" or i < end:
            continue
        mail = web.email_at(words, i)
        if mail is not None and mail[0] >= end:
            start, text, end = mail
            found[start] = Span(start, end, text, "web")
    return found


def _match(words: Sequence[str], i: int, setting: Setting, addresses: bool) -> Span | None:
    word = words[i]
    single = len(word) == 1
    if addresses and "dot" in words[i + 1 : i + 16]:
        span = web.web(words, i)
        if span is not None:
            return span
    if not single and word not in _STARTERS:
        return None
    if word in UNKNOWN:
        return Span(i, i + 1, UNKNOWN_TEXT, "unknown")
    if clock.o_clock(words, i) == i + 2:
        return Span(i, i + 2, "o'clock", "word")
    if word in TITLES and at(words, i + 1):
        return Span(i, i + 1, TITLES[word], "word")
    saying = idioms.idiom(words, i)
    if saying is not None:
        return saying
    for said, text in HOLIDAYS.items():
        if word == said[0] and tuple(words[i : i + len(said)]) == said:
            return Span(i, i + len(said), text, "date")
    spelled = spelling.codeword(words, i) or letters.phonetic(words, i)
    if spelled is not None:
        return spelled
    return (
        clock.time(words, i, setting)
        or calendar.date(words, i, setting)
        or quantities.money(words, i, setting)
        or quantities.percent(words, i)
        or quantities.abbreviated(words, i)
        or letters.code(words, i)
        or digits.digits(words, i, setting)
        or quantities.ordinals(words, i)
        or quantities.figure(words, i, setting)
        or (letters.letters(words, i) if single or word in REPEATS else None)
    )
