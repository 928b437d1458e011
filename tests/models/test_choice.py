"""Which second reader `auto` takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from callscribe.models.choice import second_reader
from tests.models.test_folder import make_whisper

SIZES = {"tiny.en": 2, "tiny": 2, "base.en": 4, "base": 4, "small": 8, "large-v3-turbo": 32}
"""Megabytes here; in the order of the real ones."""


def auto(models: Path, names: str, *, cores: int, memory: int, language: str = "en") -> str:
    for name in names.split():
        folder = make_whisper(models / f"whisper-{name}", english_only=name.endswith(".en"))
        (folder / "model.bin").write_bytes(bytes(SIZES[name] * 1_000_000))
    found = second_reader("auto", language=language, models=models, cores=cores, memory=memory)
    return found.name.removeprefix("whisper-") if found else ""


@pytest.mark.parametrize(
    ("installed", "cores", "taken"),
    [
        ("", 8, ""),
        ("tiny.en base.en small", 2, "tiny.en"),
        ("tiny.en base.en small", 4, "base.en"),
        ("tiny tiny.en base base.en", 4, "base.en"),
        ("tiny.en base.en small large-v3-turbo", 8, "small"),
        ("base.en small", 2, "base.en"),  # none keeps up; better late than never
        ("base.en", 1, ""),
        ("large-v3-turbo", 8, ""),
        ("small large-v3-turbo", 4, "small"),
    ],
)
def test_the_largest_that_keeps_up_or_the_smallest_that_reads_late(
    models: Path, installed: str, cores: int, taken: str
) -> None:
    models.mkdir(exist_ok=True)
    assert auto(models, installed, cores=cores, memory=10**9) == taken


def test_one_that_does_not_fit_into_memory_or_reads_another_language_is_not_taken(
    models: Path,
) -> None:
    models.mkdir(exist_ok=True)
    assert auto(models, "base.en tiny", cores=8, memory=6_000_000) == "tiny"
    assert auto(models, "", cores=8, memory=10**9, language="de") == "tiny"
    assert auto(models, "", cores=8, memory=10**9) == "base.en"
