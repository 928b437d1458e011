"""Whose capitals and marks are better, the second reader's own or our writer's for the same words?

    python -m benchmarks.spoken_marks [--reader NAME_OR_FOLDER] [--each N]

Lines that no training has read (the test part of `training.cased_text.part_of`), read aloud by synthetic voices (flite)
over a telephone. Only words that were read rightly count, so that both are judged by the same ones. Needs `../shared`.
"""

from __future__ import annotations

import argparse
import difflib
import itertools
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.readable_text import MARK_NAMES, Labelled, Score, utterances
from benchmarks.sets import SHARED, read_audio
from callscribe.audio import mulaw
from callscribe.models.choice import second_reader
from callscribe.recognition.base import Excerpt, Reading
from callscribe.recognition.spoken import spoken_words
from callscribe.text import Writer

VOICES = ("slt", "rms", "awb", "kal")
SOURCES = ("sgd", "self_dialogue", "taskmaster_3_4", "star", "camrest", "mts_dialog")
COLUMNS = ("comma", "full stop", "question mark", "full stop inside", "capitals")


class Written(NamedTuple):
    """A spoken word as somebody wrote it."""

    word: str
    mark: str
    capital: bool


def by_reader(reading: Reading) -> list[Written]:
    """The reader's own writing, a spoken word each."""
    found: list[Written] = []
    for token in reading.text.split():
        words = spoken_words(token)
        mark = next((sign for sign in token[::-1] if sign in MARK_NAMES), "")
        mark = mark if token.rstrip("\"')").endswith(mark) else ""
        for i, word in enumerate(words):
            last = i == len(words) - 1
            found.append(
                Written(word, mark if last else "", i == 0 and token.lstrip("\"'(")[:1].isupper())
            )
    return found


def by_writer(writer: Writer, reading: Reading) -> list[Written]:
    """Ours, of the same words and the pauses between them."""
    words = [word.text for word in reading.words]
    pauses = [0, *(max(0, b.start_ms - a.end_ms) for a, b in itertools.pairwise(reading.words))]
    found = [Written(word, "", False) for word in words]
    for token in writer.final(words, pauses).tokens:
        sign = token.text[-1:] if token.text[-1:] in MARK_NAMES else ""
        found[token.start] = found[token.start]._replace(capital=token.text[:1].isupper())
        found[token.stop - 1] = found[token.stop - 1]._replace(mark=sign)
    return found


def add(scores: dict[str, Score], truth: Sequence[Labelled], written: Sequence[Written]) -> int:
    """Count the words of an utterance that were read rightly; how many they are."""
    matcher = difflib.SequenceMatcher(
        a=[word.word for word in truth], b=[word.word for word in written], autojunk=False
    )
    count = 0
    for a, b, size in matcher.get_matching_blocks():
        for i in range(size):
            true, claimed = truth[a + i], written[b + i]
            count += 1
            for sign, name in MARK_NAMES.items():
                scores[name].add(claimed.mark == sign, true.mark == sign)
            if a + i + 1 < len(truth):
                stops = {".", "?"}
                scores["full stop inside"].add(claimed.mark in stops, true.mark in stops)
            scores["capitals"].add(claimed.capital, true.capital)
    return count


def said(row: Sequence[Labelled], voice: str) -> Excerpt:
    """A line read aloud by a synthetic voice, as it comes over a telephone."""
    text = " ".join(
        (word.word[:1].upper() if word.capital else word.word[:1]) + word.word[1:] + word.mark
        for word in row
    )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "said.wav"
        subprocess.run(["flite", "-voice", voice, "-t", text, "-o", str(file)], check=True)
        pcm = read_audio(file)
    quiet = np.zeros(2400, np.int16)
    return Excerpt(mulaw.decode(mulaw.encode(np.concatenate((quiet, pcm, quiet)))))


def rows(each: int) -> Iterator[list[Labelled]]:
    for name in SOURCES:
        path = SHARED / "data" / "text-cased" / f"{name}.txt.gz"
        if path.exists():
            found = [row for row in utterances(path, name)[0] if 5 <= len(row) <= 40]
            yield from found[:each]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reader", default="auto", help="a second reader's name or folder")
    parser.add_argument("--each", type=int, default=12, help="utterances of each source")
    arguments = parser.parse_args()
    model = second_reader(arguments.reader, language="en")
    if model is None:
        print("There is no second reader here: callscribe models get tiny.en", file=sys.stderr)
        return 1
    reader, writer = model.load_reader(), Writer.for_language("en")
    scores = {by: {name: Score() for name in COLUMNS} for by in (model.name, "our writer")}
    words = count = 0
    for number, row in enumerate(rows(arguments.each)):
        reading = reader.read(said(row, VOICES[number % len(VOICES)]), language="en")
        count += 1
        words += add(scores[model.name], row, by_reader(reading))
        add(scores["our writer"], row, by_writer(writer, reading))
        print(".", end="", file=sys.stderr, flush=True)
    print(f"\n{count} utterances, {words} words that were read rightly. F1:\n")
    print("| written by | " + " | ".join(COLUMNS) + " |")
    print("|---" * (len(COLUMNS) + 1) + "|")
    for by, each in scores.items():
        cells = [f"{each[name].summary()['f1']:.2f}" for name in COLUMNS]
        print(f"| {by} | " + " | ".join(cells) + " |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
