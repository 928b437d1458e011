"""The dynamic graph: pronunciations and language model in files of their own, which Vosk joins while it decodes.

`HCLr.fst` turns transition ids (`phones.py`) into words and `Gr.fst` is the language model. In place of the second
Vosk puts a grammar of phrases when it is given some. Both are written without any library (`openfst.py`), in
seconds; joining them takes about three times the processor time of a graph that was joined before (`graph.py`).

Words are numbered in the order of their phones, so that those that begin alike are neighbours: what can still be said
in the middle of a word is then one interval of numbers, or a few.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from callscribe.models.adapt import openfst
from callscribe.models.adapt.language_model import Backoff, Floats, Ints
from callscribe.models.adapt.phones import (
    COUNT,
    INDEX,
    POSITIONAL_COUNT,
    SILENCE_NUMBER,
    entering,
    in_word,
    plain,
    positional,
    staying,
)
from callscribe.models.adapt.pronunciations import MOST, PAUSE

UNKNOWN = "[unk]"
"""Stands for any other speech among phrases; the language model never says it."""
UNKNOWN_COST = 4.5
"""Of each phone in UNKNOWN; a free choice among 39 costs 3.7. Chosen on the development speakers: 37 of 38 commands
were right, and of 25 other words 11 were taken for one. Less takes fewer (8 at 3.5), but then the many ways to say
nothing in particular take too long to sort out."""
FILES = ("HCLr.fst", "Gr.fst", "disambig_tid.int")

Phones = tuple[int, ...]
Lexicon = Mapping[str, Sequence[Sequence[str]]]
STAGES = (
    ("reading the language model", 0.0),
    ("joining words and pronunciations", 0.4),
    ("writing the graph", 0.8),
)
"""What `build` does, and the fraction done before it."""


def build(
    model: Backoff, lexicon: Lexicon, folder: Path, report: Callable[[], None] = lambda: None
) -> None:
    """Write FILES and `words.txt` into `folder`, which must exist; a few seconds.

    Args:
        report: called as each of STAGES begins.

    Raises:
        KeyError: a word of the model has no pronunciation.
    """
    report()
    entries = sorted(
        {
            (tuple(in_word([INDEX[p] for p in phones])), word)
            for word in model.words
            for phones in lexicon[word][:MOST]
        }
    )
    numbers: dict[str, int] = {}
    for _, word in entries:
        numbers.setdefault(word, len(numbers) + 1)
    grammar = _grammar(model, np.array([numbers[word] for word in model.words], np.int64))
    report()
    numbers[UNKNOWN] = len(numbers) + 1
    pronouncing = _Pronouncing(numbers[UNKNOWN])
    pronouncing.add_words([(phones, numbers[word]) for phones, word in entries])
    pronouncing.add_unknown()
    transducer = pronouncing.file()
    report()
    for name, content in zip(FILES, (transducer, grammar, _NO_SYMBOLS), strict=True):
        (folder / name).write_bytes(content)
    lines = ["<eps> 0", *(f"{word} {number}" for word, number in numbers.items())]
    (folder / "words.txt").write_text("\n".join(lines) + "\n", encoding="ascii")


# Vosk takes these inputs away after joining. There are none, but an empty file is an error.
_NO_SYMBOLS = f"{entering(POSITIONAL_COUNT, COUNT - 1) + 1}\n".encode()


class _Pronouncing:
    """Transition ids in, words out, with optional silence around them.

    Words that begin alike share states until it is clear which one it is; then the word is said, and its last phones
    share states with all words that end alike.
    """

    def __init__(self, unknown: int) -> None:
        self._unknown = unknown
        self._sources: list[int] = []
        self._arcs: list[tuple[int, int, float, int]] = []
        self._ahead: list[set[int] | None] = []  # words that can come first; None: all
        self._beginnings: dict[Phones, int] = {}
        self._endings: dict[Phones, int] = {}
        pause, go_on = -math.log(PAUSE), -math.log(1 - PAUSE)
        self._pause, self._go_on = pause, go_on
        self._between = [self._state() for _ in range(COUNT)]  # two words, by the phone before
        self._start = self._state()
        self._silence = self._state()
        self._arc(self._start, 0, 0, go_on, self._between[0])
        self._arc(self._start, entering(SILENCE_NUMBER, 0), 0, pause, self._silence)
        self._arc(self._silence, staying(SILENCE_NUMBER), 0, 0.0, self._silence)
        self._arc(self._silence, 0, 0, 0.0, self._between[0])

    def _state(self, phone: int = 0) -> int:
        number = len(self._ahead)
        self._ahead.append(None)
        if phone:
            self._arc(number, staying(phone), 0, 0.0, number)
        return number

    def _arc(self, source: int, transition: int, word: int, cost: float, target: int) -> None:
        self._sources.append(source)
        self._arcs.append((transition, word, cost, target))

    def add_words(self, entries: Sequence[tuple[Phones, int]]) -> None:
        """Sorted pronunciations with the words' numbers."""
        shared = [
            0,
            *(_alike(a, b) for (a, _), (b, _) in itertools.pairwise(entries)),
            0,
        ]
        for place, (phones, word) in enumerate(entries):
            clear = min(max(shared[place], shared[place + 1]), len(phones) - 1)
            for size in range(1, clear + 1):
                state = self._beginning(phones[:size])
                ahead = self._ahead[state]
                if ahead is not None:
                    ahead.add(word)
            self._step(phones[:clear], phones[clear], word, self._ending(phones[clear:]))

    def _beginning(self, phones: Phones) -> int:
        if phones not in self._beginnings:
            self._beginnings[phones] = state = self._state(phones[-1])
            self._ahead[state] = set()
            self._step(phones[:-1], phones[-1], 0, state)
        return self._beginnings[phones]

    def _ending(self, phones: Phones) -> int:
        if phones not in self._endings:
            self._endings[phones] = state = self._state(phones[0])
            before = plain(phones[0])
            if len(phones) == 1:
                self._arc(state, 0, 0, self._go_on, self._between[before])
                self._arc(state, entering(SILENCE_NUMBER, before), 0, self._pause, self._silence)
            else:
                after = self._ending(phones[1:])
                self._arc(state, entering(phones[1], before), 0, 0.0, after)
        return self._endings[phones]

    def _step(self, done: Phones, phone: int, word: int, target: int) -> None:
        """Enter `phone` after the phones `done` of the same word."""
        if done:
            label = entering(phone, plain(done[-1]))
            self._arc(self._beginnings[done], label, word, 0.0, target)
            return
        for before, source in enumerate(self._between):
            self._arc(source, entering(phone, before), word, 0.0, target)

    def add_unknown(self) -> None:
        """Any phones in any number as one word."""
        spoken = range(1, COUNT)
        first = {phone: self._state(positional(phone, 0)) for phone in spoken}
        inner = {phone: self._state(positional(phone, 1)) for phone in spoken}
        last = {phone: self._ending((positional(phone, 2),)) for phone in spoken}
        single = {phone: self._ending((positional(phone, 3),)) for phone in spoken}
        for before, source in enumerate(self._between):
            begin = self._state()
            self._arc(source, 0, self._unknown, 0.0, begin)
            for position, states in ((0, first), (3, single)):
                self._enter(begin, before, position, states)
        for states in (first, inner):
            for before, source in states.items():
                self._enter(source, before, 1, inner)
                self._enter(source, before, 2, last)

    def _enter(self, source: int, before: int, position: int, states: Mapping[int, int]) -> None:
        for phone, target in states.items():
            self._arc(
                source, entering(positional(phone, position), before), 0, UNKNOWN_COST, target
            )

    def file(self) -> bytes:
        finals = np.full(len(self._ahead), np.inf)
        finals[self._between] = 0
        final_label = self._unknown + 1
        everything = ((1, final_label + 1),)
        reach = [
            everything if ahead is None else _intervals(sorted(ahead)) for ahead in self._ahead
        ]
        return openfst.look_ahead_transducer(
            self._start,
            finals,
            np.array(self._sources, np.int64),
            np.array(self._arcs, openfst.ARC),
            reach,
            final_label,
        )


