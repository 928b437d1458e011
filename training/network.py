"""The acoustic model: a factored time-delay network on log-mel features, one output every 30 ms.

Every part of it maps to affine, ReLU and sum components of Kaldi's nnet3 (`nnet3.py`).
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from callscribe.models.adapt.phones import COUNT

MEL = 40
LEFT, RIGHT = 5, 4  # splice of the first layer, in 10 ms frames
BLOCKS = ((-3, 3), (-3, 3), (-3, 3), (-3, 3), (-6, 3), (-6, 3), (-6, 0), (-9, 0), (-9, 0))
"""For each block the offsets, in frames, that its first and its second affine look to."""
HIDDEN, NARROW, LAST = 768, 160, 256
"""Widths of the layers, of the bottlenecks inside them, and of the layer before the outputs."""
STRIDE = 3
LEFT_CONTEXT = LEFT - sum(left for left, _ in BLOCKS)
RIGHT_CONTEXT = RIGHT + sum(right for _, right in BLOCKS)
SKIP = 0.66
LEAST_SCALE, MOST_SCALE = 1e-3, 4.0
FLOOR = 7.0
"""Log-mel values are clamped below at this. Digital silence (-16) would drown the frames around it;
7 is noise near -79 dBFS."""


def outputs(frames: int) -> int:
    """Outputs of an utterance of `frames` feature frames."""
    return (frames + STRIDE - 1) // STRIDE


def pad(features: np.ndarray, steps: int | None = None) -> np.ndarray:
    """Repeat the edge frames, as Kaldi does, so that `steps` outputs come out."""
    steps = outputs(len(features)) if steps is None else steps
    wanted = LEFT_CONTEXT + STRIDE * (steps - 1) + 1 + RIGHT_CONTEXT
    after = max(wanted - LEFT_CONTEXT - len(features), 0)
    edges = np.repeat(features[:1], LEFT_CONTEXT, 0), np.repeat(features[-1:], after, 0)
    return np.concatenate([edges[0], features, edges[1]])[:wanted]


class Norm(nn.BatchNorm1d):
    """Batch normalisation of (batch, time, channel)."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, momentum=0.05)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.flatten(0, 1)).view(x.shape)


class Block(nn.Module):
    """Affine to a bottleneck over two times, affine back over two times, ReLU, and a skip around both."""

    def __init__(self, left: int, right: int, hidden: int, narrow: int) -> None:
        super().__init__()
        self.left, self.right = -left // STRIDE, right // STRIDE
        self.narrow = nn.Linear(hidden * (2 if self.left else 1), narrow)
        self.wide = nn.Linear(narrow * (2 if self.right else 1), hidden)
        self.norm = Norm(hidden)

    def forward(self, x: Tensor, drop: float) -> Tensor:
        n = x.shape[1]
        y = self.narrow(_join(x, self.left))
        y = self.norm(F.relu(self.wide(_join(y, self.right))))
        if drop > 0 and self.training:  # one mask for an utterance, of mean one
            mask = 1 + (torch.rand(len(y), 1, y.shape[2], device=y.device) * 4 - 2) * drop
            y = y * mask.to(y.dtype)
        return torch.add(y, x[:, self.left : n - self.right], alpha=SKIP)


def _join(x: Tensor, distance: int) -> Tensor:
    """Each step beside the one `distance` later."""
    return torch.cat([x[:, :-distance], x[:, distance:]], 2) if distance else x


