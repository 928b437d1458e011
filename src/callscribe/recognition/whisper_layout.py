"""Folders of Whisper models in CTranslate2's form: which files make one, and what they and their names tell."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from callscribe.errors import ModelError
from callscribe.recognition import mel
from callscribe.recognition.engine import Layout

FILES: Final = ("model.bin", "config.json", "tokenizer.json")
"""What a model's folder must hold; the vocabulary stands in the tokenizer as well."""
_ENGLISH_END: Final = 50256
"""The end token of models that read only English, GPT-2's; the others' is one higher. No answer may begin with it."""


def look(folder: Path) -> Layout | None:
    """What the folder of a Whisper model in CTranslate2's form says; None when it is none.

    Raises:
        ModelError: files are missing or damaged; says which.
    """
    if not (folder / "config.json").is_file() and not (folder / "model.bin").is_file():
        return None
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise ModelError(
            f"The model in {folder} is incomplete: {', '.join(missing)} missing. "
            "Get it again with: callscribe models get --again NAME"
        )
    try:
        about = json.loads((folder / "config.json").read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(
            f"{folder / 'config.json'} cannot be read ({error}). "
            "Get the model again with: callscribe models get --again NAME"
        ) from error
    if not isinstance(about, dict) or "alignment_heads" not in about:
        return None
    suppressed = about.get("suppress_ids_begin", ())
    only_english = isinstance(suppressed, list) and _ENGLISH_END in suppressed
    return Layout(sample_rate=mel.RATE, language="en" if only_english else "")


def language_of(name: str) -> str:
    """The language in a published model's name: those that end in `.en` read only English."""
    return "en" if name.endswith(".en") else ""


def near_miss(folder: Path) -> str:
    """What a folder is that holds a speech model of another form."""
    if (folder / "model.safetensors").is_file() or (folder / "pytorch_model.bin").is_file():
        return "a model for PyTorch; a second reader's is in CTranslate2's form (model.bin)"
    if (folder / "config.json").is_file() and (folder / "model.bin").is_file():
        return "a CTranslate2 model of another kind, not a Whisper model: its config.json names no alignment heads"
    return ""
