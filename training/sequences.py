"""Numerator and denominator of lattice-free MMI: the Python face of `sequences.c`.

The numerator of an utterance is the graph of its transcript's pronunciations with optional silence;
the denominator is every phone sequence under a phone bigram. Both weigh phone pairs alike.
"""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from callscribe.models.adapt.phones import COUNT, PDF_COUNT, entry_pdf, stay_pdf
from training.lexicon import Lexicon

SOURCE = Path(__file__).with_name("sequences.c")
NEVER = -1e20
BEAM = 250.0  # below about 200, paths are lost while the network is young

_F, _I, _P = ctypes.c_float, ctypes.c_int, ctypes.c_void_p


class _Arrays(ctypes.Structure):
    _fields_ = (
        ("states", _I),
        *((name, _P) for name in ("first", "source", "weight", "entry", "stay")),
        *((name, _P) for name in ("start", "start_entry", "final")),
    )


@cache
def library(folder: Path) -> ctypes.CDLL:
    """Compile `sequences.c` into `folder` where it is missing or old, and load it. Needs gcc."""
    built = folder / "sequences.so"
    if not built.exists() or built.stat().st_mtime < SOURCE.stat().st_mtime:
        folder.mkdir(parents=True, exist_ok=True)
        flags = ["-O3", "-march=native", "-ffast-math", "-shared", "-fPIC"]
        subprocess.run(["gcc", *flags, "-o", str(built), str(SOURCE), "-lm"], check=True)
    lib = ctypes.CDLL(str(built.resolve()))
    lib.numerator.restype = lib.best_path.restype = lib.denominator.restype = _F
    lib.numerator.argtypes = [_I, _I, _P, _P, _F, _F, _P]
    lib.best_path.argtypes = [_I, _I, _P, _P, _P, _P]
    lib.denominator.argtypes = [_I, _I, _P, _P, _P, _F, _P]
    return lib


@dataclass(frozen=True)
class PhoneBigram:
    """start: (phones,), pairs: (phones, phones) of probabilities; rows sum to one."""

    start: np.ndarray
    pairs: np.ndarray

    @classmethod
    def count(cls, texts: Iterable[str], lexicon: Lexicon, rng: np.random.Generator) -> PhoneBigram:
        """Estimate from transcripts, with pronunciations and pauses drawn at random."""
        pairs, start = np.full((COUNT, COUNT), 0.2), np.full(COUNT, 0.2)
        for text in texts:
            phones = [0] if rng.random() < 0.8 or not text else []
            for word in text.split():
                choices = lexicon.indices(word)
                phones += choices[int(rng.integers(len(choices)))]
                if rng.random() < 0.2:
                    phones.append(0)
            if phones[-1] and rng.random() < 0.9:
                phones.append(0)
            start[phones[0]] += 1
            np.add.at(pairs, (phones[:-1], phones[1:]), 1)
        pairs[0, 0] = 1e-3
        pairs /= pairs.sum(1, keepdims=True)
        return cls((start / start.sum()).astype(np.float32), pairs.astype(np.float32))


class Transcript:
    """The phone graph of one text; silence is optional at both ends and between words."""

    def __init__(self, text: str, lexicon: Lexicon, bigram: PhoneBigram) -> None:
        self.phones, arcs, starts, finals = _graph([lexicon.indices(w) for w in text.split()])
        ends = np.array(sorted(arcs, key=lambda arc: (arc[1], arc[0])), np.int32).reshape(-1, 2)
        source, target = np.ascontiguousarray(ends[:, 0]), ends[:, 1]
        before, phone = self.phones[source], self.phones[target]
        n = len(self.phones)
        start = np.full(n, NEVER, np.float32)
        start[starts] = np.log(bigram.start)[self.phones[starts]]
        final = np.zeros(n, np.uint8)
        final[finals] = 1
        with np.errstate(divide="ignore"):
            weight = np.log(bigram.pairs)[before, phone].astype(np.float32)
        self.first = np.searchsorted(target, np.arange(n + 1)).astype(np.int32)
        self.source, self.weight = source, weight
        self.entry = entry_pdf(before, phone).astype(np.int32)
        self.stay = stay_pdf(self.phones).astype(np.int32)
        self.start, self.final = start, final
        self.start_entry = entry_pdf(np.zeros_like(self.phones), self.phones).astype(np.int32)
        self._struct = _Arrays(n, *(a.ctypes.data for a in self._fields()))

    def _fields(self) -> tuple[np.ndarray, ...]:
        into = (self.first, self.source, self.weight, self.entry, self.stay)
        return *into, self.start, self.start_entry, self.final

    @property
    def pointer(self) -> ctypes.c_void_p:
        return ctypes.byref(self._struct)


def _graph(
    words: list[list[list[int]]],
) -> tuple[np.ndarray, list[tuple[int, int]], list[int], list[int]]:
    """-> phones of the states, arcs, states to start in, states to end in."""
    phones, arcs, starts, ends = [0], [], [0], [0]
    for number, pronunciations in enumerate(words):
        word_ends = []
        for pronunciation in pronunciations:
            sources = ends
            for position, phone in enumerate(pronunciation):
                state = len(phones)
                phones.append(phone)
                arcs += [(source, state) for source in sources]
                sources = [state]
                if number == 0 and position == 0:
                    starts.append(state)
            word_ends += sources
        pause = len(phones)
        phones.append(0)
        arcs += [(source, pause) for source in word_ends]
        ends = [*word_ends, pause]
    return np.array(phones, np.int32), arcs, starts, ends


class Sequences:
    """The three recursions. Scores are float32, C-ordered, (frames, PDF_COUNT); ctypes lets go of
    the interpreter's lock, so threads run them side by side."""

    def __init__(self, build: Path) -> None:
        self._lib = library(build)

    def numerator(
        self, score: np.ndarray, transcript: Transcript, posterior: np.ndarray, beam: float = BEAM
    ) -> float | None:
        """Add the posteriors to `posterior` and return the log score, or None without a path."""
        value = self._lib.numerator(
            *score.shape, score.ctypes.data, transcript.pointer, beam, 1.0, posterior.ctypes.data
        )
        return None if value < NEVER / 2 else value

    def denominator(
        self, score: np.ndarray, bigram: PhoneBigram, posterior: np.ndarray, sign: float = 1.0
    ) -> float:
        """Add sign * posteriors to `posterior` and return the log score."""
        assert score.shape[1] == PDF_COUNT
        tables = bigram.pairs.ctypes.data, bigram.start.ctypes.data
        return self._lib.denominator(
            len(score), COUNT, score.ctypes.data, *tables, sign, posterior.ctypes.data
        )

    def best_path(
        self, score: np.ndarray, transcript: Transcript
    ) -> tuple[np.ndarray, np.ndarray] | None:
        """-> (phone index, whether it is entered) of every frame, or None without a path."""
        state = np.zeros(len(score), np.int32)
        entered = np.zeros(len(score), np.uint8)
        value = self._lib.best_path(
            *score.shape,
            score.ctypes.data,
            transcript.pointer,
            state.ctypes.data,
            entered.ctypes.data,
        )
        return None if value < NEVER / 2 else (transcript.phones[state], entered.astype(bool))
