from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from callscribe.models.adapt import worker
from callscribe.models.adapt.language_model import Backoff

MODEL = Path(__file__).parents[3] / "src/callscribe/models/phone-en"
FREQUENT = 2500


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built-in model with its most frequent words alone, so that its graph is made fast."""
    folder = tmp_path_factory.mktemp("models") / "small"
    shutil.copytree(MODEL, folder)
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
    worker.build_graph(folder, lambda stage, done: None)
    return folder
