from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import callscribe
from callscribe.audio import mulaw
from callscribe.audio.mulaw import Pcm
from callscribe.audio.timeline import Piece
from callscribe.events import Track
from callscribe.recognition.scripted import ScriptedRecognizer, spoken
from callscribe.recognition.vosk import VoskRecognizer
from callscribe.speech.stream import DecodingOptions, Fed, StreamDecoder
from callscribe.speech.track import Progress
from tests.speech.audio import SAID, scene

BUILT_IN = Path(callscribe.__file__).parent / "models" / "phone-en"


@pytest.fixture(scope="module")
def vosk() -> VoskRecognizer:
    return VoskRecognizer(BUILT_IN)


def frames(track: Track, payload: bytes) -> list[Fed]:
    return [
        Fed(track, Piece(at, 155 + at / 8, payload[at : at + 160]))
        for at in range(0, len(payload), 160)
    ]


def hear(recognizer: VoskRecognizer, inbound: Pcm, outbound: Pcm) -> dict[Track, list[str]]:
    decoder = StreamDecoder(recognizer, None, DecodingOptions())
    decoder.begin("inbound", Progress())
    decoder.begin("outbound", Progress())
    lines = frames("inbound", mulaw.encode(inbound)), frames("outbound", mulaw.encode(outbound))
    fed = [each for pair in zip(*lines, strict=True) for each in pair]
    fed += [Fed("inbound", None), Fed("outbound", None)]
    found = decoder.decode(fed, partials=False).found
    decoder.close()
    said: dict[Track, list[str]] = {"inbound": [], "outbound": []}
    for each in found:
        if each.utterance.final:
            said[each.track].append(each.utterance.raw_text)
    return said


def test_a_quiet_caller_is_heard_while_a_loud_agent_talks(vosk: VoskRecognizer) -> None:
    agent = scene(1.0, "balance", 0.3, "hello", 0.3, "calling", 2.0).pcm
    caller = scene(1.4, "card", 1.2, "yes", 3.0, gain_db=-20, noise_db=-76).pcm
    length = min(len(agent), len(caller)) // 1600 * 1600

    said = hear(vosk, caller[:length], agent[:length])

    assert said["inbound"] == [SAID["card"], SAID["yes"]]
    assert SAID["balance"] in " ".join(said["outbound"])


def test_tracks_are_told_apart_and_their_progress_told() -> None:
    decoder = StreamDecoder(
        ScriptedRecognizer(spoken("from here", 200), spoken("from there", 200)),
        None,
        DecodingOptions(),
    )
    decoder.begin("inbound", Progress())
    decoder.begin("outbound", Progress())
    report = decoder.decode(
        [*frames("inbound", b"\xff" * 16_000), *frames("outbound", b"\xff" * 4800)], partials=True
    )

    finals = {f.track: f.utterance.text for f in report.found if f.utterance.final}
    assert finals == {"inbound": "from here"}
    assert report.progress["inbound"].number == 2
    assert report.progress["outbound"] == Progress(0, 1, 1, shown=True)


def test_one_track_that_breaks_leaves_the_other_whole() -> None:
    def fail(pcm: np.ndarray) -> None:
        if pcm.any():
            raise RuntimeError("native trouble")

    decoder = StreamDecoder(
        ScriptedRecognizer(spoken("all well", 200), on_audio=fail),
        None,
        DecodingOptions(follow_level=False),
    )
    decoder.begin("inbound", Progress())
    decoder.begin("outbound", Progress())
    report = decoder.decode(
        [
            *frames("inbound", b"\xff" * 1600 + b"\x10" * 8000),
            *frames("outbound", b"\xff" * 16_000),
        ],
        partials=False,
    )

    assert list(report.broken) == ["inbound"]
    assert "native trouble" in report.broken["inbound"]
    assert [f.utterance.text for f in report.found if f.utterance.final] == ["all well"]
    assert "inbound" not in report.progress  # it is where it began


@pytest.mark.parametrize("cut_s", [1.7, 3.0, 4.1, 6.3])
def test_a_new_decoder_goes_on_where_the_old_one_was(vosk: VoskRecognizer, cut_s: float) -> None:
    payload = scene(1.0, "card", 1.5, "balance", 1.2, "yes", 1.5).payload
    line = [*frames("inbound", payload), Fed("inbound", None)]
    cut = int(cut_s * 50)
    before = StreamDecoder(vosk, None, DecodingOptions())
    before.begin("inbound", Progress())
    first = before.decode(line[:cut], partials=True)
    progress = first.progress["inbound"]
    after = StreamDecoder(vosk, None, DecodingOptions())
    after.begin("inbound", progress)
    kept = [
        f
        for f in line
        if f.piece is None or f.piece.start + 160 > max(0, progress.position - 32_000)
    ]
    second = after.decode(kept, partials=True)

    said = [f.utterance for f in (*first.found, *second.found)]
    assert [u.raw_text for u in said if u.final] == [SAID["card"], SAID["balance"], SAID["yes"]]
    for number in (1, 2, 3):
        revisions = [u.revision for u in said if u.number == number]
        assert revisions == list(range(1, len(revisions) + 1))


def test_only_progress_is_told() -> None:
    decoder = StreamDecoder(ScriptedRecognizer(()), None, DecodingOptions())
    decoder.begin("inbound", Progress())
    quiet = frames("inbound", b"\xff" * 16_000)

    told = [decoder.decode([each], partials=True).progress for each in quiet]

    positions = [progress["inbound"].position for progress in told if progress]
    assert positions
    assert positions == sorted(set(positions))
    assert len(positions) < len(told) / 10
