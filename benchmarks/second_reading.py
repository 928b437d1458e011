"""What the second reader is worth: first reader, second, both together, on every set; part of `make wer`.

    python -m benchmarks.second_reading [--reader NAME_OR_FOLDER] [--most N] [--only SET ...] [--fresh]

Calls are heard with both people on them, as the product hears them; the delay is measured with a real server, in real
time, and means something on a machine that does nothing else (`benchmarks.reading_delay` does it alone).
Writes the section between the two marks in `docs/accuracy.md`; results are kept in `work/accuracy/readers/`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import pickle
import statistics
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

from benchmarks import conditions, reading_delay, sets
from benchmarks.accuracy import WORK, fingerprint, percent
from benchmarks.scoring import Errors, bootstrap, normalise, perfect_digit_strings, word_errors
from benchmarks.sets import ROOT, SHARED
from benchmarks.sounds import made_up
from benchmarks.two_readers import Read, ReadCall, read_call, silence
from callscribe.events import Track, Word
from callscribe.models.choice import second_reader
from callscribe.models.folder import resolve
from callscribe.reading.judge import best_words
from callscribe.recognition.base import Reader, Reading, Recognizer

REPORT = ROOT / "docs" / "accuracy.md"
BEGIN, END = "<!-- second reader -->", "<!-- end of second reader -->"
NOTES = Path(__file__).with_suffix(".md")
"""What was settled, and on what; part of the page."""
Side = Literal["inbound", "outbound"]


@dataclass(frozen=True)
class Item:
    """A call, or one recording as the only person of one."""

    id: str
    tracks: dict[Track, conditions.Pcm]
    texts: dict[Track, str]
    """Of the sides that are scored."""


def calls(side: Side | None = None) -> Iterator[Item]:
    """The real calls with both people; of a side, or both, the words are scored."""
    for folder in sorted((SHARED / "data" / "calls").glob("*/")):
        told = json.loads((folder / "transcript.json").read_text(encoding="utf-8"))["channels"]
        sides: dict[Track, str] = {"inbound": "caller", "outbound": "agent"}
        tracks = {
            track: sets.read_audio(folder / told[name]["file"]) for track, name in sides.items()
        }
        texts = {
            track: told[name]["text"]
            for track, name in sides.items()
            if not told[name]["has_unk"] and side in (None, track)
        }
        if texts:
            yield Item(folder.name, tracks, texts)


def read_speech(family: str, most: int) -> Iterator[Item]:
    """Held-out speakers, one recording a call."""
    for utterance in sets.heldout(family, most=most):
        yield Item(
            utterance.id,
            {"inbound": np.concatenate((silence(0.3), utterance.pcm, silence(1.0)))},
            {"inbound": utterance.text},
        )


def demo() -> Iterator[Item]:
    caller, agent = sets.demo()
    yield Item(
        "demo",
        {"inbound": caller.pcm, "outbound": agent.pcm},
        {"inbound": caller.text, "outbound": agent.text},
    )


@dataclass(frozen=True)
class Row:
    name: str
    title: str
    items: partial[Iterator[Item]]
    condition: conditions.Condition = conditions.clean
    loses_frames: bool = False
    side: Side | None = None
    """Whose words count; None: everybody's."""


def rows(most: int) -> list[Row]:
    every = partial(calls)
    made = [
        Row("calls", "real calls, callers", every, side="inbound"),
        Row("calls", "real calls, agents", every, side="outbound"),
        Row("quiet", "real calls, 30 dB quieter", every, conditions.quiet),
        Row("loud", "real calls, overdriven", every, conditions.loud),
        Row("noisy", "real calls, noise at 10 dB", every, conditions.noisy),
        Row("lost", "real calls, 5 % of frames lost", every, loses_frames=True),
    ]
    families = {
        "fsdd": "spoken digits (FSDD)",
        "an4": "spelling, numbers, dates (AN4)",
        "wuw2": "telephone, short phrases (WUW)",
        "speech-commands": "single words (Speech Commands)",
        "librispeech": "read books (LibriSpeech)",
    }
    made += [Row(name, title, partial(read_speech, name, most)) for name, title in families.items()]
    return [*made, Row("demo", "the demo call (synthetic voices)", partial(demo))]


