"""The real recogniser with the built-in model on synthetic voices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import msgspec
import numpy as np
import pytest

import callscribe
from callscribe.audio import mulaw
from callscribe.audio.mulaw import Pcm
from callscribe.audio.timeline import Piece
from callscribe.events import Token
from callscribe.recognition.base import Hypothesis, Recognizer, RecognizerSession
from callscribe.recognition.scripted import (
    ScriptedRecognizer,
    ScriptedSession,
    ScriptedWord,
    spoken,
)
from callscribe.recognition.vosk import VoskRecognizer
from callscribe.speech.endpoint import EndpointOptions
from callscribe.speech.segmenter import Segmenter
from callscribe.speech.track import TrackDecoder
from callscribe.speech.utterance import Utterance
from callscribe.text.writer import Writer
from tests.speech.audio import SAID, Scene, scene

BUILT_IN = Path(callscribe.__file__).parent / "models" / "phone-en"


@pytest.fixture(scope="module")
def vosk() -> VoskRecognizer:
    return VoskRecognizer(BUILT_IN)


def pieces(payload: bytes, *, frame: int = 160, start: int = 0, clock_ms: float = 0) -> list[Piece]:
    return [
        Piece(start + at, clock_ms + (start + at) / 8, payload[at : at + frame])
        for at in range(0, len(payload), frame)
    ]


def decode(recognizer: Recognizer, line: list[Piece]) -> list[Utterance]:
    decoder = TrackDecoder(recognizer)
    said = [utterance for piece in line for utterance in decoder.accept(piece)]
    said += decoder.flush()
    decoder.close()
    return said


def finals(said: list[Utterance]) -> list[Utterance]:
    return [utterance for utterance in said if utterance.final]


def hear(recognizer: Recognizer, played: Scene) -> list[Utterance]:
    return finals(decode(recognizer, pieces(played.payload)))


def test_utterances_begin_and_end_where_their_speech_does(vosk: VoskRecognizer) -> None:
    played = scene(3.0, "hello", 2.5, "balance", 1.2, "card", 4.0, "yes", 1.0)

    said = hear(vosk, played)

    assert len(said) == 4
    for utterance, start, end in zip(said, played.starts_ms, played.ends_ms, strict=True):
        assert abs(utterance.start_ms - start) <= 200
        assert abs(utterance.words[0].start_ms - start) <= 200
        assert abs(utterance.end_ms - end) <= 200
    assert said[2].text == SAID["card"]
    for before, after in pairwise([word for utterance in said for word in utterance.words]):
        assert before.start_ms < before.end_ms <= after.start_ms + 50


def test_partials_count_up_and_the_final_ends_them(vosk: VoskRecognizer) -> None:
    said = decode(vosk, pieces(scene(1.0, "balance", 1.5, "calling", 1.5).payload))

    for number in (1, 2):
        mine = [utterance for utterance in said if utterance.number == number]
        assert [utterance.revision for utterance in mine] == list(range(1, len(mine) + 1))
        assert [utterance.final for utterance in mine] == [False] * (len(mine) - 1) + [True]
        assert len(mine) >= 3
        for utterance in mine:
            settled = utterance.text[: utterance.settled].split()
            assert settled == utterance.text.split()[: len(settled)]


def test_who_falls_silent_is_told_so_before_the_utterance_is_over(vosk: VoskRecognizer) -> None:
    played = scene(1.0, "balance", 0.7, "number", 0.35, "four", 2.5)
    decoder = TrackDecoder(vosk)
    told: list[tuple[int, int]] = []
    for at, piece in enumerate(pieces(played.payload)):
        told += [(at * 20 + 20, u.end_ms) for u in decoder.accept(piece) if not u.final]
    decoder.close()
    for end in played.ends_ms:
        silent = [now for now, end_ms in told if abs(end_ms - end) <= 100 and now >= end_ms + 160]
        assert silent
        assert end < silent[0] <= end + 450


@pytest.mark.parametrize("frame", [80, 160, 1111, 80_000])
def test_the_length_of_frames_changes_nothing(vosk: VoskRecognizer, frame: int) -> None:
    played = scene(1.0, "card", 1.5, "yes", 1.0)

    said = finals(decode(vosk, pieces(played.payload, frame=frame)))

    assert said == hear(vosk, played) or frame == 80_000
    assert [utterance.raw_text for utterance in said] == [
        utterance.raw_text for utterance in hear(vosk, played)
    ]


def test_a_number_read_in_groups_is_one_utterance(vosk: VoskRecognizer) -> None:
    played = scene(1.0, "number", 0.6, "four", 0.9, "five", 0.9, "three", 2.0)

    said = hear(vosk, played)

    assert len(said) == 1
    assert said[0].raw_text.endswith("four one five five five five two three four")


@pytest.mark.parametrize("pause", [1.1, 1.25, 1.4])
def test_a_long_pause_in_a_number_cuts_no_word_in_two(vosk: VoskRecognizer, pause: float) -> None:
    played = scene(1.0, "number", 0.5, "four", pause, "five", pause, "three", 2.0)

    said = hear(vosk, played)

    assert [u.raw_text for u in said] == [
        "my number is four one five five five five two three four"
    ]


@pytest.mark.parametrize("length", [64, 240, 480])
def test_clicks_in_a_number_add_no_digits(vosk: VoskRecognizer, length: int) -> None:
    played = scene(1.2, "number", 0.5, "four", 1.0, "five", 1.0, "three", 3.0)
    noise = np.random.default_rng(length).normal(0, 4000, length) * np.linspace(1, 0, length)
    pcm = played.pcm.copy()
    for at_ms in (500, *(end + 500 for end in played.ends_ms[1:])):
        pcm[8 * at_ms : 8 * at_ms + length] += noise.astype(np.int16)

    said = hear(vosk, Scene(pcm, [], []))

    assert [u.raw_text for u in said] == [
        "my number is four one five five five five two three four"
    ]


def test_speech_after_a_pause_is_given_time_for_its_first_word() -> None:
    """The recogniser ends on its own account in a pause, and is slow with the word after it."""
    recognizer = ScriptedRecognizer(
        [ScriptedWord("four", 900, 1300), ScriptedWord("five", 2500, 3300)]
    )
    decoder = TrackDecoder(recognizer)
    decoder._segmenter = Segmenter(None)
    session = recognizer.sessions[0]

    class Hasty:
        """Gives its final one second after a word, as Vosk does."""

        def accept(self, pcm: Pcm) -> Sequence[Hypothesis]:
            heard = session.accept(pcm)
            return session.endpoint() if session._samples == 8 * 2300 else heard

        def __getattr__(self, name: str) -> Any:
            return getattr(session, name)

    decoder._session = cast(RecognizerSession, Hasty())
    noise = np.random.default_rng(1).normal(0, 1, 8 * 6000)
    speaking = np.zeros(8 * 6000, np.bool_)
    speaking[8 * 900 : 8 * 1300] = speaking[8 * 2500 : 8 * 3300] = True
    pcm = np.where(speaking, 3000 * noise, 10 * noise).astype(np.int16)
    said = finals([u for p in pieces(mulaw.encode(pcm)) for u in decoder.accept(p)])

    assert [u.text for u in said] == ["four five"]


def test_a_sentence_is_final_soon_after_it(vosk: VoskRecognizer) -> None:
    played = scene(2.0, "card", 3.0)
    decoder = TrackDecoder(vosk)
    given_out = [
        piece.clock_ms + 20
        for piece in pieces(played.payload)
        for utterance in decoder.accept(piece)
        if utterance.final
    ]

    (at,) = given_out
    assert 450 <= at - played.ends_ms[0] <= 850


def test_the_other_sides_faint_voice_keeps_no_utterance_open(vosk: VoskRecognizer) -> None:
    played = scene(2.0, "card", 6.0, noise_db=-84)
    echo = scene(2.0, 0.3, "balance", "card", "calling", 1.0, noise_db=-84).pcm
    begin = 8 * int(played.ends_ms[0]) - 8 * 2000  # 0.3 s after the sentence
    pcm = played.pcm.astype(np.int32)
    pcm[begin : begin + len(echo)] += (echo[: len(pcm) - begin] * 10 ** (-31 / 20)).astype(np.int32)
    decoder = TrackDecoder(vosk)
    given_out = [
        (piece.clock_ms + 20, utterance.raw_text)
        for piece in pieces(mulaw.encode(pcm.astype(np.int16)))
        for utterance in decoder.accept(piece)
        if utterance.final
    ]

    at, text = given_out[0]
    assert at - played.ends_ms[0] <= 850
    assert text == finals(hear(vosk, played))[0].raw_text


def test_silence_and_noise_give_nothing(vosk: VoskRecognizer) -> None:
    assert decode(vosk, pieces(scene(20.0).payload)) == []
    assert finals(decode(vosk, pieces(scene(10.0, noise_db=-35).payload))) == []


def test_ringing_gives_nothing_and_the_hello_after_it_is_heard(vosk: VoskRecognizer) -> None:
    played = scene(8.0, "hello", 1.0)
    t = np.arange(16_000) / 8000
    ring = 3000 * (np.sin(2 * np.pi * 440 * t) + np.sin(2 * np.pi * 480 * t))
    pcm = played.pcm.copy()
    pcm[:16_000] += ring.astype(np.int16)
    pcm[44_000:60_000] += ring.astype(np.int16)

    said = hear(vosk, Scene(pcm, [], []))

    assert len(said) == 1
    assert said[0].words[0].text == "hello"
    assert abs(said[0].start_ms - 8000) <= 200


def test_talk_without_a_pause_is_divided_and_no_word_is_lost(vosk: VoskRecognizer) -> None:
    names: list[float | str] = ["balance", 0.05, "card", 0.05, "calling", 0.05, "hello", 0.05] * 4
    options = EndpointOptions(longest_ms=8000, impatient_after_ms=7900, silence_ms=500)
    played = scene(0.5, *names, 1.0)
    decoder = TrackDecoder(vosk, endpoints=options)
    said = [u for piece in pieces(played.payload) for u in decoder.accept(piece)] + decoder.flush()

    parts = finals(said)
    assert len(parts) >= 4
    assert all(part.end_ms - part.start_ms <= 8500 for part in parts)
    assert all(a.end_ms <= b.start_ms + 100 for a, b in pairwise(parts))
    words = " ".join(part.raw_text for part in parts).split()
    expected = " ".join(SAID[name] for name in names if isinstance(name, str)).split()
    assert abs(len(words) - len(expected)) <= 6
    assert min(words.count(word) for word in ("account", "lost", "calling")) >= 3


def test_times_stay_right_over_hours(vosk: VoskRecognizer) -> None:
    hours_ms = 5 * 3600 * 1000
    played = scene(1.0, "card", 2.0)
    decoder = TrackDecoder(vosk)
    said = []
    for hour in range(3):
        for piece in pieces(played.payload, start=hour * hours_ms * 8, clock_ms=155):
            said += decoder.accept(piece)
    said += decoder.flush()

    assert [u.text for u in finals(said)] == [SAID["card"]] * 3
    for hour, utterance in enumerate(finals(said)):
        assert abs(utterance.start_ms - hour * hours_ms - 1155) <= 100


@pytest.mark.parametrize("gain_db", [-26.0, 18.0])
def test_quiet_and_overdriven_lines_are_understood(vosk: VoskRecognizer, gain_db: float) -> None:
    played = scene(1.0, "balance", 1.5, "yes", 1.5, gain_db=gain_db, noise_db=-75)

    assert [u.raw_text for u in hear(vosk, played)] == [SAID["balance"], SAID["yes"]]


def test_a_hole_in_a_pause_keeps_times_and_words(vosk: VoskRecognizer) -> None:
    played = scene(1.0, "card", 6.0, "yes", 1.5)
    line = [p for p in pieces(played.payload) if not 4000 <= p.clock_ms < 6500]

    said = finals(decode(vosk, line))

    assert [u.raw_text for u in said] == [SAID["card"], SAID["yes"]]
    assert abs(said[1].start_ms - played.starts_ms[1]) <= 200


def test_a_recognisers_own_early_finals_are_joined() -> None:
    class Hasty(ScriptedRecognizer):
        """Ends an utterance with every word."""

    script = spoken("my card is lost", 1000)
    recognizer = Hasty(script)
    decoder = TrackDecoder(recognizer)
    session = recognizer.sessions[0]
    accept = session.accept

    def hasty(pcm: np.ndarray) -> list[object]:
        return list(session.endpoint()) if accept(pcm) else []

    decoder._session = type(
        "S", (), {"accept": staticmethod(hasty), "endpoint": session.endpoint}
    )()
    said = [u for piece in pieces(b"\xff" * 8000 * 4) for u in decoder.accept(piece)]

    assert [u.text for u in finals(said)] == ["my card is lost"]


def test_partials_that_came_to_nothing_are_taken_back() -> None:
    class Fickle(ScriptedRecognizer):
        """Hears a word and thinks better of it."""

    recognizer = Fickle([ScriptedWord("what", 400, 600)])
    decoder = TrackDecoder(recognizer)
    session = recognizer.sessions[0]
    heard = decoder.accept(Piece(0, 0, b"\xff" * 8000))
    session.script = ()
    session._said = 0
    heard += [u for p in pieces(b"\xff" * 24_000, start=8000) for u in decoder.accept(p)]
    heard += decoder.flush()

    assert [(u.text, u.final, u.number) for u in heard] == [("what", False, 1), ("", False, 1)]


def test_a_writer_makes_text_readable_and_its_failure_costs_no_words() -> None:
    class Shouting:
        def final(
            self,
            words: Sequence[str],
            pauses_ms: Sequence[int] | None = None,
            own: Sequence[Token] = (),
        ) -> Spoken:
            assert pauses_ms == [0, 200]
            return Spoken(" ".join(words).upper() + "!")

        def partial(self, words: Sequence[str]) -> Spoken:
            raise RuntimeError("out of ink")

    script = [ScriptedWord("hello", 0, 500), ScriptedWord("there", 700, 900)]
    decoder = TrackDecoder(ScriptedRecognizer(script), write=Shouting())
    said = [u for piece in pieces(b"\xff" * 24_000) for u in decoder.accept(piece)]

    assert [u.text for u in said] == ["hello", "hello there", "HELLO THERE!"]
    assert said[-1].raw_text == "hello there"


def test_a_recognisers_own_writing_is_taken_where_there_are_no_rules() -> None:
    class Writing(ScriptedSession):
        def endpoint(self, at_ms: int | None = None, *, quiet_ms: int = 0) -> Sequence[Hypothesis]:
            own = (Token("Guten", 0, 1), Token("Tag.", 1, 2))
            return [msgspec.structs.replace(h, tokens=own) for h in super().endpoint(at_ms)]

    class German(ScriptedRecognizer):
        def start_session(self, phrases: Sequence[str] = ()) -> RecognizerSession:
            script = (ScriptedWord("guten", 0, 500), ScriptedWord("tag", 700, 900))
            return Writing(script, self.sample_rate)

    decoder = TrackDecoder(German(), write=Writer.for_language("de"))
    heard = [u for piece in pieces(b"\xff" * 24_000) for u in decoder.accept(piece)]
    assert [(u.text, u.raw_text) for u in heard if u.final] == [("Guten Tag.", "guten tag")]


@dataclass
class Spoken:
    text: str
    tokens: tuple[Token, ...] = ()
