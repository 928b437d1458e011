"""Turns the recogniser's words into text as a person would write it, and keeps which word went where."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

import msgspec
import numpy as np

from callscribe.events import Token
from callscribe.text.digits import read_out_there
from callscribe.text.fillers import filler_words, hesitation_by_itself
from callscribe.text.lexicon import (
    BEFORE_MISSES,
    BIRTH_CUES,
    CODE_CUES,
    EXPIRY_CUES,
    HESITATIONS,
    MONEY_WORDS,
    MONTHS,
    NAMED_TITLES,
    NUMBER_LABELS,
    PROFANITY,
    QUESTION_CUES,
    READING_CUES,
    ROW_LABELS,
    SCALES,
    TEENS,
    TENS,
    TITLES,
    UNIT_WORDS,
    UNITS,
    WEEKDAYS,
)
from callscribe.text.ranges import joins
from callscribe.text.rules import is_group_word, written_spans
from callscribe.text.spans import Setting, Span
from callscribe.text.tagger import MARKS, Floats, Tagger, Tags

Fillers = Literal["keep", "dim", "hide"]

_BRITISH = frozenset({"gb", "uk", "ie", "au", "nz", "za", "in"})
_LAST_WORD_ENDS = 1.5
"""Added to the log probability of "." and "?" at the end: the recogniser heard the speaker stop."""
_NEVER_ENDS = frozenset("the a an my your our their and".split())
_QUESTION_DOUBT = 1.0
"""Log odds more that a sentence without any word of a question needs for its question mark. On development text this
changes no F1; half of such marks were wrong there, and a wrong one disturbs more than a missing one."""
_PAUSE_FROM_MS, _PAUSE_FULL_MS, _NO_PAUSE_MS = 150, 600, 60
"""A silence of 150 ms begins to speak for a mark and one of 600 ms does so fully: the endpointer ends an utterance
at little more. Words that run on speak against a full stop."""
_PAUSE_MARKS, _PAUSE_STOPS, _NO_PAUSE_STOPS = 2.0, 0.5, -0.4
"""Log odds a full pause gives any mark and a stop besides, and what no pause takes from a stop. Set by hand, well below
what pauses in read speech would justify, for the training text has no times."""
_NOT_YET = "<not yet>"
"""Stands for the word after a partial."""
_FORM_DOUBT = -3.0
"""Words with a fixed form lose their capital only when the model is this sure."""
_NO_MARK_BEFORE_NUMBER = (
    NUMBER_LABELS
    | CODE_CUES
    | BIRTH_CUES
    | EXPIRY_CUES
    | READING_CUES
    | frozenset(
        "year years in at on of for to by from until till since after before the a an is my your".split()
    )
)
"""No mark stands between one of these and a number: "option 3", "in the year 2000"."""
_ALONE_DOUBT = 1.0
"""Log odds a usually small word must have more to stand with a capital among small ones. Chosen on development text."""
_ALWAYS = {
    **{day: day.capitalize() for day in WEEKDAYS},
    **{month: month.capitalize() for month in MONTHS if month not in {"may", "march", "august"}},
    "i": "I", "i'm": "I'm", "i'll": "I'll", "i've": "I've", "i'd": "I'd",
}  # fmt: skip


_NO_NAMES = frozenset(
    {"hundred", *SCALES, "euro", "euros", "dollar", "dollars", "cents", "pence", "slash"}
)
"""The model takes rare words for names."""


class WriterOptions(msgspec.Struct, frozen=True):
    """How finished utterances are written."""

    fillers: Fillers = "dim"
    """`keep` writes "uh" and false starts like any word, `dim` marks their tokens, `hide` leaves them out."""
    profanity_filter: bool = False
    """True writes "f***" for swear words."""


class Written(msgspec.Struct, frozen=True):
    """The written form of one utterance."""

    text: str
    """The tokens' texts joined by spaces; empty ones (hidden fillers) are skipped."""
    tokens: tuple[Token, ...]
    """In order; together they cover every recogniser word once."""


class _Unit(NamedTuple):
    span: Span
    filler: bool


