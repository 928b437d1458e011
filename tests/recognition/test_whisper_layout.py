"""Which folders are Whisper models, and what they tell."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from callscribe.errors import ModelError
from callscribe.recognition.engine import Layout
from callscribe.recognition.whisper import WhisperReader
from callscribe.recognition.whisper_layout import FILES, language_of, look, near_miss

ABOUT = {"alignment_heads": [[1, 0]], "suppress_ids_begin": [220, 50257]}


def made(folder: Path, *, leave_out: str = "", about: object = ABOUT) -> Path:
    folder.mkdir()
    for name in FILES:
        if name != leave_out:
            (folder / name).write_text(json.dumps(about))
    return folder


def test_a_whole_folder_passes_and_tells_whether_it_reads_only_english(tmp_path: Path) -> None:
    assert look(made(tmp_path / "many")) == Layout(sample_rate=16000)
    english = ABOUT | {"suppress_ids_begin": [220, 50256]}
    assert look(made(tmp_path / "english", about=english)) == Layout(16000, "en")


def test_a_published_models_name_tells_whether_it_reads_only_english() -> None:
    assert language_of("whisper-base.en") == "en"
    assert language_of("whisper-base") == ""


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError, match=f"incomplete: {name} missing"):
        look(made(tmp_path / "m", leave_out=name))


def test_what_is_no_such_model_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert look(tmp_path / "empty") is None
    assert look(tmp_path / "none") is None
    other = made(tmp_path / "other", about={"unk_token": "<unk>"})
    assert look(other) is None
    assert "of another kind" in near_miss(other)
    (tmp_path / "empty" / "model.safetensors").touch()
    assert "PyTorch" in near_miss(tmp_path / "empty")
    broken = made(tmp_path / "broken")
    (broken / "config.json").write_text("{")
    with pytest.raises(ModelError, match="cannot be read"):
        look(broken)
    with pytest.raises(ModelError, match="of another kind"):
        WhisperReader(other)
