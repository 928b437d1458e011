"""Trains the model that sets capitals and punctuation, and packs it for the package.

    python -m training.punctuation ../shared/data/text-cased --out src/callscribe/text/en.npz

A few dilated convolutions over word embeddings, so that it runs in numpy within a millisecond. Needs PyTorch
(not a dependency of the package). Lines of the test part (see `cased_text.part_of`) are never read here.
"""

from __future__ import annotations

import argparse
import collections
import itertools
import math
import random
import time
import zlib
from pathlib import Path

import numpy as np
import torch
from torch import nn

from callscribe.text.lexicon import HESITATIONS
from callscribe.text.tagger import HABIT_STEPS, Tagger, bucket
from training import cased_text
from training.cased_text import Unit

MARKS = ("", ",", ".", "?")
DILATIONS = (1, 2, 4, 8, 1)
KERNEL = 5
WIDTH = 128
EMBEDDING = 64
MAX_WORDS = 14_000
BUCKETS = 256
"""Embeddings shared by rare words, by a hash of their last three letters."""
RARE = 30
"""Words seen at most so often are sometimes hidden behind their bucket, so that buckets learn from more words."""
HIDE_RARE = 0.1
AVERAGE_EVERY, AVERAGE_DECAY = 4, 0.997
"""The packed weights are a moving average over the last thousand steps or so."""
CHECKPOINT_EVERY_S = 60.0

LINE_SHARE = {
    "earnings21_22": 1.0, "ami_meetings": 2.0, "primock57": 4.0, "mts_dialog": 1.0, "sgd": 0.2,
    "self_dialogue": 0.4, "star": 0.3, "camrest": 1.0, "taskmaster_3_4": 1.0, "tatoeba": 0.25,
}  # fmt: skip
"""How often a line is read an epoch; transcribed speech counts more than typed text."""

Line = tuple[str, list[Unit]]


def read(folder: Path, part: str, *, thin: bool = False) -> dict[str, list[list[Unit]]]:
    """Lines of one part as units; `thin` reads only the share of each source that one epoch uses."""
    texts: dict[str, list[list[Unit]]] = {}
    for name in cased_text.sources(folder):
        rows = []
        share = LINE_SHARE.get(name, 0.3) if thin else 1.0
        for number, line in cased_text.lines(folder / f"{name}.txt.gz"):
            block = number // cased_text.blocks(name)[0]
            if zlib.crc32(f"{block}:{name}".encode()) % 1000 >= 1000 * share:
                continue
            if cased_text.part_of(name, number) == part:
                found = cased_text.units(line)
                if found and len(found) <= 120:
                    rows.append(found)
        texts[name] = rows
        print(f"  {part:5} {name:16} {len(rows):7} lines", flush=True)
    return texts


def written_forms(texts: dict[str, list[list[Unit]]]) -> tuple[dict[str, str], dict[str, float]]:
    """Words always written with capitals (their form), and each word's log odds of a capital, inside sentences.

    The log odds are smoothed by half a count and lie within -6 and 6.
    """
    forms: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    for name, rows in texts.items():
        if name in cased_text.CASE_UNRELIABLE:
            continue
        for row in rows:
            for unit in row:
                if not unit.starts and not unit.key.startswith("<"):
                    forms[unit.key][unit.written] += 1
    always: dict[str, str] = {}
    share: dict[str, float] = {}
    for key, counts in forms.items():
        total = counts.total()
        large = sum(n for form, n in counts.items() if form != form.lower())
        odds = math.log((large + 0.5) / (total - large + 0.5))
        share[key] = max(-6.0, min(6.0, odds))
        form, n = counts.most_common(1)[0]
        form = form.replace("’", "'")
        clean = form.replace(".", "")
        if clean.lower() != key or clean == key:
            continue
        mixed = clean not in {key.capitalize(), key.upper()}
        if total >= 5 and n >= (0.5 if mixed else 0.9) * total:
            always[key] = clean
    return always, share