class Writer:
    """Writes utterances of one language. Immutable after construction, safe to share between threads."""

    def __init__(
        self,
        tagger: Tagger | None,
        setting: Setting | None = None,
        options: WriterOptions | None = None,
        language: str = "",
    ) -> None:
        self._tagger = tagger
        self._setting = setting or Setting()
        self._options = options or WriterOptions()
        self.language = language
        self._forms: dict[str, str] = {**(tagger.forms if tagger else {}), **_ALWAYS}

    @classmethod
    def for_language(cls, language: str, options: WriterOptions | None = None) -> Writer:
        """A writer for a BCP 47 tag such as "en" or "en-GB".

        A language without rules gives one that returns the recogniser's own writing, or its words; `supported` is then
        False.

        Raises:
            CallscribeError: the packaged model cannot be read.
        """
        parts = language.replace("_", "-").lower().split("-")
        if parts[0] != "en":
            return cls(None, None, options, language)
        setting = Setting(british=any(part in _BRITISH for part in parts[1:]))
        return cls(Tagger.packaged("en"), setting, options, language)

    @property
    def supported(self) -> bool:
        """Whether there are rules for the language; if not, text is the recogniser's own, or its words."""
        return self._tagger is not None

    def final(
        self,
        words: Sequence[str],
        pauses_ms: Sequence[int] | None = None,
        own: Sequence[Token] = (),
    ) -> Written:
        """The written form of a finished utterance.

        Args:
            words: the recogniser's words, lower case.
            pauses_ms: silence before each word in milliseconds, as many as words; helps punctuation.
            own: the recogniser's own writing of these words, which is taken for languages without rules.

        Raises:
            ValueError: `pauses_ms` has another length than `words`.
        """
        if pauses_ms is not None and len(pauses_ms) != len(words):
            raise ValueError(
                f"{len(pauses_ms)} pauses for {len(words)} words; give one for each word"
            )
        if self._tagger is None:
            return _joined(own) if own else _raw(words)
        if not words:
            return Written("", ())
        heard = [word.lower() for word in words]
        marked = filler_words(heard)
        hide = self._options.fillers == "hide"
        units = [
            _Unit(span, all(i in marked for i in range(span.start, span.stop)))
            for span in written_spans(heard, self._setting)
        ]
        visible = [unit for unit in units if not (hide and unit.filler)]
        texts = dict(
            zip(
                (unit.span.start for unit in visible),
                self._punctuated([unit.span for unit in visible], heard, pauses_ms),
                strict=True,
            )
        )
        flag = self._options.fillers != "keep"
        return _joined(
            Token(texts.get(u.span.start, ""), u.span.start, u.span.stop, flag and u.filler)
            for u in units
        )

    def partial(self, words: Sequence[str]) -> Written:
        """The light form of an utterance that is still going on: numbers and names, no punctuation.

        Adding words never changes the tokens already written, except those of the group of number words or
        letters that reaches the end.
        """
        if self._tagger is None:
            return _raw(words)
        heard = [word.lower() for word in words]
        tokens: list[Token] = []
        i, started = 0, False
        while i < len(heard):
            for span in self._light_spans(heard, i):
                filler = span.kind == "word" and hesitation_by_itself(span.text)
                hidden = filler and self._options.fillers == "hide"
                text = "" if hidden else self._cased(span, None, not started)
                started = started or bool(text)
                flag = filler and self._options.fillers != "keep"
                tokens.append(Token(text, span.start, span.stop, flag))
                i = span.stop
        return _joined(tokens)

    def _light_spans(self, heard: list[str], i: int) -> list[Span]:
        """The spans of the group at `i`, or of its one word. Sees one word beyond the group and no more."""
        j = i
        while j < len(heard) and (is_group_word(heard[j]) or (j > i and joins(heard, j))):
            j += 1
        if j == i:
            return [Span(i, i + 1, heard[i], "word")]
        # At the end of a partial the next word is not known; rules must not take that for the end of the talk.
        seen = [*heard[:j], heard[j] if j < len(heard) else _NOT_YET]
        spans = written_spans(seen, self._setting, start=i, stop=j, addresses=False)
        if j == len(heard) and _unsettled(spans[-1], heard):
            first = spans[-1].start
            if heard[first] not in UNITS or self._stays_a_word(heard, first):
                spans[-1:] = [Span(k, k + 1, heard[k], "word") for k in range(first, j)]
        return spans

    def _stays_a_word(self, heard: list[str], i: int) -> bool:
        """Whether the word at `i`, were it the last, would be written as it was said."""
        alone = written_spans([*heard[: i + 1], _NOT_YET], self._setting, start=i)
        return alone[0].kind == "word"

    def _punctuated(
        self, spans: Sequence[Span], heard: Sequence[str], pauses_ms: Sequence[int] | None
    ) -> list[str]:
        if self._tagger is None or not spans:
            return []
        titles = _possible_titles(spans, heard)
        keys = [_key(span, heard) for span in spans]
        for k in titles:
            keys[k] = "missus" if keys[k] == "misses" else keys[k]
        tags = self._tagger.tag(keys)
        capitals = _own_capitals(tags, keys)
        scores = tags.marks.copy()
        if pauses_ms is not None:
            for k in range(len(spans) - 1):
                _weigh_pause(scores[k], pauses_ms[spans[k + 1].start], spans[k], spans[k + 1])
        for k in range(len(keys) - 1):
            if _is_bound(keys, k):
                scores[k, 1:] -= _BOUND
        if spans[-1].text not in _NEVER_ENDS:
            scores[-1, 2:] += _LAST_WORD_ENDS
        choices = _marks(scores, keys)
        named = [self._named(span, float(c)) for span, c in zip(spans, capitals, strict=True)]
        texts, starts = [], True
        for k, span in enumerate(spans):
            mark = _possible_mark(choices[k], spans, k)
            capital = float(capitals[k])
            if span.kind == "word" and k in titles and named[k + 1]:
                text, mark = NAMED_TITLES[span.text], ""
            elif k and spans[k - 1].kind in {"number", "money"} and span.text in _MEASURES:
                text = self._cased(span, _NEVER, starts)
            elif k and spans[k - 1].text in _TITLE_TEXTS and span.text not in _AFTER_NO_NAME:
                text = self._cased(span, max(capital, 1.0), starts)
            else:
                text = self._cased(span, capital, starts)
            texts.append(text + mark if text else "")
            if text:
                starts = mark in {".", "?"}
        return texts

    def _named(self, span: Span, capital: float) -> bool:
        """Whether a word is written as a name."""
        if span.kind != "word" or span.text in _AFTER_NO_NAME:
            return False
        return capital > 0 or (span.text in self._forms and capital > _FORM_DOUBT)

    def _cased(self, span: Span, capital: float | None, starts: bool) -> str:
        """The span's text with its capitals. `capital` is the model's log odds, None in partials."""
        text = span.text
        if span.kind == "word":
            if self._options.profanity_filter and text in PROFANITY:
                text = text[0] + "*" * (len(text) - 1)
            elif text in _ALWAYS:
                text = _ALWAYS[text]
            elif text in self._forms and (capital is None or capital > _FORM_DOUBT):
                text = self._forms[text]
            elif capital is not None and capital > 0 and text not in _NO_NAMES:
                text = _capitalised(text)
        if starts and span.kind in {"word", "number", "money"} and text.islower():
            text = _capitalised(text)
        return text


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]


