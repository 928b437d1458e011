"""`docs/accuracy.md`: the measured tables with the sentences around them."""

from __future__ import annotations

import importlib.util
import os
import platform
from pathlib import Path
from typing import Any

from benchmarks import accuracy, confidence
from benchmarks.sets import ROOT, SHARED

INTRODUCTION = """\
# Accuracy

Measured by `make wer`; this page is written by it. Every recording goes through the product's own path (mu-law frames
with timestamps, time line, level, recogniser, endpointing); a peer gets the same samples. Word error rate (WER) is
substitutions, deletions and insertions per 100 words that were said, with a 95 % bootstrap interval over recordings.
Both sides are compared in lower case without punctuation and fillers, "alright" and "all right" being one
(`benchmarks/scoring.py` lists all of it). "Digit strings right" counts runs of three digits or more without an error.

![Word error rates]({image})

"""

SETS = """\
## The sets

- **Real calls**: seven calls to a bank's service desk, recorded on a real telephone network, two channels each, from
  the Gridspace-Stanford Harper Valley corpus (Wu, Nafziger, Scodary, Maas, arXiv:2010.13929, CC BY 4.0). No training
  has heard them; the model card says which two constants around the model were settled after a look at them. Channels
  whose reference has a hole are left out. Whole channels contain long silences and the crosstalk of the other side:
  what is heard there counts as insertions.
- **30 dB quieter, overdriven, noise at 10 dB, 5 % of frames lost**: the same calls, made worse by
  `benchmarks/conditions.py`; lost frames never reach the server. Measured for callscribe only.
- **Read speech, digits, spelling, telephone phrases, commands**: held-out speakers (`training/heldout_speakers.txt`,
  split `test`), at most {most} recordings a set (two readers: 40).
- **The demo call**: the synthetic voices that `make demo` plays.

"{adapted}" is the built-in model after `callscribe models adapt` with `benchmarks/bank_phrases.txt`, which was written
from common sense, not from these calls; it is measured on the real calls alone.

The sets are small: differences of a few points between neighbouring rows mean little; the intervals say how little.
CPU seconds per second of audio depend on the machine; compare them within this page only.
"""


def write(outcome: list[accuracy.Measured], rows: list[accuracy.TestSet], most: int) -> Path:
    """Write the page and its pictures; returns the page's path."""
    picture = ROOT / "docs" / "images" / "accuracy.png"
    accuracy.plot(outcome, rows, picture)
    parts = [
        INTRODUCTION.format(image=picture.relative_to(ROOT / "docs")),
        "## Word error rates\n\n",
        accuracy.table(outcome, rows),
        "\n",
        SETS.format(most=most, adapted=accuracy.ADAPTED),
        confidence.section(outcome, ROOT / "docs"),
        finals(),
        readable_text(),
        machine(),
    ]
    accuracy.REPORT.write_text("".join(parts), encoding="utf-8")
    return accuracy.REPORT


def finals() -> str:
    """The part on endpoints, of the built-in model, where the calls are there."""
    if not (SHARED / "data" / "calls").is_dir():
        return ""
    from benchmarks import endpoints
    from benchmarks.engines import built_in_or
    from callscribe.recognition.vosk import VoskRecognizer
    from callscribe.speech.endpoint import EndpointOptions

    name, folder = built_in_or("")
    measured = endpoints.measure(VoskRecognizer(folder, name=name), EndpointOptions())
    return "\n" + endpoints.markdown(measured)


def readable_text() -> str:
    """The part on written text, where its data is there."""
    if not SHARED.is_dir() or importlib.util.find_spec("benchmarks.readable_text") is None:
        return ""
    from benchmarks import readable_text as measured

    return "\n" + measured.markdown(measured.measure(SHARED))


def machine() -> str:
    """What this was measured on, in one sentence."""
    cores: Any = os.cpu_count()
    return (
        f"\n## Machine\n\nPython {platform.python_version()} on {platform.system()} {platform.machine()}, "
        f"{cores} cores, one decoding thread.\n"
    )
