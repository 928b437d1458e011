"""Jinja as everybody here uses it: what is filled in is escaped and steers nothing, what is missing is an error."""

from __future__ import annotations

from pathlib import Path

import jinja2

from callscribe.names import visible


def environment(folder: Path) -> jinja2.Environment:
    """The HTML templates of a folder."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        finalize=_seen,
    )


_KEPT = "\n\u2068\u2069"
"""Line ends, and the isolation that is put around names (`transcript.wording.isolated`)."""


def _seen(value: object) -> object:
    """What is filled in, with a space for each character of a text that would not be seen but obeyed."""
    if not isinstance(value, str) or value.isprintable() or hasattr(value, "__html__"):
        return value  # or it was filled in before
    return visible(value, _KEPT)
