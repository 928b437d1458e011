"""Capitals and punctuation for a row of written units, by a small convolutional network in numpy.

The model file is made by `training/punctuation.py`; `MODEL.md` beside it says from what.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Sequence
from importlib import resources
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from callscribe.errors import CallscribeError

MARKS = ("", ",", ".", "?")
"""What can stand after a unit, in the model's order."""

HABIT_STEPS = 20
"""Habits (log odds that a word has a capital) are packed in twentieths."""

Floats = npt.NDArray[np.float32]


def bucket(key: str, buckets: int) -> int:
    """Which shared embedding a word outside the vocabulary gets: by its last three letters."""
    return zlib.crc32(key[-3:].encode()) % buckets


class Tags(NamedTuple):
    """The network's answer for each unit."""

    marks: Floats
    """Log probabilities, one row a unit, one column for each of `MARKS`."""
    capitals: Floats
    """Log odds that the unit has a capital of its own, apart from sentence starts."""
    usually_lower: npt.NDArray[np.bool_]
    """Words that the training text wrote in lower case more often than not."""


class Tagger:
    """The network and the list of words with a fixed written form. Immutable, safe to share between threads."""

    def __init__(self, arrays: dict[str, npt.NDArray[np.generic]]) -> None:
        words = bytes(arrays["words"].astype(np.uint8)).decode().split("\n")
        self._index = {word: i + 1 for i, word in enumerate(words)}
        self._buckets = int(arrays["buckets"])
        self._kernel = int(arrays["kernel"])
        self._dilations = tuple(int(d) for d in arrays["dilations"])
        self._embedding = _unpacked(arrays, "embedding")
        self._convolutions = tuple(
            (
                # one matrix for each tap: inputs by outputs
                np.ascontiguousarray(
                    np.split(_unpacked(arrays, f"conv{i}").T, self._kernel), dtype=np.float32
                ),
                arrays[f"conv{i}_bias"].astype(np.float32),
            )
            for i in range(len(self._dilations))
        )
        self._mark = np.ascontiguousarray(arrays["mark"].astype(np.float32).T)
        self._mark_bias = arrays["mark_bias"].astype(np.float32)
        self._capital = np.ascontiguousarray(arrays["capital"].astype(np.float32).T)
        self._capital_bias = arrays["capital_bias"].astype(np.float32)
        self._habits = np.zeros(len(words) + 1 + self._buckets, np.float32)
        self._habits[1 : len(words) + 1] = (
            arrays["habits"].astype(np.float32) * float(arrays["habit_weight"]) / HABIT_STEPS
        )
        self._lower = np.zeros(len(self._habits), np.bool_)
        self._lower[1 : len(words) + 1] = arrays["habits"].astype(np.float32) < 0
        rare = bytes(arrays["rare_words"].astype(np.uint8)).decode().split("\n")
        weights = (
            arrays["rare_habits"].astype(np.float32) * float(arrays["rare_weight"]) / HABIT_STEPS
        )
        self._rare: dict[str, float] = dict(zip(rare, weights.tolist(), strict=True))
        lines = bytes(arrays["forms"].astype(np.uint8)).decode().split("\n")
        self.forms = dict(line.split("\t") for line in lines if line)
        """Written form of words that always have capitals: "mcdonald's" is "McDonald's"."""

    @classmethod
    def packaged(cls, language: str) -> Tagger:
        """The model in the package for a language ("en").

        Raises:
            CallscribeError: the file is missing or damaged; the installation is broken.
        """
        try:
            data = resources.files("callscribe.text").joinpath(f"{language}.npz").read_bytes()
            with np.load(io.BytesIO(data), allow_pickle=False) as file:
                return cls({name: file[name] for name in file.files})
        except (OSError, ValueError, KeyError, zlib.error) as error:
            raise CallscribeError(
                f"The packaged text model for {language!r} cannot be read: {error}. Reinstall callscribe."
            ) from error

    def tag(self, keys: Sequence[str]) -> Tags:
        """Log probabilities for each unit; `keys` are lower-case words or classes such as "<money>"."""
        index, first = self._index, len(self._index) + 1
        ids = [index.get(key) or first + bucket(key, self._buckets) for key in keys]
        count = len(ids)
        rows = -(-count // _ROWS) * _ROWS
        embedded = np.zeros((rows, self._embedding.shape[1]), np.float32)
        embedded[:count] = self._embedding[ids]
        x = embedded
        for layer, (dilation, (weights, bias)) in enumerate(
            zip(self._dilations, self._convolutions, strict=True)
        ):
            reach = dilation * (self._kernel // 2)
            padded = np.zeros((rows + 2 * reach, x.shape[1]), np.float32)
            padded[reach : reach + count] = x[:count]
            y = np.tile(bias, (rows, 1))
            for k, weight in enumerate(weights):
                y += _product(padded[k * dilation : k * dilation + rows], weight)
            np.maximum(y, 0, out=y)
            x = y if layer == 0 else x + y
        scores = (_product(x, self._mark) + self._mark_bias)[:count]
        scores = scores - scores.max(axis=1, keepdims=True)
        marks = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        both = np.concatenate([x, embedded], axis=1)
        capitals = (_product(both, self._capital) + self._capital_bias)[:count, 0]
        capitals = capitals + self._habits[ids] + [self._rare.get(key, 0.0) for key in keys]
        lower = self._lower[ids] | [self._rare.get(key, 0.0) < 0 for key in keys]
        return Tags(marks.astype(np.float32), capitals.astype(np.float32), lower)


_ROWS = 16
"""Rows multiplied at once. OpenBLAS keeps products of up to 2**18 multiplications (16 x 128 x 128) on the calling
thread (interface/gemm.c); larger ones wait for its other threads, for long when decoding fills every core."""


def _product(x: Floats, weight: Floats) -> Floats:
    """`x @ weight` in blocks of `_ROWS` rows; the rows of `x` are a multiple of it."""
    product: Floats = x.reshape(-1, _ROWS, x.shape[1]) @ weight
    return product.reshape(len(x), weight.shape[1])


def _unpacked(arrays: dict[str, npt.NDArray[np.generic]], name: str) -> Floats:
    weight = arrays[name].astype(np.float32) * arrays[f"{name}_scale"].astype(np.float32)
    return weight.astype(np.float32)
