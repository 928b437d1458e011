from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.sounds import echo, to_pcm
from callscribe.audio import mulaw
from callscribe.audio.mulaw import Pcm
from callscribe.speech.echo import HEARD, LONGEST_DELAY, Memory, Verdict, judge
from tests.speech.audio import scene

NAMES = ("hello", "balance", "card", "calling", "number", "four", "five", "three")
MINE = ("card", "yes", "three", "four")
THEIRS = ("hello", "balance", "calling", "number")


def said(*names: str, gain_db: float = 0.0) -> Pcm:
    return scene(0.5, *names, gain_db=gain_db, noise_db=-76).pcm


def verdicts(mine: Pcm, theirs: Pcm) -> list[Verdict]:
    """As it goes on, every 0.2 s."""
    mine = mulaw.decode(mulaw.encode(mine))
    length = min(len(mine), len(theirs))
    return [
        judge(mine[end - HEARD : end], theirs[end - HEARD - LONGEST_DELAY : end])
        for end in range(HEARD + LONGEST_DELAY + 4000, length, 1600)
        if np.sqrt(np.mean(mine[end - HEARD : end].astype(float) ** 2)) > 12
    ]


@pytest.mark.parametrize("db", [-15, -20, -30, -40])
@pytest.mark.parametrize("delay_ms", [20, 180, 400])
def test_what_the_other_side_said_is_an_echo(db: float, delay_ms: float) -> None:
    theirs = said(*NAMES)
    wave = echo(theirs.astype(np.float64) / 32768, db, delay_ms, np.random.default_rng(7))
    found = verdicts(to_pcm(wave), theirs)

    assert len(found) >= 8
    assert found.count(Verdict.ECHO) >= 0.8 * len(found)


@pytest.mark.parametrize("gain_db", [-15.0, -30.0])
def test_somebody_who_speaks_quietly_meanwhile_is_none(gain_db: float) -> None:
    found = verdicts(said(*MINE, gain_db=gain_db), said(*THEIRS))

    assert Verdict.OWN in found
    assert found.count(Verdict.ECHO) <= 1


def test_as_loud_as_the_other_or_after_silence_nothing_is_an_echo() -> None:
    assert set(verdicts(said(*NAMES), said(*NAMES))) == {Verdict.ALONE}
    assert set(verdicts(said(*NAMES), np.zeros(80_000, np.int16))) == {Verdict.ALONE}
    assert judge(np.zeros(HEARD, np.int16), said(*NAMES)[: HEARD + LONGEST_DELAY]) is Verdict.ALONE


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 70)), min_size=1, max_size=20))
def test_what_is_remembered_is_the_newest_with_silence_in_the_holes(
    parts: list[tuple[int, int]],
) -> None:
    memory = Memory(samples=50)
    line: list[int] = []
    for hole, length in parts:
        line += [0] * hole
        payload = bytes(at % 101 for at in range(len(line), len(line) + length))
        memory.remember(len(line), payload)
        line += mulaw.decode(payload).tolist()
    end = len(line)
    padded = np.array([0] * 200 + line + [0] * 200)
    padded[: 200 + max(0, end - 50)] = 0

    assert memory.end == end
    for begin in (-20, end - 60, end - 50, end - 7, end + 5):
        got = memory.between(begin, begin + 60)
        assert got.tolist() == padded[200 + begin : 260 + begin].tolist()
