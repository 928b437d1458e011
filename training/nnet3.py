"""Kaldi's binary model file: written from a network, and read back into one that trains on.

The network is trained on log-mel features, but Vosk computes MFCC: the inverse DCT and lifter, and
the floor, are the first layer of the exported network. Batch norms are folded away: the scale, which
must be positive, moves in front of its ReLU, the shift into the affines that follow.

Format: Kaldi, nnet3 (nnet-nnet.cc, nnet-simple-component.cc, matrix/compressed-matrix.h) and
hmm/transition-model.cc.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from callscribe.models.adapt import phones
from training.network import (
    FLOOR,
    LAST,
    LEFT,
    LEFT_CONTEXT,
    MEL,
    RIGHT,
    RIGHT_CONTEXT,
    SKIP,
    STRIDE,
    Network,
    Norm,
    insert_norms,
)

LIFTER = 22.0


def mfcc_matrix() -> np.ndarray:
    """What Kaldi does to a log-mel vector: orthonormal DCT, then the lifter."""
    n = np.arange(MEL)
    dct = np.sqrt(2 / MEL) * np.cos(np.pi / MEL * (n[None] + 0.5) * n[:, None])
    dct[0] = np.sqrt(1 / MEL)
    return (1 + LIFTER / 2 * np.sin(np.pi * n / LIFTER))[:, None] * dct


# --- Kaldi's binary basics


def _int(value: int) -> bytes:
    return b"\x04" + struct.pack("<i", value)


def _float(value: float) -> bytes:
    return b"\x04" + struct.pack("<f", value)


def _token(text: str) -> bytes:
    return text.encode() + b" "


def _ints(values: Sequence[int]) -> bytes:
    return _int(len(values)) + np.asarray(values, "<i4").tobytes()


def _vector(values: np.ndarray | Sequence[float]) -> bytes:
    array = np.asarray(values, "<f4")
    return _token("FV") + _int(len(array)) + array.tobytes()


def _matrix(values: np.ndarray) -> bytes:
    """CM2: the minimum, the range, rows and columns, then 16 bits an element."""
    low, span = values.min(), values.max() - values.min()
    steps = np.clip(np.round((values - low) / span * 65535), 0, 65535).astype("<u2")
    return _token("CM2") + struct.pack("<ffii", low, span, *values.shape) + steps.tobytes()


# --- transition model


def transition_model() -> bytes:
    """Chain topology: one state, whose pdf on entering differs from that on staying.

    Vosk reads only this, no tree, so the tuples may be any sorted list: left-biphones need no
    clustering. All log probabilities are log 0.5: they add the same to every frame.
    """
    count = phones.POSITIONAL_COUNT
    out = _token("<TransitionModel>") + _token("<Topology>")
    out += _ints(range(1, count + 1)) + _ints([-1] + [0] * count)  # phone -> entry 0
    out += _int(-1) + _int(1) + _int(2)  # new format, one entry, of two states
    out += _int(0) + _int(1) + _int(2) + _int(0) + _float(0.5) + _int(1) + _float(0.5)
    out += _int(-1) + _int(-1) + _int(0) + _token("</Topology>")
    out += _token("<Tuples>") + _int(count * phones.COUNT)
    for number in range(1, count + 1):
        phone = phones.plain(number)
        for before in range(phones.COUNT):
            out += _int(number) + _int(0)
            out += _int(phones.entry_pdf(before, phone)) + _int(phones.stay_pdf(phone))
    transitions = [0.0] + [float(np.log(0.5))] * (2 * count * phones.COUNT)
    out += _token("</Tuples>") + _token("<LogProbs>") + _vector(transitions)
    return out + _token("</LogProbs>") + _token("</TransitionModel>")


# --- writing the network


def _numpy(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().double().cpu().numpy()


def _fold(
    weight: np.ndarray, bias: np.ndarray, norm: Norm
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """-> weight and bias before the ReLU, and the constant that the norm adds after it."""
    scale = _numpy(norm.weight) / np.sqrt(_numpy(norm.running_var) + norm.eps)
    if not (scale > 0).all():
        raise ValueError("a batch norm's scale is not positive: it cannot move past the ReLU")
    shift = _numpy(norm.bias) - scale * _numpy(norm.running_mean)
    return weight * scale[:, None], bias * scale, shift


class _Writer:
    def __init__(self) -> None:
        self._nodes = [f"input-node name=input dim={MEL}"]
        self._components: list[bytes] = []

    def _add(self, name: str, source: str, data: bytes) -> str:
        self._components.append(_token("<ComponentName>") + _token(name) + data)
        self._nodes.append(f"component-node name={name} component={name} input={source}")
        return name

    def affine(self, name: str, source: str, weight: np.ndarray, bias: np.ndarray) -> str:
        data = _token("<FixedAffineComponent>") + _token("<LinearParams>") + _matrix(weight)
        data += _token("<BiasParams>") + _vector(bias) + _token("</FixedAffineComponent>")
        return self._add(name, source, data)

    def relu(self, source: str, size: int) -> str:
        data = _token("<RectifiedLinearComponent>") + _token("<Dim>") + _int(size)
        data += _token("<ValueAvg>") + _vector([]) + _token("<DerivAvg>") + _vector([])
        data += _token("<Count>") + b"\x08" + struct.pack("<d", 0)
        return self._add(source + "r", source, data + _token("</RectifiedLinearComponent>"))

    def named(self, name: str, expression: str, size: int) -> str:
        """A node for an expression that several others read."""
        data = _token("<NoOpComponent>") + _token("<Dim>") + _int(size)
        data += _token("<BackpropScale>") + _float(1.0) + _token("</NoOpComponent>")
        return self._add(name, expression, data)

    def bytes(self, output: str) -> bytes:
        self._nodes.append(f"output-node name=output input={output} objective=linear")
        text = ("\n".join(self._nodes) + "\n\n").encode()
        data = _token("<Nnet3>") + b"\n" + text + _token("<NumComponents>")
        return data + _int(len(self._components)) + b"".join(self._components) + _token("</Nnet3>")


def network_bytes(network: Network) -> bytes:
    """The network as nnet3 text and components."""
    writer = _Writer()
    inverse = np.linalg.inv(mfcc_matrix())
    mel = writer.relu(writer.affine("mel", "input", inverse, np.full(MEL, -FLOOR)), MEL)
    mean, deviation = _numpy(network.mean), _numpy(network.deviation)
    weight = _numpy(network.splice.weight).reshape(network.hidden, -1, MEL)
    # max(f, floor) = relu(f - floor) + floor
    bias = _numpy(network.splice.bias) + weight.sum(1) @ ((FLOOR - mean) / deviation)
    weight = (weight / deviation).reshape(network.hidden, -1)
    weight, bias, owed = _fold(weight, bias, network.splice_norm)
    splice = ", ".join(f"Offset({mel}, {o})" if o else mel for o in range(-LEFT, RIGHT + 1))
    x = writer.relu(writer.affine("l0", f"Append({splice})", weight, bias), network.hidden)
    for number, block in enumerate(network.blocks):
        name, left, right = f"b{number}", STRIDE * block.left, STRIDE * block.right
        weight = _numpy(block.narrow.weight)
        bias = _numpy(block.narrow.bias) + weight @ np.tile(owed, 2 if left else 1)
        source = f"Append(Offset({x}, -{left}), {x})" if left else x
        narrow = writer.affine(name + "l", source, weight, bias)
        folded = _fold(_numpy(block.wide.weight), _numpy(block.wide.bias), block.norm)
        source = f"Append({narrow}, Offset({narrow}, {right}))" if right else narrow
        y = writer.relu(writer.affine(name + "a", source, *folded[:2]), network.hidden)
        x = writer.named(name + "n", f"Sum({y}, Scale({SKIP}, {x}))", network.hidden)
        owed = folded[2] + SKIP * owed
    weight = _numpy(network.last.weight)
    bias = weight @ owed + _numpy(network.last.bias)
    weight, bias, owed = _fold(weight, bias, network.last_norm)
    last = writer.relu(writer.affine("pre", x, weight, bias), LAST)
    weight, bias = _output_layer(network)
    return writer.bytes(writer.affine("out", last, weight, bias + weight @ owed))


def _output_layer(network: Network) -> tuple[np.ndarray, np.ndarray]:
    n = phones.COUNT
    phone, bias = _numpy(network.phone.weight), _numpy(network.phone.bias)
    pair = _numpy(network.pair.weight).reshape(n, n, -1) + phone[None, :n]
    weight = np.concatenate([pair.reshape(n * n, -1), phone[n:]])
    return weight, np.concatenate([np.tile(bias[:n], n) + _numpy(network.pair.bias), bias[n:]])


def write(network: Network, path: Path) -> None:
    """Write `am/final.mdl`: transition model, network, no priors."""
    network.eval()
    data = b"\0B" + transition_model() + network_bytes(network)
    data += _token("<LeftContext>") + _int(LEFT_CONTEXT)
    data += _token("<RightContext>") + _int(RIGHT_CONTEXT) + _token("<Priors>") + _vector([])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


# --- reading it back


def affines(data: bytes) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Weight and bias of every affine component of a model that `write` wrote."""
    found = {}
    for match in re.finditer(rb"<ComponentName> (\S+) <FixedAffineComponent> ", data):
        at = match.end() + len(b"<LinearParams> CM2 ")
        low, span, rows, columns = struct.unpack("<ffii", data[at : at + 16])
        steps = np.frombuffer(data, "<u2", rows * columns, at + 16).reshape(rows, columns)
        at += 16 + 2 * rows * columns + len(b"<BiasParams> FV ")
        (size,) = struct.unpack("<i", data[at + 1 : at + 5])
        bias = np.frombuffer(data, "<f4", size, at + 5).astype(np.float64)
        found[match.group(1).decode()] = steps * (span / 65535) + low, bias
    return found


