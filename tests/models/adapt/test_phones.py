from __future__ import annotations

from pathlib import Path

from callscribe.models.adapt import phones

MODEL = Path(__file__).parents[3] / "src/callscribe/models/phone-en"


def test_positional_numbers_are_those_of_the_models_word_boundaries() -> None:
    rows = (MODEL / "graph/phones/word_boundary.int").read_text().split("\n")
    kinds = dict(row.split() for row in rows if row)
    for phone in range(1, phones.COUNT):
        for position, name in enumerate(phones.POSITIONS):
            number = phones.positional(phone, position)
            assert kinds[str(number)] == name
            assert phones.plain(number) == phone
    assert kinds["1"] == "nonword"
    assert len(kinds) == phones.POSITIONAL_COUNT


def test_each_transition_id_and_each_pdf_has_one_meaning() -> None:
    ids = [
        transition
        for number in range(1, phones.POSITIONAL_COUNT + 1)
        for before in range(phones.COUNT)
        for transition in (phones.entering(number, before), phones.entering(number, before) - 1)
    ]
    assert sorted(ids) == list(range(1, len(ids) + 1))
    assert all(phones.staying(n) in ids for n in range(1, phones.POSITIONAL_COUNT + 1))
    entries = [phones.entry_pdf(b, p) for b in range(phones.COUNT) for p in range(phones.COUNT)]
    stays = [phones.stay_pdf(p) for p in range(phones.COUNT)]
    assert sorted(entries + stays) == list(range(phones.PDF_COUNT))


def test_a_words_phones_know_their_positions() -> None:
    k, ae, t = (phones.INDEX[p] for p in ("K", "AE", "T"))
    assert phones.in_word([k]) == [phones.positional(k, 3)]
    assert phones.in_word([k, ae, t]) == [
        phones.positional(k, 0),
        phones.positional(ae, 1),
        phones.positional(t, 2),
    ]