def _marks(scores: Floats, keys: Sequence[str]) -> list[str]:
    """The best mark after each unit; a question mark must lead by more in a sentence without a question's words."""
    marks: list[str] = []
    start = 0
    for k, row in enumerate(scores):
        mark = MARKS[int(np.argmax(row))]
        if mark == "?" and QUESTION_CUES.isdisjoint(keys[start : k + 1]):
            row[MARKS.index("?")] -= _QUESTION_DOUBT
            mark = MARKS[int(np.argmax(row))]
        if mark in {".", "?"}:
            start = k + 1
        marks.append(mark)
    return marks


_NEVER = -10.0
"""Log odds of a capital where there is none."""
_BOUND = 3.0
"""Log odds that speak against any mark inside words that belong together; less than a long pause and the model give."""


def _is_bound(keys: Sequence[str], k: int) -> bool:
    """Whether no mark is expected after unit `k`: "area code", "no later than", "no more than", "twenty something"."""
    first, second = keys[k : k + 2]
    if first == "no":
        following = keys[k + 2] if k + 2 < len(keys) else ""
        return following == "than" if second != "more" else following != "like"
    if second == "something":
        return first in {"<number>", "hundred", "thousand", "million"}
    return (first, second) == ("area", "code")


def _own_capitals(tags: Tags, keys: Sequence[str]) -> Floats:
    """The log odds of capitals, lower for common words that would have the only capital around ("two way Street")."""
    large = (tags.capitals > 0) | np.array([key == "<acronym>" for key in keys])
    beside = np.zeros(len(keys), np.bool_)
    beside[1:] |= large[:-1]
    beside[:-1] |= large[1:]
    for k in range(2, len(keys)):  # "Bank of England"
        if keys[k - 1] in _INSIDE_NAMES:
            beside[k] |= large[k - 2]
    doubt = np.where(tags.usually_lower & ~beside, np.float32(_ALONE_DOUBT), np.float32(0))
    return tags.capitals - doubt


