"""The packed dialogue text in groups of a kind, each with a part held out for choosing weights."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

from training.phrases import Phrases

GROUPS = {
    "service": "sgd star multiwoz_valtest",
    "calls": "natcs_utterances",
    "caller": "multidogo polyai_banking_hotel",
    "clinic": "osce_interviews primock57 aci_bench mts_dialog",
    "request": "clinc150 smcalflow_valid home_assistant_nlu snips_2017 smalltalk_bots "
    "dstc9_dstc10_faq disfl_qa",
    "order": "taskmaster_3_4 camrest",
    "meeting": "ami_meetings icsi_meetings",
    "earnings": "earnings21_22",
    "chat": "self_dialogue accentor_chitchat",
    "everyday": "tatoeba",
    "enrol": "evi",
}
READ, SPOKEN = "books", "spoken"
DIALOGUE = ("calls", "caller", "service", "order", "clinic")
BLOCK, OF, HELD = 50, 40, 7  # lines of a block; one block in OF is held out
MADE_UP, MADE_UP_HELD = 80_000, 2_000


def _held_out(line: int) -> bool:
    """By blocks, so that a dialogue mostly falls on one side."""
    return line // BLOCK % OF == HELD


def read(folder: Path, name: str) -> list[str]:
    with gzip.open(folder / f"{name}.txt.gz", "rt") as stream:
        return [line.strip() for line in stream]


def group_lines(folder: Path, group: str, split: str) -> list[str]:
    """Lines of a group; `split` is "train" or "dev"."""
    return [
        line
        for name in GROUPS[group].split()
        for number, line in enumerate(read(folder, name))
        if _held_out(number) == (split == "dev")
    ]


def dialogue_lines(folder: Path, split: str) -> list[str]:
    """Lines of service dialogues of every kind, each kind about alike in number."""
    kinds = [group_lines(folder, group, split) for group in DIALOGUE]
    most = max(5000, min(len(kind) for kind in kinds))
    return [line for kind in kinds for line in kind[:: max(1, len(kind) // most)]]


def sources(folder: Path, work: Path) -> dict[str, tuple[list[str], list[str]]]:
    """group -> lines to count, lines to choose weights on. Held-out speakers' words are in neither
    of the training transcripts' two parts."""
    found = {g: (group_lines(folder, g, "train"), group_lines(folder, g, "dev")) for g in GROUPS}
    phrases = Phrases(11)
    made = [phrases.sentence() for _ in range(MADE_UP)]
    found["template"] = made[MADE_UP_HELD:], made[:MADE_UP_HELD]
    lines = (work / "utterances.jsonl").read_text().splitlines()
    spoken = [r for r in map(json.loads, lines) if r["split"] == "train"]
    for group in (READ, SPOKEN):
        texts = [r["text"] for r in spoken if (r["corpus"].startswith("libri")) == (group == READ)]
        found[group] = (
            [t for i, t in enumerate(texts) if not _held_out(i)],
            [t for i, t in enumerate(texts) if _held_out(i)],
        )
    return found