def _alike(one: Phones, other: Phones) -> int:
    """How many phones two words have in common at their beginning."""
    same = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        same += 1
    return same


def _intervals(numbers: Sequence[int]) -> list[tuple[int, int]]:
    intervals: list[tuple[int, int]] = []
    for number in numbers:
        if intervals and intervals[-1][1] == number:
            intervals[-1] = intervals[-1][0], number + 1
        else:
            intervals.append((number, number + 1))
    return intervals


def _grammar(model: Backoff, labels: Ints) -> bytes:
    """The language model as an acceptor: a state for each history, without a label where it falls back.

    Args:
        labels: number of each of the model's words.
    """
    v, begin, end = model.v, model.v - 2, model.v - 1
    singles = np.unique(model.bigrams // v)
    one = np.zeros(v, np.int64)  # state of each one-word history; 0 is the one of none
    one[singles] = 1 + np.arange(len(singles))
    two = 1 + len(singles) + np.arange(len(model.histories))

    def longest(history: Ints, word: Ints) -> Ints:
        key = history * v + word
        at = np.minimum(np.searchsorted(model.histories, key), len(two) - 1)
        if not len(two):
            return one[word]
        return np.where((history >= 0) & (model.histories[at] == key), two[at], one[word])

    finals = np.full(1 + len(singles) + len(two), np.inf)
    parts: dict[str, list[Any]] = defaultdict(list)

    def add(source: Ints, label: Ints, cost: Floats, target: Ints) -> None:
        for name, values in zip("slct", (source, label, cost, target), strict=True):
            parts[name].append(values)

    def follow(source: Ints, before: Ints, word: Ints, p: Floats) -> None:
        ends = word == end
        finals[source[ends]] = _cost(p[ends])
        on = ~ends & (word != begin)
        target = longest(before[on], word[on])
        add(source[on], labels[word[on]], _cost(p[on]), target)

    none, word = np.full(v, -1), np.arange(v)
    follow(np.zeros(v, np.int64), none, word, model.p1)
    before, word = model.bigrams // v, model.bigrams % v
    follow(one[before], before, word, model.p2)
    history, word = model.trigrams // v, model.trigrams % v
    follow(two[np.searchsorted(model.histories, history)], history % v, word, model.p3)
    zero = np.zeros(len(singles), np.int64)
    add(one[singles], zero, _cost(model.b2[singles]), zero)
    zero = np.zeros(len(two), np.int64)
    add(two, zero, _cost(model.b3), one[model.histories % v])

    sources, label, cost, target = (np.concatenate(parts[name]) for name in "slct")
    arcs = np.zeros(len(sources), openfst.ARC)
    arcs["input"] = arcs["output"] = label
    arcs["cost"], arcs["target"] = cost, target
    return openfst.acceptor(int(one[begin]), finals, sources.astype(np.int64), arcs)


def _cost(p: Floats) -> Floats:
    return np.asarray(-np.log(np.maximum(p, 1e-9)), np.float64)
