from __future__ import annotations

import datetime
import importlib.util
import json
import shutil
import subprocess
import sys
import wave
from collections.abc import Callable
from pathlib import Path

import pytest

from callscribe.models.adapt import (
    AdaptError,
    AdaptReport,
    NotAdaptableError,
    WordListError,
    adapt,
    worker,
)
from callscribe.models.adapt.adaptation import NEEDED, possessive
from callscribe.models.folder import inspect

MODEL = Path(__file__).parents[3] / "src/callscribe/models/phone-en"
AUDIO = Path(__file__).parent / "audio"
needs_pynini = pytest.mark.skipif(
    importlib.util.find_spec("pywrapfst") is None, reason="pynini is not installed"
)


@pytest.fixture
def words(tmp_path: Path) -> Path:
    path = tmp_path / "words.txt"
    path.write_text("brevonia\n")
    return path


def recognise(model: Path, *recordings: Path) -> list[str]:
    """Texts, by a process of its own."""
    script = """if True:
        import json, sys, wave, vosk
        vosk.SetLogLevel(-1)
        model, texts = vosk.Model(sys.argv[1]), []
        for path in sys.argv[2:]:
            with wave.open(path) as stream:
                recogniser = vosk.KaldiRecognizer(model, stream.getframerate())
                recogniser.AcceptWaveform(stream.readframes(stream.getnframes()))
            texts.append(json.loads(recogniser.FinalResult())["text"])
        print(json.dumps(texts))
    """
    command = [sys.executable, "-c", script, str(model), *map(str, recordings)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    texts = json.loads(done.stdout)
    assert isinstance(texts, list)
    return texts


@needs_pynini
def test_a_made_up_name_is_recognised_after_and_not_before(small: Path, tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("brevonia  B R AH V OW N IY AH\nthe\n")
    (tmp_path / "sentences.txt").write_text(
        "I would like to order Brevonia, please.\nDo you have Brevonia?\n"
    )
    stages: list[tuple[str, float]] = []
    out = tmp_path / "models" / "mine"
    report = adapt(
        small,
        tmp_path / "names.txt",
        tmp_path / "sentences.txt",
        out,
        progress=lambda stage, done: stages.append((stage, done)),
    )
    about_it, others = AUDIO / "brevonia.wav", AUDIO / "common.wav"
    before, before_others = recognise(small, about_it, others)
    after, after_others = recognise(out, about_it, others)
    assert "brevonia" not in before
    assert "brevonia" in after
    assert after_others == before_others
    assert [word.word for word in report.added] == ["brevonia"]
    assert report.added[0].source == "given"
    assert report.known == ("the",)
    assert report.sentences == 2
    assert report.bytes == sum(f.stat().st_size for f in out.rglob("*") if f.is_file())
    calibration = inspect(out).calibration
    assert calibration is not None
    assert calibration == inspect(small).calibration
    fractions = [done for _, done in stages]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert sorted(p.name for p in out.parent.iterdir()) == ["mine"]


def test_a_model_with_a_dynamic_graph_needs_no_pynini(
    small_dynamic: Path, tmp_path: Path, words: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    (tmp_path / "sentences.txt").write_text("I would like to order Brevonia, please.\n")
    stages: list[tuple[str, float]] = []
    one = adapt(
        small_dynamic,
        words,
        tmp_path / "sentences.txt",
        tmp_path / "shop",
        progress=lambda stage, done: stages.append((stage, done)),
    )
    about_it, others = AUDIO / "brevonia.wav", AUDIO / "common.wav"
    before, before_others = recognise(small_dynamic, about_it, others)
    after, after_others = recognise(one.out, about_it, others)
    assert "brevonia" not in before
    assert "brevonia" in after
    assert after_others == before_others
    assert one.dynamic
    assert [done for _, done in stages] == sorted(done for _, done in stages)
    assert stages[-1] == ("done", 1)
    assert one.bytes == sum(f.stat().st_size for f in one.out.rglob("*") if f.is_file())

    (tmp_path / "second.txt").write_text("zyntex\n")
    two = adapt(one.out, tmp_path / "second.txt", None, tmp_path / "two", name="The Shop")
    assert two.dynamic, "as its base"
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    assert inspect(one.out).title == f"shop (phone-en with 1 new word and 1 sentence, {today})"
    assert inspect(two.out).title == f"The Shop (shop with 1 new word, {today})"
    assert inspect(two.out).language == "en"


def test_a_fixed_graph_can_become_a_dynamic_one(tmp_path: Path, words: Path) -> None:
    report = adapt(MODEL, words, None, tmp_path / "mine", dynamic=True)
    assert report.dynamic
    assert {f.name for f in (report.out / "graph").iterdir()} == {
        "Gr.fst", "HCLr.fst", "disambig_tid.int", "phones", "words.txt",
    }  # fmt: skip
    assert inspect(report.out).sample_rate == 8000


@pytest.mark.parametrize("name", ["phone-en", "two\nlines"])
def test_names_that_a_model_cannot_have(tmp_path: Path, words: Path, name: str) -> None:
    with pytest.raises(AdaptError, match="cannot be called"):
        call(tmp_path, words=words, name=name)


def test_a_damaged_note_of_the_base(small_dynamic: Path, tmp_path: Path, words: Path) -> None:
    base = shutil.copytree(small_dynamic, tmp_path / "base")
    (base / "model.json").write_text("{")
    with pytest.raises(NotAdaptableError, match="Correct or delete it"):
        call(tmp_path, base=base, words=words)
    assert not (tmp_path / "mine").exists()
    (base / "model.json").unlink()
    made = call(tmp_path, base=base, words=words)
    assert inspect(made.out).title.startswith("mine (base with 1 new word, ")


@needs_pynini
def test_an_adapted_model_can_be_adapted_again(small: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first.txt", tmp_path / "second.txt"
    first.write_text("brevonia\n")
    second.write_text("zyntex\n")
    one = adapt(small, first, None, tmp_path / "one")
    two = adapt(tmp_path / "one", second, None, tmp_path / "two")
    assert one.added[0].source == two.added[0].source == "guessed"
    listed = (tmp_path / "two/graph/words.txt").read_text().split()
    assert {"brevonia", "zyntex"} <= set(listed)


@needs_pynini
def test_a_failing_graph_leaves_nothing_behind(
    small: Path, tmp_path: Path, words: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(folder: Path, progress: Callable[[str, float], None]) -> None:
        raise AdaptError("The decoding graph could not be built: no memory.")

    monkeypatch.setattr(worker, "build_graph", fail)
    with pytest.raises(AdaptError, match="no memory"):
        adapt(small, words, None, tmp_path / "models" / "mine")
    assert list((tmp_path / "models").iterdir()) == []


def call(tmp_path: Path, base: Path = MODEL, **given: object) -> AdaptReport:
    arguments = {"words": None, "text": None, "out": tmp_path / "mine", "weight": 0.3, **given}
    return adapt(base, **arguments)  # type: ignore[arg-type]


def test_nothing_to_adapt_with(tmp_path: Path) -> None:
    with pytest.raises(AdaptError, match="Nothing to adapt with"):
        call(tmp_path)


@pytest.mark.parametrize("weight", [-1.0, 0.0, 1.0, float("nan")])
def test_a_weight_out_of_range(tmp_path: Path, words: Path, weight: float) -> None:
    with pytest.raises(AdaptError, match="between 0 and 1"):
        call(tmp_path, words=words, weight=weight)


def test_a_model_that_is_not_there(tmp_path: Path, words: Path) -> None:
    with pytest.raises(NotAdaptableError, match="no model folder"):
        call(tmp_path, base=tmp_path / "none", words=words)


@pytest.mark.parametrize("name", NEEDED)
def test_a_model_without_a_needed_file(tmp_path: Path, words: Path, name: str) -> None:
    base = tmp_path / "base"
    for needed in NEEDED:
        if needed != name:
            (base / needed).parent.mkdir(parents=True, exist_ok=True)
            (base / needed).write_bytes(b"")
    with pytest.raises(NotAdaptableError, match=name):
        call(tmp_path, base=base, words=words)


def test_a_folder_that_is_in_use(tmp_path: Path, words: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(AdaptError, match="exists already"):
        call(tmp_path, words=words)
    assert (tmp_path / "mine" / "notes.txt").read_text() == "mine"


@needs_pynini
def test_a_folder_that_cannot_be_made(tmp_path: Path, words: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AdaptError, match="cannot be created"):
        call(tmp_path, words=words, out=tmp_path / "file" / "mine")


@needs_pynini
def test_a_wrong_word_list_makes_no_folder(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("zyntex Z QQ\n")
    with pytest.raises(WordListError, match="QQ"):
        call(tmp_path, words=tmp_path / "words.txt")
    assert not (tmp_path / "mine").exists()


@needs_pynini
def test_damaged_adapt_files(tmp_path: Path, words: Path) -> None:
    base = tmp_path / "base"
    for needed in NEEDED:
        (base / needed).parent.mkdir(parents=True, exist_ok=True)
        (base / needed).write_bytes(b"damaged")
    with pytest.raises(NotAdaptableError, match="damaged"):
        call(tmp_path, base=base, words=words)


def test_without_pynini_it_says_what_to_install(
    tmp_path: Path, words: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(AdaptError, match=r"callscribe\[adapt\]"):
        call(tmp_path, words=words)


@pytest.mark.parametrize(
    ("stem", "said"), [("K AE T", "K AE T S"), ("B AH S", "B AH S AH Z"), ("D AO G", "D AO G Z")]
)
def test_possessives(stem: str, said: str) -> None:
    assert " ".join(possessive(tuple(stem.split()))) == said


def test_the_recordings_are_short_telephone_audio() -> None:
    for path in AUDIO.glob("*.wav"):
        with wave.open(str(path)) as stream:
            assert stream.getframerate() == 8000
            assert stream.getnframes() < 8000 * 6