class Network(nn.Module):
    """(batch, frames, MEL) log-mel -> (batch, steps, PDF_COUNT) scores, and those of a helper.

    Entering a phone is scored by a part for the pair and a part for the phone alone, so that rare
    pairs lean on their phone; exported, both become one affine. The helper learns phones by
    cross-entropy, which steadies the training; it is not exported.
    """

    def __init__(self, hidden: int = HIDDEN, narrow: int = NARROW) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(MEL))
        self.register_buffer("deviation", torch.ones(MEL))
        self.splice = nn.Linear(MEL * (LEFT + RIGHT + 1), hidden)
        self.splice_norm = Norm(hidden)
        self.blocks = nn.ModuleList(Block(left, right, hidden, narrow) for left, right in BLOCKS)
        self.last, self.last_norm = nn.Linear(hidden, LAST), Norm(LAST)
        self.pair = nn.Linear(LAST, COUNT * COUNT)
        self.phone = nn.Linear(LAST, 2 * COUNT)
        nn.init.zeros_(self.pair.weight)
        nn.init.zeros_(self.pair.bias)
        self.helper = nn.Sequential(
            nn.Linear(hidden, 128), nn.ReLU(), Norm(128), nn.Linear(128, 2 * COUNT)
        )

    def forward(self, features: Tensor, drop: float = 0.0) -> tuple[Tensor, Tensor]:
        x = (features.clamp(min=FLOOR) - self.mean) / self.deviation
        batch, frames, _ = x.shape
        width = LEFT + RIGHT + 1
        steps = (frames - width) // STRIDE + 1
        x = x.as_strided((batch, steps, MEL * width), (frames * MEL, STRIDE * MEL, 1))
        x = self.splice_norm(F.relu(self.splice(x)))
        for block in self.blocks:
            x = block(x, drop)
        y = self.last_norm(F.relu(self.last(x)))
        phone = self.phone(y)
        pair = self.pair(y).view(*y.shape[:2], COUNT, COUNT)
        entry = (pair + phone[:, :, None, :COUNT]).flatten(2)
        scores = torch.cat([entry, phone[:, :, COUNT:]], 2)
        return scores.float(), self.helper(x).float()

    @property
    def hidden(self) -> int:
        """Width of the layers."""
        return self.splice.out_features

    @property
    def narrow(self) -> int:
        """Width of the bottlenecks."""
        return self.blocks[0].narrow.out_features

    def norms(self) -> list[Norm]:
        """In the order of the layers."""
        return [self.splice_norm, *(block.norm for block in self.blocks), self.last_norm]


@torch.no_grad()
def absorb(norm: Norm, x: Tensor) -> None:
    """Set `norm`, a part of a network without batch norms, to change nothing on data like `x`."""
    flat = x.flatten(0, -2).float()
    norm.running_mean.copy_(flat.mean(0))
    norm.running_var.copy_(flat.var(0) + 1e-3)
    norm.weight.copy_(torch.sqrt(norm.running_var + norm.eps))
    norm.bias.copy_(norm.running_mean)


@torch.no_grad()
def keep_scales(network: Network) -> None:
    """Keep what the batch norms multiply by within bounds.

    Above zero, as their folding needs: for units that say next to nothing it would drift across it.
    And not large: a unit that hardly ever fires has next to no variance, and where something unheard of
    does make it fire, a few such norms in a row multiply it to 1e10, which ends Vosk's process.
    """
    for norm in network.norms():
        most = MOST_SCALE * torch.sqrt(norm.running_var + norm.eps)
        norm.weight.copy_(torch.minimum(norm.weight.clamp(min=LEAST_SCALE), most))


@torch.no_grad()
def insert_norms(network: Network, features: Tensor) -> None:
    """Give a network whose norms are folded (identities) working ones, without changing what it
    computes: an exported model can then be trained on. `features` are typical padded inputs."""
    network.eval()
    for norm in network.norms():
        norm.running_mean.zero_()
        norm.running_var.fill_(1 - norm.eps)
        norm.weight.fill_(1)
        norm.bias.zero_()
    seen: dict[Norm, Tensor] = {}
    hooks = [
        norm.register_forward_hook(lambda m, inputs, _: seen.__setitem__(m, inputs[0]))
        for norm in network.norms()
    ]
    network(features)
    for hook in hooks:
        hook.remove()
    for norm in network.norms():
        absorb(norm, seen[norm])


@torch.no_grad()
def grow(small: Network, hidden: int = HIDDEN, narrow: int = NARROW) -> Network:
    """A wider network that computes what `small` does.

    The new units see everything, as fresh ones do, but nothing reads them yet: their readers' weights
    are zero, and grow where it helps.
    """
    large = Network(hidden, narrow)
    sources = dict(small.named_parameters()) | dict(small.named_buffers())
    for name, target in (*large.named_parameters(), *large.named_buffers()):
        source = sources[name]
        if source.dim() == 0:
            target.copy_(source)
        elif source.dim() == 1 or source.shape[1] == target.shape[1]:
            target[: len(source)].copy_(source)
        else:  # it reads one or two times, side by side, of the layer before
            times = 1 if source.shape[1] in (small.hidden, small.narrow) else 2
            old = source.view(len(source), times, -1)
            new = target[: len(source)].view(len(source), times, -1)
            new.zero_()
            new[:, :, : old.shape[2]].copy_(old)
    return large


def parameter_count(network: Network) -> int:
    """Parameters that are exported."""
    sizes = {name: p.numel() for name, p in network.named_parameters() if "helper" not in name}
    return math.floor(sum(sizes.values()))
