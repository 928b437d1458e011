"""How to call this program again from where it was called: what hints to people print runs as it stands."""

from __future__ import annotations

import functools
import shlex
import shutil
import sys
from pathlib import Path

NAME = "callscribe"


@functools.cache
def program() -> str:
    """`callscribe` when that is on the path; else the file that runs, or `python -m callscribe`."""
    return called(sys.argv[0], shutil.which(NAME), Path.cwd(), sys.executable)


def called(name: str, found: str | None, here: Path, python: str) -> str:
    """See `program`.

    Args:
        name: as the process was called, `sys.argv[0]`.
        found: what the shell would run for `callscribe`; None for nothing.
        here: the working folder.
        python: the interpreter.
    """
    file = Path(name)
    if file.name == "__main__.py":
        return f"{_short(Path(python), here)} -m {NAME}"
    if file.stem != NAME or (not file.is_absolute() and file.parent == Path()):
        return NAME
    if found is not None and Path(found).resolve() == file.resolve():
        return NAME
    return _short(file, here)


def _short(file: Path, here: Path) -> str:
    """A path as one would type it here."""
    if file.is_absolute() and file.is_relative_to(here):
        file = file.relative_to(here)
        return shlex.quote(f"./{file}")
    return shlex.quote(str(file))
