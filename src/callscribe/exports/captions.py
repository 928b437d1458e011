"""Captions: SRT and WebVTT (https://www.w3.org/TR/webvtt1/).

An utterance becomes one cue, or several when it is longer than two lines or seven seconds; the words' own times say
where one ends.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from callscribe.transcript import wording
from callscribe.transcript.fold import Transcript
from callscribe.transcript.parts import Utterance

LINE, LINES = 42, 2
"""Characters of a line and lines of a cue, as captions usually have."""
LONGEST_MS = 7_000
_SHORTEST_MS = 700


class Cue(NamedTuple):
    """What is shown from one moment to another."""

    start_ms: int
    end_ms: int
    speaker: str
    text: str


def cues(transcript: Transcript) -> list[Cue]:
    """A call's cues in the order in which they begin."""
    found = [cue for said in transcript.utterances for cue in _of(said)]
    return sorted(found, key=lambda cue: (cue.start_ms, cue.end_ms))


class _Piece(NamedTuple):
    start_ms: int
    end_ms: int
    text: str


def _of(said: Utterance) -> Iterator[Cue]:
    pieces = list(_timed(said))
    gathered: list[_Piece] = []
    for piece in pieces:
        together = " ".join([*(p.text for p in gathered), piece.text])
        full = len(textwrap.wrap(together, LINE)) > LINES
        long = gathered and piece.end_ms - gathered[0].start_ms > LONGEST_MS
        if gathered and (full or long):
            yield _cue(said, gathered)
            gathered = []
        gathered.append(piece)
    if gathered:
        yield _cue(said, gathered)


def _cue(said: Utterance, pieces: list[_Piece]) -> Cue:
    start, end = pieces[0].start_ms, pieces[-1].end_ms
    text = " ".join(piece.text for piece in pieces)
    return Cue(start, max(end, start + _SHORTEST_MS), wording.shown(said.person.name), text)


def _timed(said: Utterance) -> Iterator[_Piece]:
    """The words as written, each with the time it takes; where that is not known, by its share of the letters."""
    written = [stretch for stretch in said.stretches if stretch.text.strip()]
    letters = sum(len(stretch.text) for stretch in written) or 1
    length, place, latest = max(0, said.end_ms - said.start_ms), 0, said.start_ms
    for stretch in written:
        guessed = said.start_ms + length * place // letters
        place += len(stretch.text)
        start = stretch.start_ms if stretch.start_ms is not None else guessed
        end = stretch.end_ms if stretch.end_ms is not None else said.start_ms + length * place // letters  # fmt: skip
        start = max(start, latest)
        latest = max(end, start)
        yield _Piece(start, latest, stretch.text.strip())


def srt(transcript: Transcript) -> str:
    """SubRip. Speakers stand before their words."""
    blocks = []
    for number, cue in enumerate(cues(transcript), 1):
        text = _wrapped(f"{_line(wording.isolated(cue.speaker))}: {_line(cue.text)}")
        times = f"{_clock(cue.start_ms, ',')} --> {_clock(cue.end_ms, ',')}"
        blocks.append(f"{number}\n{times}\n{text}\n")
    return "\n".join(blocks)


def vtt(transcript: Transcript, title: str = "") -> str:
    """WebVTT, with a voice tag for each speaker."""
    blocks = [f"WEBVTT - {_line(title)}\n" if _line(title) else "WEBVTT\n"]
    for cue in cues(transcript):
        times = f"{_clock(cue.start_ms, '.')} --> {_clock(cue.end_ms, '.')}"
        text = _wrapped(_escaped(_line(cue.text)))
        blocks.append(f"{times}\n<v {_escaped(_line(cue.speaker))}>{text}</v>\n")
    return "\n".join(blocks)


def _wrapped(text: str) -> str:
    return "\n".join(textwrap.wrap(text, LINE, break_on_hyphens=False, break_long_words=False))


def _line(text: str) -> str:
    """On one line, without what would end a cue's times."""
    return " ".join(text.replace("-->", "→").split())


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _clock(ms: int, point: str) -> str:
    seconds, rest = divmod(max(0, ms), 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}{point}{rest:03d}"


def joined(parts: Iterable[str]) -> str:
    """Parts with an empty line between."""
    return "\n\n".join(part for part in parts if part)
