"""Finding a model and telling whether a folder is one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from callscribe.errors import ModelError
from callscribe.models.folder import (
    ModelFolder,
    built_in,
    inspect,
    installed,
    models_folder,
    resolve,
)
from tests.models.publisher import FILES, make_model


def make_whisper(folder: Path, *, english_only: bool) -> Path:
    """A folder as a Whisper model's looks from outside."""
    about = {"alignment_heads": [[1, 0]], "suppress_ids_begin": [220, 50256 + (not english_only)]}
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(about))
    for name in ("model.bin", "tokenizer.json"):
        (folder / name).touch()
    return folder


V1 = {
    "final.mdl": b"x",
    "mfcc.conf": b"",
    "HCLr.fst": b"x",
    "Gr.fst": b"x",
    "disambig_tid.int": b"",
}


@pytest.fixture(autouse=True)
def no_other_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("VOSK_MODEL_PATH", raising=False)
    monkeypatch.delenv("CALLSCRIBE_MODELS", raising=False)


def test_nothing_named_is_the_built_in_one(models: Path) -> None:
    model = resolve("", models=models)
    assert model == built_in() == resolve("phone-en", models=models)
    assert (model.title, model.language, model.sample_rate) == ("phone-en (built in)", "en", 8000)
    assert model.built_in
    assert model.worth
    assert model.licence
    assert model.calibration is not None


def test_a_downloaded_model_by_its_name(models: Path) -> None:
    path = make_model(models / "vosk-model-small-de-0.15")
    model = resolve("vosk-model-small-de-0.15", models=models)
    assert model == ModelFolder(
        path=path, name="vosk-model-small-de-0.15", language="de", sample_rate=8000
    )
    assert installed(models) == [model]
    assert model.title == model.name


def test_a_folder(tmp_path: Path) -> None:
    path = make_model(tmp_path / "mine", V1)
    model = resolve(str(path))
    assert (model.name, model.language, model.sample_rate) == ("mine", "", 16_000)
    assert resolve(str(path), language="de").language == "de"


@pytest.mark.parametrize(
    ("about", "title"),
    [
        ('"base": "phone-en"', "bank (phone-en, changed)"),
        ('"base": "phone-en", "added_words": 1', "bank (phone-en with 1 new word)"),
        (
            '"base": "phone-en", "added_words": 12, "sentences": 40, "made": "2026-03-01"',
            "bank (phone-en with 12 new words and 40 sentences, 2026-03-01)",
        ),
    ],
)
def test_an_adapted_model_says_what_it_was_made_from(
    tmp_path: Path, about: str, title: str
) -> None:
    path = make_model(tmp_path / "mine")
    (path / "model.json").write_text(f'{{"name": "bank", {about}}}')
    assert inspect(path).title == title
    assert inspect(path).name == "bank"


def test_where_vosk_keeps_models(tmp_path: Path, models: Path) -> None:
    make_model(tmp_path / "home/.cache/vosk/vosk-model-small-fr-0.22")
    make_model(tmp_path / "elsewhere/vosk-model-small-it-0.22")
    env = {"VOSK_MODEL_PATH": str(tmp_path / "elsewhere")}
    assert resolve("vosk-model-small-fr-0.22", models=models).language == "fr"
    assert resolve("vosk-model-small-it-0.22", models=models, environ=env).language == "it"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("vosk-model-small-de-0.15", r"not on this machine\. Get it with: callscribe models get"),
        ("vosk-model-smal-de-0.15", r"Did you mean vosk-model-small-de-0\.15"),
        ("./nowhere", r"There is no folder nowhere"),
        ("/nowhere/at/all", r"There is no folder /nowhere/at/all"),
        ("..", r"is not a model"),
        ("qqq", r"On this machine: phone-en\."),
    ],
)
def test_not_found(
    models: Path, name: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "above" / "here").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "above" / "here")
    with pytest.raises(ModelError, match=message):
        resolve(name, models=models)


def test_an_archive_in_place_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "model.zip").touch()
    with pytest.raises(ModelError, match="is a file; a model is a folder"):
        resolve(str(tmp_path / "model.zip"))


def test_a_model_of_another_language(models: Path) -> None:
    make_model(models / "vosk-model-small-de-0.15")
    assert resolve("vosk-model-small-de-0.15", models=models, language="de-AT").language == "de"
    with pytest.raises(ModelError, match="speaks `de`, but the language is set to `fr`"):
        resolve("vosk-model-small-de-0.15", models=models, language="fr")


