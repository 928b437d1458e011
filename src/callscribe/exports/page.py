"""A call as one HTML file: readable anywhere, with the sound inside, reaching nothing else."""

from __future__ import annotations

import base64

import jinja2
import markupsafe

from callscribe.exports.prose import facts
from callscribe.exports.source import Source
from callscribe.transcript import wording
from callscribe.transcript.parts import Note

_TEMPLATES = jinja2.Environment(
    loader=jinja2.PackageLoader("callscribe.exports"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.globals |= {"clock": wording.clock}


def page(source: Source) -> str:
    """The file.

    Raises:
        AudioError: the recording cannot be read.
    """
    transcript = source.transcript
    return _TEMPLATES.get_template("call.html").render(
        title=wording.title(transcript.call),
        facts=list(facts(transcript.call)),
        people=list(dict.fromkeys(person.name for person in transcript.people)),
        blocks=[(isinstance(block, Note), block) for block in transcript.blocks],
        ending=transcript.ending,
        sound=_sound(source),
    )


def _sound(source: Source) -> markupsafe.Markup:
    """The recording as a `data:` address; empty without one."""
    if source.sound is None:
        return markupsafe.Markup()
    encoded = base64.b64encode(source.sound()).decode()
    return markupsafe.Markup("data:audio/flac;base64,") + encoded
