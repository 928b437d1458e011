"""What people type, understood: words, "phrases", prefix*, AND, OR, NOT (or a minus), brackets, and numbers.

    hold music                 both words
    "hold music"               one after the other
    refund*                    refund, refunds, refunded
    refund OR credit           either
    refund NOT card            without; also: refund -card
    (refund OR credit) card    brackets
    412, four one two          the number, however it was said or written

The operators are in capitals, so that "and" and "or" can be looked for like any word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from callscribe.errors import CallscribeError
from callscribe.search.numbers import Figures, figures, parts
from callscribe.search.words import fold, plain, words

LONGEST = 500
"""Characters in a query."""
_DEEPEST = 20
_SHORTEST_PREFIX = 2


class QueryError(CallscribeError):
    """The query cannot be understood; says where and what would be right."""


@dataclass(frozen=True)
class Word:
    """A word, or with `prefix` all that begin so."""

    text: str
    prefix: bool = False


@dataclass(frozen=True)
class Phrase:
    """Words one after the other."""

    text: str


@dataclass(frozen=True)
class Plain:
    """Words as typed side by side, each of which must be there; numbers among them may span several."""

    text: str


@dataclass(frozen=True)
class All:
    """All of `wanted`, none of `unwanted`."""

    wanted: tuple[Node, ...]
    unwanted: tuple[Node, ...] = ()


@dataclass(frozen=True)
class Any:
    """At least one."""

    of: tuple[Node, ...]


Node = Word | Phrase | Plain | All | Any


class _Token(NamedTuple):
    kind: str
    text: str
    place: int


_OPERATORS = frozenset({"AND", "OR", "NOT"})
_QUOTES = {'"': '"', "“": "”", "„": "“", "«": "»"}
_NUMBER_IN_BRACKETS = re.compile(r"\(\d{1,5}\)[ .-]?\d[\d .-]*")


def parse(query: str) -> Node:
    """The query as a tree.

    Raises:
        QueryError: it cannot be understood.
    """
    if len(query) > LONGEST:
        raise QueryError(f"The query has {len(query)} characters; at most {LONGEST} are allowed.")
    parser = _Parser(list(_tokens(query)))
    return parser.whole()


def _tokens(query: str) -> Iterator[_Token]:
    i = 0
    while i < len(query):
        c = query[i]
        if c.isspace():
            i += 1
        elif c in _QUOTES:
            end = min(
                (e for q in (_QUOTES[c], '"') if (e := query.find(q, i + 1)) >= 0), default=-1
            )
            if end < 0:
                raise QueryError(
                    f"The quotation mark before {query[i + 1 : i + 21]!r} is not closed."
                )
            if not plain(query[i + 1 : end]):
                raise QueryError("Put a word between the quotation marks.")
            yield _Token("phrase", query[i + 1 : end], i)
            i = end + 1
            if query[i : i + 1] == "*":
                raise QueryError(
                    'A * goes at the end of a single word, not after "a phrase": appoint*'
                )
        elif number := _NUMBER_IN_BRACKETS.match(query, i):
            yield _Token("word", number.group().strip(), i)
            i = number.end()
        elif c in "()":
            yield _Token(c, c, i)
            i += 1
        elif c == "-" and re.match(r"-[^\s\d.)-]", query[i:]):
            yield _Token("NOT", "-", i)
            i += 1
        else:
            stop = i
            while stop < len(query) and not query[stop].isspace() and query[stop] not in '()"“”„«»':
                stop += 1
            stop = max(stop, i + 1)
            chunk = query[i:stop]
            if chunk in _OPERATORS:
                yield _Token(chunk, chunk, i)
            elif "*" in chunk.rstrip("*") or chunk.endswith("**") or chunk == "*":
                raise QueryError(f"A * goes at the end of a word: appoint*. Here: {chunk}")
            elif chunk.endswith("*"):
                yield _Token("prefix", _prefix(chunk[:-1]), i)
            elif plain(chunk):
                yield _Token("word", chunk, i)
            i = stop


def _prefix(text: str) -> str:
    parts_ = plain(text)
    if not parts_ or len(parts_[-1]) < _SHORTEST_PREFIX:
        raise QueryError(f"Before a * there must be {_SHORTEST_PREFIX} letters or more: appoint*")
    return text


class _Parser:
    def __init__(self, tokens: Sequence[_Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    def whole(self) -> Node:
        if not self._tokens:
            raise QueryError(
                'There is nothing to search for. Give a word, or a phrase in "quotes".'
            )
        node = self._any()
        if self._kind() == ")":
            raise QueryError("There is a closing bracket without an opening one.")
        return node

    def _kind(self) -> str:
        return self._tokens[self._at].kind if self._at < len(self._tokens) else ""

    def _any(self) -> Node:
        found = [self._all()]
        while self._kind() == "OR":
            self._at += 1
            found.append(self._all())
        return found[0] if len(found) == 1 else Any(tuple(found))

    def _all(self) -> Node:
        wanted: list[Node] = []
        unwanted: list[Node] = []
        started = False
        while self._kind() not in ("", ")", "OR"):
            kind = self._kind()
            if kind == "AND":
                self._at += 1
                if not started or self._kind() in ("", ")", "OR", "AND"):
                    raise QueryError("AND goes between two words: refund AND card")
                continue
            negated = kind == "NOT"
            if negated:
                self._at += 1
                if self._kind() in ("", ")", "OR", "AND", "NOT"):
                    raise QueryError("NOT or a minus needs a word after it: refund NOT card")
            node = self._one(joined=not negated)
            (unwanted if negated else wanted).append(node)
            started = True
        if not started:
            raise QueryError("OR and brackets need a word on each side: refund OR credit")
        if not wanted:
            raise QueryError(
                "A search needs something to find, not only something to exclude: refund NOT card"
            )
        if len(wanted) == 1 and not unwanted:
            return wanted[0]
        return All(tuple(wanted), tuple(unwanted))

    def _one(self, *, joined: bool) -> Node:
        token = self._tokens[self._at]
        self._at += 1
        if token.kind == "(":
            self._depth += 1
            if self._depth > _DEEPEST:
                raise QueryError("There are too many nested brackets.")
            node = self._any()
            if self._kind() != ")":
                raise QueryError("A bracket is not closed.")
            self._at += 1
            self._depth -= 1
            return node
        if token.kind == "phrase":
            return Phrase(token.text)
        if token.kind == "prefix":
            return Word(token.text, prefix=True)
        texts = [token.text]
        while joined and self._kind() == "word":
            texts.append(self._tokens[self._at].text)
            self._at += 1
        return Plain(" ".join(texts))


# From the tree to the index's language (https://www.sqlite.org/fts5.html, 3) and to what is marked in a hit.

TEXT_COLUMNS = "{text spoken}"
NUMBER_COLUMN = "{digits}"


@dataclass(frozen=True)
class Marks:
    """What to mark in a hit."""

    phrases: tuple[tuple[str, ...], ...] = ()
    """Folded words that follow each other; single words too."""
    prefixes: tuple[str, ...] = ()
    numbers: tuple[Figures, ...] = ()


def compile_query(node: Node) -> str:
    """The query in the language of SQLite's FTS5."""
    match node:
        case Word():
            return _match_words(node.text, prefix=node.prefix)
        case Phrase():
            return _match_phrase(node.text)
        case Plain():
            return _joined(" AND ", [_match_unit(unit) for unit in _units(node.text)])
        case Any():
            return _joined(" OR ", [compile_query(part) for part in node.of])
        case All():
            found = _joined(" AND ", [compile_query(part) for part in node.wanted])
            for part in node.unwanted:
                found = f"({found} NOT {compile_query(part)})"
            return found


