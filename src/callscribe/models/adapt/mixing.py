"""A user's words and sentences mixed into a language model, without harm to the rest of it.

What the sentences say counts for much where they speak: after the words that they use. Elsewhere the
model stays as it is, but for a small share of all words that go to the user's.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from callscribe.models.adapt.language_model import (
    Backoff,
    Counted,
    Floats,
    Ints,
    number_words,
    sorted_backoff,
    triples,
)

ANYWHERE = 0.15
"""Part of `weight` that counts after words that the sentences do not use."""
DISCOUNTS = (0.5, 0.3, 0.3)
"""A user's sentences are chosen, not sampled: what occurs once is meant to count."""
NEW_WORD = 2e-4
"""Probability of each new word anywhere, in text, that the sentences do not have."""
NEW_WORDS_MOST = 0.02
"""What all of those words together get at most."""


def mix(base: Backoff, sentences: Sequence[str], new: Sequence[str], weight: float) -> Backoff:
    """`base` with the words `new` and with `weight` (0 to 1) on what `sentences` say."""
    model = base.with_words(new)
    numbers = number_words(model.words)
    if sentences and weight > 0:
        user = Counted(triples(sentences, numbers), model.v, DISCOUNTS)
        model = _mix_sentences(model, user, weight)
    return _raise_words(model, np.array([numbers[word] for word in new], np.int64))


def _raise_words(model: Backoff, words: Ints) -> Backoff:
    """Give each of `words` at least its share of all words."""
    if not len(words):
        return model
    share = min(NEW_WORD, NEW_WORDS_MOST / len(words))
    p1 = model.p1.copy()
    p1[words] = np.maximum(p1[words], share)
    return Backoff(model.words, p1 / p1.sum(), model.bigrams, model.p2, model.trigrams, model.p3)


def _mix_sentences(base: Backoff, user: Counted, weight: float) -> Backoff:
    v, light = base.v, weight * ANYWHERE
    everything = np.arange(v)
    user_p1 = user.p1(everything)
    user_p1[v - 2] = 0
    p1 = (1 - light) * base.p1 + light * user_p1 / user_p1.sum()

    bigrams = np.union1d(base.bigrams, user.bigrams)
    y, z = bigrams // v, bigrams % v
    known = user.knows(y, 2)
    p2 = _blend(base.bigram(y, z), user.p2(y, z), np.where(known, weight, 0.0))

    trigrams = np.union1d(base.trigrams, user.trigrams)
    history, z = trigrams // v, trigrams % v
    x, y = history // v, history % v
    known = user.knows(history, 3)
    p3 = _blend(base.trigram(x, y, z), user.p3(x, y, z), np.where(known, weight, 0.0))
    return sorted_backoff(base.words, p1, bigrams, p2, trigrams, p3)


def _blend(base: Floats, user: Floats, weight: Floats) -> Floats:
    return (1 - weight) * base + weight * user
