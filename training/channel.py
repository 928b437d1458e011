"""What a telephone line does to a voice: rooms, headsets, softphones, noise, codecs, lost packets.

Signals are float64 at int16 scale, 8 kHz. Every function draws from the generator it is given.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

import numpy as np
import scipy.signal

RATE = 8000
PACKET = 160  # samples of a 20 ms packet
Rng = np.random.Generator

_RAW = ["-t", "raw", "-r", "8000", "-e", "signed", "-b", "16", "-c", "1", "-"]
_GSM = [
    ["sox", "-V1", *_RAW, "-t", "gsm", "-"],
    ["sox", "-V1", "-t", "gsm", "-r", "8000", "-", *_RAW],
]
_OPUS_IN = ["--raw", "--raw-bits", "16", "--raw-rate", "8000", "--raw-chan", "1", "-", "-"]


def rms(x: np.ndarray) -> float:
    return float(np.sqrt(np.mean(x**2))) + 1e-9


def active_level(x: np.ndarray) -> float:
    """Root mean square where there is sound."""
    sound = x[np.abs(x) > 1e-6]
    return rms(sound) if len(sound) else 1.0


def gain(decibels: float) -> float:
    return float(10 ** (decibels / 20))


def shaped_noise(n: int, rng: Rng) -> np.ndarray:
    """Gaussian noise with a smooth random spectrum."""
    spectrum = np.fft.rfft(rng.standard_normal(n))
    at = np.linspace(0, 1, 8)
    curve = rng.normal(0, 7, 8) - at * rng.uniform(0, 30)
    return np.fft.irfft(
        spectrum * 10 ** (np.interp(np.linspace(0, 1, len(spectrum)), at, curve) / 20), n
    )


def hum(n: int, rng: Rng) -> np.ndarray:
    base, time = rng.choice([50.0, 60.0]), np.arange(n) / RATE
    tones = (
        rng.random() / k * np.sin(2 * np.pi * base * k * time + rng.random() * 6)
        for k in (1, 2, 3, 5, 7)
    )
    return sum(tones) + 0.05 * rng.standard_normal(n)


def babble(n: int, rng: Rng, voices: Sequence[np.ndarray]) -> np.ndarray:
    picks = rng.integers(len(voices), size=int(rng.integers(1, 5)))
    return sum(np.resize(voices[i], n) * gain(rng.uniform(-6, 0)) for i in picks)


def reflections(x: np.ndarray, rng: Rng) -> np.ndarray:
    """A small room or a handset."""
    decay = rng.uniform(0.06, 0.45)
    taps = int(decay * RATE)
    response = rng.standard_normal(taps) * 10 ** (-3 * np.arange(taps) / taps)
    response[0] = 0
    response *= gain(-rng.uniform(3, 18)) / (np.sqrt((response**2).sum()) + 1e-9)
    response[0] = 1
    return scipy.signal.fftconvolve(x, response)[: len(x)]


def line(x: np.ndarray, rng: Rng) -> np.ndarray:
    """Telephone band-pass, most of the time, and always a random smooth equaliser with a tilt."""
    spectrum, hertz = np.fft.rfft(x), np.fft.rfftfreq(len(x), 1 / RATE)
    if rng.random() < 0.7:
        low, high = rng.uniform(80, 350), rng.uniform(3000, 3750)
        spectrum /= np.sqrt(1 + (low / np.maximum(hertz, 1)) ** rng.choice([2, 4, 8]))
        spectrum /= np.sqrt(1 + (hertz / high) ** rng.choice([12, 24, 48]))
    curve = rng.normal(0, 3, 8) + np.linspace(-1, 1, 8) * rng.normal(0, 3)
    spectrum *= 10 ** (np.interp(hertz, np.linspace(0, RATE / 2, 8), curve) / 20)
    return np.fft.irfft(spectrum, len(x))


def suppress_noise(x: np.ndarray, rng: Rng) -> np.ndarray:
    """A softphone's noise suppression: spectral subtraction with its gaps and musical remains."""
    _, _, z = scipy.signal.stft(x, RATE, nperseg=256, noverlap=128)
    power = np.abs(z) ** 2
    floor = np.percentile(power, rng.uniform(10, 30), axis=1, keepdims=True) * rng.uniform(1, 6)
    keep = np.maximum(1 - floor / (power + 1e-9), gain(-rng.uniform(10, 30)) ** 2)
    smooth = scipy.signal.lfilter([1 - 0.4], [1, -0.4], keep, axis=1)
    _, y = scipy.signal.istft(z * np.sqrt(smooth), RATE, nperseg=256, noverlap=128)
    return np.pad(y, (0, max(0, len(x) - len(y))))[: len(x)]


