"""The decoding graph: language model, pronunciations and phones in one finite-state transducer.

Input labels are transition ids (`phones.py`), output labels words; there are no transition costs, as
they are the same for every frame. Needs pynini, and must not share a process with vosk: both carry a
copy of OpenFst, and loading vosk after pynini never returns. `worker.py` keeps them apart.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pywrapfst as fst

from callscribe.models.adapt.language_model import Backoff
from callscribe.models.adapt.phones import (
    INDEX,
    POSITIONAL_COUNT,
    SILENCE_NUMBER,
    entering,
    in_word,
    plain,
    staying,
)
from callscribe.models.adapt.pronunciations import MOST, PAUSE

BACK_OFF = POSITIONAL_COUNT + 1  # the first of the disambiguation symbols

Lexicon = Mapping[str, Sequence[Sequence[str]]]


def _disambiguated(
    words: Sequence[str], lexicon: Lexicon
) -> tuple[list[tuple[str, tuple[int, ...]]], int]:
    """-> (word, positional phones, with a symbol of its own where another word has or goes on from
    the same phones), and the first symbol not used."""
    entries = [
        (word, tuple(in_word([INDEX[p] for p in phones])))
        for word in words
        for phones in lexicon[word][:MOST]
    ]
    count = Counter(phones for _, phones in entries)
    beginnings = {phones[:i] for _, phones in entries for i in range(1, len(phones))}
    used: Counter[tuple[int, ...]] = Counter()
    out = []
    for word, phones in entries:
        if count[phones] > 1 or phones in beginnings:
            used[phones] += 1
            phones = (*phones, BACK_OFF + used[phones])
        out.append((word, phones))
    return out, BACK_OFF + max(used.values(), default=0) + 1


def _lexicon_fst(words: Sequence[str], lexicon: Lexicon, back_label: int) -> tuple[Any, int]:
    """Phones in, words out, with optional silence; and the last disambiguation symbol."""
    entries, after_silence = _disambiguated(words, lexicon)
    label = {word: number + 1 for number, word in enumerate(words)}
    f = fst.VectorFst()
    begin, loop, silence, silence_end = (f.add_state() for _ in range(4))
    f.set_start(begin)
    f.set_final(loop, 0)
    pause, no_pause = -math.log(PAUSE), -math.log(1 - PAUSE)
    f.add_arc(begin, fst.Arc(0, 0, no_pause, loop))
    f.add_arc(begin, fst.Arc(0, 0, pause, silence))
    f.add_arc(silence, fst.Arc(SILENCE_NUMBER, 0, 0, silence_end))
    f.add_arc(silence_end, fst.Arc(after_silence, 0, 0, loop))
    for word, phones in entries:
        state, out = loop, label[word]
        for phone in phones[:-1]:
            after = f.add_state()
            f.add_arc(state, fst.Arc(phone, out, 0, after))
            state, out = after, 0
        f.add_arc(state, fst.Arc(phones[-1], out, no_pause, loop))
        f.add_arc(state, fst.Arc(phones[-1], out, pause, silence))
    f.add_arc(loop, fst.Arc(BACK_OFF, back_label, 0, loop))
    f.arcsort("olabel")
    return f, after_silence


def _grammar_fst(model: Backoff, back_label: int) -> Any:
    """The language model as an acceptor of word labels; `back_label` falls back to a shorter history."""
    v, begin, end = model.v, model.v - 2, model.v - 1
    pairs = set(model.histories.tolist())
    singles = set(np.unique(model.bigrams // v).tolist())
    f = fst.VectorFst()
    states: dict[tuple[int, ...], int] = {}

    def state(history: tuple[int, ...]) -> int:
        if history not in states:
            states[history] = f.add_state()
        return states[history]

    def longest(x: int | None, y: int) -> int:
        if x is not None and x * v + y in pairs:
            return state((x, y))
        return state((y,)) if y in singles else state(())

    def cost(p: float) -> float:
        return -math.log(max(p, 1e-9))

    def follow(source: int, y: int | None, word: int, p: float) -> None:
        if word == end:
            f.set_final(source, cost(p))
        elif word != begin:
            f.add_arc(source, fst.Arc(word + 1, word + 1, cost(p), longest(y, word)))

    f.set_start(state((begin,)) if begin in singles else state(()))
    for word, p in enumerate(model.p1.tolist()):
        follow(state(()), None, word, p)
    for key, p in zip(model.bigrams.tolist(), model.p2.tolist(), strict=True):
        follow(state((key // v,)), key // v, key % v, p)
    for key, p in zip(model.trigrams.tolist(), model.p3.tolist(), strict=True):
        history, word = divmod(key, v)
        follow(state(divmod(history, v)), history % v, word, p)
    for y in singles:
        f.add_arc(state((y,)), fst.Arc(back_label, 0, cost(float(model.b2[y])), state(())))
    for history, weight in zip(model.histories.tolist(), model.b3.tolist(), strict=True):
        target = longest(None, history % v)
        f.add_arc(state(divmod(history, v)), fst.Arc(back_label, 0, cost(weight), target))
    f.connect()
    f.arcsort("ilabel")
    return f


def _expand(lg: Any) -> Any:
    """Phones to transition ids. A state is (state of `lg`, phone entered last or 0, phone before)."""
    f = fst.VectorFst()
    states: dict[tuple[int, int, int], int] = {}
    todo: list[tuple[int, int, int]] = []
    zero = fst.Weight.zero("tropical")

    def state(source: int, phone: int, before: int) -> int:
        key = (source, phone, before)
        if key not in states:
            states[key] = number = f.add_state()
            todo.append(key)
            if lg.final(source) != zero:
                f.set_final(number, lg.final(source))
            if phone:
                f.add_arc(number, fst.Arc(staying(phone), 0, 0, number))
        return states[key]

    f.set_start(state(lg.start(), 0, 0))
    while todo:
        key = todo.pop()
        source, _, before = key
        number = states[key]
        for arc in lg.arcs(source):
            phone = arc.ilabel
            if phone:
                target = state(arc.nextstate, phone, plain(phone))
                label = entering(phone, before)
            else:
                target, label = state(arc.nextstate, 0, before), 0
            f.add_arc(number, fst.Arc(label, arc.olabel, arc.weight, target))
    return f


STAGES = (
    ("reading the language model", 0.0),
    ("joining words and pronunciations", 0.1),
    ("making the graph small", 0.5),
    ("adding the phones' states", 0.7),
    ("writing the graph", 0.95),
)
"""What `build` does, and the fraction done before it."""


def build(
    model: Backoff, lexicon: Lexicon, folder: Path, report: Callable[[], None] = lambda: None
) -> None:
    """Write `HCLG.fst` and `words.txt` into `folder`, which must exist.

    Args:
        report: called as each of STAGES begins.

    Raises:
        KeyError: a word of the model has no pronunciation.
    """
    report()
    back_label = len(model.words) + 1
    pronouncing, last = _lexicon_fst(model.words, lexicon, back_label)
    grammar = _grammar_fst(model, back_label)
    report()
    lg = fst.determinize(fst.compose(pronouncing, grammar))
    report()
    lg.relabel_pairs(ipairs=[(symbol, 0) for symbol in range(BACK_OFF, last + 1)])
    lg.minimize(allow_nondet=True)
    report()
    expanded = _expand(lg)
    report()
    fst.convert(expanded, "const").write(str(folder / "HCLG.fst"))
    lines = ["<eps> 0", *(f"{word} {n}" for n, word in enumerate(model.words, 1))]
    (folder / "words.txt").write_text("\n".join(lines) + "\n")