def test_an_incomplete_model_is_told(tmp_path: Path) -> None:
    files = {name: content for name, content in FILES.items() if name != "am/final.mdl"}
    with pytest.raises(ModelError, match=r"incomplete: am/final\.mdl missing"):
        inspect(make_model(tmp_path / "model", files))


def test_a_model_is_refused_for_what_it_cannot_do(models: Path) -> None:
    with pytest.raises(ModelError, match=r"phone-en .* cannot read utterances again"):
        resolve("", kind="reader", models=models)


def test_a_model_of_many_languages_finds_out_or_is_told(tmp_path: Path) -> None:
    many = make_whisper(tmp_path / "whisper-base", english_only=False)
    assert resolve(str(many), language="auto").language == ""
    assert resolve(str(many), language="de").language == "de"
    with pytest.raises(ModelError, match=r"does not read `xx`.*such as de, fr"):
        resolve(str(many), language="xx")


@pytest.mark.parametrize("model", ["", "english"])
def test_a_model_of_one_language_cannot_find_out_another(tmp_path: Path, model: str) -> None:
    folder = str(make_whisper(tmp_path / "whisper-tiny.en", english_only=True)) if model else ""
    with pytest.raises(ModelError, match="speaks en and cannot detect another"):
        resolve(folder, language="auto")
    with pytest.raises(ModelError, match="speaks `en`, but the language is set to `de`"):
        resolve(folder, language="de")


def test_a_model_is_loaded_with_what_is_known_of_it() -> None:
    recognizer = built_in().load_recognizer()
    assert (recognizer.name, recognizer.language) == ("phone-en (built in)", "en")
    recognizer.close()


def test_one_level_too_high(tmp_path: Path) -> None:
    make_model(tmp_path / "outer" / "inner")
    with pytest.raises(ModelError, match=r"Did you mean .*inner\?"):
        inspect(tmp_path / "outer")


def test_a_speaker_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="does not recognise words"):
        inspect(make_model(tmp_path / "spk", {"final.ext.raw": b"", "mfcc.conf": b""}))


def test_a_note_that_cannot_be_read(tmp_path: Path) -> None:
    path = make_model(tmp_path / "model")
    (path / "model.json").write_text("{")
    with pytest.raises(ModelError, match=r"model\.json cannot be read.*Correct or delete it"):
        inspect(path)
    assert installed(tmp_path) == []


def test_a_calibration_belongs_to_a_model(tmp_path: Path) -> None:
    path = make_model(tmp_path / "model")
    assert inspect(path).calibration is None
    (path / "model.json").write_text('{"calibration": [[0, 0.1], [0.9, 0.4], [1, 0.95]]}')
    calibration = inspect(path).calibration
    assert calibration is not None
    assert calibration(0.95) == pytest.approx(0.675)


@pytest.mark.parametrize(
    ("calibration", "message"),
    [
        ("[[0, 0.5]]", r"model\.json cannot be used: at least two points"),
        ("[[0, 0.1], [1, 1.5]]", r"model\.json cannot be used: \[1\.0, 1\.5\] is not between"),
        ("[[0, 0.5], [1, 0.4]]", r"model\.json cannot be used: the second numbers must not fall"),
        ("[[0.5, 0.1], [0.4, 0.4]]", r"model\.json cannot be used: the first numbers must rise"),
        ('"yes"', r"model\.json cannot be read: Expected `array`"),
        ("[[0, 1, 2]]", r"model\.json cannot be read: Expected `array` of length 2"),
        ("[[0, NaN]]", r"model\.json cannot be read: JSON is malformed"),
    ],
)
def test_a_calibration_that_cannot_be_used(tmp_path: Path, calibration: str, message: str) -> None:
    path = make_model(tmp_path / "model")
    (path / "model.json").write_text(f'{{"calibration": {calibration}}}')
    with pytest.raises(ModelError, match=message):
        inspect(path)


def test_the_models_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    assert models_folder({"CALLSCRIBE_MODELS": "/srv/models"}) == Path("/srv/models")
    assert models_folder({"XDG_DATA_HOME": "/data"}) == Path("/data/callscribe/models")
    assert models_folder({}) == tmp_path / "home/.local/share/callscribe/models"
    monkeypatch.setattr("sys.platform", "darwin")
    assert models_folder({}) == tmp_path / "home/Library/Application Support/callscribe/models"
    monkeypatch.setattr("sys.platform", "win32")
    assert models_folder({"LOCALAPPDATA": "/local"}) == Path("/local/callscribe/models")