@torch.no_grad()
def read(path: Path, features: torch.Tensor, bigram: np.ndarray) -> Network:
    """A trainable network that computes what the exported one does (the helper is new).

    `features` are typical padded inputs, for the batch norms; `bigram` is (phones, phones).
    """
    layers = affines(path.read_bytes())
    network = Network(len(layers["l0"][1]), len(layers["b0l"][1]))
    flat = features.clamp(min=FLOOR).flatten(0, 1)
    network.mean.copy_(flat.mean(0))
    network.deviation.fill_(float(flat.std()))
    mean, deviation = _numpy(network.mean), _numpy(network.deviation)
    weight, bias = layers["l0"]
    weight = weight.reshape(network.hidden, -1, MEL)
    _set(
        network.splice,
        (weight * deviation).reshape(network.hidden, -1),
        bias + weight.sum(1) @ (mean - FLOOR),
    )
    for number, block in enumerate(network.blocks):
        _set(block.narrow, *layers[f"b{number}l"])
        _set(block.wide, *layers[f"b{number}a"])
    _set(network.last, *layers["pre"])
    n = phones.COUNT
    weight, bias = layers["out"]
    entry, entry_bias = weight[: n * n].reshape(n, n, -1), bias[: n * n].reshape(n, n)
    share = bigram / bigram.sum(0)  # how often each phone comes before a given one
    phone = np.einsum("qp,qph->ph", share, entry)
    phone_bias = np.einsum("qp,qp->p", share, entry_bias)
    _set(network.pair, (entry - phone).reshape(n * n, -1), (entry_bias - phone_bias).ravel())
    _set(
        network.phone,
        np.concatenate([phone, weight[n * n :]]),
        np.concatenate([phone_bias, bias[n * n :]]),
    )
    insert_norms(network, features)
    return network


def _set(layer: torch.nn.Linear, weight: np.ndarray, bias: np.ndarray) -> None:
    layer.weight.copy_(torch.from_numpy(np.ascontiguousarray(weight)))
    layer.bias.copy_(torch.from_numpy(np.ascontiguousarray(bias)))
