"""Random changes to log-mel features while training: cheap, and new each time.

In the log-mel domain a filter is an addition, a louder or softer line is a shift, noise and other
talkers add their power, a longer vocal tract is a warp of the bins, and a faster talker is a warp of
the frames. What needs samples (codecs, rooms, packet loss) is done once, in `channel.py`.
"""

from __future__ import annotations

import numpy as np

from training.network import FLOOR, MEL

DB = np.log(10) / 10  # natural log of power, per decibel
TEMPO = (0.86, 1.24)  # people on the telephone speak faster than readers of books
SECOND = 100  # frames


def _warps() -> np.ndarray:
    """Interpolation matrices that stretch the frequency axis by 0.9 to 1.1."""
    low, high = (1127 * np.log(1 + hertz / 700) for hertz in (20.0, 3800.0))
    centre = low + (np.arange(MEL) + 1) * (high - low) / (MEL + 1)
    hertz = 700 * (np.exp(centre / 1127) - 1)
    tables = []
    for factor in np.linspace(0.9, 1.1, 17):
        at = np.interp(np.clip(hertz * factor, hertz[0], hertz[-1]), hertz, np.arange(MEL))
        low_bin = np.minimum(at.astype(int), MEL - 2)
        table = np.zeros((MEL, MEL), np.float32)
        table[low_bin, np.arange(MEL)] = 1 - (at - low_bin)
        table[low_bin + 1, np.arange(MEL)] += at - low_bin
        tables.append(table)
    return np.stack(tables)


WARPS = _warps()


def curve(rng: np.random.Generator, spread: float, tilt: float) -> np.ndarray:
    """A smooth random curve over the bins, in natural log units."""
    points = rng.normal(0, spread, 7) + np.linspace(-1, 1, 7) * rng.normal(0, tilt)
    return np.interp(np.linspace(0, 1, MEL), np.linspace(0, 1, 7), points).astype(np.float32)


def noise(frames: int, level: float, rng: np.random.Generator) -> np.ndarray:
    """Coloured noise, steady or slowly swelling, about `level` (natural log of mel power)."""
    shape = level + curve(rng, 1.0, 1.5)
    swell = np.zeros(frames, np.float32)
    if rng.random() < 0.4:
        knots = rng.normal(0, 0.9, frames // 50 + 2)
        swell = np.interp(np.arange(frames), np.arange(len(knots)) * 50.0, knots)
    grain = rng.normal(0, 0.55, (frames, MEL)).astype(np.float32)
    return shape + swell[:, None].astype(np.float32) + grain


def tempo(features: np.ndarray, factor: float) -> np.ndarray:
    """Speak `factor` times as fast."""
    at = np.arange(0, len(features) - 1, factor, dtype=np.float32)
    low = np.minimum(at.astype(int), len(features) - 2)  # float32 may round up to the last frame
    part = (at - low)[:, None]
    return features[low] * (1 - part) + features[low + 1] * part


def level(features: np.ndarray) -> float:
    """About the level of the speech."""
    return float(np.percentile(features.mean(1), 85))


def perturb(
    features: np.ndarray, rng: np.random.Generator, other: np.ndarray | None = None
) -> np.ndarray:
    """A random version of `features` (frames, MEL); `other` is somebody else, for crosstalk."""
    f = tempo(features, rng.uniform(*TEMPO))
    if rng.random() < 0.7:
        f = f @ WARPS[rng.integers(len(WARPS))]
    f = f + curve(rng, 0.45, 0.5) + np.float32(rng.normal(0, 0.7))
    loud = level(f)
    if rng.random() < 0.35:
        f = np.logaddexp(f, noise(len(f), loud - rng.uniform(4, 32) * DB, rng))
    if other is not None and rng.random() < 0.12:
        quiet = np.resize(other, (len(f), MEL)) - level(other) + loud - rng.uniform(12, 32) * DB
        f = np.logaddexp(f, quiet)
    if rng.random() < 0.3:
        f = with_sounds(f, loud - rng.uniform(0, 22) * DB, rng)
    return mask(f.astype(np.float32), rng)


def mask(f: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Hide two bands of bins, and a moment about every three seconds."""
    mean = f.mean(0)
    for _ in range(2):
        width = int(rng.integers(0, 7))
        first = int(rng.integers(0, MEL - width))
        f[:, first : first + width] = mean[first : first + width]
    for _ in range(max(1, len(f) // 300)):
        width = int(rng.integers(0, 16))
        first = int(rng.integers(0, max(1, len(f) - width)))
        f[first : first + width] = mean
    return f


def _envelope(frames: int, rng: np.random.Generator) -> np.ndarray:
    """A rise and a fall, in natural log units."""
    top = rng.uniform(0.1, 0.7) * frames
    away = np.abs(np.arange(frames) - top) / np.maximum(top, frames - top)
    return -rng.uniform(1, 5) * away**2


def sound(level: float, rng: np.random.Generator) -> np.ndarray:
    """A short sound that nobody says: a click, a breath, a bump of the handset, a tone."""
    bins = np.arange(MEL)
    kind = rng.random()
    if kind < 0.35:  # click, key, tap: short, of all frequencies
        frames, shape = int(rng.integers(2, 7)), curve(rng, 1.0, 1.0)
    elif kind < 0.7:  # breath, rustle: long, without low frequencies
        frames = int(rng.integers(15, 80))
        shape = curve(rng, 0.7, 0.5) - 4 / (1 + np.exp((bins - rng.uniform(8, 20)) / 3))
    elif kind < 0.85:  # bump: low frequencies
        frames = int(rng.integers(4, 25))
        shape = -bins * rng.uniform(0.15, 0.5)
    else:  # tone: a bin or two
        frames = int(rng.integers(8, 90))
        shape = np.full(MEL, -12.0)
        for _ in range(int(rng.integers(1, 3))):
            shape = np.logaddexp(shape, -(((bins - rng.uniform(2, 36)) / 0.8) ** 2))
    grain = rng.normal(0, 0.5, (frames, MEL))
    return (level + shape + _envelope(frames, rng)[:, None] + grain).astype(np.float32)


def with_sounds(f: np.ndarray, level: float, rng: np.random.Generator) -> np.ndarray:
    """`f` with a sound about every three seconds, at most, each up to 12 dB below `level`."""
    f = f.copy()
    for _ in range(int(rng.integers(1, 2 + len(f) // (3 * SECOND)))):
        one = sound(level - rng.uniform(0, 12) * DB, rng)[: len(f)]
        first = int(rng.integers(0, len(f) - len(one) + 1))
        part = f[first : first + len(one)]
        np.logaddexp(part, one, out=part)
    return f


def nobody(frames: int, rng: np.random.Generator, other: np.ndarray | None = None) -> np.ndarray:
    """Features of a line on which nobody speaks; `other` may be heard from far away."""
    floor = FLOOR + rng.uniform(-1, 7)
    f = noise(frames, floor, rng)
    if other is not None and rng.random() < 0.3:  # far below the quietest callers
        f = np.logaddexp(f, np.resize(other, f.shape) - level(other) + FLOOR + rng.uniform(0, 3.5))
    if rng.random() < 0.7:
        f = with_sounds(f, max(floor, FLOOR + 2) + rng.uniform(0, 6), rng)
    return f.astype(np.float32)