_INSIDE_NAMES = frozenset({"of", "the", "and", "<ordinal>", "<number>"})


def _weigh_pause(scores: Floats, pause_ms: int, before: Span, after: Span) -> None:
    """Adds what the silence between two units says to the scores of the marks between them."""
    share = (pause_ms - _PAUSE_FROM_MS) / (_PAUSE_FULL_MS - _PAUSE_FROM_MS)
    share = min(1.0, max(0.0, share))
    if before.text in HESITATIONS or after.text in HESITATIONS:
        share /= 2  # people who look for a word pause in mid-sentence
    scores[1:] += _PAUSE_MARKS * share
    scores[2:] += _PAUSE_STOPS * share if pause_ms >= _NO_PAUSE_MS else _NO_PAUSE_STOPS


def _unsettled(span: Span, heard: Sequence[str]) -> bool:
    """Whether the last group of a partial may still turn into anything: "five ten" (minutes), "eight forty" (dollar
    bills), "one eight" (hundred), "fourteen" (ninety five). It stays words until more is known, so that figures never
    turn back into words."""
    count = span.stop - span.start
    if heard[span.start] in UNITS:
        return count == 2 or (count == 3 and heard[span.stop - 2] in TENS)
    rows = span.start > 0 and heard[span.start - 1] in ROW_LABELS
    if count > 4 or (read_out_there(heard, span.start) and not rows):
        return False
    return heard[span.start] in TEENS or heard[span.start] in TENS


_MEASURES = UNIT_WORDS | MONEY_WORDS | {"stone", "bill", "bills", "grand"}
"""After a number these are no names: "a $100 bill", "12 stone"."""
_TITLE_TEXTS = frozenset({*TITLES.values(), *NAMED_TITLES.values()})
_AFTER_NO_NAME = frozenset(
    "who is was and or but to in on at of for the a an that it i i'm you he she we they me my your".split()
)
"""Never a name after a title: "is there a doctor who"."""


def _possible_titles(spans: Sequence[Span], heard: Sequence[str]) -> frozenset[int]:
    """Places of words that are titles if a name follows: "doctor", and "misses" where no subject stands before it."""
    found = set()
    for k, span in enumerate(spans[:-1]):
        if span.kind != "word" or span.text not in NAMED_TITLES or spans[k + 1].kind != "word":
            continue
        before = heard[span.start - 1] if span.start else ""
        if span.text == "misses" and before not in BEFORE_MISSES:
            continue
        found.add(k)
    return frozenset(found)


def _possible_mark(mark: str, spans: Sequence[Span], k: int) -> str:
    """The mark after unit `k`, or none where no comma can stand: at the end, and between a label and its number."""
    if k == len(spans) - 1:
        return "" if mark == "," else mark
    span, following = spans[k], spans[k + 1]
    if span.text.endswith(","):
        return ""
    letters = {"spelled", "acronym"}
    if {span.kind, following.kind} <= letters and "spelled" in {span.kind, following.kind}:
        return mark if mark == "." else ","
    if span.text in UNITS and following.kind in {"number", "money"}:
        return ""  # "eight $40 bills"
    if following.kind not in {"word", "unknown", "acronym", "spelled"} and (
        span.kind == "word" and span.text in _NO_MARK_BEFORE_NUMBER
    ):
        return ""
    return mark


def _key(span: Span, heard: Sequence[str]) -> str:
    """What the model knows the span by: the word as said ("mister"), or the class of a number."""
    if span.kind == "word":
        return heard[span.start]
    if span.kind == "spelled":
        return "<acronym>"
    return f"<{span.kind}>"


def _joined(tokens: Iterable[Token]) -> Written:
    found = tuple(tokens)
    return Written(" ".join(token.text for token in found if token.text), found)


def _raw(words: Sequence[str]) -> Written:
    return _joined([Token(word, i, i + 1) for i, word in enumerate(words)])
