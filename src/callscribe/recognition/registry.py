"""The engines there are, and which of them a model's folder belongs to.

A new engine is one more entry here. Nothing outside this package names one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from callscribe.errors import ModelError
from callscribe.recognition import vosk, whisper
from callscribe.recognition.alone import ReaderAlone
from callscribe.recognition.base import Reader, Recognizer
from callscribe.recognition.engine import Engine, Facts, Layout

Kind = Literal["recognizer", "reader"]
"""`recognizer`: hears calls as they go; `reader`: reads whole utterances again."""

RECOGNIZERS: tuple[Engine[Recognizer], ...] = (vosk.ENGINE,)
READERS: tuple[Engine[Reader], ...] = (whisper.ENGINE,)


def engine_of(folder: Path) -> tuple[Kind, Engine[Any], Layout]:
    """The engine that a model's folder is for, and what it reads there.

    Raises:
        ModelError: it is no model, or an incomplete one; says what is there instead, or which files are missing.
    """
    found = _look(folder)
    if found is None:
        raise ModelError(_why_none(folder))
    return found


def load_recognizer(folder: Path, facts: Facts | None = None) -> Recognizer:
    """Load the model in a folder, a tenth of a second for a small one, many seconds for a large one. A reader
    hears calls as they go by reading again and again (`callscribe.recognition.alone`).

    Raises:
        ModelError: no model, incomplete, damaged, or its library is not there.
    """
    kind, engine, _ = engine_of(folder)
    if kind == "reader":
        return ReaderAlone(engine.load(folder, facts or Facts()))
    loaded: Recognizer = engine.load(folder, facts or Facts())
    return loaded


def load_reader(folder: Path, facts: Facts | None = None) -> Reader:
    """Load the model in a folder, half a second for the smallest, ten seconds for a large one.

    Raises:
        ModelError: no model, one of the other kind, incomplete, damaged, or its library is not there.
    """
    kind, engine, _ = engine_of(folder)
    if kind != "reader":
        raise ModelError(f"The model in {folder} cannot read utterances again.")
    loaded: Reader = engine.load(folder, facts or Facts())
    return loaded


def reads_alone(recognizer: Recognizer) -> bool:
    """Whether it is a reader that hears calls as they go, and needs none to read them again."""
    return isinstance(recognizer, ReaderAlone)


def places(environ: Mapping[str, str]) -> Iterator[Path]:
    """Folders in which the engines' own tools keep models."""
    for _, engine in _engines():
        yield from engine.places(environ)


def _engines() -> tuple[tuple[Kind, Engine[Any]], ...]:
    return (
        *(("recognizer", engine) for engine in RECOGNIZERS),
        *(("reader", engine) for engine in READERS),
    )


def _look(folder: Path) -> tuple[Kind, Engine[Any], Layout] | None:
    for kind, engine in _engines():
        layout = engine.look(folder)
        if layout is not None:
            return kind, engine, layout
    return None


def _why_none(folder: Path) -> str:
    if not folder.is_dir():
        return (
            f"{folder} is a file; a model is a folder."
            if folder.exists()
            else f"There is no folder {folder}."
        )
    for _, engine in _engines():
        if what := engine.near_miss(folder):
            return f"{folder} is {what}."
    for child in sorted(folder.iterdir()):
        if child.is_dir() and _is_model(child):
            return f"{folder} is not a model itself. Did you mean {child}?"
    wanted = "; ".join(f"{engine.name}: {engine.files}" for _, engine in _engines())
    return (
        f"{folder} is not a model: it does not hold the files of one ({wanted}). "
        "Name the folder that holds them, or see what can be downloaded: callscribe models list"
    )


def _is_model(folder: Path) -> bool:
    try:
        return _look(folder) is not None
    except ModelError:
        return False
