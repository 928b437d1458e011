"""The packaged calls: synthetic voices, with the exact words and times beside them.

`scripts/make_demo_audio` made them; nobody's real voice or words are in them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from callscribe.simulator.audio import CallAudio, load
from callscribe.simulator.timeline import Clip

FOLDER = Path(__file__).parent / "demo"

DemoName = Literal["bank", "meeting", "greeting"]
"""`bank`: a caller and an agent. `meeting`: five people. `greeting`: one sentence, said by the carrier."""


@dataclass(frozen=True)
class SpokenLine:
    """What was said, when. Times are on the recording's own line."""

    speaker: str
    start_ms: int
    end_ms: int
    text: str


@dataclass(frozen=True)
class Demo:
    """A packaged call and the truth about it."""

    name: DemoName
    duration_ms: int
    speakers: tuple[str, ...]
    lines: tuple[SpokenLine, ...]

    @property
    def files(self) -> tuple[Path, ...]:
        """One file per speaker, in the order of `speakers`."""
        if len(self.speakers) == 1:
            return (FOLDER / f"{self.name}.flac",)
        return tuple(FOLDER / f"{self.name}-{speaker}.flac" for speaker in self.speakers)

    def audio(self) -> CallAudio:
        return load(self.files)

    def words(self, speaker: str) -> list[str]:
        """Everything one speaker says, in order."""
        said = " ".join(line.text for line in self.lines if line.speaker == speaker)
        return said.split()


def demo(name: DemoName) -> Demo:
    """A packaged call by name."""
    plain = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return Demo(
        name,
        plain["duration_ms"],
        tuple(plain["speakers"]),
        tuple(SpokenLine(**line) for line in plain["lines"]),
    )


def spoken_prompt() -> Clip:
    """A voice for `<Say>` on the outbound track."""
    return Clip(demo("greeting").audio().parties[0], then_silence=True)