Read4 = tuple[str, dict[Track, str], ReadCall, float]
"""Id, what was said, what was read, seconds of sound on all tracks."""


def collect(row: Row, recognizer: Recognizer, reader: Reader, kept: Path) -> list[Read4]:
    """Read a set, or recall it."""
    if kept.exists():
        found: list[Read4] = pickle.loads(kept.read_bytes())
        return found
    done: list[Read4] = []
    for item in row.items():
        seed = int(hashlib.sha256(item.id.encode()).hexdigest()[:8], 16)
        tracks = {track: row.condition(pcm, seed) for track, pcm in item.tracks.items()}
        longest = max(tracks.values(), key=len)
        arrives = conditions.lost_frames(longest, seed) if row.loses_frames else None
        call = read_call(tracks, recognizer, reader, arrives)
        done.append((item.id, item.texts, call, sum(map(len, tracks.values())) / sets.RATE))
        print(".", end="", file=sys.stderr, flush=True)
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_bytes(pickle.dumps(done))
    return done


def _first(said: Read) -> Sequence[Word]:
    return said.first.words


def _second(said: Read) -> Sequence[Word]:
    return said.second.words


def _live(said: Read) -> Sequence[Word]:
    return best_words(said.first, said.second, said.at_ms)


def _both(said: Read) -> Sequence[Word]:
    return best_words(said.first, said.settled, said.at_ms)


READERS = {"first": _first, "second": _second, "live": _live, "both": _both}


def errors(found: list[Read4], side: Side | None, name: str) -> tuple[list[Errors], int, int]:
    """Of each track that counts, with digit strings heard without an error, and said."""
    each, right, strings = [], 0, 0
    for _, texts, call, _ in found:
        for track, text in texts.items():
            if side not in (None, track):
                continue
            heard = [
                word.text
                for said in sorted(call.utterances, key=lambda said: said.first.start_ms)
                if said.first.track == track
                for word in READERS[name](said)
            ]
            reference, hypothesis = normalise(text), normalise(" ".join(heard))
            each.append(word_errors(reference, hypothesis))
            good, said_ = perfect_digit_strings(reference, hypothesis)
            right, strings = right + good, strings + said_
    return each, right, strings


def time_agreement(found: list[Read4]) -> list[int]:
    """How far the second reader's own word starts are from the first's, for words that both heard; milliseconds."""
    apart: list[int] = []
    for _, _, call, _ in found:
        for said in call.utterances:
            apart += _apart(said, said.second)
    return apart


def _apart(said: Read, reading: Reading) -> list[int]:
    if [w.text for w in reading.words] != [w.text for w in said.first.words]:
        return []
    return [
        abs(theirs.start_ms + said.at_ms - ours.start_ms)
        for theirs, ours in list(zip(reading.words, said.first.words, strict=True))[1:]
    ]


def ghosts(recognizer: Recognizer, reader: Reader, kept: Path) -> str:
    """What becomes of sounds that are no words, as a sentence or two."""
    speech = next(iter(sets.demo())).pcm
    row = Row("ghosts", "made-up sounds", partial(_made_up, speech))
    heard = collect(row, recognizer, reader, kept)
    counts = {
        name: [
            sum(len(READERS[by](said)) for said in _of(call, "inbound")) for by in ("first", "both")
        ]
        for name, _, call, _ in heard
    }
    first, both = (sum(each[i] for each in counts.values()) for i in (0, 1))
    left = ", ".join(f"{name} ({each[1]})" for name, each in counts.items() if each[1])
    return (
        f"In {len(counts)} minutes of made-up sounds without words (`benchmarks/sounds.py`: noise, tones, music, "
        f"knocks, dogs, echoes ...) the first reader heard {first} {'word' if first == 1 else 'words'}; {both} "
        f"{'was' if both == 1 else 'were'} left after the second"
        f"{f': {left}' if left else ''}."
    )


def _made_up(speech: conditions.Pcm) -> Iterator[Item]:
    for sound in made_up(speech):
        tracks: dict[Track, conditions.Pcm] = {"inbound": sound.pcm}
        if sound.other is not None:
            tracks["outbound"] = sound.other
        yield Item(sound.name, tracks, {"inbound": ""})


def _of(call: ReadCall, track: Track) -> list[Read]:
    return [said for said in call.utterances if said.first.track == track]


