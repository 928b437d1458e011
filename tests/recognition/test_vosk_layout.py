"""Which folders are Vosk models, and what they tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from callscribe.errors import ModelError
from callscribe.models.folder import built_in
from callscribe.recognition.engine import Layout
from callscribe.recognition.vosk_layout import (
    language_of,
    look,
    look_ahead_frames,
    near_miss,
    places,
    takes_phrases,
)
from tests.models.publisher import FILES, make_model

V1 = {
    "final.mdl": b"x",
    "mfcc.conf": b"",
    "HCLr.fst": b"x",
    "Gr.fst": b"x",
    "disambig_tid.int": b"",
}


@pytest.mark.parametrize(
    ("conf", "rate"),
    [
        ("--use-energy=false\n--sample-frequency=8000\n", 8000),
        (" --sample-frequency = 16000 # wide", 16_000),
        ("--num-ceps=13\n", 16_000),
    ],
)
def test_the_rate_is_the_models_own(tmp_path: Path, conf: str, rate: int) -> None:
    folder = make_model(tmp_path / "model", FILES | {"conf/mfcc.conf": conf.encode()})
    assert look(folder) == Layout(sample_rate=rate)


def test_the_older_layout_and_the_other_features(tmp_path: Path) -> None:
    assert look(make_model(tmp_path / "old", V1)) == Layout(sample_rate=16_000)
    features = {name: data for name, data in FILES.items() if name != "conf/mfcc.conf"}
    features["conf/fbank.conf"] = b"--sample-frequency=8000\n"
    assert look(make_model(tmp_path / "fbank", features)) == Layout(sample_rate=8000)


def test_what_is_of_another_kind(tmp_path: Path) -> None:
    assert look(tmp_path) is None
    assert look(tmp_path / "nowhere") is None
    assert near_miss(tmp_path) == ""
    speakers = make_model(tmp_path / "spk", {"final.ext.raw": b"", "mfcc.conf": b""})
    assert look(speakers) is None
    assert "does not recognise words" in near_miss(speakers)


@pytest.mark.parametrize(
    ("files", "without", "message"),
    [
        (FILES, "am/final.mdl", r"incomplete: am/final\.mdl missing"),
        (FILES, "conf/model.conf", r"incomplete: conf/model\.conf missing"),
        (FILES, "conf/mfcc.conf", r"incomplete: conf/mfcc\.conf missing"),
        (
            FILES,
            "graph/HCLG.fst",
            r"graph/HCLr\.fst, graph/Gr\.fst, graph/disambig_tid\.int missing",
        ),
        (V1, "mfcc.conf", r"incomplete: mfcc\.conf missing"),
        (V1, "Gr.fst", r"incomplete: Gr\.fst missing"),
    ],
)
def test_a_missing_file_is_named(
    tmp_path: Path, files: dict[str, bytes], without: str, message: str
) -> None:
    left = {name: content for name, content in files.items() if name != without}
    with pytest.raises(ModelError, match=message):
        look(make_model(tmp_path / "model", left))


@pytest.mark.parametrize("rate", ["0", ".", "1000000"])
def test_a_rate_that_cannot_be(tmp_path: Path, rate: str) -> None:
    conf = f"--sample-frequency={rate}\n".encode()
    with pytest.raises(
        ModelError, match=r"mfcc\.conf names a sample rate of .* which is impossible"
    ):
        look(make_model(tmp_path / "model", FILES | {"conf/mfcc.conf": conf}))


def test_only_a_graph_in_parts_takes_phrases(tmp_path: Path) -> None:
    assert takes_phrases(make_model(tmp_path / "old", V1))
    assert not takes_phrases(make_model(tmp_path / "fixed"))
    assert not takes_phrases(make_model(tmp_path / "both", V1 | {"HCLG.fst": b"x"}))


def test_languages_in_names() -> None:
    names = {
        "vosk-model-small-en-us-0.15": "en-US",
        "vosk-model-en-us-0.22-lgraph": "en-US",
        "vosk-model-de-0.21": "de",
        "vosk-model-small-cn-0.22": "zh",
        "vosk-model-tl-ph-generic-0.6": "fil",
        "vosk-model-el-gr-0.7": "el",
        "vosk-model-spk-0.4": "",
        "mine": "",
    }
    assert {name: language_of(name) for name in names} == names


def test_where_vosks_own_tools_keep_models(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert tmp_path / ".cache/vosk" in list(places({}))
    assert next(iter(places({"VOSK_MODEL_PATH": "/srv/vosk"}))) == Path("/srv/vosk")


def test_how_far_the_built_in_model_looks_ahead() -> None:
    assert look_ahead_frames(built_in().path) == 22


def test_a_model_that_tells_no_look_ahead(tmp_path: Path) -> None:
    assert look_ahead_frames(tmp_path) is None
    (tmp_path / "final.mdl").write_bytes(b"<Nnet3> ")
    assert look_ahead_frames(tmp_path) is None