class Net(nn.Module):  # type: ignore[misc, unused-ignore]
    def __init__(self, size: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(size, EMBEDDING, padding_idx=0)
        nn.init.normal_(self.embedding.weight, std=0.3)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(
                EMBEDDING if i == 0 else WIDTH, WIDTH, KERNEL, dilation=d, padding=d * (KERNEL // 2)
            )
            for i, d in enumerate(DILATIONS)
        )
        self.mark = nn.Linear(WIDTH, len(MARKS))
        self.capital = nn.Linear(WIDTH + EMBEDDING, 1)

    def forward(self, ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        mask = (ids > 0).unsqueeze(1).float()
        embedded = self.embedding(ids)
        x = nn.functional.dropout(embedded, 0.1, self.training).transpose(1, 2) * mask
        for i, convolution in enumerate(self.convolutions):
            y = torch.relu(convolution(x)) * mask
            x = y if i == 0 else x + y
        hidden = x.transpose(1, 2)
        case = self.capital(torch.cat([hidden, embedded], 2)).squeeze(2)
        return self.mark(hidden), case


class Coder:
    """Keys to embedding rows; the same arithmetic as `callscribe.text.tagger`."""

    def __init__(self, words: list[str], rare: frozenset[str] = frozenset()) -> None:
        self.words = words
        self.rare = rare
        self.index = {word: i + 1 for i, word in enumerate(words)}

    def __len__(self) -> int:
        return len(self.words) + 1 + BUCKETS

    def __call__(self, key: str) -> int:
        found = self.index.get(key)
        return found if found is not None else self.hidden(key)

    def hidden(self, key: str) -> int:
        """The row of a word that is not on the list."""
        return 1 + len(self.words) + bucket(key, BUCKETS)


def examples(
    texts: dict[str, list[list[Unit]]],
    coder: Coder,
    draw: random.Random,
    *,
    cuts: bool = True,
    thin: bool = False,
) -> list[tuple[list[int], list[int], list[int]]]:
    """Stretches of one to four lines, as utterances come: most end where a sentence does, some are cut off."""
    found = []
    for name, rows in texts.items():
        share = LINE_SHARE.get(name, 0.3)
        share = 1.0 if thin and share < 1 else share
        case = name not in cased_text.CASE_UNRELIABLE
        i = 0
        position = 0
        starts: list[int] = []
        while position < len(rows):
            starts.append(position)
            position += draw.choice((1, 1, 2, 2, 3, 4))
        for round_ in range(int(np.ceil(share))):
            keep = min(1.0, share - round_)
            for i, start in enumerate(starts):
                if draw.random() >= keep:
                    continue
                stop = starts[i + 1] if i + 1 < len(starts) else len(rows)
                row = [unit for line in rows[start:stop] for unit in line]
                if draw.random() < 0.5:
                    row = without_fillers(row)
                if cuts and draw.random() < 0.25 and len(row) > 4:
                    row = row[: draw.randrange(2, len(row))]
                if cuts and draw.random() < 0.1 and len(row) > 6:
                    row = row[draw.randrange(1, len(row) - 3) :]
                for k in range(0, len(row), 96):
                    piece = row[k : k + 96]
                    if not piece:
                        continue
                    found.append(
                        (
                            [
                                coder.hidden(u.key)
                                if cuts and u.key in coder.rare and draw.random() < HIDE_RARE
                                else coder(u.key)
                                for u in piece
                            ],
                            [MARKS.index(u.mark) for u in piece],
                            [
                                -1
                                if u.starts or not case or u.key.startswith("<")
                                else int(u.written[:1].isupper())
                                for u in piece
                            ],
                        )
                    )
    draw.shuffle(found)
    return found


def without_fillers(row: list[Unit]) -> list[Unit]:
    kept: list[Unit] = []
    starts = False
    for unit in row:
        if unit.key in HESITATIONS:
            if kept and unit.mark and (kept[-1].mark in {"", ","} or unit.mark == "?"):
                # a comma around a filler goes with it
                kept[-1] = kept[-1]._replace(mark=unit.mark if unit.mark != "," else "")
            starts = starts or unit.starts
            continue
        kept.append(unit._replace(starts=unit.starts or starts))
        starts = False
    return kept


def batches(
    rows: list[tuple[list[int], list[int], list[int]]], size: int, draw: random.Random
) -> list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    groups = []
    for k in range(0, len(rows), size * 50):
        chunk = sorted(rows[k : k + size * 50], key=lambda r: len(r[0]))
        for j in range(0, len(chunk), size):
            part = chunk[j : j + size]
            width = max(len(r[0]) for r in part)
            table = np.full((3, len(part), width), -1, np.int64)
            table[0] = 0
            for n, row in enumerate(part):
                for layer in range(3):
                    table[layer, n, : len(row[0])] = row[layer]
            groups.append(tuple(torch.from_numpy(t) for t in table))
    draw.shuffle(groups)
    return groups  # type: ignore[return-value]


def f1(predicted: np.ndarray, gold: np.ndarray, label: int) -> float:
    hit = int(((predicted == label) & (gold == label)).sum())
    return 2 * hit / max(1, int((predicted == label).sum()) + int((gold == label).sum()))


def train(net: Net, texts: dict[str, list[list[Unit]]], dev: dict, coder: Coder, args) -> Net:  # type: ignore[no-untyped-def,type-arg]
    """Trains `net` until the epochs or the minutes are over; gives the averaged network.

    A checkpoint beside the output lets the next call go on after an interruption; it is removed at the end.
    """
    optimizer = torch.optim.AdamW(net.parameters(), lr=args.rate, weight_decay=0.01)
    averaged = torch.optim.swa_utils.AveragedModel(
        net, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(AVERAGE_DECAY)
    )
    checkpoint = args.out.with_suffix(".checkpoint")
    first, spent, elapsed = 0, 0.0, 0.0
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        net.load_state_dict(state["net"])
        averaged.load_state_dict(state["averaged"])
        optimizer.load_state_dict(state["optimizer"])
        first, spent = state["epoch"], state["spent"]
        print(f"going on after {spent:.0f} s, epoch {first + 1}", flush=True)
    draw = random.Random(first * 1000 + int(spent) + 1)
    began, wall = time.process_time() - spent, time.monotonic()
    saved = wall
    for epoch in range(first, args.epochs):
        rows = examples(texts, coder, draw, thin=args.start is not None)
        groups = batches(rows, 64, draw)
        total = 0.0
        net.train()
        for step, (ids, marks, case) in enumerate(groups):
            spent = time.process_time() - began
            elapsed = max(
                spent / (args.minutes * 60), (time.monotonic() - wall) / (args.wall_minutes * 60)
            )
            done = max((epoch + step / len(groups)) / args.epochs, elapsed)
            if elapsed >= 1:
                break
            optimizer.param_groups[0]["lr"] = (
                args.rate * max(0.02, 1 - done) * min(1, (step + epoch * 1e6 + 10) / 300)
            )
            mark_out, case_out = net(ids)
            loss = nn.functional.cross_entropy(
                mark_out.reshape(-1, len(MARKS)), marks.reshape(-1), ignore_index=-1
            )
            known = case >= 0
            if known.any():
                loss = loss + 0.5 * nn.functional.binary_cross_entropy_with_logits(
                    case_out[known], case[known].float()
                )
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            if step % AVERAGE_EVERY == 0:
                averaged.update_parameters(net)
            total += float(loss.detach())
            if time.monotonic() - saved > CHECKPOINT_EVERY_S:
                saved = time.monotonic()
                torch.save(
                    {
                        "net": net.state_dict(),
                        "averaged": averaged.state_dict(),
                        "optimizer": optimizer.state_dict(),
                        "epoch": epoch,
                        "spent": spent,
                    },
                    checkpoint,
                )
            if step % 500 == 0:
                print(
                    f"  epoch {epoch + 1} step {step}/{len(groups)} loss {total / (step + 1):.4f} {spent:.0f} s",
                    flush=True,
                )
        for name, rows_ in dev.items():
            report(averaged.module, name, rows_)
        if elapsed >= 1:
            break
    checkpoint.unlink(missing_ok=True)
    return averaged.module  # type: ignore[no-any-return, unused-ignore]


def report(net: Net, name: str, dev: list) -> None:  # type: ignore[type-arg]
    net.eval()
    guesses, golds = [], []
    capital_guess, capital_gold = [], []
    with torch.no_grad():
        for ids, marks, case in dev:
            mark_out, case_out = net(ids)
            valid = marks >= 0
            guesses.append(mark_out.argmax(2)[valid].numpy())
            golds.append(marks[valid].numpy())
            known = case >= 0
            capital_guess.append((case_out[known] > 0).long().numpy())
            capital_gold.append(case[known].numpy())
    guess, gold = np.concatenate(guesses), np.concatenate(golds)
    scores = "  ".join(f"{MARKS[k]} {f1(guess, gold, k):.3f}" for k in (1, 2, 3))
    capital = f1(np.concatenate(capital_guess), np.concatenate(capital_gold), 1)
    print(f"  {name:16} development F1: {scores}  capitals {capital:.3f}", flush=True)


def packed_habits(words: list[str], share: dict[str, float]) -> dict[str, np.ndarray]:
    """How often words have a capital. The network knows that of its own words, and is only held back where one
    hardly ever has; of words outside its list it knows the ending alone, so there the habit speaks both ways.
    """
    known = set(words)
    rare = sorted(word for word, odds in share.items() if word not in known and abs(odds) >= 0.5)
    return {
        "habits": np.array(
            [round(HABIT_STEPS * min(0.0, share.get(word, 0.0))) for word in words], np.int8
        ),
        "habit_weight": np.array(0, np.float32),
        "rare_words": np.frombuffer("\n".join(rare).encode(), np.uint8),
        "rare_habits": np.array([round(HABIT_STEPS * share[word]) for word in rare], np.int8),
        "rare_weight": np.array(0, np.float32),
    }


def pack(
    net: Net, coder: Coder, always: dict[str, str], share: dict[str, float], out: Path
) -> None:
    """Eight-bit weights with one scale a row (embeddings) or an output (the rest), zipped."""
    arrays: dict[str, np.ndarray] = {}

    def quantised(name: str, weight: np.ndarray) -> None:
        scale = np.abs(weight).max(axis=-1, keepdims=True) / 127 + 1e-12
        arrays[name] = np.round(weight / scale).astype(np.int8)
        arrays[f"{name}_scale"] = scale.astype(np.float32)

    with torch.no_grad():
        quantised("embedding", net.embedding.weight.numpy())
        for i, convolution in enumerate(net.convolutions):
            weight = convolution.weight.permute(0, 2, 1).reshape(WIDTH, -1).numpy()
            quantised(f"conv{i}", weight)
            arrays[f"conv{i}_bias"] = convolution.bias.numpy().astype(np.float32)
        for name, layer in (("mark", net.mark), ("capital", net.capital)):
            arrays[name] = layer.weight.numpy().astype(np.float32)
            arrays[f"{name}_bias"] = layer.bias.numpy().astype(np.float32)
    arrays.update(packed_habits(coder.words, share))
    arrays["dilations"] = np.array(DILATIONS, np.int32)
    arrays["kernel"] = np.array(KERNEL, np.int32)
    arrays["buckets"] = np.array(BUCKETS, np.int32)
    arrays["words"] = np.frombuffer("\n".join(coder.words).encode(), np.uint8)
    forms = "\n".join(f"{key}\t{form}" for key, form in sorted(always.items()))
    arrays["forms"] = np.frombuffer(forms.encode(), np.uint8)
    np.savez_compressed(out, **arrays)
    print(
        f"wrote {out}, {out.stat().st_size / 1e6:.2f} MB, {len(coder.words)} words, {len(always)} forms"
    )


def unpack(net: Net, path: Path) -> tuple[list[str], dict[str, str], dict[str, float]]:
    """Fills a network of the same shape with packed weights; gives words, written forms and habits."""
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}

    def weight(name: str) -> torch.Tensor:
        return torch.from_numpy(arrays[name].astype(np.float32) * arrays[f"{name}_scale"])

    with torch.no_grad():
        net.embedding.weight.copy_(weight("embedding"))
        for i, convolution in enumerate(net.convolutions):
            packed = weight(f"conv{i}").reshape(WIDTH, KERNEL, -1).permute(0, 2, 1)
            convolution.weight.copy_(packed)
            convolution.bias.copy_(torch.from_numpy(arrays[f"conv{i}_bias"]))
        for name, layer in (("mark", net.mark), ("capital", net.capital)):
            layer.weight.copy_(torch.from_numpy(arrays[name]))
            layer.bias.copy_(torch.from_numpy(arrays[f"{name}_bias"]))
    words = bytes(arrays["words"]).decode().split("\n")
    forms = dict(line.split("\t") for line in bytes(arrays["forms"]).decode().split("\n"))
    return words, forms, unpacked_habits(arrays)


def unpacked_habits(arrays: dict[str, np.ndarray]) -> dict[str, float]:
    """The habits in a packed file: log odds of a capital for each word that has one."""
    habits: dict[str, float] = {}
    for names, values in (("words", "habits"), ("rare_words", "rare_habits")):
        keys = bytes(arrays[names]).decode().split("\n")
        habits.update(zip(keys, (arrays[values] / HABIT_STEPS).tolist(), strict=True))
    return habits


TUNED_ON = ("earnings21_22", "ami_meetings", "mts_dialog", "sgd", "self_dialogue")


def tune(path: Path, texts: dict[str, list[list[Unit]]]) -> None:
    """Shifts the biases of marks and capitals so that F1 on the development part is best, source by source.

    The likeliest mark is "none" too often for rare marks. Works on the packed file, hence on eight-bit weights.
    """
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    arrays["habit_weight"] = arrays["rare_weight"] = np.array(0, np.float32)
    tagger = Tagger(arrays)
    habit = unpacked_habits(arrays)
    listed = set(bytes(arrays["words"]).decode().split("\n"))
    draw = random.Random(3)
    seen: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]] = {}
    for name in TUNED_ON:
        rows = texts[name]
        scores, capitals, marks, cases, habits = [], [], [], [], []
        start = 0
        while start < min(len(rows), 3000):
            stop = start + draw.choice((1, 1, 2, 3))
            row = [unit for line in rows[start:stop] for unit in line]
            start = stop
            tags = tagger.tag([unit.key for unit in row])
            scores.append(tags.marks)
            capitals.append(tags.capitals)
            marks.append(np.array([MARKS.index(unit.mark) for unit in row]))
            known = [not unit.starts and not unit.key.startswith("<") for unit in row]
            odds = [(habit.get(unit.key, 0.0), unit.key in listed) for unit in row]
            habits.append(np.array([(h, 0.0) if own else (0.0, h) for h, own in odds]))
            cases.append(np.where(known, [unit.written[:1].isupper() for unit in row], -1))
        seen[name] = tuple(np.concatenate(x) for x in (scores, marks, capitals, cases, habits))  # type: ignore[assignment]

    def value(shift: np.ndarray) -> float:
        return float(
            np.mean(
                [
                    f1((scores + shift).argmax(1), marks, label)
                    for scores, marks, _, _, _ in seen.values()
                    for label in (1, 2, 3)
                ]
            )
        )

    shift = np.zeros(4, np.float32)
    best = value(shift)
    print(f"  before tuning, mean F1 of marks {best:.4f}")
    for _ in range(2):
        for label in (1, 2, 3):
            for step in np.arange(-0.4, 1.21, 0.1, dtype=np.float32):
                trial = shift.copy()
                trial[label] = step
                if (found := value(trial)) > best + 1e-4:
                    shift, best = trial, found

    def capital_value(choice: tuple[float, float, float]) -> float:
        limit, *weights = choice
        return float(
            np.mean(
                [
                    f1(
                        (capitals + habits @ np.array(weights) > limit)[cases >= 0].astype(int),
                        cases[cases >= 0],
                        1,
                    )
                    for _, _, capitals, cases, habits in seen.values()
                ]
            )
        )

    # a stray capital disturbs more than a missing one: the limit is not lowered, and habits always count a little
    choices = itertools.product((0.0, 0.2, 0.4), (0.1, 0.2, 0.3), (0.0, 0.5, 1.0, 1.5, 2.0, 2.5))
    limit, weight, rare_weight = max(choices, key=capital_value)
    print(
        f"  after tuning {best:.4f}, shifts {shift[1:].tolist()}; capitals"
        f" {capital_value((0.0, 0.0, 0.0)):.4f} -> {capital_value((limit, weight, rare_weight)):.4f}"
        f" from {limit:.1f}, habits weigh {weight:.1f}, of rare words {rare_weight:.1f}"
    )
    arrays["mark_bias"] = (arrays["mark_bias"] + shift).astype(np.float32)
    arrays["capital_bias"] = (arrays["capital_bias"] - limit).astype(np.float32)
    arrays["habit_weight"] = np.array(weight, np.float32)
    arrays["rare_weight"] = np.array(rare_weight, np.float32)
    np.savez_compressed(path, **arrays)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="packed text with capitals and punctuation")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument(
        "--minutes", type=float, default=20.0, help="train for so many minutes of one processor"
    )
    parser.add_argument(
        "--wall-minutes", type=float, default=60.0, help="but stop when so many have passed"
    )
    parser.add_argument(
        "--start", type=Path, help="go on from this packed file, on a thinner choice of lines"
    )
    parser.add_argument("--rate", type=float, default=3e-3, help="highest learning rate")
    parser.add_argument(
        "--tune-only", action="store_true", help="only tune the file at --out again"
    )
    args = parser.parse_args()
    if args.tune_only:
        tune(args.out, read(args.folder, "dev"))
        return
    torch.manual_seed(1)
    torch.set_num_threads(1)
    texts = read(args.folder, "train", thin=args.start is not None)
    counts: collections.Counter[str] = collections.Counter()
    for name, rows in texts.items():
        weight = 4 if name in cased_text.TRANSCRIBED else 1
        for row in rows:
            for unit in row:
                counts[unit.key] += weight
    if args.start is None:
        words = [word for word, n in counts.most_common(MAX_WORDS) if n >= 4]
        always, share = written_forms(texts)
        net = Net(len(words) + 1 + BUCKETS)
    else:
        with np.load(args.start) as file:
            net = Net(len(file["embedding"]))
        words, always, share = unpack(net, args.start)
    coder = Coder(words, frozenset(word for word in words if counts[word] <= RARE))
    print(f"{len(words)} words, {len(always)} with a fixed form", flush=True)
    dev_texts = read(args.folder, "dev")
    dev = {
        name: batches(
            examples({name: rows}, coder, random.Random(2), cuts=False), 64, random.Random(2)
        )
        for name, rows in dev_texts.items()
        if rows and name in cased_text.TRANSCRIBED
    }
    net = train(net, texts, dev, coder, args)
    pack(net, coder, always, share, args.out)
    tune(args.out, dev_texts)


if __name__ == "__main__":
    main()
