from __future__ import annotations

from pathlib import Path

import pytest

from callscribe.models.adapt import dynamic_graph
from callscribe.models.adapt.dynamic_graph import UNKNOWN
from tests.models.adapt.speaking import spoken
from tests.models.adapt.test_language_model import model_of
from tests.models.adapt.transducers import Transducer, best_words, read

SAID = {
    "no": ["N OW"], "on": ["AA N"], "order": ["AO R D ER"], "please": ["P L IY Z", "P L IY S"],
    "the": ["DH AH", "DH IY"], "yes": ["N OW", "Y EH S"],
}  # fmt: skip
LINES = ["yes please", "no the order please", "the order", "on the order yes"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("graph")
    lexicon = {w: [tuple(p.split()) for p in several] for w, several in SAID.items()}
    dynamic_graph.build(model_of(LINES), lexicon, folder)
    return folder


@pytest.fixture(scope="module")
def pronouncing(folder: Path) -> Transducer:
    return read((folder / "HCLr.fst").read_bytes())


@pytest.fixture(scope="module")
def grammar(folder: Path) -> Transducer:
    return read((folder / "Gr.fst").read_bytes())


@pytest.fixture(scope="module")
def words(folder: Path) -> dict[int, str]:
    rows = (folder / "words.txt").read_text().split()
    return dict(zip(map(int, rows[1::2]), rows[::2], strict=True))


@pytest.mark.parametrize("text", [*LINES, "please on", "order", "the please"])
@pytest.mark.parametrize("pauses", [False, True])
def test_the_graph_decodes_its_own_text(
    pronouncing: Transducer, grammar: Transducer, words: dict[int, str], text: str, pauses: bool
) -> None:
    for pronunciation in (0, 1):
        found = best_words(spoken(SAID, text, pronunciation, pauses), pronouncing, grammar)
        assert " ".join(words[number] for number in found) == text


def test_what_is_ahead_of_each_state(pronouncing: Transducer) -> None:
    def first_words(state: int) -> set[int]:
        found, todo, seen = set(), [state], {state}
        while todo:
            at = todo.pop()
            if pronouncing.finals[at] == 0:
                found.add(pronouncing.final_label)
            for _, word, _, target in pronouncing.arcs[at]:
                if word:
                    found.add(word)
                elif target not in seen:
                    seen.add(target)
                    todo.append(target)
        return found

    assert pronouncing.reach == [first_words(state) for state in range(len(pronouncing.arcs))]


def test_arcs_are_sorted_and_counted(pronouncing: Transducer, grammar: Transducer) -> None:
    for transducer, side in ((pronouncing, 1), (grammar, 0)):
        for arcs, epsilons in zip(transducer.arcs, transducer.epsilons, strict=True):
            assert [arc[side] for arc in arcs] == sorted(arc[side] for arc in arcs)
            assert epsilons == (sum(a[0] == 0 for a in arcs), sum(a[1] == 0 for a in arcs))


def test_the_language_model_never_says_unknown(grammar: Transducer, words: dict[int, str]) -> None:
    (unknown,) = (number for number, word in words.items() if word == UNKNOWN)
    assert all(arc[0] != unknown for arcs in grammar.arcs for arc in arcs)
    assert len(words) == len(SAID) + 2  # nothing, and unknown


def test_no_transition_is_taken_away(folder: Path, pronouncing: Transducer) -> None:
    (symbol,) = map(int, (folder / "disambig_tid.int").read_text().split())
    assert symbol > max(arc[0] for arcs in pronouncing.arcs for arc in arcs)


def test_a_word_without_a_pronunciation(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="on"):
        dynamic_graph.build(model_of(LINES), {"no": [("N", "OW")]}, tmp_path)
