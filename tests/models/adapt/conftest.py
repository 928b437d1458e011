from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from callscribe.models.adapt import dynamic_graph, pronunciations, worker
from callscribe.models.adapt.language_model import Backoff

MODEL = Path(__file__).parents[3] / "src/callscribe/models/phone-en"
FREQUENT = 2500


def frequent_words(folder: Path) -> Path:
    """Copy the built-in model with its most frequent words alone, and without a graph, into `folder`."""
    shutil.copytree(MODEL, folder, ignore=shutil.ignore_patterns("HCLG.fst"))
    full = Backoff.load(folder / worker.LANGUAGE_MODEL)
    kept = np.sort(np.argsort(-full.p1[:-2])[:FREQUENT])
    number = np.full(full.v, -1)
    number[[*kept, full.v - 2, full.v - 1]] = np.arange(FREQUENT + 2)
    v, size = full.v, FREQUENT + 2
    y, z = number[full.bigrams // v], number[full.bigrams % v]
    pairs = (y >= 0) & (z >= 0)
    p1 = full.p1[[*kept, v - 2, v - 1]]
    none = np.zeros(0, np.int64)
    model = Backoff(
        tuple(full.words[i] for i in kept),
        p1 / p1.sum(),
        (y * size + z)[pairs],
        full.p2[pairs],
        none,
        np.zeros(0),
    )
    model.save(folder / worker.LANGUAGE_MODEL)
    lexicon = pronunciations.load(folder / worker.PRONUNCIATIONS)
    few = {word: lexicon[word] for word in model.words if word in lexicon}
    pronunciations.save(few, folder / worker.PRONUNCIATIONS)
    return folder


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with a fixed graph that is made fast."""
    folder = frequent_words(tmp_path_factory.mktemp("models") / "small")
    worker.build_graph(folder, lambda stage, done: None)
    return folder


@pytest.fixture(scope="session")
def small_dynamic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with a dynamic graph that is made fast."""
    folder = frequent_words(tmp_path_factory.mktemp("models") / "small-dynamic")
    model = Backoff.load(folder / worker.LANGUAGE_MODEL)
    lexicon = pronunciations.load(folder / worker.PRONUNCIATIONS)
    dynamic_graph.build(model, lexicon, folder / "graph")
    return folder
