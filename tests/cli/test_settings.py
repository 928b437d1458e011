from __future__ import annotations

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from callscribe.cli.settings import START, STOP, register, write
from callscribe.errors import SettingsError
from callscribe.settings import reference


def app() -> typer.Typer:
    made = typer.Typer()
    register(made)
    made.command("other")(lambda: None)  # a lone command would swallow its own name
    return made


def test_it_shows_what_is_in_force(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", "hunter2")
    result = CliRunner().invoke(app(), ["settings", "--data", "elsewhere"], catch_exceptions=False)
    assert "elsewhere" in result.output
    assert "--data" in result.output
    assert "TWILIO_AUTH_TOKEN" in result.output
    assert "default" in result.output
    assert "********" in result.output
    assert "hunter2" not in result.output


def test_it_writes_the_reference_between_the_markers(tmp_path: Path) -> None:
    page = tmp_path / "configuration.md"
    page.write_text(f"before\n{START}old\n{STOP}\nafter\n")
    write(page)
    assert page.read_text() == f"before\n{START}{reference()}{STOP}\nafter\n"


def test_a_page_without_markers_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "configuration.md"
    page.write_text("no markers")
    with pytest.raises(SettingsError, match="no part marked"):
        write(page)
