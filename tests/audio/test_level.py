from __future__ import annotations

import numpy as np
import pytest

from callscribe.audio.activity import FRAME, ActivityDetector
from callscribe.audio.level import LevelFollower, LevelOptions
from callscribe.audio.mulaw import Pcm


def bursts(speech_db: float, noise_db: float, seconds: int = 12) -> Pcm:
    """One second of "speech", one of noise, and so on."""
    rng = np.random.default_rng(2)
    level = np.where(np.arange(seconds * 8000) // 8000 % 2, speech_db, noise_db)
    samples = rng.normal(0, 1, seconds * 8000) * 32768 * 10 ** (level / 20)
    return np.clip(samples, -32768, 32767).astype(np.int16)


def follow(pcm: Pcm) -> tuple[Pcm, LevelFollower]:
    detector, follower = ActivityDetector(), LevelFollower()
    out = []
    for i in range(0, len(pcm), 10 * FRAME):
        chunk = pcm[i : i + 10 * FRAME]
        out.append(follower.accept(chunk, detector.accept(chunk)))
    return np.concatenate(out), follower


def level_db(pcm: Pcm) -> float:
    return float(10 * np.log10(np.mean((pcm / 32768.0) ** 2) + 1e-12))


@pytest.mark.parametrize(
    ("speech_db", "wanted_db"),
    [
        (-50.0, LevelOptions().quietest_db),
        (-38.0, LevelOptions().quietest_db),
        (-24.0, -24.0),
        (-12.0, -12.0),
    ],
)
def test_quiet_lines_are_raised_and_others_left_alone(speech_db: float, wanted_db: float) -> None:
    pcm, _ = follow(bursts(speech_db, -85))

    assert level_db(pcm[-8000:]) == pytest.approx(wanted_db, abs=3)


def test_noise_is_not_pumped_up_in_pauses() -> None:
    out, _ = follow(bursts(-40, -60, 24))
    noise = [level_db(out[s * 8000 + 2000 : (s + 1) * 8000 - 200]) for s in range(10, 24, 2)]

    assert max(noise) - min(noise) < 1.5
    assert max(noise) < LevelOptions().loudest_noise_db + 1.5


def test_a_line_of_noise_alone_is_left_as_it_is() -> None:
    pcm = np.random.default_rng(1).normal(0, 30, 80_000).astype(np.int16)

    _, follower = follow(pcm)

    assert abs(follower.gain_db) < 25
    assert follower.gain_db + 10 * np.log10(np.mean((pcm / 32768.0) ** 2)) < -45


def test_the_level_of_what_comes_is_there_from_its_first_moment() -> None:
    flags = np.ones(50, np.bool_)
    quiet = bursts(-50, -50, 1)
    follower = LevelFollower()
    follower.foresee(quiet, flags)

    louder = follower.accept(quiet, flags)

    assert level_db(louder[:FRAME]) > level_db(quiet[:FRAME]) + 15
