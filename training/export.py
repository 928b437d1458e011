"""A Vosk model folder from a checkpoint, a language model and pronunciations.

am/final.mdl                      transition model and network
conf/mfcc.conf, conf/model.conf   features, decoder, endpoints
graph/HCLG.fst, graph/words.txt   the decoding graph
graph/phones/word_boundary.int    gives Vosk exact word times
adapt/                            what `callscribe models adapt` needs
"""

from __future__ import annotations

import argparse
import shutil
from dataclasses import dataclass
from pathlib import Path

import torch

from callscribe.models.adapt import phones, pronunciations, worker
from callscribe.models.adapt.language_model import Backoff
from training import nnet3
from training.lexicon import Lexicon
from training.network import keep_scales
from training.train import restored

MFCC = """\
--sample-frequency=8000
--use-energy=false
--num-mel-bins=40
--num-ceps=40
--low-freq=20
--high-freq=3800
--dither=0
--allow-downsample=true
--allow-upsample=true
"""


@dataclass(frozen=True)
class Decoder:
    """Decoder settings, chosen on the development split."""

    beam: float = 11.0
    lattice_beam: float = 6.0
    max_active: int = 3000
    min_active: int = 200
    acoustic_scale: float = 1.15

    def conf(self) -> str:
        return f"""\
--min-active={self.min_active}
--max-active={self.max_active}
--beam={self.beam}
--lattice-beam={self.lattice_beam}
--acoustic-scale={self.acoustic_scale}
--frame-subsampling-factor=3
--endpoint.silence-phones=1
--endpoint.rule2.min-trailing-silence=1.0
--endpoint.rule3.min-trailing-silence=1.5
--endpoint.rule4.min-trailing-silence=2.0
"""


def word_boundary() -> str:
    lines = ["1 nonword"]
    for phone in range(1, phones.COUNT):
        for position, name in enumerate(phones.POSITIONS):
            lines.append(f"{phones.positional(phone, position)} {name}")
    return "\n".join(lines) + "\n"


def acoustic_model(checkpoint: Path, folder: Path) -> None:
    """The averaged weights of `checkpoint` as am/final.mdl."""
    state = torch.load(checkpoint, map_location="cpu")
    network = restored(state["average"] or state["network"])
    keep_scales(network)
    nnet3.write(network, folder / "am" / "final.mdl")


def configuration(folder: Path, decoder: Decoder) -> None:
    for name, text in (
        ("conf/mfcc.conf", MFCC),
        ("conf/model.conf", decoder.conf()),
        ("graph/phones/word_boundary.int", word_boundary()),
    ):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def graph(language_model: Path, work: Path, folder: Path) -> None:
    """The graph, and what is needed to make it anew with more words."""
    (folder / "adapt").mkdir(parents=True, exist_ok=True)
    shutil.copyfile(language_model, folder / worker.LANGUAGE_MODEL)
    shutil.copyfile(work / "g2p.npz", folder / worker.G2P)
    words = Backoff.load(language_model).words
    lexicon = Lexicon(work / "g2p.json").all()
    kept = {
        word: several[: pronunciations.MOST]
        for word, several in lexicon.items()
        if word.replace("'", "").isalpha() and word.isascii()
    }
    unknown = [word for word in words if word not in kept]
    if unknown:
        raise ValueError(f"words without a pronunciation: {unknown[:10]}")
    pronunciations.save(kept, folder / worker.PRONUNCIATIONS)
    worker.build_graph(folder, lambda stage, done: print(f"{done:5.0%} {stage}", flush=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--checkpoint", type=Path, help="write am/")
    parser.add_argument("--language-model", type=Path, help="write graph/ and adapt/")
    a = parser.parse_args()
    if a.checkpoint:
        acoustic_model(a.checkpoint, a.folder)
    configuration(a.folder, Decoder())
    if a.language_model:
        graph(a.language_model, a.work, a.folder)


if __name__ == "__main__":
    main()
