"""The second reader's real model, where this machine has it."""

from __future__ import annotations

from pathlib import Path

import pytest

from callscribe.models.folder import models_folder

NAME = "whisper-tiny.en"


_MODELS = models_folder()
"""Of the user; tests see another, empty one (`tests/conftest.py`)."""


def tiny_en() -> Path:
    """The folder of the smallest English model; the test is skipped where it is not installed."""
    folder = _MODELS / NAME
    if not (folder / "model.bin").is_file():
        pytest.skip(
            f"the second reader's model is not here; get it with: callscribe models get {NAME}"
        )
    return folder