def section(reader: str, most: int, only: Sequence[str] = (), *, fresh: bool = False) -> str:
    """The measured section in Markdown.

    Raises:
        ModelError: there is no such reader.
    """
    base = resolve("")
    model = second_reader(reader, language="en")
    if model is None:
        return "No second reader was installed when this was measured (`callscribe models get tiny.en`).\n"
    recognizer, second = base.load_recognizer(), model.load_reader()
    folder = WORK / "readers" / f"{fingerprint(base.path)}-{model.name}"
    lines = [
        "## Second reader",
        "",
        f"{model.name} reads every utterance again as soon as it is over, with what was said before on the call in",
        'its ear; where it differs from the first reader, the surer one is believed ("both, live"). After the call',
        "all is read once more in full windows, and the surer reading of each utterance stands: that is what the",
        'record holds ("both, settled", with its interval). Calls are heard with both people on them. WER %.',
        "",
        "| set | words | first | second alone | both, live | both, settled | digit strings right: first, both "
        "| CPU s per s: first, second, after the call |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    apart: list[int] = []
    cost: list[float] = []
    for row in rows(most):
        if only and row.name not in only:
            continue
        kept = folder / f"{row.name}-{most}.pickle"
        if fresh:
            kept.unlink(missing_ok=True)
        found = collect(row, recognizer, second, kept)
        if row.name == "calls":
            apart += time_agreement(found)
            cost += [c.second_s / max(1, len(c.utterances)) for _, _, c, _ in found]
        rates, strings, words = {}, {}, 0
        for name in READERS:
            each, right, said = errors(found, row.side, name)
            pooled = sum(each, Errors())
            rates[name], strings[name], words = pooled.rate, (right, said), pooled.words
        low, high = bootstrap(errors(found, row.side, "both")[0])
        seconds = sum(length for *_, length in found)
        spent = [
            sum(getattr(call, part) for _, _, call, _ in found) / seconds
            for part in ("first_s", "second_s", "windows_s")
        ]
        digits = ""
        if strings["first"][1]:
            digits = f"{strings['first'][0]}, {strings['both'][0]} of {strings['first'][1]}"
        costs = ", ".join(f"{each:.3f}" for each in spent)
        lines.append(
            f"| {row.title} | {words} | {percent(rates['first'])} | {percent(rates['second'])} "
            f"| {percent(rates['live'])} | {percent(rates['both'])} ({percent(low)}-{percent(high)}) "
            f"| {digits} | {costs} |"
        )
        print(lines[-1], file=sys.stderr, flush=True)
    lines.append("")
    if cost:
        lines += [
            f"On the real calls a reading took {statistics.mean(cost):.2f} s of processor time an utterance. Where "
            f"both heard the same words, the second's own word starts lay {statistics.median(apart):.0f} ms (median) "
            "from the first's, which are the ones that are kept.",
            "",
        ]
    lines += [
        ghosts(recognizer, second, folder / "ghosts.pickle"),
        "",
        reading_delay.marked(reading_delay.sentence(reading_delay.delays_ms(reader))),
        "",
        NOTES.read_text(encoding="utf-8"),
    ]
    return "\n".join(lines)


def put_in(text: str, report: Path = REPORT) -> None:
    """Put the section between the marks of the report, or at its end."""
    page = report.read_text(encoding="utf-8")
    block = f"{BEGIN}\n{text}{END}\n"
    if BEGIN in page:
        before, rest = page.split(BEGIN, 1)
        after = rest.split(END + "\n", 1)[1]
        page = before + block + after
    else:
        page = page.replace("## The sets\n", f"{block}\n## The sets\n", 1)
    report.write_text(page, encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reader", default="auto", help="a second reader's name or folder")
    parser.add_argument(
        "--most", type=int, default=40, help="recordings of each set of read speech"
    )
    parser.add_argument("--only", action="append", help="this set; repeatable; default: all")
    parser.add_argument("--fresh", action="store_true", help="forget kept results")
    arguments = parser.parse_args()
    put_in(section(arguments.reader, arguments.most, arguments.only or (), fresh=arguments.fresh))
    print(REPORT)
    return 0


if __name__ == "__main__":
    sys.exit(main())