def marks(node: Node) -> Marks:
    """What the words of the query look like in a text that it finds."""
    phrases: dict[tuple[str, ...], None] = {}
    prefixes: dict[str, None] = {}
    numbers: dict[Figures, None] = {}

    def gather(part: Node) -> None:
        match part:
            case Word():
                *before, last = plain(part.text)
                prefixes[last] = None
                phrases.update({(word,): None for word in before})
            case Phrase():
                phrases[tuple(plain(part.text))] = None
                numbers.update(dict.fromkeys(figures(part.text)))
            case Plain():
                for unit in _units(part.text):
                    if unit.number is None:
                        phrases[tuple(plain(unit.text))] = None
                    else:
                        numbers.update(dict.fromkeys(unit.numbers))
                        phrases[tuple(plain(unit.text))] = None
            case Any():
                for one in part.of:
                    gather(one)
            case All():
                for one in part.wanted:
                    gather(one)

    gather(node)
    return Marks(tuple(phrases), tuple(prefixes), tuple(numbers))


def looked_up(node: Node) -> list[str]:
    """The words a person may have misspelled, as typed: everything but what must not be there."""
    match node:
        case Word():
            return []
        case Phrase() | Plain():
            return [node.text[found.start : found.stop] for found in words(node.text)]
        case Any():
            return [word for part in node.of for word in looked_up(part)]
        case All():
            return [word for part in node.wanted for word in looked_up(part)]


