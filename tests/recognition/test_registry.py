"""Models by the engine that their folder is for."""

from __future__ import annotations

from pathlib import Path

import pytest

from callscribe.errors import ModelError
from callscribe.recognition import registry
from callscribe.recognition.base import Recognizer
from callscribe.recognition.engine import Engine, Facts, Layout
from callscribe.recognition.registry import engine_of, load_recognizer, places
from callscribe.recognition.scripted import ScriptedRecognizer
from tests.models.publisher import make_model


def look(folder: Path) -> Layout | None:
    return Layout(sample_rate=24_000, language="nl") if (folder / "parrot.bin").is_file() else None


def load(folder: Path, facts: Facts) -> Recognizer:
    return ScriptedRecognizer(name=facts.name or folder.name, language=facts.language)


PARROT: Engine[Recognizer] = Engine(
    name="Parrot",
    files="parrot.bin",
    look=look,
    load=load,
    places=lambda environ: [Path("/srv/parrots")],
    near_miss=lambda folder: "an egg" if (folder / "egg").is_file() else "",
)
"""Another engine, which needs nothing but this and its place in the list."""


@pytest.fixture(autouse=True)
def parrot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "RECOGNIZERS", (*registry.RECOGNIZERS, PARROT))


def parrots(tmp_path: Path) -> Path:
    return make_model(tmp_path / "polly", {"parrot.bin": b""})


def test_a_folder_finds_its_engine(tmp_path: Path) -> None:
    kind, engine, layout = engine_of(parrots(tmp_path))
    assert (kind, engine.name) == ("recognizer", "Parrot")
    assert layout == Layout(sample_rate=24_000, language="nl")
    assert engine_of(make_model(tmp_path / "other"))[1].name == "Vosk"


def test_a_model_is_loaded_by_its_engine_and_told_what_it_is(tmp_path: Path) -> None:
    recognizer = load_recognizer(parrots(tmp_path), Facts(name="Polly", language="nl-BE"))
    assert (recognizer.name, recognizer.language) == ("Polly", "nl-BE")
    assert load_recognizer(tmp_path / "polly").name == "polly"


def test_the_engines_own_places_are_known() -> None:
    found = list(places({"VOSK_MODEL_PATH": "/srv/vosk"}))
    assert Path("/srv/vosk") in found
    assert Path("/srv/parrots") in found


def test_what_is_no_model_is_said(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"There is no folder .*nowhere"):
        engine_of(tmp_path / "nowhere")
    (tmp_path / "file").touch()
    with pytest.raises(ModelError, match="is a file; a model is a folder"):
        engine_of(tmp_path / "file")
    with pytest.raises(
        ModelError, match=r"is not a model.*Vosk: am/final\.mdl.*Parrot: parrot\.bin"
    ):
        engine_of(tmp_path)
    with pytest.raises(ModelError, match="is an egg"):
        engine_of(make_model(tmp_path / "nest", {"egg": b""}))
    parrots(tmp_path / "outer")
    with pytest.raises(ModelError, match=r"Did you mean .*polly\?"):
        engine_of(tmp_path / "outer")


def test_a_broken_neighbour_is_not_offered(tmp_path: Path) -> None:
    make_model(tmp_path / "broken", {"am/final.mdl": b""})
    with pytest.raises(ModelError, match="is not a model: "):
        engine_of(tmp_path)
