"""`callscribe models` as a person types it."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from callscribe.cli import main
from callscribe.models import reader_download
from callscribe.models.folder import ModelFolder, installed
from tests.models.adapt.conftest import small  # noqa: F401 - a fixture
from tests.models.conftest import publisher  # noqa: F401 - a fixture
from tests.models.publisher import NAME, Publisher, Served, archive, make_model
from tests.models.test_folder import make_whisper

BODY = archive()


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["callscribe", *arguments])
    with pytest.raises(SystemExit) as exit_:
        main()
    return int(exit_.value.code or 0)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CALLSCRIBE_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "models"


@pytest.mark.parametrize(
    ("cores", "told"),
    [
        (
            2,
            "callscribe serve --second-reader whisper-base` uses it; without that, whisper-tiny.en",
        ),
        (8, "callscribe serve` uses it automatically"),
    ],
)
def test_what_is_said_of_a_second_reader_is_what_auto_does(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    folder: Path,
    cores: int,
    told: str,
) -> None:
    folder.mkdir()
    make_whisper(folder / "whisper-tiny.en", english_only=True)

    def install(entry: object, where: Path, **_: object) -> ModelFolder:
        made = make_whisper(where / "whisper-base", english_only=False)
        (made / "model.bin").write_bytes(bytes(4_000_000))
        return next(model for model in installed(where) if model.name == "whisper-base")

    monkeypatch.setattr(reader_download, "install_reader", install)
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    assert run(monkeypatch, "models", "get", "whisper-base") == 0
    assert told in " ".join(capsys.readouterr().err.split())


@pytest.fixture
def catalogue(publisher: Publisher) -> str:  # noqa: F811
    publisher.paths[f"/{NAME}.zip"] = Served(BODY)
    listed = [{"name": NAME, "lang": "xx", "lang_text": "Xish", "type": "small", "size": len(BODY)}]
    publisher.paths["/list.json"] = Served(json.dumps(listed).encode())
    return f"{publisher.url}/list.json"


def test_get_then_use(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    folder: Path,
    catalogue: str,
) -> None:
    assert run(monkeypatch, "models", "get", NAME, "--catalogue", catalogue) == 0
    out, err = capsys.readouterr()
    assert out == f"{folder / NAME}\n"
    assert "Xish, 1 MB, licence: see" in err
    assert f"callscribe serve --model {NAME}" in err

    assert run(monkeypatch, "models", "path", "--model", NAME) == 0
    assert capsys.readouterr().out == f"{folder / NAME}\n"

    assert run(monkeypatch, "models", "get", NAME, "--catalogue", catalogue) == 0
    out, err = capsys.readouterr()
    assert "is already here" in err
    assert out == f"{folder / NAME}\n"


def test_the_list(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    folder: Path,
    catalogue: str,
) -> None:
    make_model(folder / NAME)
    make_model(folder / "mine")
    assert run(monkeypatch, "models", "list", "--catalogue", catalogue) == 0
    out, err = capsys.readouterr()
    first, *others = out.splitlines()
    assert first == f"{NAME}\txx\t1 MB\t?\there"
    assert others[0] == "whisper-tiny.en\ten\t78 MB\tMIT\t-"
    assert all(line.startswith("whisper-") for line in others)
    assert "Also on this machine: mine" in err
    assert "the measured chance that the word is right" in " ".join(err.split())
    assert run(monkeypatch, "models", "list", "--catalogue", catalogue, "--json") == 0
    row, *others = json.loads(capsys.readouterr().out)
    assert (row["name"], row["language"], row["installed"]) == (NAME, "xx", True)
    assert {other["kind"] for other in others} == {"reader"}


def test_the_list_without_a_network(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    nobody = "http://127.0.0.1:9/list.json"
    assert run(monkeypatch, "models", "list", "--language", "de", "--catalogue", nobody) == 0
    out, err = capsys.readouterr()
    assert [line.split("\t")[0] for line in out.splitlines()] == [
        "vosk-model-small-de-0.15",
        "vosk-model-de-0.21",
        "whisper-tiny",
        "whisper-base",
        "whisper-small",
        "whisper-large-v3-turbo",
    ]
    assert "cannot be reached" in err
    assert "This is the list in the package" in err
    assert run(monkeypatch, "models", "list", "--offline", "--language", "tlh") == 1
    assert "No model speaks `tlh`. Languages with a model: ar, ca," in capsys.readouterr().err


def test_get_of_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], catalogue: str
) -> None:
    assert (
        run(monkeypatch, "models", "get", "vosk-model-small-x-0.1", "--catalogue", catalogue) == 1
    )
    assert f"Did you mean {NAME}?" in capsys.readouterr().err


def test_path_of_the_built_in_model_and_of_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "models", "path") == 0
    path = Path(capsys.readouterr().out.strip())
    assert (path / "am" / "final.mdl").is_file()
    assert run(monkeypatch, "models", "path", "--model", "qqq") == 1
    assert "There is no model called `qqq`" in capsys.readouterr().err


@pytest.fixture
def names(tmp_path: Path) -> Path:
    path = tmp_path / "names.txt"
    path.write_text("Brevonia  B R AH V OW N IY AH\nxqwfolia\nthe\n")
    return path


@pytest.mark.skipif(importlib.util.find_spec("pywrapfst") is None, reason="pynini is not installed")
def test_adapt_then_find(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    small: Path,  # noqa: F811
    names: Path,
    tmp_path: Path,
) -> None:
    (tmp_path / "sentences.txt").write_text("Do you have Brevonia?\n")
    out = tmp_path / "mine"
    inputs = ("--words", str(names), "--text", str(tmp_path / "sentences.txt"))
    assert run(monkeypatch, "models", "adapt", str(small), *inputs, "--out", str(out)) == 0
    printed, said = capsys.readouterr()
    assert printed == f"{out}\n"
    assert "2 new words, 1 sentence mixed in" in said
    given, guessed = said.index("Pronunciations given"), said.index("Pronunciations guessed")
    assert given < said.index("  brevonia  B R AH V OW N IY AH\n") < guessed
    assert guessed < said.index("  xqwfolia  ")
    assert "Already known: the" in said
    assert f"callscribe serve --model {out}" in said
    assert run(monkeypatch, "models", "path", "--model", str(out)) == 0
    assert capsys.readouterr().out == f"{out}\n"


def test_adapt_without_pynini(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    names: Path,
    tmp_path: Path,
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "pywrapfst" else found(name)
    )
    out = tmp_path / "mine"
    assert (
        run(monkeypatch, "models", "adapt", "phone-en", "--words", str(names), "--out", str(out))
        == 1
    )
    assert "pip install 'callscribe[adapt]'" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("phone-en", "--out", "mine"), "give a word list, sentences, or both"),
        (("phonen", "--words", "names.txt", "--out", "mine"), "There is no model called `phonen`"),
        (("phone-en", "--words", "names.txt", "--out", "."), "exists already"),
        (("phone-en", "--words", "names.txt", "--out", "mine", "--weight", "2"), "between 0 and 1"),
        (("there", "--words", "names.txt", "--out", "mine"), "cannot be adapted"),
    ],
)
def test_what_cannot_be_adapted(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    names: Path,
    tmp_path: Path,
    arguments: tuple[str, ...],
    said: str,
) -> None:
    make_model(tmp_path / "there")
    assert run(monkeypatch, "models", "adapt", *arguments) == 1
    assert said in capsys.readouterr().err
    assert names.exists()
    assert not (tmp_path / "mine").exists()
