"""Train on: end-to-end lattice-free MMI from an exported model or a checkpoint, to a set time.

Two processes with a thread each and averaged gradients use two shared cores far better than two
threads: a busy neighbour delays one exchange a step instead of every matrix product.

With a GPU, one process computes the network there, and forward-backward on the other cores.

The learning rate falls with the clock and reaches nearly nothing at the end: plan for the finish,
there is no good model before. Interrupted, the same command goes on from the last checkpoint.
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from training import nnet3
from training.batches import Versions, batches
from training.lexicon import Lexicon
from training.network import (
    HIDDEN,
    LEFT_CONTEXT,
    MEL,
    NARROW,
    RIGHT_CONTEXT,
    Network,
    grow,
    keep_scales,
    outputs,
    pad,
)
from training.objective import LatticeFreeMmi
from training.sequences import PhoneBigram, Sequences

WARM_UP = 60  # steps
CLIP = 3.0
SAVE_SECONDS = 150.0
EMA_SHARE = 0.02
TYPICAL = 60  # items that set the batch norms of an exported model
PIECE = 900  # frames
EMA_EVERY = 2


@dataclass(frozen=True)
class Plan:
    """What a training run needs; minutes of work, not of the clock, across interruptions."""

    work: Path
    start: Path
    out: Path
    features: list[Path]
    minutes: float
    rate: float
    frames: int
    drop: float
    processes: int


def phone_bigram(work: Path, texts: list[str], lexicon: Lexicon) -> PhoneBigram:
    """The denominator's bigram, counted once for a work folder."""
    path = work / "phone_bigram.npz"
    if not path.exists():
        bigram = PhoneBigram.count(texts, lexicon, np.random.default_rng(0))
        np.savez(path, start=bigram.start, pairs=bigram.pairs)
    stored = np.load(path)
    return PhoneBigram(stored["start"], stored["pairs"])


def threads() -> int:
    """For forward-backward, which stays on the processor: the other cores beside a GPU."""
    return max(1, (os.cpu_count() or 1) - 1) if torch.cuda.is_available() else 1


def optimizer(network: Network, rate: float) -> torch.optim.Optimizer:
    """AdamW. Fused: the loop over small tensors costs as much as a backward pass on busy cores."""
    pair = [p for n, p in network.named_parameters() if n.startswith("pair.")]
    rest = [p for n, p in network.named_parameters() if not n.startswith("pair.")]
    groups = [{"params": rest, "weight_decay": 5e-3}, {"params": pair, "weight_decay": 0.05}]
    return torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.98), fused=True)


