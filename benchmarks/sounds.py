"""Sounds of telephone lines that are no words, made up: nothing of them may become text.

Each is a minute of 8 kHz audio, the same every time. Levels are dB relative to full scale.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.conditions import Pcm

RATE = 8000
SECONDS = 60
_N = RATE * SECONDS

Wave = npt.NDArray[np.float64]
"""Samples, full scale is 1, shape (n,)."""


@dataclass(frozen=True)
class Sound:
    """One made-up minute of a track."""

    name: str
    pcm: Pcm
    other: Pcm | None = None
    """What the other track of the stream carries meanwhile, for an echo."""


def made_up(speech: Pcm | None = None) -> Iterator[Sound]:
    """All of them.

    Args:
        speech: what the other side says, of which echoes are made; without it there are none.
    """
    for name, make in _SOUNDS.items():
        yield Sound(name, to_pcm(make(np.random.default_rng(len(name)))))
    if speech is None:
        return
    said = np.resize(speech, _N).astype(np.float64) / 32768
    for db in (-20, -30, -40, -50):
        for delay_ms in (40, 180, 350):
            rng = np.random.default_rng(delay_ms - db)
            pcm = to_pcm(echo(said, db, delay_ms, rng) + noise(rng, -68))
            yield Sound(f"echo {db} dB after {delay_ms} ms", pcm, to_pcm(said))


def to_pcm(wave: Wave) -> Pcm:
    pcm: Pcm = np.clip(np.rint(wave * 32768), -32768, 32767).astype(np.int16)
    return pcm


def noise(rng: np.random.Generator, db: float, *, pink: bool = False, length: int = _N) -> Wave:
    """White or pink noise at an RMS level."""
    white = rng.standard_normal(length)
    if pink:
        spectrum = np.fft.rfft(white)
        spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), 8))
        white = np.fft.irfft(spectrum, n=length)
    wave: Wave = white * 10 ** (db / 20) / np.sqrt(np.mean(white**2))
    return wave


def band(wave: Wave, low: float, high: float) -> Wave:
    """What lies between two frequencies, with soft edges."""
    spectrum = np.fft.rfft(wave)
    hz = np.fft.rfftfreq(len(wave), 1 / RATE)
    gain = 1 / (1 + (low / np.maximum(hz, 1)) ** 6) / (1 + (hz / high) ** 6)
    kept: Wave = np.fft.irfft(spectrum * np.sqrt(gain), n=len(wave))
    return kept


def echo(said: Wave, db: float, delay_ms: float, rng: np.random.Generator) -> Wave:
    """What comes back of it: later, fainter, through a hybrid or a room."""
    tail = rng.standard_normal(RATE * 30 // 1000) * np.exp(-np.arange(RATE * 30 // 1000) / 60)
    tail[0] = 3.0
    tail /= np.sqrt(np.sum(tail**2))
    back = band(np.convolve(said, tail)[: len(said)], 250, 3300)
    late = np.zeros(len(said))
    delay = int(RATE * delay_ms / 1000)
    late[delay:] = back[: len(said) - delay]
    return late * 10 ** (db / 20)


def tones(hz: tuple[float, ...], db: float, length: int) -> Wave:
    t = np.arange(length) / RATE
    wave: Wave = sum((np.sin(2 * np.pi * f * t) for f in hz), np.zeros(length))
    return wave * 10 ** (db / 20)


def cadence(sound: Wave, on: float, off: float) -> Wave:
    """Seconds on, seconds off, with edges of 5 ms."""
    period = int((on + off) * RATE)
    one = np.zeros(period)
    edge = RATE // 200
    one[: int(on * RATE)] = 1
    one = np.convolve(one, np.ones(edge) / edge)[:period]
    return sound * np.resize(one, len(sound))


def bursts(
    rng: np.random.Generator,
    make: Callable[[np.random.Generator], Wave],
    every_s: tuple[float, float],
    under: Wave,
) -> Wave:
    """One after the other over `under`, at random distances."""
    out = under.copy()
    at = RATE
    while at < _N - 2 * RATE:
        sound = make(rng)
        out[at : at + len(sound)] += sound[: _N - at]
        at += len(sound) + int(rng.uniform(*every_s) * RATE)
    return out


def breath(rng: np.random.Generator) -> Wave:
    length = int(rng.uniform(0.5, 1.2) * RATE)
    shape = np.sin(np.pi * np.arange(length) / length) ** 2
    wave: Wave = band(noise(rng, rng.uniform(-42, -30), length=length), 500, 2500) * shape
    return wave


def knock(rng: np.random.Generator) -> Wave:
    t = np.arange(RATE // 8) / RATE
    hz = rng.uniform(120, 400)
    body = np.sin(2 * np.pi * hz * t) + 0.5 * np.sin(2 * np.pi * hz * 2.6 * t)
    return (body + 0.3 * rng.standard_normal(len(t))) * np.exp(-t * 60) * 0.2


def knocks(rng: np.random.Generator) -> Wave:
    """Two to four in a row."""
    gap = np.zeros(int(rng.uniform(0.08, 0.2) * RATE))
    return np.concatenate([part for _ in range(rng.integers(2, 5)) for part in (knock(rng), gap)])


def bark(rng: np.random.Generator) -> Wave:
    length = int(rng.uniform(0.12, 0.25) * RATE)
    t = np.arange(length) / length
    pitch = rng.uniform(350, 600) * (1 + 0.5 * np.sin(np.pi * t))
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    voice = sum((np.sin(k * phase) / k for k in range(1, 7)), np.zeros(length))
    rough = 0.5 * rng.standard_normal(length)
    return (voice + rough) * np.sin(np.pi * t) ** 0.5 * 0.1


def barks(rng: np.random.Generator) -> Wave:
    gap = np.zeros(int(rng.uniform(0.15, 0.4) * RATE))
    return np.concatenate([part for _ in range(rng.integers(1, 4)) for part in (bark(rng), gap)])


def click(rng: np.random.Generator) -> Wave:
    length = int(rng.integers(16, 480))
    return rng.standard_normal(length) * np.linspace(1, 0, length) * rng.uniform(0.02, 0.3)


def cough(rng: np.random.Generator) -> Wave:
    length = int(rng.uniform(0.2, 0.35) * RATE)
    t = np.arange(length) / RATE
    shape = np.minimum(1, t * 80) * np.exp(-t * 14)
    wave: Wave = band(rng.standard_normal(length), 300, 2800) * shape * 0.25
    return wave


def key_tone(rng: np.random.Generator) -> Wave:
    low, high = rng.choice((697, 770, 852, 941)), rng.choice((1209, 1336, 1477))
    return tones((float(low), float(high)), -16, RATE * 120 // 1000)


def note(hz: float, seconds: float, *, attack: float = 0.02, decay: float = 3.0) -> Wave:
    """With overtones, as of a plucked string or an electric piano."""
    t = np.arange(int(seconds * RATE)) / RATE
    wave = sum((np.sin(2 * np.pi * hz * k * t) / k**1.5 for k in range(1, 6)), np.zeros(len(t)))
    return wave * np.minimum(1, t / attack) * np.exp(-t * decay)


def melody(rng: np.random.Generator, *, beat_s: float, decay: float, db: float) -> Wave:
    """Hold music: chords below, a tune above, in C major."""
    scale = 261.6 * 2 ** (np.array([0, 2, 4, 5, 7, 9, 11, 12]) / 12)
    roots = 130.8 * 2 ** (np.array([0, 9, 5, 7]) / 12)
    out = np.zeros(_N + 4 * RATE)
    for bar in range(int(SECONDS / (4 * beat_s))):
        at = int(bar * 4 * beat_s * RATE)
        for ratio in (1, 1.26, 1.5):
            chord = note(roots[bar % 4] * ratio, 4 * beat_s, attack=0.1, decay=0.5)
            out[at : at + len(chord)] += 0.5 * chord
        for beat in range(4):
            start = at + int(beat * beat_s * RATE)
            tune = note(float(rng.choice(scale)), beat_s * 1.5, decay=decay)
            out[start : start + len(tune)] += tune
    out = out[:_N]
    wave: Wave = band(out, 200, 3400) * 10 ** (db / 20) / np.sqrt(np.mean(out**2))
    return wave


_SOUNDS: dict[str, Callable[[np.random.Generator], Wave]] = {
    "digital silence": lambda rng: np.zeros(_N),
    "line noise -65 dB": lambda rng: noise(rng, -65),
    "line noise -50 dB": lambda rng: noise(rng, -50, pink=True),
    "line noise -38 dB": lambda rng: noise(rng, -38, pink=True),
    "noise that comes and goes": lambda rng: (
        noise(rng, -62) + cadence(noise(rng, -40, pink=True), 1.5, 2.5)
    ),
    "hum": lambda rng: tones((120.0, 240.0, 360.0), -38, _N) + noise(rng, -60),
    "breaths": lambda rng: bursts(rng, breath, (0.8, 2.5), noise(rng, -65)),
    "coughs": lambda rng: bursts(rng, cough, (0.5, 3.0), noise(rng, -62)),
    "ringback, North America": lambda rng: (
        cadence(tones((440.0, 480.0), -19, _N), 2, 4) + noise(rng, -66)
    ),
    "ringback, Europe": lambda rng: cadence(tones((425.0,), -16, _N), 1, 4) + noise(rng, -66),
    "ringback, United Kingdom": lambda rng: (
        cadence(cadence(tones((400.0, 450.0), -19, _N), 0.4, 0.2), 1.0, 2.0) + noise(rng, -66)
    ),
    "busy tone": lambda rng: cadence(tones((480.0, 620.0), -24, _N), 0.5, 0.5) + noise(rng, -66),
    "information tones": lambda rng: np.resize(
        np.concatenate(
            [tones((hz,), -18, RATE // 3) for hz in (950.0, 1400.0, 1800.0)] + [np.zeros(RATE)]
        ),
        _N,
    ),
    "key tones each 1.7 s": lambda rng: bursts(rng, key_tone, (1.58, 1.58), noise(rng, -66)),
    "key tones dialled fast": lambda rng: bursts(rng, key_tone, (0.08, 0.12), noise(rng, -66)),
    "fax calling": lambda rng: cadence(tones((1100.0,), -16, _N), 0.5, 3.0) + noise(rng, -66),
    "beep": lambda rng: cadence(tones((1000.0,), -14, _N), 0.4, 6.0) + noise(rng, -62),
    "hold music, slow": lambda rng: melody(rng, beat_s=0.6, decay=3.0, db=-22),
    "hold music, quick": lambda rng: melody(rng, beat_s=0.25, decay=6.0, db=-20),
    "hold music, soft": lambda rng: melody(rng, beat_s=0.9, decay=1.5, db=-34) + noise(rng, -60),
    "knocks": lambda rng: bursts(rng, knocks, (1.0, 3.0), noise(rng, -62)),
    "a dog": lambda rng: bursts(rng, barks, (0.8, 2.5), noise(rng, -60)),
    "clicks": lambda rng: bursts(rng, click, (0.2, 1.5), noise(rng, -66)),
    "typing": lambda rng: bursts(rng, lambda r: 0.3 * click(r), (0.05, 0.25), noise(rng, -60)),
}
