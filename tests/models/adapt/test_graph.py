from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from callscribe.models.adapt import AdaptError, pronunciations, worker
from tests.models.adapt.speaking import spoken
from tests.models.adapt.test_language_model import model_of

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("pywrapfst") is None, reason="pynini is not installed"
)
SAID = {
    "no": ["N OW"], "on": ["AA N"], "order": ["AO R D ER"], "please": ["P L IY Z"],
    "the": ["DH AH", "DH IY"], "yes": ["Y EH S"],
}  # fmt: skip
LINES = ["yes please", "no the order please", "the order", "on the order yes"]

BEST_PATH = """if True:
    import json, sys, pywrapfst as fst
    graph = fst.Fst.read(sys.argv[1])
    texts = []
    for ids in json.loads(sys.argv[2]):
        line = fst.VectorFst()
        line.add_states(len(ids) + 1)
        line.set_start(0)
        line.set_final(len(ids), 0)
        for n, i in enumerate(ids):
            line.add_arc(n, fst.Arc(i, i, 0, n + 1))
        best = fst.shortestpath(fst.compose(line.arcsort("olabel"), graph))
        words, state = [], best.start()
        while state >= 0 and best.num_arcs(state):
            arc = next(iter(best.arcs(state)))
            words += [arc.olabel] * (arc.olabel > 0)
            state = arc.nextstate
        texts.append(words)
    print(json.dumps(texts))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("graph")
    (folder / "adapt").mkdir()
    model_of(LINES).save(folder / worker.LANGUAGE_MODEL)
    lexicon = {w: [tuple(p.split()) for p in several] for w, several in SAID.items()}
    pronunciations.save(lexicon, folder / worker.PRONUNCIATIONS)
    worker.build_graph(folder, lambda stage, done: None)
    return folder


def test_the_graph_decodes_its_own_text(folder: Path) -> None:
    rows = (folder / "graph/words.txt").read_text().split()
    words = dict(zip(map(int, rows[1::2]), rows[::2], strict=True))
    texts = [*LINES, "yes yes no", "please on", "order"]
    cases = [(t, n, pauses) for t in texts for n in (0, 1) for pauses in (False, True)]
    ids = json.dumps([spoken(SAID, *case) for case in cases])
    command = [sys.executable, "-c", BEST_PATH, str(folder / "graph/HCLG.fst"), ids]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = [" ".join(words[i] for i in path) for path in json.loads(done.stdout)]
    assert found == [text for text, _, _ in cases]


def test_a_word_without_a_pronunciation_is_reported(folder: Path) -> None:
    pronunciations.save({"no": [("N", "OW")]}, folder / worker.PRONUNCIATIONS)
    with pytest.raises(AdaptError, match="could not be built"):
        worker.build_graph(folder, lambda stage, done: None)
