"""Reads the files of a dynamic graph as OpenFst's headers describe them, independently of what writes them."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

Arc = tuple[int, int, float, int]
"""Input, output, cost, next state."""


class Reader:
    def __init__(self, content: bytes) -> None:
        self.content, self.at = content, 0

    def take(self, form: str) -> list[int]:
        size = struct.calcsize("<" + form)
        values = struct.unpack_from("<" + form, self.content, self.at)
        self.at += size
        return list(values)

    def text(self) -> str:
        (size,) = self.take("i")
        self.at += size
        return self.content[self.at - size : self.at].decode()


@dataclass
class Transducer:
    kind: str
    properties: int = 0
    start: int = -1
    finals: list[float] = field(default_factory=list)
    arcs: list[list[Arc]] = field(default_factory=list)
    epsilons: list[tuple[int, int]] = field(default_factory=list)
    """By state, as the file counts them: arcs without input, arcs without output."""
    reach: list[set[int]] = field(default_factory=list)
    final_label: int = -1


def read(content: bytes) -> Transducer:
    reader = Reader(content)
    kind = _header(reader)[0]
    if kind == "const":
        reader.at = 0
        return _const(reader)
    assert kind == "olabel_lookahead"
    assert reader.take("i") == [446681434]
    found = _const(reader)
    found.kind = kind
    assert reader.take("?????") == [True, False, True, False, False]
    found.final_label, count = reader.take("iq")
    for _ in range(count):
        (intervals,) = reader.take("q")
        numbers: list[int] = []
        for _ in range(intervals):
            begin, end = reader.take("ii")
            assert begin < end
            assert not numbers or numbers[-1] < begin - 1, "neither overlapping nor touching"
            numbers += range(begin, end)
        assert reader.take("i") == [len(numbers)]
        found.reach.append(set(numbers))
    assert reader.at == len(content)
    return found


def _header(reader: Reader) -> tuple[str, int, int, int, int]:
    assert reader.take("i") == [2125659606]
    kind = reader.text()
    assert reader.text() == "standard"
    _, flags, properties, start, states, arcs = reader.take("iiQqqq")
    assert flags == 0
    return kind, properties, start, states, arcs


def _const(reader: Reader) -> Transducer:
    kind, properties, start, states, count = _header(reader)
    rows = [reader.take("fIIII") for _ in range(states)]
    arcs = [reader.take("iifi") for _ in range(count)]
    found = Transducer(kind, properties, start)
    for final, at, size, no_input, no_output in rows:
        found.finals.append(final)
        found.epsilons.append((no_input, no_output))
        found.arcs.append([(i, o, c, n) for i, o, c, n in arcs[at : at + size]])
    return found


def best_words(ids: Sequence[int], pronouncing: Transducer, grammar: Transducer) -> list[int]:
    """Words of the cheapest way through both transducers that reads `ids`."""
    Key = tuple[int, int]
    beam: dict[Key, tuple[float, tuple[int, ...]]] = {(pronouncing.start, grammar.start): (0.0, ())}

    def better(
        found: dict[Key, tuple[float, tuple[int, ...]]],
        key: Key,
        way: tuple[float, tuple[int, ...]],
    ) -> bool:
        if key in found and found[key][0] <= way[0]:
            return False
        found[key] = way
        return True

    def close() -> None:
        todo = list(beam)
        while todo:
            key = todo.pop()
            cost, words = beam[key]
            p, g = key
            moves = [(c, (n, g), o) for i, o, c, n in pronouncing.arcs[p] if i == 0]
            moves += [(c, (p, n), -1) for i, _, c, n in grammar.arcs[g] if i == 0]
            for more, (np, ng), word in moves:
                for extra, target in after(ng, word) if word > 0 else [(0.0, ng)]:
                    said = (*words, word) if word > 0 else words
                    if better(beam, (np, target), (cost + more + extra, said)):
                        todo.append((np, target))

    def after(g: int, word: int) -> list[tuple[float, int]]:
        return [(c, n) for i, _, c, n in grammar.arcs[g] if i == word]

    for label in ids:
        close()
        stepped: dict[Key, tuple[float, tuple[int, ...]]] = {}
        for (p, g), (cost, words) in beam.items():
            for i, o, c, n in pronouncing.arcs[p]:
                if i != label:
                    continue
                for extra, target in after(g, o) if o else [(0.0, g)]:
                    said = (*words, o) if o else words
                    better(stepped, (n, target), (cost + c + extra, said))
        beam = stepped
    close()
    ends = [
        (cost + pronouncing.finals[p] + grammar.finals[g], words)
        for (p, g), (cost, words) in beam.items()
    ]
    return list(min(ends)[1])
