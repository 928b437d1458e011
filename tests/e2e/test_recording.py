"""A recorded call sounds as it was: every sample, on its channel, also when the server is killed."""

from __future__ import annotations

import signal
from pathlib import Path

import numpy as np
import soundfile

from callscribe.audio import mulaw
from callscribe.simulator import demos
from tests.e2e.running import SPEED, Running, report, run, simulate


def channels(data: Path, sid: str, out: Path) -> list[mulaw.Pcm]:
    run("audio", sid, "--data", str(data), "--out", str(out))
    heard, rate = soundfile.read(out, dtype="int16", always_2d=True)
    assert rate == 8000
    return list(heard.T)


def holds(sound: mulaw.Pcm, piece: mulaw.Pcm) -> bool:
    """Whether one sound has the other in it, sample for sample."""
    return piece.tobytes() in sound.tobytes()


def source() -> list[mulaw.Pcm]:
    """What the two people of the packaged call say, as the telephone network passes it on."""
    return [mulaw.decode(party) for party in demos.demo("bank").audio().parties]


def middle(sound: mulaw.Pcm) -> mulaw.Pcm:
    """A second that is not silent."""
    loud = int(np.argmax(np.abs(sound.astype(np.int32))))
    first = min(max(0, loud - 4000), len(sound) - 8000)
    return sound[first : first + 8000]


def test_a_call_is_recorded_to_the_sample(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with Running(data, "--json", "--recording", "on") as server:
        (call,) = report(simulate(server, "--speed", SPEED))
        server.until("call_ended")
        assert server.end(signal.SIGTERM) == 0
    recorded = channels(data, call["sid"], tmp_path / "call.flac")
    said = source()
    assert len(recorded) == 2
    matched = [[holds(sound, middle(party)) for sound in recorded] for party in said]
    assert sorted(matched) == [[False, True], [True, False]]
    assert not list(data.rglob("*.ulaw"))


def test_a_killed_server_keeps_what_it_had(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with Running(data, "--json", "--recording", "on") as server:
        simulation = simulate(server, "--speed", SPEED)
        shown = server.until("final", 3)
        server.end(signal.SIGKILL)
        simulation.communicate()
    end_ms = max(final["end_ms"] for final in shown)
    recorded = channels(data, shown[0]["call"], tmp_path / "call.wav")
    assert len(recorded[0]) / 8 >= end_ms - 1000 * float(SPEED)  # a second of the clock on the wall
    with Running(data, "--json") as restarted:
        assert restarted.end(signal.SIGTERM) == 0
    again = channels(data, shown[0]["call"], tmp_path / "again.wav")
    assert all(np.array_equal(a, b) for a, b in zip(recorded, again, strict=True))


def test_nothing_is_recorded_unless_asked(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with Running(data, "--json") as server:
        simulation = simulate(server, "--speed", SPEED)
        server.until("final", 1)
        assert server.end(signal.SIGTERM) == 0
        simulation.communicate()
    assert not (data / "recordings").exists()
