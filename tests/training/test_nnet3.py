"""The exported file, computed by an interpreter of nnet3 descriptors, against the network itself."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: it is for the recipe only")
from callscribe.models.adapt.phones import COUNT  # noqa: E402
from training import nnet3  # noqa: E402
from training.network import (  # noqa: E402
    FLOOR,
    MEL,
    MOST_SCALE,
    Network,
    grow,
    keep_scales,
    outputs,
    pad,
)


class Interpreter:
    """Frame by frame, as the format's definition says; slow and plain."""

    def __init__(self, data: bytes, mfcc: np.ndarray) -> None:
        text = data[data.index(b"<Nnet3> ") : data.index(b"<NumComponents> ")].decode()
        self._mfcc = mfcc
        self._affine = nnet3.affines(data)
        kinds = re.findall(rb"<ComponentName> (\S+) <(\w+)> ", data)
        self._kinds = {name.decode(): kind.decode() for name, kind in kinds}
        node = re.compile(r"component-node name=(\S+) component=(\S+) input=(.*)")
        self._inputs = {m[1]: m[3] for m in node.finditer(text)}
        self.output = re.findall(r"output-node name=output input=(\S+)", text)[0]
        self._done: dict[tuple[str, int], np.ndarray] = {}

    def at(self, expression: str, t: int) -> np.ndarray:
        expression = expression.strip()
        call = re.fullmatch(r"(\w+)\((.*)\)", expression)
        if call is None:
            return self._node(expression, t)
        arguments = re.findall(r"(?:[^,(]|\([^()]*(?:\([^()]*\)[^()]*)*\))+", call[2])
        if call[1] == "Offset":
            return self.at(arguments[0], t + int(arguments[1]))
        if call[1] == "Scale":
            return np.asarray(float(arguments[0]) * self.at(arguments[1], t))
        parts = [self.at(argument, t) for argument in arguments]
        joined: np.ndarray = np.concatenate(parts) if call[1] == "Append" else np.sum(parts, 0)
        return joined

    def _node(self, name: str, t: int) -> np.ndarray:
        if name == "input":
            return np.asarray(self._mfcc[min(max(t, 0), len(self._mfcc) - 1)])
        if (name, t) not in self._done:
            x = self.at(self._inputs[name], t)
            if self._kinds[name] == "FixedAffineComponent":
                weight, bias = self._affine[name]
                x = weight @ x + bias
            elif self._kinds[name] == "RectifiedLinearComponent":
                x = np.maximum(x, 0)
            self._done[name, t] = x
        return self._done[name, t]


@pytest.fixture(scope="module")
def network() -> Network:
    torch.manual_seed(0)
    network = Network()
    with torch.no_grad():
        network.mean.fill_(9.0)
        network.deviation.fill_(3.0)
        network.pair.weight.normal_(0, 0.05)
        network.pair.bias.normal_(0, 0.05)
        for norm in network.norms():
            norm.weight.uniform_(0.5, 1.5)
            norm.bias.normal_()
            norm.running_mean.uniform_(0, 0.5)
            norm.running_var.uniform_(0.5, 2)
    network.eval()
    return network


@pytest.fixture(scope="module")
def features() -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.normal(FLOOR + 2, 3, (31, MEL)).astype(np.float32)


def scores(network: Network, features: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        return np.asarray(network(torch.from_numpy(pad(features)[None]))[0][0])


def test_the_exported_network_computes_what_the_network_does(
    network: Network, features: np.ndarray, tmp_path: Path
) -> None:
    nnet3.write(network, tmp_path / "final.mdl")
    mfcc = features.astype(np.float64) @ nnet3.mfcc_matrix().T
    interpreter = Interpreter((tmp_path / "final.mdl").read_bytes(), mfcc)
    expected = scores(network, features)
    assert len(expected) == outputs(len(features))
    for step in (0, 4, len(expected) - 1):
        found = interpreter.at(interpreter.output, 3 * step)
        assert np.abs(found - expected[step]).max() < 0.02


def test_read_back_it_computes_the_same_and_can_train(
    network: Network, features: np.ndarray, tmp_path: Path
) -> None:
    nnet3.write(network, tmp_path / "final.mdl")
    rng = np.random.default_rng(1)
    typical = [pad(rng.normal(9, 3, (60, MEL)).astype(np.float32)) for _ in range(8)]
    bigram = rng.random((COUNT, COUNT))
    back = nnet3.read(tmp_path / "final.mdl", torch.from_numpy(np.stack(typical)), bigram)
    assert np.abs(scores(back.eval(), features) - scores(network, features)).max() < 0.02
    norms = back.norms()
    assert all((norm.weight > 0).all() for norm in norms)
    back.train()
    back(torch.from_numpy(np.stack(typical)))[0].sum().backward()
    assert all(norm.weight.grad is not None for norm in norms)


def test_a_wider_network_computes_what_the_small_one_does(features: np.ndarray) -> None:
    torch.manual_seed(0)
    small = Network(96, 32)
    for norm in small.norms():
        torch.nn.init.uniform_(norm.running_var, 0.5, 2)
        torch.nn.init.uniform_(norm.running_mean, 0, 0.5)
    large = grow(small, 128, 48)
    assert (large.hidden, large.narrow) == (128, 48)
    before, after = scores(small.eval(), features), scores(large.eval(), features)
    assert np.abs(before).max() > 0.1
    assert np.abs(before - after).max() < 1e-4


def test_a_negative_scale_is_refused(network: Network, tmp_path: Path) -> None:
    with torch.no_grad():
        network.last_norm.weight[0] *= -1
    try:
        with pytest.raises(ValueError, match="scale"):
            nnet3.write(network, tmp_path / "final.mdl")
    finally:
        with torch.no_grad():
            network.last_norm.weight[0] *= -1


def test_a_unit_that_hardly_ever_fires_is_not_multiplied_without_bound(
    features: np.ndarray,
) -> None:
    torch.manual_seed(0)
    network = Network(96, 32).eval()
    for norm in network.norms():
        norm.running_var[0] = 0.0
    keep_scales(network)
    for norm in network.norms():
        scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        assert float(scale.detach().min()) > 0
        assert float(scale.detach().max()) <= MOST_SCALE + 1e-3
    assert np.abs(scores(network, features)).max() < 100
