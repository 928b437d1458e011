from __future__ import annotations

import shutil

import numpy as np
import pytest

pytest.importorskip("scipy", reason="scipy is not installed: it is for the recipe only")
from callscribe.audio import mulaw as product
from training import channel, mulaw

VOICE = np.sin(np.arange(16000) * 0.3) * 3000 * (np.arange(16000) % 4000 < 3000)


def test_mu_law_rounds_as_the_product_does() -> None:
    samples = np.arange(-32768, 32768, 3).astype(np.int16)
    expected = product.decode(product.encode(samples)).astype(np.float64)
    found = mulaw.round_trip(samples.astype(np.float64))
    step = np.maximum(8.0, np.abs(samples.astype(np.float64)) / 16)
    assert (np.abs(found - expected) <= step).all()  # one side may round a tie the other way
    assert (found != expected).mean() < 0.05


@pytest.mark.parametrize("seed", range(12))
def test_a_line_changes_the_sound_but_not_its_length(seed: int) -> None:
    rng = np.random.default_rng(seed)
    voices = [VOICE / channel.rms(VOICE)] * 10
    x = channel.call(VOICE.copy(), rng, voices)
    assert len(x) == len(VOICE)
    assert np.isfinite(x).all()
    assert 10 < channel.rms(x) < 32768
    assert len(channel.lose_packets(x, rng)) == len(x)


@pytest.mark.parametrize(("kind", "tools"), [("gsm", ("sox",)), ("9", ("opusenc", "opusdec"))])
def test_codecs_give_every_signal_back_at_its_place(kind: str, tools: tuple[str, ...]) -> None:
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"{missing[0]} is not installed")
    signals = [VOICE[:8000], np.zeros(4000), VOICE[:6000]]
    coded = channel.codec(kind, signals)
    assert [len(x) for x in coded] == [8000, 4000, 6000]
    assert channel.rms(coded[0][:2500]) > 500
    assert channel.rms(coded[1][500:]) < 100
    assert channel.rms(coded[2][:2500]) > 500
