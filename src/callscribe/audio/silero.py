"""Silero's voice activity network (MIT, github.com/snakers4/silero-vad, version 6), in plain NumPy, at 8 kHz.

Runs for every track all the time, so it must cost next to nothing: it takes all windows of a step at once but for the
recurrent layer, has no threads and no state outside `VoiceDetector`, and shares its weights, also over a fork. ONNX
Runtime gives the same numbers and takes two and a half times as long.

The weights are those for 16 kHz. The first layer is a Fourier transform over 256 samples; a telephone line's 8 kHz fill
the lower half of its frequencies, which every other sample of its base functions measures just as well.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from callscribe.audio.mulaw import SAMPLE_RATE, Pcm

Floats = npt.NDArray[np.float32]

WINDOW: Final = SAMPLE_RATE * 32 // 1000
"""Samples a window; the network gives one probability for each."""
_CONTEXT: Final = WINDOW // 8
"""Samples of the window before that it sees too."""
_FRAME: Final = 128
"""Samples of a Fourier transform; they overlap by half."""
_FRAMES: Final = np.add.outer(np.arange(0, WINDOW + _CONTEXT, _FRAME // 2), np.arange(_FRAME))[
    : (WINDOW + 2 * _CONTEXT - _FRAME) // (_FRAME // 2) + 1
]
"""Which of a window's samples, with its context on both sides, are in which frame."""
_MAGIC: Final = b"lmgg"
_STRIDES: Final = (1, 2, 2, 1)
"""Of the four convolutions, each three frames wide."""
_HIDDEN: Final = 128


@dataclass(frozen=True, slots=True)
class VoiceNetwork:
    """The weights, ready to be multiplied. Shared by all detectors."""

    base: Floats
    """Of the Fourier transform, shape (samples, 2 x frequencies): real parts, then imaginary ones."""
    convolutions: tuple[tuple[Floats, Floats], ...]
    """Weights, shape (3 x channels in, channels out), and biases."""
    input: Floats
    """Of the recurrent layer, shape (channels, 4 x hidden): input, forget, cell and output gate."""
    recurrent: Floats
    bias: Floats
    output: Floats
    """Shape (hidden,)."""
    output_bias: float

    @classmethod
    def parse(cls, data: bytes) -> VoiceNetwork:
        """From whisper.cpp's GGML file of the network (`models/convert-silero-vad-to-ggml.py` there describes it).

        Raises:
            ValueError: it is no such file.
        """
        try:
            tensors = _read(data)
            base = tensors["stft.forward_basis_buffer"][:, 0]
            frequencies = _FRAME // 2 + 1
            whole = len(base) // 2
            convolutions = []
            for layer in range(len(_STRIDES)):
                weight = tensors[f"encoder.{layer}.reparam_conv.weight"]
                if layer == 0:
                    weight = weight[:, :frequencies]
                weight = weight.transpose(2, 1, 0).reshape(-1, len(weight))
                bias = tensors[f"encoder.{layer}.reparam_conv.bias"].ravel()
                convolutions.append((np.ascontiguousarray(weight), bias))
            return cls(
                base=np.ascontiguousarray(
                    2 * np.concatenate((base[:frequencies, ::2], base[whole:][:frequencies, ::2])).T
                ),
                convolutions=tuple(convolutions),
                input=np.ascontiguousarray(tensors["decoder.rnn.weight_ih"].T),
                recurrent=np.ascontiguousarray(tensors["decoder.rnn.weight_hh"].T),
                bias=(tensors["decoder.rnn.bias_ih"] + tensors["decoder.rnn.bias_hh"]).ravel(),
                output=tensors["decoder.decoder.2.weight"].ravel(),
                output_bias=float(tensors["decoder.decoder.2.bias"].ravel()[0]),
            )
        except (KeyError, IndexError, struct.error, UnicodeDecodeError) as error:
            raise ValueError(f"not Silero's network: {error}") from None

    def features(self, windows: Floats) -> Floats:
        """What the recurrent layer is fed, shape (windows, 4 x hidden).

        Args:
            windows: samples from -1 to 1, each with its context before it, shape (windows, context + window).
        """
        padded = np.concatenate((windows, windows[:, -2 : -2 - _CONTEXT : -1]), axis=1)
        spectrum = padded[:, _FRAMES] @ self.base
        half = spectrum.shape[2] // 2
        heard: Floats = np.sqrt(spectrum[..., :half] ** 2 + spectrum[..., half:] ** 2)
        for (weight, bias), stride in zip(self.convolutions, _STRIDES, strict=True):
            count, ends, channels = heard.shape
            padded = np.zeros((count, ends + 2, channels), np.float32)
            padded[:, 1:-1] = heard
            taps = [padded[:, tap : tap + ends : stride] for tap in range(3)]
            heard = np.maximum(np.concatenate(taps, axis=2) @ weight + bias, 0)
        fed: Floats = heard[:, 0] @ self.input + self.bias
        return fed


