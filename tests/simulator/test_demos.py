"""The packaged calls and the truth that lies beside them."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from callscribe.simulator import mulaw
from callscribe.simulator.demos import FOLDER, DemoName, demo


@pytest.mark.parametrize("name", get_args(DemoName))
def test_speech_is_where_the_script_says_and_nowhere_else(name: DemoName) -> None:
    packaged = demo(name)
    tracks = packaged.audio().parties
    assert len(tracks) == len(packaged.speakers)
    for speaker, track in zip(packaged.speakers, tracks, strict=True):
        samples = np.abs(mulaw.decode(track).astype(np.int32))
        assert abs(len(samples) / 8 - packaged.duration_ms) <= 1
        talking = np.zeros(len(samples), dtype=bool)
        for line in packaged.lines:
            if line.speaker == speaker:
                spoken = samples[line.start_ms * 8 : line.end_ms * 8]
                assert spoken[: 8 * 150].max() > 300, f"{line.text!r} begins late"
                assert spoken[-8 * 250 :].max() > 300, f"{line.text!r} ends early"
                talking[line.start_ms * 8 : line.end_ms * 8 + 8] = True
        assert samples[~talking].max() == 0


def test_the_bank_call_is_short_and_small() -> None:
    bank = demo("bank")
    assert 40_000 <= bank.duration_ms <= 50_000
    assert sum(path.stat().st_size for path in bank.files) < 500_000
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 600_000
    assert bank.speakers == ("caller", "agent")
    assert bank.words("caller")[:6] == ["hello", "my", "name", "is", "david", "miller"]