class _Unit(NamedTuple):
    """One word of plain text, or the words of one number."""

    text: str
    number: Figures | None
    numbers: tuple[Figures, ...]


def _units(text: str) -> list[_Unit]:
    """Plain words cut so that a number is in one piece."""
    found = figures(text)
    units: list[_Unit] = []
    place = 0
    for start, stop in _outermost(found):
        units += _single(text[place:start])
        inside = tuple(n for n in found if n.start >= start and n.stop <= stop)
        whole = max(inside, key=lambda n: n.stop - n.start)
        units.append(_Unit(text[start:stop], whole, inside))
        place = stop
    units += _single(text[place:])
    return units


def _single(text: str) -> list[_Unit]:
    return [_Unit(chunk, None, ()) for chunk in text.split() if plain(chunk)]


def _outermost(found: Sequence[Figures]) -> list[tuple[int, int]]:
    """Stretches of text that numbers take up, overlapping ones as one."""
    stretches: list[tuple[int, int]] = []
    for number in found:
        if stretches and number.start < stretches[-1][1]:
            start, stop = stretches[-1]
            stretches[-1] = (start, max(stop, number.stop))
        else:
            stretches.append((number.start, number.stop))
    return stretches


def _match_unit(unit: _Unit) -> str:
    if unit.number is None:
        return _match_words(unit.text)
    widest = [n for n in unit.numbers if n[:2] == unit.number[:2]]
    options = [_match_words(unit.text), *_match_figures(widest)]
    pieces = unit.text.split()
    if len(pieces) > 1 and all(any(c.isdigit() for c in piece) for piece in pieces):
        # "412 50" may be two numbers
        options.append(_joined(" AND ", [_match_unit(_units(piece)[0]) for piece in pieces]))
    return _joined(" OR ", options)


def _match_phrase(text: str) -> str:
    units = _units(text)
    exact = _match_words(text)
    if not any(unit.number for unit in units):
        return exact
    # With its numbers said or written otherwise: the words around them in order, the numbers anywhere.
    options: list[str] = []
    words_: list[str] = []
    for unit in units:
        if unit.number is None:
            words_.append(unit.text)
            continue
        if words_:
            options.append(_match_words(" ".join(words_)))
            words_ = []
        options.append(_match_unit(unit))
    if words_:
        options.append(_match_words(" ".join(words_)))
    return _joined(" OR ", [exact, _joined(" AND ", options)])


def _match_words(text: str, *, prefix: bool = False) -> str:
    """The words of `text` one after the other."""
    return f"{TEXT_COLUMNS} : {quoted(' '.join(plain(text)))}{' *' if prefix else ''}"


def _match_figures(numbers: Sequence[Figures]) -> list[str]:
    forms = sorted({form for number in numbers for form in number.forms})
    rows = sorted({part for number in numbers for part in parts(number)})
    return [
        *(f"{NUMBER_COLUMN} : {quoted(form)}" for form in forms),
        *(f"{NUMBER_COLUMN} : {quoted('s' + row)} *" for row in rows),
    ]


def quoted(text: str) -> str:
    """A string of the index's language."""
    return '"' + text.replace('"', '""') + '"'


def _joined(operator: str, options: Sequence[str]) -> str:
    distinct = list(dict.fromkeys(options))
    return distinct[0] if len(distinct) == 1 else f"({operator.join(distinct)})"


def replace_words(query: str, better: dict[str, str]) -> str:
    """The query with words exchanged, e.g. for "did you mean"; `better` is by folded word."""
    result, place = [], 0
    for found in words(query):
        result += [
            query[place : found.start],
            better.get(found.word, query[found.start : found.stop]),
        ]
        place = found.stop
    return "".join([*result, query[place:]])


__all__ = ["Marks", "Node", "QueryError", "compile_query", "fold", "looked_up", "marks", "parse"]
