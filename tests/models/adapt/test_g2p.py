from __future__ import annotations

from pathlib import Path

import pytest

from callscribe.models.adapt.g2p import G2p, train

SAID = {
    "cat": "K AE T", "cats": "K AE T S", "cap": "K AE P", "tap": "T AE P", "taps": "T AE P S",
    "tin": "T IH N", "pin": "P IH N", "pins": "P IH N S", "spin": "S P IH N", "nip": "N IH P",
    "chin": "CH IH N", "chap": "CH AE P", "chat": "CH AE T", "inch": "IH N CH", "pitch": "P IH CH",
    "tax": "T AE K S", "six": "S IH K S", "fix": "F IH K S", "fat": "F AE T", "fin": "F IH N",
}  # fmt: skip


@pytest.fixture(scope="module")
def model() -> G2p:
    return train([(word, tuple(said.split())) for word, said in SAID.items()], sample=1)


def test_words_it_learnt_from(model: G2p) -> None:
    right = sum(" ".join(model(word)) == said for word, said in SAID.items())
    assert right >= len(SAID) - 2


@pytest.mark.parametrize(
    ("word", "said"), [("fax", "F AE K S"), ("nap", "N AE P"), ("chip", "CH IH P")]
)
def test_words_it_never_saw(model: G2p, word: str, said: str) -> None:
    assert " ".join(model(word)) == said


def test_case_and_strange_symbols_do_not_matter(model: G2p) -> None:
    assert model("C-A't") == model("cat")
    assert model("--") == ()


def test_saved_and_loaded_it_says_the_same(model: G2p, tmp_path: Path) -> None:
    model.save(tmp_path / "g2p.npz")
    back = G2p.load(tmp_path / "g2p.npz")
    assert all(back(word) == model(word) for word in [*SAID, "fax", "chips"])


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "g2p.npz").write_bytes(b"no")
    with pytest.raises((ValueError, KeyError, OSError)):
        G2p.load(tmp_path / "g2p.npz")
