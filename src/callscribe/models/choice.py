"""Which second reader to use on this machine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from callscribe.models import readers
from callscribe.models.folder import ModelFolder, installed, resolve
from callscribe.recognition.languages import same_language

AUTO: Final = "auto"
OFF: Final = "off"
_MEMORY_FACTOR: Final = 2.5
"""A model in memory, with what reading needs, is about so many times its files."""
_LATE_FACTOR: Final = 2
"""A reader that needs up to so many times the cores that there are reads late, which is better than not at all."""


def second_reader(
    wanted: str,
    *,
    language: str = "",
    models: Path | None = None,
    environ: Mapping[str, str] | None = None,
    cores: int | None = None,
    memory: int | None = None,
) -> ModelFolder | None:
    """The second reader that a setting means.

    Args:
        wanted: `auto`, `off`, a name or a folder.
        language: BCP 47, what calls are spoken in; empty: unknown, and any reader will do.
        models: the models folder; by default the user's.
        environ: by default the process's environment.
        cores: processor cores; by default this machine's.
        memory: bytes that can be used; by default what is free here, where the system tells.

    Returns:
        None when it is `off`, or `auto` and none is installed that fits.

    Raises:
        ModelError: the one that is named is not there, is no second reader, or reads another language.
    """
    if wanted == OFF:
        return None
    if wanted != AUTO:
        return resolve(wanted, language=language, kind="reader", models=models, environ=environ)
    cores = cores or os.cpu_count() or 1
    memory = free_memory() if memory is None else memory
    known = readers.packaged()
    fitting = [
        model
        for model in installed(models)
        if model.kind == "reader"
        and (not model.language or not language or same_language(model.language, language))
        and (memory is None or _size(model.path) * _MEMORY_FACTOR <= memory)
    ]
    needed = {model.path: _needs_cores(known.get(model.name)) for model in fitting}
    least = min(needed.values(), default=0)
    # Those that keep up, or else the smallest.
    enough = cores if least <= cores else min(least, cores * _LATE_FACTOR)
    # A reader of this language alone is better at it than one of many of the same size.
    return max(
        (model for model in fitting if needed[model.path] <= enough),
        key=lambda m: (_size(m.path) // 1_000_000, bool(m.language)),
        default=None,
    )


def _needs_cores(entry: readers.ReaderEntry | None) -> int:
    return entry.cores if entry else 1


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir() if path.is_file())


def free_memory() -> int | None:
    """Bytes that processes may still take on this machine; None where the system does not tell."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None
