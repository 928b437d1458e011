from __future__ import annotations

import errno
import shutil
from pathlib import Path

import numpy as np
import pytest

import callscribe
from callscribe.errors import ModelError
from callscribe.events import Word
from callscribe.recognition.base import Hypothesis
from callscribe.recognition.calibration import Calibration
from callscribe.recognition.vosk import VoskRecognizer
from tests.models.adapt.conftest import small_dynamic  # noqa: F401 - a fixture
from tests.speech.audio import SAID, scene

BUILT_IN = Path(callscribe.__file__).parent / "models" / "phone-en"


@pytest.fixture(scope="module")
def vosk() -> VoskRecognizer:
    return VoskRecognizer(BUILT_IN, name="phone-en (built in)", language="en")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(BUILT_IN, tmp_path / "model"))


def words(hypotheses: list[Hypothesis]) -> list[Word]:
    return [word for hypothesis in hypotheses if hypothesis.final for word in hypothesis.words]


def test_a_loaded_model_knows_itself(vosk: VoskRecognizer) -> None:
    assert (vosk.name, vosk.language, vosk.sample_rate) == ("phone-en (built in)", "en", 8000)


def test_words_have_times_and_confidence(vosk: VoskRecognizer) -> None:
    played = scene(1.0, "card", 1.0)
    session = vosk.start_session()

    heard = words([*session.accept(played.pcm), *session.endpoint()])

    assert [word.text for word in heard] == SAID["card"].split()
    assert abs(heard[0].start_ms - played.starts_ms[0]) < 150
    assert abs(heard[-1].end_ms - played.ends_ms[0]) < 150
    assert all(0 < word.confidence <= 1 for word in heard)


def test_confidence_is_vosks_own_or_what_that_is_worth(vosk: VoskRecognizer) -> None:
    pcm = scene(0.6, "balance", 0.5, noise_db=-35).pcm
    calibration = Calibration(((0.0, 0.1), (0.9, 0.4), (1.0, 0.95)))
    calibrated = VoskRecognizer(BUILT_IN, calibration=calibration)
    heard = []
    for recognizer in (vosk, calibrated):
        session = recognizer.start_session()
        heard.append(words([*session.accept(pcm), *session.finish()]))

    raw, found = ([word.confidence for word in each] for each in heard)
    assert len(set(raw)) > 1
    assert found == [pytest.approx(calibration(confidence), abs=0.001) for confidence in raw]


@pytest.mark.parametrize("sizes", [[80], [1600], [999, 2333], [100_000]])
def test_how_audio_is_cut_changes_nothing(vosk: VoskRecognizer, sizes: list[int]) -> None:
    pcm = scene(0.6, "balance", 0.5).pcm
    session = vosk.start_session()
    heard: list[Hypothesis] = []
    at = turn = 0
    while at < len(pcm):
        heard += session.accept(pcm[at : at + sizes[turn % len(sizes)]])
        at += sizes[turn % len(sizes)]
        turn += 1
    heard += session.finish()

    whole = vosk.start_session()
    assert words(heard) == words([*whole.accept(pcm), *whole.finish()])


def test_times_go_on_over_utterances_and_skipped_silence(vosk: VoskRecognizer) -> None:
    pcm = scene(0.6, "yes", 0.5).pcm[:12_800]
    session = vosk.start_session()
    first = words([*session.accept(pcm), *session.endpoint()])
    session.skip(80_000)
    second = words([*session.accept(pcm), *session.endpoint()])

    shift = (len(pcm) + 80_000) // 8
    assert [word.start_ms - shift for word in second] == [word.start_ms for word in first]


def test_an_utterance_can_be_ended_in_the_past_and_nothing_is_lost(vosk: VoskRecognizer) -> None:
    played = scene(0.6, "balance", 0.1, "card", 0.5)
    session = vosk.start_session()
    session.accept(played.pcm)
    first = words(list(session.endpoint(played.ends_ms[0] + 50)))
    second = words(list(session.endpoint()))

    assert [word.text for word in first] == SAID["balance"].split()
    assert [word.text for word in second][-3:] == SAID["card"].split()[-3:]
    assert second[0].start_ms >= first[-1].end_ms - 50


def test_silence_gives_no_empty_final(vosk: VoskRecognizer) -> None:
    session = vosk.start_session()

    heard = [*session.accept(np.zeros(8000 * 12, np.int16)), *session.finish()]

    assert [hypothesis for hypothesis in heard if hypothesis.final] == []
    assert session.finish() == ()


def test_sessions_of_one_model_do_not_disturb_each_other(vosk: VoskRecognizer) -> None:
    one, two = scene(0.5, "card", 0.5).pcm, scene(0.5, "calling", 0.5).pcm
    a, b = vosk.start_session(), vosk.start_session()
    heard_a: list[Hypothesis] = []
    heard_b: list[Hypothesis] = []
    for at in range(0, max(len(one), len(two)), 1600):
        heard_a += a.accept(one[at : at + 1600])
        heard_b += b.accept(two[at : at + 1600])
    heard_a += a.finish()
    heard_b += b.finish()

    assert " ".join(word.text for word in words(heard_a)) == SAID["card"]
    assert " ".join(word.text for word in words(heard_b)) == SAID["calling"]


def test_phrases_need_a_model_that_takes_them(vosk: VoskRecognizer) -> None:
    with pytest.raises(ModelError, match="cannot be restricted to phrases"):
        vosk.start_session(["yes", "no"])


