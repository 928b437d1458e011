"""What an engine tells of itself, so that models of its kind are found, checked and loaded without naming it anywhere.

An engine is a library that recognises speech, with a layout of model folders that only it knows. Its module ends with
an `ENGINE`; `callscribe.recognition.registry` lists them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from callscribe.recognition.calibration import Calibration

Model = TypeVar("Model", covariant=True)
"""What loading gives: a `Recognizer`, which hears calls as they go, or a `Reader`, which reads utterances again."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What an engine reads off a model's files."""

    sample_rate: int
    """Hz that the model was made for."""
    language: str = ""
    """BCP 47, when the files tell."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a model should be told of itself when it is loaded; nothing of it is in the engine's own files."""

    name: str = ""
    """For people; empty: the folder's name."""
    language: str = ""
    """BCP 47, when known."""
    calibration: Calibration | None = None
    """What its confidence is worth; without it words keep the engine's own."""


def _not_told(name: str) -> str:
    return ""


def _unknown(folder: Path) -> str:
    return ""


def _nowhere(environ: Mapping[str, str]) -> Iterable[Path]:
    return ()


@dataclass(frozen=True, slots=True)
class Engine(Generic[Model]):
    """One engine."""

    name: str
    """As people write it, e.g. `Vosk`."""
    files: str
    """What its folders hold, for the message that a folder is no model."""
    look: Callable[[Path], Layout | None]
    """What a folder of this engine's says; None: it is not of this engine.

    Raises:
        ModelError: it is, but cannot be used: files are missing; says which.
    """
    load: Callable[[Path, Facts], Model]
    """Load the model in a folder that `look` has found good.

    Raises:
        ModelError: damaged, or the library is not there; says what to do.
    """
    language_of: Callable[[str], str] = _not_told
    """The language (BCP 47) that a published model's name tells; empty when it does not."""
    places: Callable[[Mapping[str, str]], Iterable[Path]] = _nowhere
    """Folders in which the engine's own tools keep models, from the environment's variables."""
    near_miss: Callable[[Path], str] = _unknown
    """What a folder is that people may take for a model, e.g. `a model for telling speakers apart`; empty: nothing
    known."""
