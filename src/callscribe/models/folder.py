"""Finding a model on this machine, making sure that it is one, and loading it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import msgspec

from callscribe import files
from callscribe.errors import ModelError
from callscribe.models import readers
from callscribe.models.catalogue import did_you_mean, is_safe_name, packaged
from callscribe.recognition import registry
from callscribe.recognition.base import Reader, Recognizer
from callscribe.recognition.calibration import Calibration
from callscribe.recognition.engine import Facts
from callscribe.recognition.languages import same_language
from callscribe.recognition.registry import Kind

BUILT_IN = "phone-en"

ABOUT_FILE = "model.json"
"""Our own note in a model's folder; models without it work just as well."""


AUTO = "auto"
"""As a language: it is found out."""


class About(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What `model.json` says."""

    name: str = ""
    language: str = ""
    """BCP 47."""
    licence: str = ""
    worth: str = ""
    """What to expect of it, for the start-up line."""
    calibration: tuple[tuple[float, float], ...] = ()
    """Points of the map from the recogniser's confidence to the share of words that are right."""
    base: str = ""
    """The model that it was adapted from; empty when it was not adapted."""
    added_words: int = 0
    """How many words were taught to `base`."""
    sentences: int = 0
    """How many sentences were mixed into its language model."""
    made: str = ""
    """When, YYYY-MM-DD."""

    @property
    def adapted(self) -> str:
        """How it was made, for people: `phone-en with 12 words and 40 sentences, 2026-11-23`; empty if not adapted."""
        if not self.base:
            return ""
        counts = [(self.added_words, "new word"), (self.sentences, "sentence")]
        parts = [f"{n} {noun}{'s' if n != 1 else ''}" for n, noun in counts if n]
        how = f"{self.base} with {' and '.join(parts)}" if parts else f"{self.base}, changed"
        return f"{how}, {self.made}" if self.made else how


@dataclass(frozen=True)
class ModelFolder:
    """A model that can be loaded."""

    path: Path
    name: str
    language: str
    """BCP 47; empty when neither the name nor `model.json` tells."""
    sample_rate: int
    """Hz that the model was made for."""
    kind: Kind = "recognizer"
    built_in: bool = False
    licence: str = ""
    worth: str = ""
    adapted: str = ""
    """How it was made from another model; empty when it was not."""
    calibration: Calibration | None = None
    """What the recogniser's confidence is worth; None when nobody has measured it."""

    @property
    def title(self) -> str:
        """For people: `phone-en (built in)`, `bank (phone-en with 12 new words, 2026-11-23)`."""
        how = "built in" if self.built_in else self.adapted
        return f"{self.name} ({how})" if how else self.name

    @property
    def facts(self) -> Facts:
        """What the loaded model is told of itself."""
        return Facts(name=self.title, language=self.language, calibration=self.calibration)

    def load_recognizer(self) -> Recognizer:
        """Load it, to hear calls as they go.

        Raises:
            ModelError: damaged, or its library is not there; says what to do.
        """
        return registry.load_recognizer(self.path, self.facts)

    def load_reader(self) -> Reader:
        """Load it, to read utterances again.

        Raises:
            ModelError: damaged, of the other kind, or its library is not there; says what to do.
        """
        return registry.load_reader(self.path, self.facts)


def models_folder(environ: Mapping[str, str] | None = None) -> Path:
    """Where downloaded models are kept: `CALLSCRIBE_MODELS`, else the user's data folder of the platform."""
    env = os.environ if environ is None else environ
    if env.get("CALLSCRIBE_MODELS"):
        return Path(os.path.expanduser(env["CALLSCRIBE_MODELS"]))  # noqa: PTH111 - no error for ~nobody
    if sys.platform == "win32":
        base = Path(env.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(env.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return base / "callscribe" / "models"


def installed(models: Path | None = None) -> list[ModelFolder]:
    """The models in the models folder, by name. What is no model is left out."""
    folder = models or models_folder()
    found = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if path.is_dir() and not path.name.startswith("."):
            try:
                found.append(inspect(path))
            except ModelError:
                continue
    return found


def built_in() -> ModelFolder:
    """The model in the package.

    Raises:
        ModelError: the package is damaged.
    """
    path = Path(str(resources.files("callscribe.models"))) / BUILT_IN
    return inspect(path, is_built_in=True)


def resolve(
    name_or_folder: str = "",
    *,
    language: str = "",
    kind: Kind = "recognizer",
    models: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> ModelFolder:
    """The model that a setting means.

    Args:
        name_or_folder: a downloaded model's name, a folder, or empty for the built-in one. Names are also looked for
            where the engines' own tools keep models.
        language: BCP 47; given, a model known to speak another one is refused. `auto`: only a model of many,
            which finds out.
        kind: what it is wanted for. Readers can be either.
        models: the models folder; by default the user's.
        environ: by default the process's environment.

    Raises:
        ModelError: not found, not a model, damaged, or of another language; says what to do.
    """
    env = os.environ if environ is None else environ
    where = models or models_folder(env)
    if not name_or_folder or name_or_folder == BUILT_IN:
        found = built_in()
    else:
        found = inspect(_locate(name_or_folder, where, env))
    if kind == "reader" and found.kind != kind:
        raise ModelError(
            f"The model {found.title} cannot read utterances again: it can only transcribe calls live."
        )
    if language == AUTO:
        if found.kind != "reader" or found.language:
            raise ModelError(
                f"The model {found.title} speaks {found.language or 'one language'} and cannot detect another. "
                "Leave the language out, or choose a multilingual model, e.g. whisper-base: callscribe models list"
            )
        language = ""
    if language and found.kind == "reader" and not found.language:
        _check_readable(found, language)
    if language and found.language and not same_language(language, found.language):
        raise ModelError(
            f"The model {found.title} speaks `{found.language}`, but the language is set to `{language}`. "
            f"Choose a model for `{language}` (callscribe models list) or leave the language out."
        )
    if language and not found.language:
        found = ModelFolder(**{**found.__dict__, "language": language})
    return found


def _check_readable(found: ModelFolder, language: str) -> None:
    if language.split("-")[0].lower() not in readers.LANGUAGES:
        raise ModelError(
            f"The model {found.title} does not read `{language}`. A language is a code such as de, fr or pt-BR; "
            "`auto` detects it."
        )


def locate(
    name_or_folder: str, *, models: Path | None = None, environ: Mapping[str, str] | None = None
) -> ModelFolder:
    """A model by its name or folder, of whichever kind.

    Raises:
        ModelError: not found, not a model, or damaged; says what to do.
    """
    env = os.environ if environ is None else environ
    if name_or_folder == BUILT_IN:
        return built_in()
    return inspect(_locate(name_or_folder, models or models_folder(env), env))


def _locate(name_or_folder: str, models: Path, env: Mapping[str, str]) -> Path:
    path = Path(os.path.expanduser(name_or_folder))  # noqa: PTH111 - no error for ~nobody
    if path.is_dir():
        return path
    if path.is_file():
        raise ModelError(
            f"{path} is a file; a model is a folder. Unpack it first, or let `callscribe models get NAME` do it."
        )
    looks_like_path = "/" in name_or_folder or os.sep in name_or_folder
    if looks_like_path:
        raise ModelError(f"There is no folder {path}. See the models with: callscribe models list")
    for name in (name_or_folder, readers.PREFIX + name_or_folder):
        for place in (models, *registry.places(env)):
            if is_safe_name(name) and (place / name).is_dir():
                return place / name
    raise ModelError(_not_found(name_or_folder, models))


def _not_found(name: str, models: Path) -> str:
    catalogue = packaged()
    here = [model.name for model in installed(models)]
    if reader := readers.packaged().get(name):
        name = reader.name
        return f"The model {name} is not on this machine. Get it with: callscribe models get {name}"
    if name in catalogue.names():
        return f"The model {name} is not on this machine. Get it with: callscribe models get {name}"
    near = did_you_mean(name, {*here, *catalogue.names(), BUILT_IN})
    have = f" On this machine: {', '.join([*here, BUILT_IN])}."
    return (
        f"There is no model called `{name}` on this machine.{near}{have} "
        "See all with `callscribe models list`, get one with `callscribe models get NAME`."
    )


def inspect(path: Path, *, is_built_in: bool = False) -> ModelFolder:
    """Check a folder's layout and read what it says about itself.

    Raises:
        ModelError: it is not a model, or files are missing; says which.
    """
    kind, engine, layout = registry.engine_of(path)
    about = read_about(path)
    name = about.name or path.resolve().name
    return ModelFolder(
        path=path,
        name=name,
        kind=kind,
        language=about.language or layout.language or engine.language_of(name),
        sample_rate=layout.sample_rate,
        built_in=is_built_in,
        licence=about.licence,
        worth=about.worth,
        adapted=about.adapted,
        calibration=_calibration(path, about),
    )


def read_about(path: Path) -> About:
    """What a model's folder says about itself; nothing where it has no such note.

    Raises:
        ModelError: the note cannot be read.
    """
    file = path / ABOUT_FILE
    try:
        return msgspec.json.decode(files.read(file), type=About)
    except FileNotFoundError:
        return About()
    except (OSError, msgspec.DecodeError, RecursionError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise ModelError(f"{file} cannot be read: {why}. Correct or delete it.") from error


def _calibration(path: Path, about: About) -> Calibration | None:
    if not about.calibration:
        return None
    try:
        return Calibration(about.calibration)
    except ValueError as error:
        raise ModelError(
            f"The calibration in {path / ABOUT_FILE} cannot be used: {error}. "
            "It is a list of [confidence, share of right words], both from 0 to 1 and rising. Correct it, "
            "or delete it to get the recogniser's own confidence."
        ) from error
