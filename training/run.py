"""The whole recipe, stage by stage. What a stage has made is not made again."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from training import calibration, evaluate, language_model, speech, synthetic
from training.export import Decoder, acoustic_model, configuration, graph
from training.lexicon import Lexicon, train_g2p
from training.train import Plan, train

PARTS = 2  # processes that make features


@dataclass(frozen=True)
class Recipe:
    """Where things are, and how much of everything."""

    data: Path
    work: Path
    folder: Path
    start: Path
    minutes: float
    rate: float
    versions: int
    phrases: int

    @property
    def text(self) -> Path:
        return self.data / "text"

    def lexicon(self) -> None:
        train_g2p().save(self.work / "g2p.npz")

    def speech(self) -> None:
        speech.unpack(self.data / "speech", self.work)
        words = {w for u in speech.Recordings(self.work).utterances for w in u["text"].split()}
        from callscribe.models.adapt.g2p import G2p

        Lexicon(self.work / "g2p.json").guess(words, G2p.load(self.work / "g2p.npz"))

    def synthetic(self) -> None:
        synthetic.make(self.phrases, self.text, self.work)

    def features(self) -> None:
        sources = {"aug": "utterances audio", "augsyn": "synthetic synthetic"}
        for version in range(self.versions):
            for name, source in sources.items():
                wanted = [
                    part
                    for part in range(PARTS)
                    if not (self.work / f"{name}.v{version}.{part}.json").exists()
                ]
                commands = [
                    [
                        sys.executable,
                        "-m",
                        "training.features",
                        str(self.work),
                        name,
                        str(version),
                        str(part),
                        str(PARTS),
                        "--source",
                        source,
                    ]
                    for part in wanted
                ]
                running = [subprocess.Popen(command) for command in commands]
                codes = [process.wait() for process in running]
                if any(codes):
                    raise SystemExit(f"features of version {version} failed")

    def train(self) -> None:
        prefixes = [self.work / "aug", self.work / "augsyn"]
        out = self.work / "checkpoint.pt"
        processes = 1 if torch.cuda.is_available() else 2
        train(
            Plan(
                self.work, self.start, out, prefixes, self.minutes, self.rate, 9000, 0.05, processes
            )
        )

    def language_model(self) -> None:
        language_model.make(self.text, self.work, self.work / "lm.npz", 22_000, 290_000)

    def export(self) -> None:
        acoustic_model(self.work / "checkpoint.pt", self.folder)
        configuration(self.folder, Decoder())
        graph(self.work / "lm.npz", self.work, self.folder)

    def evaluate(self) -> None:
        evaluate.evaluate(self.folder, self.work, self.text, 30)

    def calibration(self) -> None:
        calibration.fit(self.folder, self.work, self.text)

    def stages(self) -> dict[str, tuple[Callable[[], None], Path | None]]:
        """name -> what to do, and the file that says it is done."""
        last = self.work / f"augsyn.v{self.versions - 1}.{PARTS - 1}.json"
        return {
            "lexicon": (self.lexicon, self.work / "g2p.npz"),
            "speech": (self.speech, self.work / "audio.raw"),
            "synthetic": (self.synthetic, self.work / "synthetic.raw"),
            "features": (self.features, last),
            "train": (self.train, None),  # goes on from its checkpoint, to its time
            "language-model": (self.language_model, self.work / "lm.npz"),
            "export": (self.export, self.folder / "graph" / "HCLG.fst"),
            "evaluate": (self.evaluate, None),
            "calibration": (self.calibration, None),
        }


def main() -> None:
    builtin = Path(__file__).parents[1] / "src/callscribe/models/phone-en/am/final.mdl"
    parser = argparse.ArgumentParser(prog="python -m training.run", description=__doc__)
    parser.add_argument("data", type=Path, help="folder with speech/ and text/")
    parser.add_argument("work", type=Path, help="folder for everything made on the way")
    parser.add_argument("folder", type=Path, help="model folder to make")
    parser.add_argument(
        "--only", help="one stage: lexicon, speech, synthetic, features, train, ..."
    )
    parser.add_argument("--start", type=Path, default=builtin, help="final.mdl to train on")
    parser.add_argument("--minutes", type=float, default=60, help="training time")
    parser.add_argument("--rate", type=float, default=7e-4, help="learning rate at its highest")
    parser.add_argument("--versions", type=int, default=3, help="telephone versions of the speech")
    parser.add_argument("--phrases", type=int, default=2500, help="for the synthetic voices")
    given = vars(parser.parse_args())
    only = given.pop("only")
    recipe = Recipe(**given)
    recipe.work.mkdir(parents=True, exist_ok=True)
    stages = recipe.stages()
    if only and only not in stages:
        parser.error(f"no stage {only}; there are {', '.join(stages)}")
    for number, (name, (action, made)) in enumerate(stages.items(), 1):
        if only and name != only:
            continue
        if made is not None and made.exists():
            print(f"[{number}/{len(stages)}] {name}: done before", flush=True)
            continue
        print(f"[{number}/{len(stages)}] {name}", flush=True)
        action()


if __name__ == "__main__":
    main()