def initial(plan: Plan, versions: Versions, bigram: PhoneBigram) -> Network:
    """From a checkpoint (.pt) or an exported model (final.mdl), wider if need be."""
    if plan.start.suffix == ".pt":
        state = torch.load(plan.start, map_location="cpu")
        return _wide(restored(state["average"] or state["network"]))
    items = versions.items()
    frames = np.concatenate([item.features() for item in items[:: len(items) // TYPICAL + 1]])
    count = max(1, len(frames) // PIECE)
    padded = [pad(piece) for piece in np.resize(frames, (count, PIECE, MEL))]
    return _wide(nnet3.read(plan.start, torch.from_numpy(np.stack(padded)), bigram.pairs))


def restored(weights: dict[str, torch.Tensor]) -> Network:
    """The network, of whatever widths, whose state `weights` are."""
    network = Network(len(weights["splice.bias"]), len(weights["blocks.0.narrow.bias"]))
    network.load_state_dict(weights)
    return network


def _wide(network: Network) -> Network:
    small = network.hidden < HIDDEN or network.narrow < NARROW
    return grow(network) if small else network


def _average(network: Network) -> None:
    """Average the gradients and the batch norms' statistics over the processes."""
    tensors = [p.grad for p in network.parameters() if p.grad is not None]
    tensors += [b for b in network.buffers() if b.is_floating_point()]
    if dist.get_world_size() == 1:
        return
    flat = torch.cat([t.flatten() for t in tensors]).cpu()
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    for tensor, part in zip(tensors, flat.split([t.numel() for t in tensors]), strict=True):
        tensor.copy_(part.view_as(tensor))


class Run:
    """One of the processes of a training run."""

    def __init__(self, plan: Plan, rank: int) -> None:
        self.plan, self.rank = plan, rank
        torch.manual_seed(rank)
        self.versions = Versions(plan.features)
        lexicon = Lexicon(plan.work / "g2p.json")
        texts = [item.text for item in self.versions.items()]
        bigram = phone_bigram(plan.work, texts, lexicon)
        self.objective = LatticeFreeMmi(Sequences(plan.work), lexicon, bigram, threads())
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.network = initial(plan, self.versions, bigram).to(self.device)
        self.optimizer = optimizer(self.network, plan.rate)
        self.average: dict[str, torch.Tensor] | None = None
        self.steps, self.epoch, self.spent = 0, 0, 0.0
        if plan.out.exists():
            state = torch.load(plan.out, map_location=self.device)
            self.network.load_state_dict(state["network"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.average = state["average"]
            self.steps, self.epoch, self.spent = state["steps"], state["epoch"], state["spent"]
        self.log: list[tuple[float, float, float]] = []

    @property
    def done(self) -> float:
        return self.spent / (60 * self.plan.minutes)

    def save(self) -> None:
        state = {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "average": self.average,
            "steps": self.steps,
            "epoch": self.epoch,
            "spent": self.spent,
        }
        partial = self.plan.out.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(self.plan.out)

    def train(self) -> None:
        saved = clock = time.monotonic()
        while self.done < 1:
            rng = np.random.default_rng([self.epoch, self.steps])
            items = self.versions.epoch(self.epoch, rng)[self.rank :: self.plan.processes]
            rng = np.random.default_rng([self.epoch, self.steps, self.rank])
            for features, texts in batches(items, self.plan.frames, rng):
                self.step(features, texts)
                now = time.monotonic()
                spent = torch.tensor([self.spent + now - clock])
                dist.broadcast(spent, 0)  # one clock for all
                self.spent, clock = spent.item(), now
                if self.done >= 1:
                    break
                if self.rank == 0 and now - saved > SAVE_SECONDS:
                    self.save()
                    saved = now
            self.epoch += 1
        if self.rank == 0:
            self.save()

    def step(self, features: list[np.ndarray], texts: list[str]) -> None:
        rate = self.plan.rate * min(1.0, (self.steps + 1) / WARM_UP) * (1 - 0.98 * self.done)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        frames = [len(f) for f in features]
        padded = np.stack([pad(f, outputs(max(frames))) for f in features])
        self.network.train()
        drop = self.plan.drop * min(1.0, 2 * (1 - self.done))
        with torch.autocast(self.device.type, torch.bfloat16):
            scores, helper = self.network(torch.from_numpy(padded).to(self.device), drop)
        self.optimizer.zero_grad(set_to_none=False)
        result = self.objective.loss(scores, helper, frames, texts)
        if result is not None:
            result[0].backward()
            self.log.append((result[1].mmi, result[1].helper, result[1].used))
        for parameter in self.network.parameters():
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        _average(self.network)
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), CLIP)
        self.optimizer.step()
        keep_scales(self.network)
        self.steps += 1
        if self.done > 0.1 and self.steps % EMA_EVERY == 0:
            self._follow()
        if self.rank == 0 and self.steps % 25 == 0 and self.log:
            mmi, helper, used = np.mean(self.log, 0)
            print(
                f"step {self.steps} pass {self.epoch} {self.done:.1%} rate {rate:.2e}"
                f" mmi {mmi:.4f} helper {helper:.3f} used {used:.3f}",
                flush=True,
            )
            self.log.clear()

    @torch.no_grad()
    def _follow(self) -> None:
        """A running average of the weights over about the last hundred steps."""
        now = self.network.state_dict()
        if self.average is None:
            self.average = {name: value.clone() for name, value in now.items()}
        for name, value in now.items():
            if value.is_floating_point():
                self.average[name].lerp_(value, EMA_SHARE)


def _process(rank: int, plan: Plan) -> None:
    torch.set_num_threads(1)
    rendezvous = f"file://{plan.work.resolve()}/rendezvous"
    dist.init_process_group("gloo", rendezvous, rank=rank, world_size=plan.processes)
    Run(plan, rank).train()
    dist.destroy_process_group()


def train(plan: Plan) -> None:
    """Run `plan` to its end; checkpoints at `plan.out`, the averaged weights among them."""
    Sequences(plan.work)  # compiled once, before the processes ask for it
    (plan.work / "rendezvous").unlink(missing_ok=True)
    mp.spawn(_process, (plan,), plan.processes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=Path)
    parser.add_argument("start", type=Path, help="final.mdl of an exported model, or a checkpoint")
    parser.add_argument("out", type=Path, help="checkpoint to write and to resume from")
    parser.add_argument("features", type=Path, nargs="+", help="prefixes of feature files")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--rate", type=float, default=7e-4)
    parser.add_argument("--frames", type=int, default=9000, help="frames a batch and process")
    parser.add_argument("--drop", type=float, default=0.05)
    parser.add_argument("--processes", type=int, default=1 if torch.cuda.is_available() else 2)
    a = parser.parse_args()
    print("context", LEFT_CONTEXT, RIGHT_CONTEXT, flush=True)
    train(Plan(**vars(a)))


if __name__ == "__main__":
    main()