@pytest.fixture(scope="module")
def dynamic(small_dynamic: Path) -> VoskRecognizer:  # noqa: F811
    return VoskRecognizer(small_dynamic, name="small")


def heard_in(recognizer: VoskRecognizer, phrases: list[str], *parts: float | str) -> list[str]:
    session = recognizer.start_session(phrases)
    found = words([*session.accept(scene(*parts).pcm), *session.finish()])
    return [word.text for word in found]


def test_phrases_restrict_what_is_recognised(dynamic: VoskRecognizer) -> None:
    said = (0.5, "card", 0.5)
    assert heard_in(dynamic, [], *said) == SAID["card"].split()
    restricted = heard_in(dynamic, ["I lost  my card", "yes please"], *said)
    assert set(restricted) <= {"i", "lost", "my", "card", "yes", "please"}
    assert restricted[:3] == ["i", "lost", "my"]


def test_among_phrases_confidence_stays_vosks_own(small_dynamic: Path) -> None:  # noqa: F811
    recognizer = VoskRecognizer(small_dynamic, calibration=Calibration(((0.0, 0.0), (1.0, 0.5))))
    pcm = scene(0.5, "yes", 0.5).pcm
    free, bound = recognizer.start_session(), recognizer.start_session(["yes please", "[unk]"])
    assert max(word.confidence for word in words([*free.accept(pcm), *free.finish()])) <= 0.5
    assert max(word.confidence for word in words([*bound.accept(pcm), *bound.finish()])) > 0.5


def test_other_speech_becomes_unknown(dynamic: VoskRecognizer) -> None:
    phrases = ["yes please", "[unk]"]
    assert heard_in(dynamic, phrases, 0.5, "yes", 0.5) == ["yes", "please"]
    assert set(heard_in(dynamic, phrases, 0.5, "card", 0.5)) == {"[unk]"}


def test_sessions_with_other_phrases_go_on_side_by_side(dynamic: VoskRecognizer) -> None:
    free, bound = dynamic.start_session(), dynamic.start_session(["yes please", "no"])
    pcm = scene(0.5, "card", 0.5).pcm
    heard_free: list[Hypothesis] = []
    heard_bound: list[Hypothesis] = []
    for at in range(0, len(pcm), 1600):
        heard_free += free.accept(pcm[at : at + 1600])
        heard_bound += bound.accept(pcm[at : at + 1600])
    assert [w.text for w in words([*heard_free, *free.finish()])] == SAID["card"].split()
    assert {w.text for w in words([*heard_bound, *bound.finish()])} <= {"yes", "please", "no"}


def test_words_that_the_model_does_not_know_are_named(dynamic: VoskRecognizer) -> None:
    with pytest.raises(ModelError, match="The model small does not know `brevonia`, `4`") as raised:
        dynamic.start_session(["yes", "Brevonia please", "4", "brevonia"])
    assert "models adapt --dynamic" in str(raised.value)


def test_closing_twice_is_fine(vosk: VoskRecognizer) -> None:
    session = vosk.start_session()
    session.accept(np.zeros(1600, np.int16))
    session.close()
    session.close()


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ("am/final.mdl", "cannot be loaded"),
        ("graph/HCLG.fst", "cannot be loaded"),
        ("graph/words.txt", "cannot be loaded"),
        ("conf/model.conf", "cannot be loaded"),
    ],
)
def test_a_damaged_file_is_explained_and_native_code_stays_quiet(
    copy: Path, capfd: pytest.CaptureFixture[str], broken: str, said: str
) -> None:
    (copy / broken).write_bytes(b"<html>" * 20)

    with pytest.raises(ModelError, match=said) as error:
        VoskRecognizer(copy)

    assert "callscribe models get" in str(error.value)
    assert "VoskAPI" not in str(error.value)
    assert capfd.readouterr().err == ""


def test_a_model_cut_short_is_explained(copy: Path) -> None:
    path = copy / "graph/HCLG.fst"
    path.write_bytes(path.read_bytes()[:1_000_000])

    with pytest.raises(ModelError, match="cannot be loaded"):
        VoskRecognizer(copy)


def test_features_that_do_not_fit_the_network_are_found_at_once(copy: Path) -> None:
    (copy / "conf/mfcc.conf").write_text("--sample-frequency=16000\n", encoding="utf-8")

    with pytest.raises(ModelError, match="dimension mismatch"):
        VoskRecognizer(copy)


def test_a_missing_file_is_named_before_native_code_sees_the_folder(copy: Path) -> None:
    (copy / "am/final.mdl").unlink()

    with pytest.raises(ModelError, match=r"incomplete: am/final\.mdl missing"):
        VoskRecognizer(copy)


def test_a_network_that_may_not_be_read_is_named(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)

    with pytest.raises(ModelError, match=r"cannot be loaded: .*Permission denied.*final\.mdl"):
        VoskRecognizer(copy)


def test_a_folder_that_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="not a Vosk model"):
        VoskRecognizer(tmp_path)


def test_silence_at_the_end_need_not_be_heard_to_the_end(vosk: VoskRecognizer) -> None:
    played = scene(0.6, "card", 1.2).pcm
    through, short = vosk.start_session(), vosk.start_session()
    for session in (through, short):
        session.accept(played)

    (wanted,) = through.endpoint()
    (heard,) = short.endpoint(quiet_ms=1000)

    assert [word.text for word in heard.words] == [word.text for word in wanted.words]
    assert short.endpoint() == ()