def level_control(x: np.ndarray, rng: Rng) -> np.ndarray:
    """A softphone's automatic gain: a slow follower that lifts what is quiet, up to a limit."""
    block = PACKET
    blocks = np.pad(x, (0, -len(x) % block)).reshape(-1, block)
    loud = np.sqrt((blocks**2).mean(1)) + 1
    follow, attack, release = np.empty_like(loud), rng.uniform(0.3, 0.8), rng.uniform(0.01, 0.1)
    now = loud.max() * rng.uniform(0.2, 1)
    for i, value in enumerate(loud):
        now += (attack if value > now else release) * (value - now)
        follow[i] = now
    boost = np.minimum((loud.max() / follow) ** rng.uniform(0.3, 0.9), gain(rng.uniform(6, 20)))
    return x * np.interp(np.arange(len(x)), np.arange(len(boost)) * block, boost)


def overload(x: np.ndarray, rng: Rng) -> np.ndarray:
    limit = np.abs(x).max() * gain(-rng.uniform(2, 12))
    return np.clip(x, -limit, limit) * gain(rng.uniform(0, 6))


def call(x: np.ndarray, rng: Rng, voices: Sequence[np.ndarray]) -> np.ndarray:
    """Room, softphone, line, noise and level of one side of a call."""
    if rng.random() < 0.3:
        x = reflections(x, rng)
    x = line(x, rng)
    if rng.random() < 0.6:
        n = len(x)
        kind = rng.random()
        if kind < 0.3 and len(voices) > 8:
            disturbance, ratio = babble(n, rng, voices), rng.uniform(10, 32)
        elif kind < 0.4:
            disturbance, ratio = hum(n, rng), rng.uniform(10, 35)
        else:
            disturbance, ratio = shaped_noise(n, rng), rng.uniform(6, 40)
        x = x + disturbance * (active_level(x) / rms(disturbance) * gain(-ratio))
    if rng.random() < 0.2:
        x = suppress_noise(x, rng)
    if rng.random() < 0.2:
        x = level_control(x, rng)
    x = x * (gain(rng.uniform(-48, -12)) * 32768 / active_level(x))
    return overload(x, rng) if rng.random() < 0.05 else x


def lose_packets(x: np.ndarray, rng: Rng) -> np.ndarray:
    """Lost 20 ms packets become silence or a fading repeat."""
    x = x.copy()
    packets = len(x) // PACKET
    for _ in range(max(1, int(packets * rng.uniform(0.003, 0.05)))):
        first = PACKET * int(rng.integers(1, max(2, packets)))
        if first + PACKET <= len(x):
            repeat = x[first - PACKET : first] * 0.5
            x[first : first + PACKET] = repeat if rng.random() < 0.5 else 0
    return x


def _pipe(data: bytes, commands: list[list[str]]) -> bytes:
    for command in commands:
        data = subprocess.run(command, input=data, capture_output=True, check=True).stdout
    return data


def codec(kind: str, signals: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Signals through "gsm" (full rate) or Opus at a low rate ("6", "9" kbit/s): many at once, as
    starting a process costs most."""
    gap = np.zeros(1600, np.int16)
    parts = [np.clip(np.round(x), -32768, 32767).astype(np.int16) for x in signals]
    data = np.concatenate([piece for part in parts for piece in (part, gap)]).tobytes()
    if kind == "gsm":
        commands = _GSM
    else:
        encode = ["opusenc", "--quiet", "--speech", "--bitrate", kind, *_OPUS_IN]
        commands = [encode, ["opusdec", "--quiet", "--rate", "8000", "-", "-"]]
    out = _pipe(data, commands)
    decoded = np.frombuffer(out[: len(out) // 2 * 2], np.int16).astype(np.float32)
    decoded = np.pad(decoded, (0, max(0, len(data) // 2 - len(decoded))))
    result, first = [], 0
    for part in parts:
        result.append(decoded[first : first + len(part)])
        first += len(part) + len(gap)
    return result