class VoiceDetector:
    """One track's. Feed it everything, in order."""

    def __init__(self, network: VoiceNetwork) -> None:
        self._network = network
        self._hidden: Floats = np.zeros(_HIDDEN, np.float32)
        self._cell: Floats = np.zeros(_HIDDEN, np.float32)
        self._rest: Floats = np.zeros(_CONTEXT, np.float32)
        """The context of the next window, and what there is of it."""

    @property
    def state(self) -> bytes:
        """All that it knows of the track so far; another detector that is given it goes on from here."""
        return np.concatenate((self._hidden, self._cell, self._rest)).tobytes()

    @state.setter
    def state(self, state: bytes) -> None:
        self._hidden, self._cell, self._rest = np.split(
            np.frombuffer(state, np.float32), (_HIDDEN, 2 * _HIDDEN)
        )

    def pass_over(self, before: Pcm) -> None:
        """Something is not fed, in which there is nothing to hear: go on after it.

        Args:
            before: what lies just before that which comes next, as long as there is any.
        """
        self._rest = np.zeros(_CONTEXT, np.float32)
        known = before[-_CONTEXT:]
        self._rest[_CONTEXT - len(known) :] = known.astype(np.float32) / 32768

    def accept(self, pcm: Pcm) -> Floats:
        """How likely each window that is complete now is to hold speech, 0 to 1, shape (windows,).

        Args:
            pcm: the next 8 kHz samples, any number.
        """
        audio: Floats = np.concatenate((self._rest, pcm.astype(np.float32) / 32768))
        count = (len(audio) - _CONTEXT) // WINDOW
        self._rest = audio[count * WINDOW :]
        if not count:
            return np.zeros(0, np.float32)
        begins = np.arange(0, count * WINDOW, WINDOW)
        windows = audio[np.add.outer(begins, np.arange(_CONTEXT + WINDOW))]
        return self._remember(self._network.features(windows))

    def _remember(self, fed: Floats) -> Floats:
        """The recurrent layer and what comes after it."""
        network = self._network
        hidden, cell = self._hidden, self._cell
        states = np.empty((len(fed), _HIDDEN), np.float32)
        for i, gates in enumerate(fed):
            gates = gates + hidden @ network.recurrent
            opened = 1 / (
                1 + np.exp(-np.maximum(gates, -80))
            )  # below, exp overflows single precision
            proposed = np.tanh(gates[2 * _HIDDEN : 3 * _HIDDEN])
            cell = opened[_HIDDEN : 2 * _HIDDEN] * cell + opened[:_HIDDEN] * proposed
            hidden = states[i] = opened[3 * _HIDDEN :] * np.tanh(cell)
        self._hidden, self._cell = hidden, cell
        score = np.maximum(states, 0) @ network.output + network.output_bias
        likely: Floats = 1 / (1 + np.exp(-score))
        return likely


def _read(data: bytes) -> dict[str, Floats]:
    """The tensors by name. All integers have 32 bits; a tensor's dimensions come fastest first."""
    if data[:4] != _MAGIC:
        raise ValueError("not Silero's network: another kind of file")
    at = 4

    def integers(count: int) -> tuple[int, ...]:
        nonlocal at
        found = struct.unpack_from(f"<{count}i", data, at)
        at += 4 * count
        return found

    name_length = integers(1)[0]
    at += name_length
    integers(3 + 2)  # version; window and context at 16 kHz
    integers(3 * integers(1)[0])  # the convolutions' shapes
    integers(4)  # those of the layers after them
    tensors: dict[str, Floats] = {}
    while at < len(data):
        dimensions, name_length, half = integers(3)
        shape = integers(dimensions)[::-1]
        name = data[at : at + name_length].decode().removeprefix("_model.")
        at += name_length
        values = np.frombuffer(data, np.float16 if half else np.float32, int(np.prod(shape)), at)
        at += values.nbytes
        tensors[name] = values.astype(np.float32).reshape(shape)
    return tensors
