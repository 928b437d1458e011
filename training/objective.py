"""Lattice-free MMI of a batch: its gradient by hand, wrapped as a loss that autograd can use."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from callscribe.models.adapt.phones import COUNT, PDF_COUNT
from training.lexicon import Lexicon
from training.network import outputs
from training.sequences import PhoneBigram, Sequences, Transcript

HELPER_WEIGHT = 0.15
SIZE_WEIGHT = 1.5e-5  # keeps the scores from growing


@dataclass(frozen=True)
class Figures:
    """Per output frame: the objective, log denominator - log numerator (at least 0, less is better),
    the helper's cross-entropy, and the share of the frames whose utterance had a path."""

    mmi: float
    helper: float
    used: float


class LatticeFreeMmi:
    def __init__(
        self, sequences: Sequences, lexicon: Lexicon, bigram: PhoneBigram, threads: int = 1
    ) -> None:
        self._sequences, self._lexicon, self._bigram = sequences, lexicon, bigram
        self._graphs: dict[str, Transcript] = {}
        self._pool = ThreadPoolExecutor(threads)

    def _graph(self, text: str) -> Transcript:
        graph = self._graphs.get(text)
        if graph is None:
            graph = self._graphs[text] = Transcript(text, self._lexicon, self._bigram)
        return graph

    def _utterance(self, score: np.ndarray, text: str) -> tuple[float, np.ndarray] | None:
        """-> objective and numerator posteriors; the denominator's are taken off in `gradient`."""
        posterior = np.zeros_like(score)
        value = self._sequences.numerator(score, self._graph(text), posterior)
        if value is None:  # fewer frames than phones, or a transcript that does not fit
            return None
        return value, posterior

    def gradient(
        self, scores: np.ndarray, frames: list[int], texts: list[str]
    ) -> tuple[np.ndarray, np.ndarray, float, int]:
        """Of the sum over the batch: gradient by score, numerator posteriors by phone class,
        log denominator - log numerator, and the output frames that count."""
        gradient = np.zeros_like(scores)
        classes = np.zeros((*scores.shape[:2], 2 * COUNT), np.float32)

        def one(i: int) -> tuple[float, int]:
            n = outputs(frames[i])
            score = np.ascontiguousarray(scores[i, :n])
            result = self._utterance(score, texts[i])
            if result is None:
                return 0.0, 0
            value, posterior = result
            entry = posterior[:, : COUNT * COUNT].reshape(n, COUNT, COUNT).sum(1)
            by_class = np.concatenate([entry, posterior[:, COUNT * COUNT :]], 1)
            np.negative(posterior, out=posterior)
            cost = self._sequences.denominator(score, self._bigram, posterior) - value
            if not np.isfinite(cost) or not np.isfinite(posterior).all():
                return 0.0, 0
            gradient[i, :n], classes[i, :n] = posterior, by_class
            return cost, n

        results = list(self._pool.map(one, range(len(texts))))
        return gradient, classes, sum(c for c, _ in results), sum(n for _, n in results)

    def loss(
        self, scores: Tensor, helper: Tensor, frames: list[int], texts: list[str]
    ) -> tuple[Tensor, Figures] | None:
        """None when no utterance of the batch has a path."""
        assert scores.shape[2] == PDF_COUNT
        gradient, classes, cost, used = self.gradient(scores.detach().cpu().numpy(), frames, texts)
        if not used:
            return None
        entropy = (
            -(torch.from_numpy(classes).to(helper.device) * F.log_softmax(helper, 2)).sum() / used
        )
        pull = (
            torch.from_numpy(gradient).to(scores.device) * scores
        ).sum() / used  # its gradient is the wanted one
        loss = pull + HELPER_WEIGHT * entropy + SIZE_WEIGHT * (scores**2).sum() / used
        total = sum(outputs(n) for n in frames)
        return loss, Figures(cost / used, entropy.item(), used / total)
