"""A call as one HTML file: readable anywhere, with the sound inside, reaching nothing else."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

from callscribe.exports.prose import facts
from callscribe.exports.source import Source
from callscribe.templating import environment
from callscribe.transcript import wording
from callscribe.transcript.parts import Note

_TEMPLATES = environment(Path(__file__).parent / "templates")
_TEMPLATES.globals |= {"clock": wording.clock}


_SOUND = "data:audio/flac;base64,"
_PIECE = 3 * 65_536
"""Bytes that are encoded at a time; a multiple of 3, so that pieces can follow each other."""


def page(source: Source) -> Iterator[bytes]:
    """The file, some at a time: hours of sound are never in memory together.

    Raises:
        AudioError: the recording cannot be read.
    """
    if source.sound is None:
        yield _written(source).encode()
        return
    with source.sound() as sound:
        head, mark, tail = _written(source).partition(f'src="{_SOUND}')
        yield (head + mark).encode()
        while piece := sound.read(_PIECE):
            yield base64.b64encode(piece)
        yield tail.encode()


def _written(source: Source) -> str:
    """The page, with the place where the sound goes left empty."""
    transcript = source.transcript
    return _TEMPLATES.get_template("call.html").render(
        title=wording.title(transcript.call),
        facts=list(facts(transcript.call)),
        people=list(dict.fromkeys(person.name for person in transcript.people)),
        blocks=[(isinstance(block, Note), block) for block in transcript.blocks],
        ending=transcript.ending,
        sound="" if source.sound is None else _SOUND,
    )
