from __future__ import annotations

import json
from pathlib import Path

import pytest

from training import heldout

MANIFEST = Path(__file__).parents[2] / "../shared/data/speech/manifest.jsonl"


def test_the_list_has_both_splits_and_a_digit_speaker_for_the_test() -> None:
    listed = heldout.read()
    assert set(listed.values()) == {"dev", "test"}
    assert {split for (corpus, _), split in listed.items() if corpus == "fsdd"} == {"test"}
    for family in ("an4", "librispeech", "speech-commands", "wuw2"):
        splits = {s for (corpus, _), s in listed.items() if corpus.startswith(family)}
        assert splits == {"dev", "test"}, family


@pytest.mark.skipif(not MANIFEST.exists(), reason="../shared/data/speech is missing")
def test_the_list_is_what_the_draw_gives() -> None:
    rows = map(json.loads, MANIFEST.read_text().splitlines())
    assert heldout.draw((row["corpus"], row["speaker"]) for row in rows) == heldout.read()


def test_small_corpora_keep_all_their_speakers_and_large_ones_lose_a_twenty_fifth() -> None:
    speakers = [("large", f"s{n}") for n in range(200)] + [("small", f"s{n}") for n in range(3)]
    drawn = heldout.draw(speakers)
    assert {corpus for corpus, _ in drawn} == {"large"}
    assert len(drawn) == 8
    assert sorted(drawn.values()) == ["dev"] * 4 + ["test"] * 4
